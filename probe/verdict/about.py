"""What the verdict has to know of the configuration, and of what others saw. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from probe.config.candidates import candidates_of, mark_of
from probe.config.definition import Definition, Target, UsualPace
from probe.config.handful import with_whole_pool
from probe.config.probers import Prober, used
from probe.config.schema import Config
from probe.model.identity import FIRST_PROBER, Access, Answer, Compares, Family, LegRole, Role
from probe.model.observation import Leg, RoundObservation
from probe.model.verdict import Verdict
from probe.verdict.thresholds import DEFAULT, Thresholds

# What a reference vantage saw longer ago than this many transfer intervals is no news...
REFERENCE_INTERVALS = 2.5
# ...unless it is busy: its next verdict waits for a burst of so many legs, which may all time out.
BURST_LEGS = 9


class TargetFacts(Struct, frozen=True, kw_only=True):
    """One endpoint of the platform: ``host`` is what is connected to (empty: discovered), and what
    its swap compares (``None``: it has no swap). ``swaps``: what those of its candidates do, by
    their marks, where it is not the same of all. ``reads``: it has an object that is read.
    ``viewers_cache``: it is the cache that viewers are sent to. ``pace``: what is known of it from
    other lines of this kind."""

    name: str
    host: str = ""
    reads: bool = False
    swap: Compares | None = None
    swaps: dict[str, Compares | None] = {}
    viewers_cache: bool = False
    pace: UsualPace | None = None

    def asked(self, mark: str) -> TargetFacts:
        """The same of the candidate with this mark."""
        swap = self.swaps.get(mark, self.swap)
        return self if swap is self.swap else replace(self, swap=swap)


class ControlFacts(Struct, frozen=True, kw_only=True):
    """One endpoint of a control; ``name`` is ``owner/target``, ``min_bytes`` what it can give."""

    name: str
    operator: str
    foreign: bool = True
    min_bytes: int = 0


class Lane(Struct, frozen=True, kw_only=True):
    """What the configuration says of one transport beside TCP: the targets and controls that speak
    it. ``prober`` makes its legs; ``over`` is how a sentence calls it (``over QUIC``), and
    ``direction`` whither the bytes go that are compared (``down``, ``up``)."""

    prober: str
    over: str
    direction: str = "down"
    targets: tuple[TargetFacts, ...] = ()
    controls: tuple[ControlFacts, ...] = ()


class About(Struct, frozen=True, kw_only=True):
    """All that ``decide`` needs beside the observations.

    ``families``: those that take turns. ``operators``: who runs each platform, by its name, and
    ``titles``: how people call it.
    ``ranges``: the networks of those who run controls, by operator, as far as they are known.
    ``references``: the latest verdicts on this platform from vantages outside the country, as far
    as they are fresh; ``has_references``: whether any is configured. ``transfer_seconds``: the
    interval of rounds that read. ``silent``: by family, the controls (``owner/target``) that
    did not answer when they were asked last, or are behind a curtain. ``outside``: this vantage
    is one itself.
    ``may_burst``: whether bursts can be made at all (``throttlewatch once`` makes none).
    ``tls_stack`` names the client's TLS library, for censors that discriminate by fingerprint.
    ``prober`` is whose legs are judged, and ``direction`` whither their bytes go; ``lanes`` are the
    transports that are judged beside them.
    """

    title: str
    families: tuple[Family, ...] = (Family.IPV4,)
    targets: tuple[TargetFacts, ...] = ()
    controls: tuple[ControlFacts, ...] = ()
    operators: dict[str, str] = {}
    titles: dict[str, str] = {}
    ranges: dict[str, tuple[str, ...]] = {}
    transfer_bytes: int = 65_536
    long_bytes: int = 524_288
    transfer_seconds: float = 900.0
    transfer_deadline: float = 30.0
    long_deadline: float = 60.0
    light_deadline: float = 15.0
    references: tuple[Verdict, ...] = ()
    has_references: bool = False
    silent: dict[Family, frozenset[str]] = {}
    outside: bool = False
    may_burst: bool = True
    tls_stack: str = ""
    thresholds: Thresholds = DEFAULT
    prober: str = FIRST_PROBER
    direction: str = "down"
    lanes: tuple[Lane, ...] = ()

    @property
    def domestic(self) -> frozenset[str]:
        """The controls inside the country, as ``owner/target``."""
        return frozenset(control.name for control in self.controls if not control.foreign)

    def target(self, name: str) -> TargetFacts:
        """What is known of a target; an unknown one has no swap."""
        return next((t for t in self.targets if t.name == name), TargetFacts(name=name))

    def reads(self, leg: Leg) -> bool:
        """Whether ``leg`` is about a target or control that has an object which is read."""
        if leg.role is LegRole.TARGET:
            return self.target(leg.target).reads
        name = f"{leg.owner}/{leg.target}"
        return any(one.min_bytes > 0 for one in self.controls if one.name == name)

    def of(self, observed: RoundObservation) -> About:
        """With the candidates that ``observed`` has asked."""
        if not any(target.swaps for target in self.targets):
            return self
        asked = {leg.leg.target: leg.leg.candidate for leg in observed.by_role(LegRole.TARGET)}
        return replace(self, targets=tuple(t.asked(asked.get(t.name, "")) for t in self.targets))


def operators_of(config: Config) -> dict[str, str]:
    """Who runs each platform, by its name; one that does not say is not there."""
    return {one.name: one.operator for one in config.platforms if one.operator}


def ranges_of(config: Config) -> dict[str, tuple[str, ...]]:
    """The networks of each operator of controls, be they drawn or not."""
    found: dict[str, tuple[str, ...]] = {}
    for one in with_whole_pool(config).controls:
        if one.ranges:
            name = one.operator or one.name
            found[name] = (*found.get(name, ()), *one.ranges)
    return found


@lru_cache(maxsize=8_192)  # each round asks again for the same few
def within(address: str, ranges: tuple[str, ...]) -> bool:
    """Whether ``address`` is in one of these networks."""
    ip = ip_address(address)
    return any(ip in ip_network(one) for one in ranges)


def reference_seconds(config: Config) -> float:
    """For how long what a reference vantage saw is news."""
    settings = config.settings
    busy = BURST_LEGS * float(settings.legs.transfer_deadline)
    return REFERENCE_INTERVALS * float(settings.schedule.transfer) + busy


def references_of(
    config: Config, vantage: str, verdicts: Iterable[Verdict], now: float
) -> tuple[Verdict, ...]:
    """Those of ``verdicts`` that are fresh enough to tell ``vantage`` what is so outside; none
    where it is a reference itself."""
    if is_outside(config, vantage):
        return ()
    oldest = now - reference_seconds(config)
    return tuple(verdict for verdict in verdicts if verdict.at >= oldest)


def has_references(config: Config, vantage: str) -> bool:
    """Whether anybody looks from outside, for a vantage that does not itself."""
    roles = {one.role for one in config.settings.vantages}
    looked = Role.REFERENCE in roles or bool(config.settings.outside)
    return looked and not is_outside(config, vantage)


def is_outside(config: Config, vantage: str) -> bool:
    """Whether a vantage stands outside the country."""
    return any(
        one.name == vantage and one.role is Role.REFERENCE for one in config.settings.vantages
    )


def control_facts(config: Config, prober: Prober | None = None) -> tuple[ControlFacts, ...]:
    """The endpoints of the controls that are measured; by ``prober``, those that speak with it."""
    return tuple(
        ControlFacts(
            name=f"{control.name}/{target.name}",
            operator=control.operator or control.name,
            foreign=control.scope == "foreign",
            min_bytes=_bytes(target),
        )
        for control in config.controls
        for target in control.targets
        if prober is None or prober.speaks(target)
    )


def _lanes(config: Config, platform: Definition) -> tuple[Lane, ...]:
    """The transports beside TCP that the platform is judged over: those of which there are targets
    and controls."""
    found = []
    for prober in used(config.settings):
        if not prober.judged:
            continue
        up = prober.direction == "up"
        facts = _sent_to if up else _target
        targets = tuple(facts(one) for one in platform.targets if prober.speaks(one))
        controls = control_facts(config, prober)
        if up:
            most = int(config.settings.legs.long_bytes)
            controls = tuple(replace(one, min_bytes=most) for one in controls)
        if targets and controls:
            found.append(
                Lane(
                    prober=prober.name,
                    over=prober.about,
                    direction=prober.direction,
                    targets=targets,
                    controls=controls,
                )
            )
    return tuple(found)


def _sent_to(target: Target) -> TargetFacts:
    """A target that takes a body: as large a one as is sent, whatever it has to be read, and under
    the neutral name of a swap that is expected to answer, too."""
    found = _target(target)
    first = candidates_of(target)[0]
    takes = first.swap is not None and first.swap.answer is Answer.EXPECTED
    return replace(found, reads=True, swap=Compares.GOODPUT if takes else None, swaps={})


def about(
    config: Config,
    platform: Definition,
    *,
    references: tuple[Verdict, ...] = (),
    has_references: bool = False,
    outside: bool = False,
    may_burst: bool = True,
    tls_stack: str = "",
    families: tuple[Family, ...] = (),
    vantage: str = "",
) -> About:
    """What ``config`` says about ``platform`` at ``vantage`` (empty: at any). ``families``: those
    that rounds are made over (none given: all that are configured)."""
    access = next((v.access for v in config.settings.vantages if v.name == vantage), None)
    legs = config.settings.legs
    return About(
        title=platform.title,
        families=families or config.settings.families,
        targets=tuple(_target(one, _pace(platform, one.name, access)) for one in platform.targets),
        controls=control_facts(config),
        operators=operators_of(config),
        titles={one.name: one.title for one in config.platforms},
        ranges=ranges_of(config),
        transfer_bytes=int(legs.transfer_bytes),
        long_bytes=int(legs.long_bytes),
        transfer_seconds=float(config.settings.schedule.transfer),
        transfer_deadline=float(legs.transfer_deadline),
        long_deadline=float(legs.long_deadline),
        light_deadline=float(legs.light_deadline),
        references=references,
        has_references=has_references,
        outside=outside,
        may_burst=may_burst,
        tls_stack=tls_stack,
        lanes=_lanes(config, platform),
    )


def _bytes(target: Target) -> int:
    """What its first object can give to be read."""
    read = target.compares is Compares.GOODPUT
    return int(candidates_of(target)[0].min_bytes) if read else 0


def _pace(platform: Definition, target: str, access: Access | None) -> UsualPace | None:
    """What is known of the target from other lines of this kind, else from lines of any."""
    found = {one.access: one for one in platform.paces if one.target == target}
    return found.get(access, found.get(None))


def _target(target: Target, pace: UsualPace | None = None) -> TargetFacts:
    first, *_ = every = candidates_of(target)
    host = first.connect_to or (urlsplit(first.url).hostname if first.url else "") or ""
    swaps = {mark_of(one): one.swap.compares if one.swap else None for one in every}
    return TargetFacts(
        name=target.name,
        host=host,
        reads=target.compares is Compares.GOODPUT,
        swap=swaps[mark_of(first)],
        swaps=swaps if len(set(swaps.values())) > 1 else {},
        viewers_cache=target.viewers_cache,
        pace=pace,
    )
