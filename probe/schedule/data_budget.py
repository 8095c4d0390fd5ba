"""What each vantage may still send and receive: the hard cap, and the pace that keeps off it.

The only thing that changes here is what was counted. It outlives a reload of the configuration, and
a restart if ``state`` is kept and given back to ``restore``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from probe.config.amount import BODY_OVERHEAD, LEG_BYTES, round_bytes, round_size
from probe.config.schema import Config
from probe.model.burst import Burst
from probe.model.identity import RoundKind, VantagePlatform
from probe.model.observation import RoundObservation
from probe.model.verdict import RESTRICTED, State, Verdict
from probe.schedule import data_spent as accounts
from probe.schedule.data_spent import DataSpent
from probe.schedule.haste import Haste
from probe.schedule.hours import within
from probe.schedule.poured import Poured, learnt, whole
from probe.schedule.round_pace import (
    POURED_HEADROOM,
    SCARCE_HEADROOM,
    TIGHT_HEADROOM,
    Costs,
    OwnPace,
    Pace,
    calm_bytes_per_second,
    headroom,
    own_pace,
    pace_of,
)

# The most that a leg can take beyond its body: a handshake with the largest chain that is read, the
# head of an answer, what the kernel had received beyond the last byte that was wanted.
LEG_MOST_BYTES = 600_000
# A page on which a link is looked for is read to this length at most, with all else of its leg.
PAGE_MOST_BYTES = 1_800_000
NAME_MOST_BYTES = 4_000
# c-ares does not say what it sent: two queries of at most this size, and their answers.
LOOKUP_BYTES = 2 * 300
SUSPICIOUS = RESTRICTED | {State.IMPAIRED, State.DEGRADED, State.DOWN}
_KINDS = (RoundKind.LIGHT, RoundKind.TRANSFER, RoundKind.LONG)


class Refusal(StrEnum):
    """Why a round is not made."""

    OUT_OF_BUDGET = "out_of_budget"
    QUIET_HOURS = "quiet_hours"
    METERED_HOURS = "metered_hours"
    CLOCK_NOT_SET = "clock_not_set"


class Balance(Struct, frozen=True, kw_only=True):
    """A vantage's budget in the window of a month, in bytes."""

    budget: int
    used: int

    @property
    def left(self) -> int:
        """Bytes that may still be spent."""
        return max(0, self.budget - self.used)


class BudgetView(Struct, frozen=True, kw_only=True):
    """All budgets at one moment, by vantage; the paces by vantage and platform; and how many rounds
    were refused since the start, by vantage, platform and reason."""

    balances: Mapping[str, Balance]
    paces: Mapping[VantagePlatform, Pace]
    refused: Mapping[tuple[str, str, Refusal], int]


