from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config.schema import Config, Settings, VantageConfig
from probe.config.values import Seconds
from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import SkippedLeg
from probe.model.stored import VerdictSpan
from probe.model.verdict import State
from probe.publish.latest.board import Board
from probe.publish.latest.snapshot import Histogram, Owner
from synth.shape import (
    NOW,
    PLATFORMS,
    config,
    definition,
    dns_observed,
    full_round,
    target,
    verdict_of,
)

LIGHT, TRANSFER = float(Settings().schedule.light), float(Settings().schedule.transfer)


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def board_of(of: Config, time: Time) -> Board:
    return Board(of, monotonic=time, wall=lambda: NOW + time.now)


def finish(board: Board, of: Config, platform: str = "x", **more: object) -> None:
    observed = full_round(of, platform, **more)  # type: ignore[arg-type]
    board.round_finished(observed, verdict_of(observed))


def reason(board: Board) -> str | None:
    """That of what is said of X; ``None``: nothing has been yet."""
    verdict = board.snapshot().verdicts["default", "x"]
    return None if verdict is None else verdict.reason


def test_before_the_first_round_there_is_no_verdict_and_nothing_measured(time: Time) -> None:
    snapshot = board_of(config(), time).snapshot()
    assert set(snapshot.verdicts) == {("default", p.name) for p in PLATFORMS}
    assert set(snapshot.verdicts.values()) == {None}
    assert not snapshot.legs
    assert not snapshot.counted.rounds


