"""Months of rounds in simulated time: the cap holds, and is not wasted either."""

from __future__ import annotations

import random
import time as clock
from functools import partial
from itertools import groupby, pairwise

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.config.amount import round_bytes, round_size
from probe.config.schema import Config, ScheduleConfig, Settings, VantageConfig
from probe.config.values import MonthlyBytes
from probe.measure.objects.discover import PAGE_BYTES
from probe.model.burst import Burst
from probe.model.identity import Compares, RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import State
from probe.schedule.data_budget import (
    LOOKUP_BYTES,
    PAGE_MOST_BYTES,
    BudgetClocks,
    DataBudget,
    Refusal,
    wire_bytes,
)
from probe.schedule.data_spent import BELIEVABLE_SINCE, PERIOD_SECONDS
from probe.schedule.forecast import forecast
from probe.schedule.round_grid import (
    LongTurn,
    at_pace,
    hastened,
    kind_now,
    next_due,
    slots,
    start_cadence,
)
from probe.schedule.round_pace import fastest
from synth.shape import config, full_round, verdict_of

DAY = 86_400.0
BUDGET = 2_000_000_000
BURST = Burst(target="script", compares=Compares.GOODPUT, read_bytes=65_536)


class Time:
    """Monotonic and wall clock, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.offset = BELIEVABLE_SINCE + 1e7
        self.of_day = 12 * 3_600.0

    def clocks(self) -> BudgetClocks:
        return BudgetClocks(
            monotonic=lambda: self.now,
            wall=lambda: self.now + self.offset,
            of_day=lambda: self.of_day,
        )


def configured(
    budget: int = BUDGET,
    schedule: ScheduleConfig | None = None,
    own: MonthlyBytes | None = None,
) -> Config:
    return config(
        settings=Settings(
            data_budget=MonthlyBytes(budget),
            schedule=schedule or ScheduleConfig(),
            vantages=(VantageConfig(name="default", data_budget=own),),
        )
    )


def sized(observed: RoundObservation, size: int) -> RoundObservation:
    """The round, with ``size`` bytes on the wire."""
    legs = tuple(replace(leg, wire_bytes_sent=0, wire_bytes_received=0) for leg in observed.legs)
    return replace(observed, legs=legs, dns=(), page_wire_bytes=size)


class Month:
    """What the runner does for one vantage, in simulated time and without the event loop."""

    def __init__(self, of: Config, time: Time, seed: int = 0) -> None:
        self.of, self.time, self.random = of, time, random.Random(seed)
        self.data = DataBudget(of, clocks=time.clocks())
        self.rounds = {p.name: full_round(of, p.name) for p in of.platforms}
        self.log: list[tuple[float, int, RoundKind]] = []
        self.state = State.OK
        self.reason = ""
        self.refused = 0

    def run(self, days: float) -> None:
        schedule, places = self.of.settings.schedule, slots(self.of)
        anchor, end = self.time.now, self.time.now + days * DAY
        never = LongTurn(at=float("inf"), platform="")
        cadence = {s: start_cadence(s, schedule, anchor) for s in places}
        due = {s: (anchor + s.index, -1) for s in places}
        while True:
            slot = min(due, key=lambda s: due[s][0])
            at, number = due[slot]
            if at >= end:
                self.time.now = end
                return
            self.time.now = max(self.time.now, at)
            pace = self.data.pace(slot.vantage, slot.platform)
            paced = at_pace(schedule, pace)
            near = hastened(cadence[slot], paced, self.time.now)
            kind, after = kind_now(slot, paced, cadence=near, long_turn=never, now=self.time.now)
            permitted = self.data.permit(slot.vantage, slot.platform, kind)
            if permitted is None:
                self.refused += 1
            else:
                cadence[slot] = after
                self.make(slot.platform, permitted)
            following = next_due(
                slot,
                schedule,
                anchor=anchor,
                previous=number + pace.every - 1,
                now=self.time.now,
                draw=self.random.random,
            )
            due[slot] = (following.at, following.number)

    def make(self, platform: str, kind: RoundKind) -> None:
        size = int((35e3 if kind is RoundKind.LIGHT else 190e3) * self.random.uniform(0.5, 2.0))
        observed = replace(sized(self.rounds[platform], size), kind=kind)
        self.data.spent(observed)
        self.data.judged(verdict_of(observed, self.state, reason=self.reason))
        self.log.append((self.time.now, size, kind))

    def most_in_a_period(self) -> int:
        """The most bytes that any 31 days had."""
        most = total = first = 0
        for at, size, _ in self.log:
            total += size
            while self.log[first][0] <= at - PERIOD_SECONDS:
                total -= self.log[first][1]
                first += 1
            most = max(most, total)
        return most

    def bytes_since(self, at: float) -> int:
        return sum(size for when, size, _ in self.log if when >= at)


def test_three_calm_months_leave_the_reserve_alone_and_use_the_rest() -> None:
    month = Month(configured(), Time())
    month.run(93.0)
    assert month.most_in_a_period() <= BUDGET
    assert month.refused == 0
    last = month.bytes_since(month.time.now - PERIOD_SECONDS)
    assert 0.6 * BUDGET < last < 0.9 * BUDGET
    kinds = {kind for _, _, kind in month.log}
    assert kinds == {RoundKind.LIGHT, RoundKind.TRANSFER}


@pytest.mark.parametrize("budget", [30_000_000, 300_000_000, BUDGET])
def test_an_incident_without_end_does_not_break_the_cap_nor_end_the_rounds(budget: int) -> None:
    month = Month(configured(budget), Time())
    month.run(31.0)
    month.state = State.THROTTLED
    month.run(62.0)
    assert month.most_in_a_period() <= budget
    # Never more than a day without a round, however long it lasts.
    times = [at for at, _, _ in month.log]
    gaps = [b - a for a, b in pairwise(times)]
    assert max(gaps) < 1.5 * DAY


def test_a_plan_says_for_how_long_the_configured_pace_is_kept() -> None:
    """Whatever of the month is used: on the first day, and after a month."""
    of = load(None, {"THROTTLEWATCH_DATA_BUDGET": "2.8GB/month"})
    for before in (0.0, 31.0):
        month = Month(of, Time())
        month.make = partial(_as_planned, month)  # type: ignore[method-assign]
        month.run(before)
        month.state = State.THROTTLED
        began, pace = month.time.now, fastest(of.settings.schedule)
        month.run(0.25)
        while month.data.pace("default", "x") == pace:
            month.run(0.25)
        planned = forecast(of, of.settings.vantages[0]).reserve_days
        assert planned is not None
        assert (month.time.now - began) / DAY == pytest.approx(planned, rel=0.25)


def _as_planned(month: Month, platform: str, kind: RoundKind) -> None:
    """A round that costs what a plan counts on."""
    named = next(p for p in month.of.platforms if p.name == platform)
    cost = round_bytes(month.of, round_size(month.of, named), kind)
    observed = replace(sized(month.rounds[platform], int(cost)), kind=kind)
    month.data.spent(observed)
    month.data.judged(verdict_of(observed, month.state))


def test_suspicion_makes_transfers_more_frequent_at_once() -> None:
    month = Month(configured(), Time())
    month.run(5.0)
    calm = sum(kind is RoundKind.TRANSFER for _, _, kind in month.log)
    month.log.clear()
    month.state = State.THROTTLED
    month.run(5.0)
    assert sum(kind is RoundKind.TRANSFER for _, _, kind in month.log) > 1.2 * calm


def test_the_reserve_is_refilled_after_an_incident() -> None:
    month = Month(configured(), Time())
    month.run(31.0)
    month.state = State.THROTTLED
    month.run(30.0)
    after_incident = month.data.balance("default").used
    month.state = State.OK
    month.run(31.0)
    assert month.data.balance("default").used < after_incident
    assert month.data.balance("default").left >= 0.1 * BUDGET


def test_restarts_do_not_give_a_new_budget() -> None:
    of, time = configured(300_000_000), Time()
    months = [Month(of, time)]
    for _ in range(12):
        months[-1].run(5.0)
        kept = months[-1].data.state()
        log = months[-1].log
        time.now += 600.0
        months.append(Month(of, time))
        months[-1].data.restore(kept)
        months[-1].log = log
    assert months[-1].most_in_a_period() <= 300_000_000
    assert months[-1].data.balance("default").used == pytest.approx(
        months[-1].bytes_since(time.now - PERIOD_SECONDS), rel=0.05
    )


def test_a_wall_clock_that_jumps_gives_nothing_away() -> None:
    month = Month(configured(), Time())
    month.run(2.0)
    used = month.data.balance("default").used
    for step in (365 * DAY, -2 * 365 * DAY, 40 * 365 * DAY):
        month.time.offset += step
        assert month.data.balance("default").used == used


def test_a_burst_draws_on_the_reserve_and_leaves_some_of_it() -> None:
    """However new the account is: what the month to come needs is no part of the reserve."""
    time = Time()
    of = configured(400_000_000)
    data = DataBudget(of, clocks=time.clocks())
    assert data.refuse_burst("default", "x", BURST) is None
    data.spent(sized(full_round(of), 40_000_000))
    assert data.refuse_burst("default", "x", BURST) is None
    data.spent(sized(full_round(of), 6_000_000))
    assert data.refuse_burst("default", "x", BURST) is Refusal.OUT_OF_BUDGET
    assert data.permit("default", "x", RoundKind.TRANSFER) is RoundKind.TRANSFER
    time.now += PERIOD_SECONDS + DAY
    assert data.refuse_burst("default", "x", BURST) is None


def test_near_the_cap_a_light_round_takes_the_place_of_one_that_reads() -> None:
    of = configured(100_000_000)

    def made(spent: int) -> RoundKind | None:
        data = DataBudget(of, clocks=Time().clocks())
        data.spent(sized(full_round(of), spent))
        return data.permit("default", "youtube", RoundKind.TRANSFER)

    found = [made(spent) for spent in range(90_000_000, 100_000_000, 10_000)]
    assert [kind for kind, _ in groupby(found)] == [RoundKind.TRANSFER, RoundKind.LIGHT, None]


def test_quiet_and_metered_hours() -> None:
    time = Time()
    schedule = ScheduleConfig(quiet_hours=("01:00-05:00",), metered_hours=("08:00-18:00",))
    data = DataBudget(configured(schedule=schedule), clocks=time.clocks())
    assert data.permit("default", "x", RoundKind.TRANSFER) is RoundKind.LIGHT
    assert data.refuse_burst("default", "x", BURST) is Refusal.METERED_HOURS
    shaking = replace(BURST, compares=Compares.HANDSHAKE, read_bytes=0)
    assert data.refuse_burst("default", "x", shaking) is None
    time.of_day = 2 * 3_600.0
    assert data.permit("default", "x", RoundKind.LIGHT) is None
    time.of_day = 20 * 3_600.0
    assert data.permit("default", "x", RoundKind.TRANSFER) is RoundKind.TRANSFER
    assert data.view().refused["default", "x", Refusal.QUIET_HOURS] == 1


def test_without_a_clock_nothing_is_measured() -> None:
    time = Time()
    data = DataBudget(configured(), clocks=time.clocks())
    time.offset = 0.0
    assert data.permit("default", "x", RoundKind.LIGHT) is None
    assert data.view().refused["default", "x", Refusal.CLOCK_NOT_SET] >= 1
    time.offset = BELIEVABLE_SINCE + 1e7
    assert data.permit("default", "x", RoundKind.LIGHT) is RoundKind.LIGHT


def test_a_vantage_may_have_a_budget_of_its_own() -> None:
    of = configured(own=MonthlyBytes(50_000_000))
    assert DataBudget(of).balance("default").budget == 50_000_000


def test_a_reload_keeps_what_was_spent() -> None:
    data = DataBudget(configured())
    data.spent(sized(full_round(configured()), 1_000))
    data.config_loaded(configured(50_000_000))
    assert (data.balance("default").budget, data.balance("default").used) == (50_000_000, 1_000)


def test_every_byte_that_is_known_is_counted_and_look_ups_are_estimated() -> None:
    observed = full_round(configured())
    legs = sum((leg.wire_bytes_sent or 0) + (leg.wire_bytes_received or 0) for leg in observed.legs)
    asked = [d for d in observed.dns if d.transport == "host"]
    unknown = tuple(replace(d, wire_bytes_sent=None, wire_bytes_received=None) for d in asked)
    observed = replace(observed, dns=unknown, page_wire_bytes=700)
    assert wire_bytes(observed) == legs + len(unknown) * LOOKUP_BYTES + 700


def test_a_page_fits_into_what_is_set_aside_for_it() -> None:
    assert PAGE_BYTES * 1.1 < PAGE_MOST_BYTES


def test_hours_are_those_of_the_zone_that_is_set_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone of a new host is often set after the daemon was started."""
    seconds = []
    try:
        for zone in ("UTC0", "PKT-5"):
            monkeypatch.setenv("TZ", zone)
            seconds.append(BudgetClocks().of_day())
    finally:
        monkeypatch.undo()
        clock.tzset()
    assert (seconds[1] - seconds[0]) % 86_400.0 == pytest.approx(5 * 3_600.0, abs=60.0)


