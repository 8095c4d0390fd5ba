"""Rounds and bursts in the world of numbers: declared by the product's own code, budget and all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from lab.world.content import PAGES
from probe.config.amount import controls_asked
from probe.config.candidates import candidates_of, mark_of, marked
from probe.config.definition import Definition
from probe.config.neutral import neutral_names
from probe.config.probers import used
from probe.config.schema import Config
from probe.measure.bursts.burst_parts import legs_of, paid, parts_of, views
from probe.measure.bursts.experiments import HANDSHAKE_SECONDS
from probe.measure.bursts.joint_burst import as_one, joined, operators_abroad
from probe.measure.names.drawn_names import one_any_answer, swap_names, with_drawn_names
from probe.measure.names.round_names import Resolution
from probe.measure.objects.objects import (
    KnownObject,
    KnownTarget,
    after_answer,
    after_page,
    clock_is_right,
    object_now,
    out_of_date,
    page_to_ask,
)
from probe.measure.one_leg.beside import made_beside
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.leg_waits import read_bytes, taken
from probe.measure.one_round.legs import (
    Endpoint,
    burst_deadline_seconds,
    burst_reads,
    connect_name,
    deadline_seconds,
    declare,
    declare_experiment,
    draw_burst_controls,
    draw_controls,
    host_name,
    in_order,
    round_cap,
)
from probe.measure.one_round.manners import asked_host, spared, wish_of
from probe.model.burst import PlannedBurst
from probe.model.identity import FIRST_PROBER, Family, LegRole, RoundKind
from probe.model.observation import (
    DnsObservation,
    Leg,
    LegObservation,
    RoundObservation,
    SkippedLeg,
)
from probe.schedule.leg_patience import RoundPatience, pace_of
from synth.world import World

VANTAGE = "default"
_PLATFORM_NAME = frozenset({LegRole.TARGET, LegRole.DECOY})
# Between two legs: closing, opening, and the turns of the event loop.
PAUSE_SECONDS = 0.01


class Rounds:
    """Measures ``world`` as ``probe.measure.one_round.round.Rounds`` measures the real one."""

    def __init__(self, config: Config, world: World, *, vantage: str = VANTAGE) -> None:
        self.vantage = vantage
        self.config = config
        self.world = world
        self.state = BetweenRounds()
        self._legs = config.settings.legs
        self._neutral = neutral_names(config.controls)
        self._platforms = {platform.name: platform for platform in config.platforms}
        self._targets = {
            (definition.name, target.name): target
            for definition in (*config.platforms, *config.controls)
            for target in definition.targets
        }
        self._declared: dict[
            tuple[str, RoundKind, tuple[int, ...], tuple[int, ...]],
            tuple[tuple[Leg, ...], tuple[SkippedLeg, ...]],
        ] = {}
        for (owner, name), target in self._targets.items():
            known = KnownTarget()
            for candidate in candidates_of(target):
                if candidate.discover is not None:
                    link = PAGES[candidate.discover.page].link
                    known = known.after(candidate, KnownObject(url=link))
            self.state.remember(VANTAGE, owner, name, known)
        self._endpoint_cache: dict[tuple[str, str, str, str], Endpoint] = {}
        self._asked: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._count = 0

    def measure(self, platform: str, kind: RoundKind, at: float) -> tuple[RoundObservation, float]:
        """One round, and when it is over."""
        world = self.world
        world.begin_round(at)
        self._look_for(at, self._platforms[platform])
        targets = self._endpoints(at, self._platforms[platform])
        few = self.config.settings.schedule.controls
        silent = self.state.silent(self.vantage, Family.IPV4)
        controls = draw_controls(
            self._endpoints(at, *self.config.controls),
            controls_asked(self.config.settings.schedule, silent=silent),
            read_bytes=round_cap(kind, self._legs),
            has_tokens=lambda endpoint: self._has_tokens(endpoint, at),
            random=world.random,
        )
        declared, objectless = self._declare(platform, targets, controls[:few], kind)
        further, without = self._declare(platform, (), controls[few:], RoundKind.LIGHT)
        legs = (*declared, *self._beside(declared, kind, at), *further)
        legs = self._drawn(one_any_answer(legs, world.random))
        resolutions, lookups = self._resolve(legs, at)
        dns = world.names.measured(
            resolutions,
            at,
            doh=kind is not RoundKind.LIGHT,
            trouble=world.resolver_trouble,
            offline=world.offline,
        )
        rule = self._patience(deadline_seconds(kind, self._legs), at)
        order = in_order(legs, world.random)
        made, skipped, end = self._make(order, resolutions, at, rule, sparing=True)
        self.state.heard(self.vantage, Family.IPV4, made)
        observed = RoundObservation(
            id=self._id(),
            vantage=self.vantage,
            platform=platform,
            kind=kind,
            family=Family.IPV4,
            started_at=at + world.wall_offset_seconds,
            duration_seconds=end - at,
            legs=tuple(leg for leg in made if leg.leg.prober == FIRST_PROBER),
            skipped=(*objectless, *without, *skipped),
            dns=(*lookups, *dns),
            beside=tuple(leg for leg in made if leg.leg.prober != FIRST_PROBER),
            clock_stepped=world.clock_stepped,
        )
        return observed, end

    def _beside(self, legs: Sequence[Leg], kind: RoundKind, at: float) -> tuple[Leg, ...]:
        """The legs that other probers make as well."""
        made: list[Leg] = []
        for prober in used(self.config.settings):
            made += made_beside(
                prober,
                legs,
                self._endpoints(at, *self.config.controls),
                kind,
                speaks={key for key, one in self._targets.items() if prober.speaks(one)},
                settings=self._legs,
                random=self.world.random,
            )
        return tuple(made)

    def joined(self, planned: Sequence[PlannedBurst]) -> tuple[PlannedBurst, ...]:
        """The first of ``planned``, and those of the others that can be made with it in one."""
        abroad = operators_abroad(self.config.controls)
        return joined(planned, lambda one: burst_reads(self._target(one, 0.0), one.burst), abroad)

    def burst(
        self, planned: Sequence[PlannedBurst], at: float
    ) -> tuple[tuple[RoundObservation, ...], float]:
        """One burst of all ``planned``, and when it is over: the part of each platform is made
        whole or not at all."""
        world = self.world
        world.begin_round(at)
        planned = as_one(planned)
        burst = planned[0].burst
        controls = draw_burst_controls(
            self._endpoints(at, *self.config.controls), burst, random=world.random
        )
        parts = parts_of(
            planned, lambda one: self._target(one, at), controls, self._drawn, legs=self._legs
        )
        resolutions, lookups = self._resolve([leg for part in parts for leg in part.legs], at)
        pinned = {
            one.platform: Resolution(address=one.burst.address)
            for one in planned
            if one.burst.address
        }
        made = paid(parts, lambda legs: self._affords(legs, at))
        legs: tuple[LegObservation, ...] = ()
        skipped: tuple[SkippedLeg, ...] = ()
        end = at
        if order := legs_of(made):
            most = burst_deadline_seconds(burst, self._legs)
            legs, skipped, end = self._make(
                world.random.sample(order, len(order)),
                resolutions,
                at,
                self._patience(most, at, burst.deadline_seconds),
                pinned,
            )
        observed = tuple(
            RoundObservation(
                id=self._id(),
                vantage=self.vantage,
                platform=view.platform,
                kind=RoundKind.BURST,
                family=Family.IPV4,
                started_at=at + world.wall_offset_seconds,
                duration_seconds=end - at,
                legs=view.legs if burst.prober == FIRST_PROBER else (),
                beside=() if burst.prober == FIRST_PROBER else view.legs,
                skipped=view.skipped,
                dns=view.dns,
                clock_stepped=world.clock_stepped,
                burst=view.burst,
            )
            for view in views(parts, made, legs, skipped, lookups)
        )
        return observed, end

    def experiment(self, planned: PlannedBurst, at: float) -> tuple[RoundObservation, float]:
        """One experiment, and when it is over."""
        world, burst = self.world, planned.burst
        asked = burst.experiment
        assert asked is not None
        world.begin_round(at)
        legs = [
            leg
            for endpoint in self._target(planned, at)
            for leg in declare_experiment(endpoint, asked, legs=self._legs, prober=burst.prober)
        ]
        resolutions, lookups = self._resolve(legs, at)
        most = asked.wait_seconds + asked.deadline_seconds + HANDSHAKE_SECONDS
        rule = self._patience(most, at, asked.deadline_seconds)
        made: list[LegObservation] = []
        began = at
        for place, leg in enumerate(legs):
            if asked.pause_seconds and place == len(legs) - 1:
                at += asked.pause_seconds
            one, end = world.leg(
                leg,
                resolutions[leg.connect_to],
                order=place,
                at=began if asked.at_once else at,
                patience=rule.of(read_bytes(leg), up=bool(leg.send_bytes)),
                seen_names=(),
                side_by_side=asked.reads if asked.at_once else 1,
            )
            at = max(at, end) + PAUSE_SECONDS
            made.append(one)
        observed = RoundObservation(
            id=self._id(),
            vantage=self.vantage,
            platform=planned.platform,
            kind=RoundKind.EXPERIMENT,
            family=Family.IPV4,
            started_at=began + world.wall_offset_seconds,
            duration_seconds=at - began,
            legs=tuple(made) if burst.prober == FIRST_PROBER else (),
            beside=() if burst.prober == FIRST_PROBER else tuple(made),
            dns=tuple(lookups),
            burst=burst,
        )
        return observed, at

    def _target(self, planned: PlannedBurst, at: float) -> list[Endpoint]:
        return [
            endpoint
            for endpoint in self._endpoints(at, self._platforms[planned.platform])
            if endpoint.target.name == planned.burst.target
        ]

    def _affords(self, legs: Sequence[Leg], at: float) -> bool:
        wanted = Counter(leg.connect_to for leg in legs)
        return all(
            self.state.budget.has(
                VANTAGE, leg.connect_to, at, legs=wanted[leg.connect_to], name=asked_host(leg)
            )
            for leg in legs
        )

    def _drawn(self, legs: Sequence[Leg]) -> tuple[Leg, ...]:
        def names(leg: Leg) -> Sequence[str]:
            target = marked(self._targets[leg.owner, leg.target], leg.candidate)
            return swap_names(target, self._neutral)

        return with_drawn_names(legs, names, self.world.random)

    def _patience(self, most: float, at: float, planned: float | None = None) -> RoundPatience:
        known = self.state.taken(VANTAGE, Family.IPV4)
        return RoundPatience(most, pace_of(known, at), planned)

    def _id(self) -> str:
        self._count += 1
        return f"{self._count:016x}"

    def _endpoints(self, now: float, *definitions: Definition) -> list[Endpoint]:
        found = []
        for definition in definitions:
            for target in definition.targets:
                memory = self.state.memory(VANTAGE, definition.name, target.name)
                closed = partial(self.state.budget.closed, VANTAGE, now=now)
                candidate, now_object = object_now(target, memory, now, closed=closed)
                url = "" if now_object is None else now_object.url
                key = (definition.name, target.name, mark_of(candidate), url)
                endpoint = self._endpoint_cache.get(key)
                if endpoint is None:
                    endpoint = Endpoint(definition=definition, target=candidate, object=now_object)
                    self._endpoint_cache[key] = endpoint
                found.append(endpoint)
        return found

    def _look_for(self, now: float, definition: Definition) -> None:
        """The pages of ``definition`` that are due are looked through for objects."""
        for target in definition.targets:
            for _ in candidates_of(target):
                memory = self.state.memory(VANTAGE, definition.name, target.name)
                due = page_to_ask(target, memory, now)
                if due is None:
                    break
                known = memory.of(due)
                link = self.world.link(due)
                known = after_page(known, link, now, trouble="" if link else "no link")
                self.state.remember(VANTAGE, definition.name, target.name, memory.after(due, known))

    def _has_tokens(self, endpoint: Endpoint, now: float) -> bool:
        if endpoint.object is None:
            return True
        url = endpoint.object.url
        key = (endpoint.definition.name, mark_of(endpoint.target), url)
        asked = self._asked.get(key)
        if asked is None:
            asked = (connect_name(endpoint.target, url), host_name(endpoint.target, url))
            self._asked[key] = asked
        return self.state.budget.has(VANTAGE, asked[0], now, name=asked[1])

    def _declare(
        self,
        platform: str,
        targets: Sequence[Endpoint],
        controls: Sequence[Endpoint],
        kind: RoundKind,
    ) -> tuple[tuple[Leg, ...], tuple[SkippedLeg, ...]]:
        key = (platform, kind, tuple(map(id, targets)), tuple(map(id, controls)))
        declared = self._declared.get(key)
        if declared is None:
            declared = declare(targets, controls, kind, legs=self._legs, beacon=None)
            self._declared[key] = declared
        return declared

    def _resolve(
        self, legs: Sequence[Leg], at: float
    ) -> tuple[dict[str, Resolution], list[DnsObservation]]:
        resolutions: dict[str, Resolution] = {}
        lookups = []
        trouble = self.world.resolver_trouble
        for name in sorted({leg.connect_to for leg in legs}):
            resolutions[name], asked = self.world.names.resolve(name, at, trouble=trouble)
            lookups.append(asked)
        return resolutions, lookups

    def _make(
        self,
        legs: Sequence[Leg],
        resolutions: dict[str, Resolution],
        at: float,
        rule: RoundPatience,
        pinned: Mapping[str, Resolution] | None = None,
        sparing: bool = False,
    ) -> tuple[tuple[LegObservation, ...], tuple[SkippedLeg, ...], float]:
        made: list[LegObservation] = []
        skipped: list[SkippedLeg] = []
        state, world = self.state, self.world
        # What is pinned was looked up as well, but nobody waits for it.
        waited = {leg.connect_to for leg in legs if leg.owner not in (pinned or {})}
        at += max((resolutions[name].seconds or 0.0 for name in waited), default=0.0)
        for leg in legs:
            resolution = (pinned or {}).get(leg.owner) or resolutions[leg.connect_to]
            address = resolution.address
            if address is not None and not state.budget.take(
                VANTAGE,
                leg.connect_to,
                at,
                name=asked_host(leg),
                spare=spared(leg) if sparing else 0.0,
            ):
                skipped.append(SkippedLeg(leg=leg, reason="host_budget"))
                continue
            seen: tuple[str, ...] = ()
            if address is not None:
                seen = state.ledger.seen(VANTAGE, address)
                if leg.role in _PLATFORM_NAME:
                    state.ledger.note(VANTAGE, address, leg.owner)
            observed, at = world.leg(
                leg,
                resolution,
                order=len(made),
                at=at,
                patience=rule.of(read_bytes(leg), up=bool(leg.send_bytes)),
                seen_names=seen,
            )
            at += PAUSE_SECONDS
            made.append(observed)
            if (found := taken(observed, at)) is not None:
                state.took(VANTAGE, Family.IPV4, found)
                rule.learn(found)
            if leg.prober == FIRST_PROBER and not out_of_date(observed):
                self._learn(observed, at)
        for one in filter(out_of_date, made):
            if one.leg.prober == FIRST_PROBER and clock_is_right(one, made):
                self._learn(one, at)
        return tuple(made), tuple(skipped), at

    def _learn(self, observed: LegObservation, now: float) -> None:
        leg = observed.leg
        if (wish := wish_of(observed)) is not None:
            self.state.budget.close(VANTAGE, wish.host, now, now + wish.seconds)
        if leg.role in (LegRole.TARGET, LegRole.CONTROL):
            candidate = marked(self._targets[leg.owner, leg.target], leg.candidate)
            memory = self.state.memory(VANTAGE, leg.owner, leg.target)
            known = memory.of(candidate)
            after = after_answer(candidate, known, observed, now)
            if after is not known:
                remembered = memory.after(candidate, after)
                self.state.remember(VANTAGE, leg.owner, leg.target, remembered)