def test_what_holds_no_more_is_unknown_and_says_when_somebody_last_looked(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    observed = replace(full_round(of), holds_seconds=750.0)
    said = replace(verdict_of(observed, State.THROTTLED), at=NOW + time.now, holds_seconds=750.0)
    board.round_finished(observed, said)
    slot = (said.vantage, said.platform)
    time.now += 750.0
    assert board.snapshot().verdicts[slot] == said
    time.now += 30.0
    board.round_started(*slot, RoundKind.BURST)
    assert board.snapshot().verdicts[slot] == said, "it is being measured just now"
    board.round_abandoned(*slot)
    verdict = board.snapshot().verdicts[slot]
    assert verdict is not None
    assert (verdict.state, verdict.reason) == (State.UNKNOWN, "not_measured")
    assert (verdict.at, verdict.since) == (said.at, said.holds_until)
    assert "no round has ended for 13 minutes" in verdict.sentence
    board.round_finished(observed, said)
    assert board.snapshot().verdicts[slot] == said


def test_a_control_is_held_once_however_many_platforms_it_was_measured_with(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    finish(board, of, "x", controls=["debian"])
    finish(board, of, "youtube", controls=["debian"])
    controls = [key for key in board.snapshot().legs if key.role is LegRole.CONTROL]
    assert [key.owner for key in controls] == [Owner(name="debian", is_control=True)]


def test_what_a_light_round_measures_goes_before_what_a_transfer_round_measures(
    time: Time,
) -> None:
    of = config()
    board = board_of(of, time)
    finish(board, of)
    time.now += 2.6 * LIGHT
    snapshot = board.snapshot()
    # Light rounds have no swaps, so what a swap gave holds until the next transfer.
    assert {key.role for key in snapshot.legs} == {LegRole.SWAP}
    assert reason(board) == "not_measured"
    assert {ratio.measure for ratio in snapshot.ratios if ratio.versus is not LegRole.SWAP} == {
        "goodput"
    }
    assert {key.transport for key in snapshot.dns} == {"https"}
    assert snapshot.reads
    time.now += 2.6 * TRANSFER
    snapshot = board.snapshot()
    assert not snapshot.legs
    assert not snapshot.reads
    assert not snapshot.dns
    assert not snapshot.ratios
    assert snapshot.counted.rounds, "counters stay"


def test_a_light_round_does_not_take_away_the_goodput_of_the_transfer_round_before_it(
    time: Time,
) -> None:
    of = config()
    board = board_of(of, time)
    finish(board, of, kind=RoundKind.TRANSFER)
    before = board.snapshot().reads
    time.now += LIGHT
    finish(board, of, kind=RoundKind.LIGHT)
    assert board.snapshot().reads == before


def test_results_hold_for_as_long_as_their_round_says(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    observed = replace(full_round(of), holds_seconds=5.0 * LIGHT)
    board.round_finished(observed, verdict_of(observed))
    time.now += 4.9 * LIGHT
    snapshot = board.snapshot()
    assert reason(board) == ""
    assert {key.role for key in snapshot.legs} >= {LegRole.TARGET, LegRole.CONTROL}
    time.now += 0.2 * LIGHT
    snapshot = board.snapshot()
    assert reason(board) == "not_measured"
    assert {key.role for key in snapshot.legs} == {LegRole.SWAP}


def test_what_a_new_configuration_does_not_name_is_forgotten(time: Time) -> None:
    two = (VantageConfig(name="default"), VantageConfig(name="mobile"))
    of = config(settings=Settings(vantages=two))
    board = board_of(of, time)
    for vantage in ("default", "mobile"):
        for platform in ("x", "youtube"):
            finish(board, of, platform, vantage=vantage)
    board.round_started("mobile", "x", RoundKind.LIGHT)
    board.round_late("mobile", "x")
    board.config_loaded(
        config(
            platforms=[p for p in PLATFORMS if p.name != "youtube"],
            controls=[c for c in of.controls if c.name != "debian"],
        )
    )
    left = board.snapshot()
    for keys in (left.legs, left.reads, left.dns):
        assert keys
        assert {key.vantage for key in keys} == {"default"}
        assert {key.owner.name for key in keys}.isdisjoint({"youtube", "debian"})
    assert {key.vantage for key in left.counted.histograms} == {"default"}
    assert {(k.vantage, k.platform) for k in left.ratios} == {("default", "x")}
    assert set(left.verdicts) == {("default", name) for name in ("x", "facebook", "instagram")}
    assert {key[:2] for key in left.counted.rounds} == {("default", "x")}
    assert {key[:2] for key in left.counted.last_rounds} == {("default", "x")}
    assert {key[:2] for key in left.counted.wire_bytes} == {("default", "x")}
    assert not left.running
    assert not left.counted.late


def test_a_vantage_that_comes_back_starts_anew(time: Time) -> None:
    of = config()
    other = config(settings=Settings(vantages=(VantageConfig(name="other"),)))
    board = board_of(of, time)
    finish(board, of)
    board.config_loaded(other)
    board.config_loaded(of)
    snapshot = board.snapshot()
    assert snapshot.verdicts["default", "x"] is None
    assert not snapshot.legs
    assert not snapshot.counted.rounds


def test_a_round_that_ends_after_its_platform_was_removed_leaves_no_trace(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    board.round_started("default", "x", RoundKind.LIGHT)
    board.config_loaded(config(platforms=PLATFORMS[1:]))
    finish(board, of, "x")
    snapshot = board.snapshot()
    assert ("default", "x") not in snapshot.verdicts
    assert not snapshot.legs
    assert not snapshot.counted.wire_bytes
    assert not snapshot.running


def test_a_discovered_name_is_held_under_the_declared_wildcard(time: Time) -> None:
    wild = replace(PLATFORMS[3], hosts=(*PLATFORMS[3].hosts, "*.cache.test"))
    of = config(platforms=[wild])
    board = board_of(of, time)
    base = full_round(of, "youtube")
    names = ("r1.cache.test", "r2.cache.test", "elsewhere.test", "i.ytimg.test")
    board.round_finished(
        replace(base, dns=tuple(dns_observed(name) for name in names)), verdict_of(base)
    )
    assert {key.name for key in board.snapshot().dns} == {"*.cache.test", "i.ytimg.test"}


def test_a_resolver_that_is_not_configured_is_not_held(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    base = full_round(of, "x")
    board.round_finished(replace(base, dns=(dns_observed("x.test", "rogue"),)), verdict_of(base))
    assert not board.snapshot().dns


def test_bytes_are_counted_for_the_platform_whose_round_used_them(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    observed = full_round(of, "x", kind=RoundKind.LIGHT)
    board.round_finished(observed, verdict_of(observed))
    sent = sum((leg.wire_bytes_sent or 0) for leg in observed.legs) + sum(
        (dns.wire_bytes_sent or 0) for dns in observed.dns
    )
    used = board.snapshot().counted.wire_bytes
    assert used["default", "x", "sent"] == sent
    assert {key[:2] for key in used} == {("default", "x")}


def test_bytes_that_nobody_counted_are_not_held_as_none_used(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    base = full_round(of, "x")
    legs = tuple(replace(leg, wire_bytes_sent=None) for leg in base.legs)
    board.round_finished(replace(base, legs=legs, dns=()), verdict_of(base))
    assert {direction for *_, direction in board.snapshot().counted.wire_bytes} == {"received"}


def test_rounds_are_counted_by_result_and_skipped_legs_by_reason(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    base = full_round(of, "x", kind=RoundKind.LIGHT)
    board.round_finished(base, verdict_of(base))
    finish(
        board,
        of,
        kind=RoundKind.LIGHT,
        failure=Failure(phase=Phase.TLS, reason="connection_reset"),
    )
    skipped = tuple(
        SkippedLeg(leg=base.legs[0].leg, reason=reason) for reason in ("host_budget", "a surprise")
    )
    board.round_finished(replace(base, legs=(), skipped=skipped), verdict_of(base))
    counted = board.snapshot().counted
    light = RoundKind.LIGHT
    assert counted.rounds == {
        ("default", "x", light, result): 1 for result in ("ok", "failed", "empty")
    }
    assert counted.skipped == {
        ("default", "x", "host_budget"): 1,
        ("default", "x", "other"): 1,
    }


def test_a_phase_in_which_a_leg_failed_is_not_counted_as_its_duration(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    finish(board, of, failure=Failure(phase=Phase.TLS, reason="connection_reset"), controls=[])
    assert {key.phase for key in board.snapshot().counted.histograms} == {Phase.CONNECT}


def test_ready_when_every_platform_was_tried_and_for_good(time: Time) -> None:
    of = config(platforms=PLATFORMS[:2])
    board = board_of(of, time)
    seen = [board.ready]
    finish(board, of, "x")
    board.round_started("default", "facebook", RoundKind.LIGHT)
    seen.append(board.ready)
    board.round_abandoned("default", "facebook")
    seen.append(board.ready)
    board.config_loaded(config())
    seen.append(board.ready)
    assert seen == [False, False, True, True]
    assert not board.snapshot().running


def test_a_failed_reload_keeps_the_time_of_the_last_good_one(time: Time) -> None:
    board = board_of(config(), time)
    started = board.snapshot().reloaded_at
    seen = []
    for ok, at in ((False, NOW + 5.0), (True, NOW + 9.0)):
        board.reload_finished(ok, at)
        snapshot = board.snapshot()
        seen.append((snapshot.reload_ok, snapshot.reloaded_at))
    assert seen == [(False, started), (True, NOW + 9.0)]


def test_a_snapshot_does_not_change_afterwards(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    finish(board, of)
    snapshot = board.snapshot()
    legs, counted = dict(snapshot.legs), dict(snapshot.counted.rounds)
    finish(board, of, failure=Failure(phase=Phase.TLS, reason="connection_reset"))
    board.config_loaded(config(platforms=[], controls=[]))
    assert dict(snapshot.legs) == legs
    assert dict(snapshot.counted.rounds) == counted


def test_two_families_take_turns_so_each_holds_twice_as_long(time: Time) -> None:
    from probe.model.identity import Family

    of = config(settings=Settings(families=(Family.IPV4, Family.IPV6)))
    board = board_of(of, time)
    finish(board, of, family=Family.IPV6)
    time.now += 4.0 * LIGHT
    assert {key.family for key in board.snapshot().legs} == {Family.IPV6}


def test_many_controls_are_measured_less_often_and_hold_as_much_longer(time: Time) -> None:
    many = [definition(f"c{n}", target("object", f"c{n}.test"), control=True) for n in range(8)]
    of = config(platforms=PLATFORMS[:1], controls=many)
    board = board_of(of, time)
    finish(board, of, kind=RoundKind.LIGHT)
    time.now += 2.5 * LIGHT * 3.0
    assert {key.role for key in board.snapshot().legs} == {LegRole.CONTROL}


def test_intervals_of_a_second_work(time: Time) -> None:
    settings = Settings()
    fast = replace(settings, schedule=replace(settings.schedule, light=Seconds(1.0)))
    of = config(settings=fast)
    board = board_of(of, time)
    finish(board, of)
    assert reason(board) == ""
    time.now += 3.0
    assert reason(board) == "not_measured"


@given(st.lists(st.floats(min_value=0.0, max_value=1e6), max_size=50))
def test_a_histogram_loses_no_duration(durations: list[float]) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram = histogram.plus(seconds)
    assert sum(histogram.counts) == len(durations)
    assert histogram.sum_seconds == pytest.approx(sum(durations))


def test_a_bucket_holds_durations_up_to_and_including_its_bound() -> None:
    assert Histogram().plus(0.1).counts[0] == 1
    assert Histogram().plus(0.1000001).counts[1] == 1


def test_the_verdict_that_is_held_is_the_last_one(time: Time) -> None:
    of = config()
    board = board_of(of, time)
    observed = full_round(of)
    board.round_finished(observed, verdict_of(observed, State.OK))
    board.round_finished(observed, verdict_of(observed, State.OFFLINE))
    verdict = board.snapshot().verdicts["default", "x"]
    assert verdict is not None
    assert verdict.state is State.OFFLINE


@pytest.mark.parametrize(
    ("at", "holds", "published"),
    [(-60.0, 300.0, True), (-300.0, 300.0, False), (-900.0, 300.0, False), (60.0, 300.0, False)],
)
def test_a_stored_verdict_is_published_as_long_as_it_holds(
    at: float, holds: float, published: bool
) -> None:
    of, now = config(), [1_000.0]
    board = Board(of, monotonic=lambda: now[0], wall=lambda: NOW)
    observed = full_round(of)
    last = replace(verdict_of(observed, State.THROTTLED), at=NOW + at, holds_seconds=holds)
    early = replace(last, at=last.at - 5.0, state=State.OK)
    spans = [
        VerdictSpan(
            vantage=verdict.vantage,
            platform=verdict.platform,
            state=verdict.state,
            started_at=verdict.at - 10.0,
            ended_at=verdict.at,
            rounds=2,
            first=verdict,
            last=verdict,
        )
        for verdict in (last, early)
    ]
    slot = (last.vantage, last.platform)
    assert board.remember(spans) == ((last,) if published else ())
    assert board.snapshot().verdicts[slot] == (last if published else None)
    # What it was in before the restart goes on as a series that says no.
    assert last.state in board.snapshot().states[slot]
    # Nothing was tried yet.
    assert not board.ready
    now[0] += holds + at + 1.0
    assert board.snapshot().verdicts[slot] is None
    board.round_finished(observed, verdict_of(observed))
    assert board.snapshot().verdicts[slot] == verdict_of(observed)