@pytest.mark.parametrize(
    ("state", "reason", "intervals"),
    [(State.UNKNOWN, "failure_suspected", 6.0), (State.IMPAIRED, "", 3.0)],
)
def test_what_is_suspected_or_impaired_is_read_in_every_round_for_a_while(
    state: State, reason: str, intervals: float
) -> None:
    month = Month(configured(), Time())
    month.run(1.0)
    calm = len(month.log)
    month.state, month.reason = state, reason
    month.run(intervals / 288.0)  # in days: light intervals of five minutes
    kinds = [kind for _, _, kind in month.log[calm:]]
    # The first of each platform was placed before anything was suspected.
    assert set(kinds[len(month.rounds) :]) == {RoundKind.TRANSFER}
    month.run(1.0 / 48.0)
    later = len(month.log)
    month.run(0.25)
    assert [kind for _, _, kind in month.log[later:]].count(RoundKind.LIGHT) > 0.6 * (
        len(month.log) - later
    )


@pytest.mark.parametrize(
    ("state", "reason"),
    [(State.OK, ""), (State.UNKNOWN, "target_failing"), (State.BLOCKED, "")],
)
def test_what_is_well_or_proven_is_not_read_more_often(state: State, reason: str) -> None:
    month = Month(configured(), Time())
    month.state, month.reason = state, reason
    month.run(0.5)
    kinds = [kind for _, _, kind in month.log]
    assert kinds.count(RoundKind.LIGHT) > kinds.count(RoundKind.TRANSFER)


