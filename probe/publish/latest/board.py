"""The last results: the only thing in this room that changes.

The event loop writes here and takes snapshots; nothing here does I/O, waits or computes at length,
so neither a scrape nor a round ever waits for the other. Whatever a new configuration no longer
names is forgotten at once; whatever is not measured for 2.5 of its intervals is left out of
snapshots. Freshness lives on the monotonic clock, so a step of the wall clock cannot age it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from probe.config.probers import NAME_PROBERS
from probe.config.schema import Config
from probe.model.finding import Finding, Incident
from probe.model.identity import Compares, Family, LegRole, RoundKind, VantagePlatform
from probe.model.object_record import ObjectRecord
from probe.model.observation import (
    HOLD_INTERVALS,
    DnsObservation,
    LegObservation,
    RoundObservation,
)
from probe.model.reference_document import OutsideHealth
from probe.model.stored import VerdictSpan
from probe.model.verdict import State, Verdict
from probe.nation.drill import Drill
from probe.nation.sight import GRID_SECONDS
from probe.observe.pairs import Ratio, ratios
from probe.publish.forward.forward_health import ForwardHealth
from probe.publish.latest.bundle_health import BundleHealth
from probe.publish.latest.control_health import ControlHealth
from probe.publish.latest.declared import Declared
from probe.publish.latest.fresh import Fresh
from probe.publish.latest.overdue import overdue
from probe.publish.latest.recent import Recent
from probe.publish.latest.snapshot import DnsKey, LegKey, RatioKey, Snapshot
from probe.publish.latest.totals import Totals
from probe.publish.latest.wishes_health import WishesHealth
from probe.publish.parcels.parcel_health import ParcelHealth
from probe.schedule.data_budget import BudgetView
from probe.store.health import StoreHealth

HOST = "host"
# By these, names are only asked for in rounds that transfer.
READ_ONLY = frozenset(one.transport for one in NAME_PROBERS if not one.every_round)
NATION = "nation"


class Board:
    """Holds the last results of ``config``'s vantages, platforms and controls."""

    def __init__(
        self,
        config: Config,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        data: Callable[[], BudgetView] | None = None,
        store: Callable[[], StoreHealth] | None = None,
        forward: Callable[[], ForwardHealth | None] | None = None,
        outside: Callable[[], tuple[OutsideHealth, ...]] = tuple,
        bundle: Callable[[], BundleHealth | None] = lambda: None,
        wishes: Callable[[], WishesHealth | None] = lambda: None,
        parcels: Callable[[], ParcelHealth | None] = lambda: None,
        drawn: Callable[[], ControlHealth] = ControlHealth,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._data = data
        self._store = store
        self._forward = forward
        self._outside = outside
        self._bundle = bundle
        self._wishes = wishes
        self._parcels = parcels
        self._drawn = drawn
        self._declared = Declared(config)
        self._legs: Fresh[LegKey, LegObservation] = Fresh()
        self._beside: Fresh[LegKey, LegObservation] = Fresh()
        self._reads: Fresh[LegKey, LegObservation] = Fresh()
        self._dns: Fresh[DnsKey, DnsObservation] = Fresh()
        self._ratios: Fresh[RatioKey, Ratio] = Fresh()
        self._verdicts: Fresh[VantagePlatform, Verdict] = Fresh()
        self._last: dict[VantagePlatform, tuple[Verdict, float]] = {}
        self._states: dict[VantagePlatform, set[State]] = {}
        self._compared: Fresh[VantagePlatform, tuple[str, ...]] = Fresh()
        self._nation: Fresh[str, tuple[tuple[Finding, ...], tuple[Incident, ...]]] = Fresh()
        self._totals = Totals()
        self._recent = Recent()
        self._running: set[VantagePlatform] = set()
        self._ended: set[VantagePlatform] = set()
        self._given_up: set[VantagePlatform] = set()
        self._was_ready = False
        self._reload_ok = True
        self._reloaded_at = wall()
        self._clock_steps = 0
        self._drill: Drill | None = None
        self._tunnels: dict[str, bool] = {}
        self._families: dict[str, Mapping[Family, bool]] = {}
        self._line_changes: Counter[str] = Counter()
        self._records: dict[str, Mapping[str, ObjectRecord]] = {}

    def remember(self, spans: Iterable[VerdictSpan]) -> tuple[Verdict, ...]:
        """What the history has of the last days, before the first round. A last verdict that still
        holds is published until its time is up: a restart ends no state. Gives those verdicts."""
        spans = tuple(spans)
        self._recent.remember(spans)
        self._recent.keep(frozenset(self._declared.slots))
        for span in spans:
            self._states.setdefault((span.vantage, span.platform), set()).add(span.last.state)
        now, wall = self._monotonic(), self._wall()
        last: dict[VantagePlatform, Verdict] = {}
        for span in spans:
            slot = (span.vantage, span.platform)
            if slot not in last or last[slot].at < span.last.at:
                last[slot] = span.last
        # One of the future was given under another clock: for how long it holds nobody knows.
        held = {
            slot: verdict
            for slot, verdict in last.items()
            if slot in self._declared.slots and verdict.at <= wall < verdict.holds_until
        }
        for slot, verdict in held.items():
            self._verdicts.put(slot, verdict, until=now + verdict.holds_until - wall)
        return tuple(held.values())

    def config_loaded(self, config: Config) -> None:
        """``config`` is the one that holds from now on: forget what it does not name."""
        declared = self._declared = Declared(config)
        for legs in (self._legs, self._beside, self._reads):
            legs.keep(declared.has_leg)
        self._dns.keep(declared.has_dns)
        self._ratios.keep(declared.has_ratio)
        self._verdicts.keep(lambda slot: slot in declared.slots)
        self._last = {slot: last for slot, last in self._last.items() if slot in declared.slots}
        self._states = {slot: one for slot, one in self._states.items() if slot in declared.slots}
        self._compared.keep(lambda slot: slot in declared.slots)
        self._nation.keep(lambda _: False)
        self._totals.keep(declared)
        self._recent.keep(frozenset(declared.slots))
        self._ended &= declared.slots
        self._given_up &= declared.slots
        self._running &= declared.slots
        self._tunnels = {k: v for k, v in self._tunnels.items() if declared.has_vantage(k)}
        self._records = {k: v for k, v in self._records.items() if declared.has_vantage(k)}
        configured = frozenset(config.settings.families)
        self._families = {
            vantage: {one: works for one, works in found.items() if one in configured}
            for vantage, found in self._families.items()
            if declared.has_vantage(vantage) and len(configured) > 1
        }

    def reload_finished(self, ok: bool, at: float) -> None:
        """A reload of the configuration ended at ``at`` (Unix seconds), well or not."""
        self._reload_ok = ok
        if ok:
            self._reloaded_at = at

    def clock_stepped(self, seconds: float) -> None:
        """The wall clock moved by ``seconds`` (either way)."""
        if seconds != 0.0:
            self._clock_steps += 1

    def line_seen(self, vantage: str, *, tunnel: bool | None, changed: bool) -> None:
        """How a vantage's packets leave this host (``None``: it cannot be told)."""
        if not self._declared.has_vantage(vantage):
            return
        self._tunnels.pop(vantage, None)
        if tunnel is not None:
            self._tunnels[vantage] = tunnel
        self._line_changes[vantage] += changed

    def families_seen(self, vantage: str, works: Mapping[Family, bool]) -> None:
        """Which of a vantage's address families works; what is not known is not there."""
        if self._declared.has_vantage(vantage):
            self._families[vantage] = works

    def objects_seen(self, vantage: str, records: Mapping[str, ObjectRecord]) -> None:
        """How it stands with what is read, by ``owner/target``."""
        if self._declared.has_vantage(vantage):
            self._records[vantage] = records

    def round_started(self, vantage: str, platform: str, kind: RoundKind) -> None:
        """A round or burst begins."""
        if (vantage, platform) in self._declared.slots:
            self._running.add((vantage, platform))

    def round_abandoned(self, vantage: str, platform: str) -> None:
        """The round that was begun ended without a result: a fault of the daemon."""
        slot = (vantage, platform)
        self._running.discard(slot)
        if slot in self._declared.slots:
            self._totals.round_abandoned(slot)
            self._given_up.add(slot)
            self._was_ready = self.ready

    def round_late(self, vantage: str, platform: str) -> None:
        """A round was left out or could not start in time."""
        if (vantage, platform) in self._declared.slots:
            self._totals.round_late((vantage, platform))

    def round_finished(self, observation: RoundObservation, verdict: Verdict) -> None:
        """A round ended with ``observation``, of which ``verdict`` says what it means."""
        slot = (observation.vantage, observation.platform)
        self._running.discard(slot)
        if slot not in self._declared.slots:
            return  # the configuration changed while it was being made
        now = self._monotonic()
        light = float(self._declared.config.settings.schedule.light)
        pace = max(1.0, observation.holds_seconds / (HOLD_INTERVALS * light))
        until = now + observation.holds_seconds
        self._verdicts.put(slot, verdict, until=until)
        self._last[slot] = (verdict, now)
        if observation.over_tcp:
            self._compared.put(slot, self._declared.controls_of(observation), until=until)
        self._recent.add(verdict)
        self._totals.round_ended(observation, self._wall())
        # Transfers have an interval of their own, and it is no shorter than that of the rounds.
        spread = max(pace, self._spread(slot))
        # How fast reads of an experiment are follows from what it tries.
        tells = observation.kind is not RoundKind.EXPERIMENT
        for leg in observation.counted_legs if tells else ():
            self._take_leg(observation, leg, now, pace, spread)
        for leg in observation.beside:
            key = self._declared.leg_key(observation, leg.leg)
            if self._declared.has_leg(key):
                self._beside.put(key, leg, until=self._leg_until(key, now, pace, spread))
        for dns in observation.dns:
            self._take_dns(observation, dns, now, pace, spread)
        for ratio in ratios(observation):
            self._take_ratio(observation, ratio, now, pace, spread)
        self._ended.add(slot)
        self._was_ready = self.ready

    def nation_found(self, findings: tuple[Finding, ...], incidents: tuple[Incident, ...]) -> None:
        """The findings of a step of the grid, and the incidents that are open."""
        until = self._monotonic() + HOLD_INTERVALS * GRID_SECONDS
        self._nation.put(NATION, (findings, incidents), until=until)

    def drill_begun(self, minutes: float) -> Drill:
        """A drill begins, in place of one that may be going on; with 0 minutes it ends."""
        since = self._wall()
        country = self._declared.config.settings.country
        self._drill = Drill(country=country, since=since, until=since + 60.0 * minutes)
        return self._drill

    def snapshot(self) -> Snapshot:
        """The last results as they are now, frozen."""
        now = self._monotonic()
        declared, config = self._declared, self._declared.config
        titles = {platform.name: platform.title for platform in config.platforms}
        verdicts: dict[VantagePlatform, Verdict | None] = dict.fromkeys(declared.slots)
        for slot, (last, at) in self._last.items():
            # What is being measured just now stays as it was until that is over.
            busy = slot in self._running
            verdicts[slot] = last if busy else overdue(last, titles[slot[1]], now - at)
        verdicts |= self._verdicts.at(now)
        for slot, one in verdicts.items():
            state = State.UNKNOWN if one is None else one.state
            self._states.setdefault(slot, set()).add(state)
        findings, incidents = self._nation.at(now).get(NATION, ((), ()))
        return Snapshot(
            taken_at=self._wall(),
            vantages=declared.vantages,
            platforms=config.platforms,
            controls=config.controls,
            schedule=config.settings.schedule,
            legs=self._legs.at(now),
            beside=self._beside.at(now),
            reads=self._reads.at(now),
            dns=self._dns.at(now),
            ratios=self._ratios.at(now),
            verdicts=verdicts,
            states={slot: frozenset(self._states[slot]) for slot in verdicts},
            compared=self._compared.at(now),
            findings=findings,
            incidents=incidents,
            recent=self._recent.at(self._wall()),
            counted=self._totals.counted(),
            running=frozenset(self._running),
            drill=self._drill_now(),
            reload_ok=self._reload_ok,
            reloaded_at=self._reloaded_at,
            clock_steps=self._clock_steps,
            ready=self.ready,
            data=None if self._data is None else self._data(),
            store=None if self._store is None else self._store(),
            forward=None if self._forward is None else self._forward(),
            outside=self._outside(),
            bundle=self._bundle(),
            wishes=self._wishes(),
            parcels=self._parcels(),
            drawn=self._drawn(),
            outside_key_file=config.settings.outside_key_file,
            language=config.settings.language,
            tunnels=dict(self._tunnels),
            families=dict(self._families),
            records=dict(self._records),
            line_changes={v.name: self._line_changes[v.name] for v in declared.vantages},
        )

    def _drill_now(self) -> Drill | None:
        if self._drill is not None and not self._drill.on(self._wall()):
            self._drill = None
        return self._drill

    @property
    def ready(self) -> bool:
        """Whether every platform has been tried at every vantage. Once true, it stays true."""
        return self._was_ready or self._declared.slots <= self._ended | self._given_up

    @property
    def _light(self) -> float:
        settings = self._declared.config.settings
        return float(settings.schedule.light) * max(1, len(settings.families))

    @property
    def _transfer(self) -> float:
        settings = self._declared.config.settings
        return float(settings.schedule.transfer) * max(1, len(settings.families))

    def _spread(self, slot: VantagePlatform) -> float:
        """How many times its interval the data budget puts between rounds of ``slot`` that
        transfer."""
        pace = None if self._data is None else self._data().paces.get(slot)
        if pace is None:
            return 1.0
        configured = float(self._declared.config.settings.schedule.transfer)
        return max(1.0, pace.transfer_seconds / configured)

    def _draws(self, *, first_only: bool) -> float:
        """How many rounds of a platform pass, on average, until a control's turn."""
        config = self._declared.config
        drawn = 1 if first_only else config.settings.schedule.controls
        return max(1.0, len(config.controls) / (drawn * max(1, len(config.platforms))))

    def _take_leg(
        self,
        observed: RoundObservation,
        leg: LegObservation,
        now: float,
        pace: float,
        spread: float,
    ) -> None:
        key = self._declared.leg_key(observed, leg.leg)
        if not self._declared.has_leg(key):
            return
        self._legs.put(key, leg, until=self._leg_until(key, now, pace, spread))
        if leg.leg.compares is Compares.GOODPUT:
            turn = self._draws(first_only=True) if key.owner.is_control else 1.0
            self._reads.put(key, leg, until=now + HOLD_INTERVALS * spread * turn * self._transfer)
        self._totals.leg_ended(key, leg)

    def _leg_until(self, key: LegKey, now: float, pace: float, spread: float) -> float:
        if key.role is LegRole.SWAP:
            # Light rounds have none.
            return now + HOLD_INTERVALS * spread * self._transfer
        turn = self._draws(first_only=False) if key.owner.is_control else 1.0
        return now + HOLD_INTERVALS * pace * turn * self._light

    def _take_dns(
        self,
        observed: RoundObservation,
        dns: DnsObservation,
        now: float,
        pace: float,
        spread: float,
    ) -> None:
        key = self._declared.dns_key(observed, dns)
        if key is None or not self._declared.has_dns(key):
            return
        # Series are dear: a control's names say nothing that its legs do not, and what the host got
        # is its legs' first phase.
        if key.owner.is_control or key.transport == HOST:
            return
        read = key.transport in READ_ONLY
        interval = spread * self._transfer if read else pace * self._light
        self._dns.put(key, dns, until=now + HOLD_INTERVALS * interval)

    def _take_ratio(
        self, observed: RoundObservation, ratio: Ratio, now: float, pace: float, spread: float
    ) -> None:
        key = RatioKey(
            vantage=observed.vantage,
            platform=observed.platform,
            family=observed.family,
            target=ratio.target,
            versus=ratio.versus,
            measure=ratio.measure,
        )
        if not self._declared.has_ratio(key):
            return
        read = ratio.measure == "goodput" or ratio.versus is LegRole.SWAP
        interval = spread * self._transfer if read else pace * self._light
        self._ratios.put(key, ratio, until=now + HOLD_INTERVALS * interval)