class BudgetClocks(Struct, frozen=True):
    """Monotonic seconds, Unix seconds, and seconds since local midnight."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    of_day: Callable[[], float] = lambda: _seconds_of_day()


class DataBudget:
    """The accounts of all vantages."""

    def __init__(self, config: Config, *, clocks: BudgetClocks = BudgetClocks()) -> None:  # noqa: B008
        self._clocks = clocks
        self._accounts: dict[str, DataSpent] = {}
        self._at = clocks.monotonic()
        self._suspicious: set[VantagePlatform] = set()
        self._haste = Haste()
        self._costs: dict[VantagePlatform, dict[RoundKind, float]] = {}
        self._poured: dict[VantagePlatform, Poured] = {}
        self._refused: Counter[tuple[str, str, Refusal]] = Counter()
        # The most that what is under way may cost: rounds of a vantage overlap.
        self._aside: dict[VantagePlatform, int] = {}
        self.config_loaded(config)

    def config_loaded(self, config: Config) -> None:
        """``config`` holds from now on. What was spent stays spent."""
        self._config = config
        self._schedule = config.settings.schedule
        self._budgets = {
            v.name: int(v.data_budget or config.settings.data_budget)
            for v in config.settings.vantages
        }
        self._sizes = {p.name: round_size(config, p) for p in config.platforms}
        self._costs, self._poured = {}, {}
        self._aside.clear()  # no round outlives the configuration that it was made by
        for key in [
            k for k in self._refused if k[0] not in self._budgets or k[1] not in self._sizes
        ]:
            del self._refused[key]

    def state(self) -> dict[str, DataSpent]:
        """What must be kept over a restart, by vantage."""
        self._go_on()
        return dict(self._accounts)

    def restore(self, state: Mapping[str, DataSpent]) -> None:
        """Take up what was kept. What was spent since the start stays counted."""
        self._go_on()
        wall = self._clocks.wall()
        for vantage, kept in state.items():
            now = self._accounts.get(vantage, DataSpent()).used
            self._accounts[vantage] = accounts.spent(accounts.resumed(kept, wall=wall), now)

    def balance(self, vantage: str) -> Balance:
        """The state of a vantage's budget."""
        self._go_on()
        return Balance(budget=self._budgets[vantage], used=self._account(vantage).used)

    def view(self) -> BudgetView:
        """Everything, for people and for metrics."""
        return BudgetView(
            balances={vantage: self.balance(vantage) for vantage in self._budgets},
            paces={
                (vantage, platform): self.pace(vantage, platform)
                for vantage in self._budgets
                for platform in self._sizes
            },
            refused=dict(self._refused),
        )

    def judged(self, verdict: Verdict, *, light: bool = False) -> None:
        """While something is wrong with a platform it has the configured pace; while that is not
        proven every round of it reads for a while (``haste.py``). ``light``: said of a light
        round."""
        slot = (verdict.vantage, verdict.platform)
        if verdict.state in SUSPICIOUS:
            self._suspicious.add(slot)
        else:
            self._suspicious.discard(slot)
        self._haste.judged(verdict, self._clocks.monotonic(), light=light)

    def pace(self, vantage: str, platform: str) -> Pace:
        """How often rounds of this platform are made now."""
        if self._is_poured(vantage, platform):
            return self._own(vantage, platform).pace
        return pace_of(
            self._schedule,
            self._shared_costs(vantage),
            budget=self._budgets[vantage],
            used=self._committed(vantage),
            suspicious=(vantage, platform) in self._suspicious,
            reads=self._haste.of(
                vantage, platform, self._clocks.monotonic(), float(self._schedule.light)
            ),
        )

    def most_legs(self, vantage: str, platform: str) -> int | None:
        """Of how many legs a round of this platform is now, at most; ``None``: of all."""
        if not self._is_poured(vantage, platform):
            return None
        return self._own(vantage, platform).legs

    def at_once(self, vantage: str, platform: str) -> bool:
        """Whether a round of this platform should be made now (``haste.py``) and may be: while most
        of the reserve is there."""
        now, light = self._clocks.monotonic(), float(self._schedule.light)
        return (
            self._haste.at_once(vantage, platform, now, light)
            and not self._is_poured(vantage, platform)
            and self._headroom(vantage) > TIGHT_HEADROOM
        )

    def wished(self, vantage: str, platform: str, rounds: int) -> None:
        """Somebody who may asked for so many rounds now: they are made while most of the reserve is
        there."""
        self._haste.wished(vantage, platform, rounds, self._clocks.monotonic())

    def permit(self, vantage: str, platform: str, kind: RoundKind) -> RoundKind | None:
        """The kind of round that may be made in place of ``kind``: itself, a light one, or none.

        What it may cost is set aside until it is ``spent`` or ``given_up``."""
        self._haste.looked(vantage, platform, self._clocks.monotonic())
        if self.refuse(vantage, platform, kind) is None:
            return kind
        if kind is RoundKind.LIGHT or self.refuse(vantage, platform, RoundKind.LIGHT) is not None:
            return None
        return RoundKind.LIGHT

    def given_up(self, vantage: str, platform: str) -> None:
        """What was permitted was not made to its end."""
        self._aside.pop((vantage, platform), None)

    def refuse(self, vantage: str, platform: str, kind: RoundKind) -> Refusal | None:
        """Why a round of this kind must not be made now; ``None``: it may."""
        most = self.most_bytes(platform, kind)
        return self._refusal(vantage, platform, reads=kind is not RoundKind.LIGHT, most=most)

    def refuse_burst(self, vantage: str, platform: str, burst: Burst) -> Refusal | None:
        """Why a burst or an experiment must not be made now; ``None``: it may, out of the reserve,
        of which something is left for what others do, so that rounds go on. What it may cost is set
        aside as that of a round is."""
        most, reads = most_bytes_of(burst), burst.read_bytes > 0
        poured = self._is_poured(vantage, platform)
        likely = most if poured else usual_bytes_of(burst)
        least = POURED_HEADROOM if poured else SCARCE_HEADROOM
        short = self._headroom(vantage, likely) <= least
        return self._refusal(vantage, platform, reads=reads, most=most, short=short)

    def most_bytes(self, platform: str, kind: RoundKind) -> int:
        """What a round may cost, both ways: bodies that are read and sent, of every prober, and
        whatever a far end may make of its legs."""
        size, settings = self._sizes[platform], self._config.settings
        dns, body = settings.dns, size.most_body(kind, settings.legs)
        names, legs = size.names + size.further, size.legs + size.further
        asked = names * (1 + len(dns.resolvers) + dns.system) * NAME_MOST_BYTES
        return legs * LEG_MOST_BYTES + body + size.pages * PAGE_MOST_BYTES + asked

    def spent(self, observed: RoundObservation) -> None:
        """A round was made: count its bytes, and learn what such rounds cost."""
        self.given_up(observed.vantage, observed.platform)
        if observed.vantage not in self._budgets:
            return
        self._go_on()
        size = wire_bytes(observed)
        self._accounts[observed.vantage] = accounts.spent(self._account(observed.vantage), size)
        if observed.platform in self._sizes and observed.kind in _KINDS:
            slot, kind = (observed.vantage, observed.platform), observed.kind
            known, before = self._known(*slot), self._poured.get(slot, Poured())
            known[kind] = learnt(known[kind], whole(observed, size))
            usual = round_bytes(self._config, self._sizes[observed.platform], kind)
            all_legs = whole(observed, size - observed.page_wire_bytes)
            self._poured[slot] = before.after(observed, all_legs, usual)

    def may_send(self, vantage: str, size: int) -> bool:
        """Whether so many bytes that are no measurement may be sent now: outside quiet and metered
        hours, while most of the reserve would be left."""
        now = self._clocks.of_day()
        return (
            self._clocks.wall() >= accounts.BELIEVABLE_SINCE
            and not within(self._schedule.quiet_hours, now)
            and not within(self._schedule.metered_hours, now)
            and self._headroom(vantage, size) > TIGHT_HEADROOM
        )

    def sent(self, vantage: str, size: int) -> None:
        """So many bytes that are no measurement were on the wire."""
        if vantage in self._budgets:
            self._go_on()
            self._accounts[vantage] = accounts.spent(self._account(vantage), size)

    def spent_by_others(self, spent: Mapping[str, DataSpent]) -> None:
        """Commands that measured on this machine have used so much, by vantage."""
        self._go_on()
        for vantage in spent.keys() & self._budgets.keys():
            own = self._account(vantage)
            self._accounts[vantage] = accounts.spent(own, spent[vantage].used)

    def _refusal(
        self, vantage: str, platform: str, *, reads: bool, most: int, short: bool = False
    ) -> Refusal | None:
        # One at a time is made of a platform: the one before is over, whether or not it was told.
        self.given_up(vantage, platform)
        now = self._clocks.of_day()
        if self._clocks.wall() < accounts.BELIEVABLE_SINCE:
            # A host without a clock that has not learnt the time: no certificate would hold.
            refusal = Refusal.CLOCK_NOT_SET
        elif within(self._schedule.quiet_hours, now):
            refusal = Refusal.QUIET_HOURS
        elif reads and within(self._schedule.metered_hours, now):
            refusal = Refusal.METERED_HOURS
        elif short or most > self.balance(vantage).left - self._under_way(vantage):
            refusal = Refusal.OUT_OF_BUDGET
        else:
            self._aside[vantage, platform] = most
            return None
        self._refused[vantage, platform, refusal] += 1
        return refusal

    def _under_way(self, vantage: str) -> int:
        """The most that the rounds which are being made now may cost."""
        return sum(most for (of, _), most in self._aside.items() if of == vantage)

    def _account(self, vantage: str) -> DataSpent:
        return self._accounts.get(vantage, DataSpent())

    def _known(self, vantage: str, platform: str) -> dict[RoundKind, float]:
        if (vantage, platform) not in self._costs:
            size = self._sizes[platform]
            self._costs[vantage, platform] = {
                kind: round_bytes(self._config, size, kind) for kind in _KINDS
            }
        return self._costs[vantage, platform]

    def _cost(self, vantage: str, platform: str) -> Costs:
        known = self._known(vantage, platform)
        return Costs(**{kind.value: known[kind] for kind in _KINDS})

    def _usual(self, platform: str) -> Costs:
        size = self._sizes[platform]
        usual = {kind.value: round_bytes(self._config, size, kind) for kind in _KINDS}
        return Costs(**usual)

    def _is_poured(self, vantage: str, platform: str) -> bool:
        return self._poured.get((vantage, platform), Poured()).is_poured

    def _shared_costs(self, vantage: str) -> list[Costs]:
        """Of all platforms. Who is poured into pays for that alone."""
        return [
            self._usual(name) if self._is_poured(vantage, name) else self._cost(vantage, name)
            for name in self._sizes
        ]

    def _own(self, vantage: str, platform: str) -> OwnPace:
        return own_pace(
            self._schedule,
            self._cost(vantage, platform),
            self._shared_costs(vantage),
            list(self._sizes).index(platform),
            legs=self._poured[vantage, platform].legs,
            budget=self._budgets[vantage],
            used=self._committed(vantage),
        )

    def _committed(self, vantage: str) -> int:
        """What is used, and what calm rounds of a month to come need. Only beyond that may more be
        used: else who makes all that is dear now ends what is measured for weeks."""
        balance, reserve = self.balance(vantage), self._schedule.reserve
        if not reserve:
            return balance.used
        calm = calm_bytes_per_second(balance.budget, 0, reserve)
        return max(balance.used, int(accounts.fullest(self._account(vantage), calm)))

    def _headroom(self, vantage: str, size: int = 0) -> float:
        """How much of the reserve is left once ``size`` bytes more are used."""
        committed = self._committed(vantage) + size
        return headroom(self._budgets[vantage], committed, self._schedule.reserve)

    def _go_on(self) -> None:
        """Move every account's clock by what has passed since the last look."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        seconds, self._at = max(0.0, now - self._at), now
        for vantage in self._budgets.keys() | self._accounts.keys():
            self._accounts[vantage] = accounts.passed(self._account(vantage), seconds, wall=wall)


def most_bytes_of(burst: Burst) -> int:
    """What a burst or an experiment may cost, both ways. What its legs read, or send, is the
    body."""
    return _legs_of(burst) * (burst.read_bytes + LEG_MOST_BYTES)


def usual_bytes_of(burst: Burst) -> int:
    """What it is expected to cost."""
    return int(_legs_of(burst) * (burst.read_bytes * BODY_OVERHEAD + LEG_BYTES))


def _legs_of(burst: Burst) -> int:
    return burst.each * (1 if burst.experiment else 3 if burst.with_swap else 2)


def wire_bytes(observed: RoundObservation) -> int:
    """Bytes that a round had on the wire, both ways. What nobody counted is estimated."""
    legs = sum(
        (leg.wire_bytes_sent or 0) + (leg.wire_bytes_received or 0) for leg in observed.every_leg
    )
    asked = sum(
        LOOKUP_BYTES
        if dns.wire_bytes_sent is None
        else dns.wire_bytes_sent + (dns.wire_bytes_received or 0)
        for dns in observed.dns
    )
    return legs + asked + observed.page_wire_bytes


def _seconds_of_day() -> float:
    # The zone may have been set since the start, and its rules may change within a year.
    time.tzset()
    local = time.localtime()
    return local.tm_hour * 3_600.0 + local.tm_min * 60.0 + local.tm_sec