def test_what_is_impaired_again_since_the_same_onset_is_no_news() -> None:
    month = Month(configured(), Time())
    month.run(1.0)
    one = next(iter(month.rounds))
    light = float(month.of.settings.schedule.light)
    impaired = replace(verdict_of(month.rounds[one], State.IMPAIRED), since=1_000.0)
    often = []
    for minute in range(0, 120, 5):
        between = verdict_of(month.rounds[one], State.UNKNOWN, reason="own_lookup")
        month.data.judged(impaired if minute % 10 == 0 else between)
        often.append(month.data.pace("default", one).transfer_seconds <= light)
        month.time.now += light
    assert any(often[:8])
    # Neither it nor the others.
    assert not any(often[8:])
    assert all(month.data.pace("default", n).transfer_seconds > light for n in month.rounds)
    month.data.judged(replace(impaired, since=9_000.0))
    assert month.data.pace("default", one).transfer_seconds <= light


def test_rounds_that_overlap_do_not_spend_what_another_has_been_permitted() -> None:
    of, time = configured(), Time()
    data = DataBudget(of, clocks=time.clocks())
    rounds = {platform.name: full_round(of, platform.name) for platform in of.platforms}
    one, other = list(rounds)[:2]
    most = 0
    while data.permit("default", one, RoundKind.TRANSFER) is RoundKind.TRANSFER:
        data.spent(sized(rounds[one], 1_000_000))
        most += 1
    assert most > 1
    data = DataBudget(of, clocks=time.clocks())
    data.spent(sized(rounds[one], (most - 1) * 1_000_000))
    # The last that fits is permitted to one of them, and to the other when that is over.
    assert data.permit("default", one, RoundKind.TRANSFER) is RoundKind.TRANSFER
    assert data.permit("default", other, RoundKind.TRANSFER) is not RoundKind.TRANSFER
    data.given_up("default", one)
    assert data.permit("default", other, RoundKind.TRANSFER) is RoundKind.TRANSFER


@pytest.mark.parametrize("reloaded", [True, False])
def test_what_nobody_said_the_end_of_does_not_hold_another(*, reloaded: bool) -> None:
    of, time = configured(schedule=ScheduleConfig(quiet_hours=("01:00-02:00",))), Time()
    data = DataBudget(of, clocks=time.clocks())
    one, other, *_ = (platform.name for platform in of.platforms)
    assert data.permit("default", one, RoundKind.TRANSFER) is RoundKind.TRANSFER
    while data.permit("default", other, RoundKind.TRANSFER) is RoundKind.TRANSFER:
        data.spent(sized(full_round(of, other), 1_000_000))
    if reloaded:
        data.config_loaded(of)
    else:
        noon, time.of_day = time.of_day, 1.5 * 3_600.0
        assert data.permit("default", one, RoundKind.LIGHT) is None
        time.of_day = noon
    assert data.permit("default", other, RoundKind.TRANSFER) is RoundKind.TRANSFER


def test_when_something_was_proven_of_one_platform_the_others_read_soon() -> None:
    month = Month(configured(), Time())
    month.run(1.0)
    one = next(iter(month.rounds))
    month.data.judged(verdict_of(month.rounds[one], State.BLOCKED))
    paces = {name: month.data.pace("default", name) for name in month.rounds}
    light = float(month.of.settings.schedule.light)
    assert [name for name, pace in paces.items() if pace.transfer_seconds > light] == [one]
    month.time.now += 2 * light
    assert all(month.data.pace("default", n).transfer_seconds > light for n in month.rounds)
    # What is said again is no news.
    month.data.judged(verdict_of(month.rounds[one], State.BLOCKED))
    assert all(month.data.pace("default", n).transfer_seconds > light for n in month.rounds)
