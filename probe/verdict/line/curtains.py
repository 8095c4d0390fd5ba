"""Curtains: the sites of one operator alone are slow, frozen or silent on this line. Pure.

Whoever restricts a whole network (a content network, a cloud) hits controls in it as well. Set
against these, a platform that is slowed would look fine; so they are no controls while that lasts,
and it is said. What decides are the last reads of each site, set against the other operators' and
not against what was normal: a curtain may hang since before the first round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, inf, log
from operator import attrgetter
from statistics import median, median_low

from msgspec import Struct
from msgspec.structs import replace

from probe.model.curtain import Curtain, CurtainKind
from probe.model.identity import Compares, Family, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.effort import READING, Measure
from probe.verdict.about import About, ControlFacts, within
from probe.verdict.line.control_reads import MOST_READS, span_seconds
from probe.verdict.normal.level import Levels
from probe.verdict.remembered.control_memory import ControlMemory, ControlRead
from probe.verdict.remembered.keys import FamilyKey, Series, family_key, family_of, of_family
from probe.verdict.remembered.memory import Memory, OpenSuspicion, Proven

LEAST_READS = 3
"""Reads in a row that show it, of an operator: one or two may have had bad luck. Ours."""
OVER_READS = 2
"""Of an operator's last four reads so many were well: it is over."""
FRESH_SECONDS = 12 * 3_600.0
"""What was longer ago is not known. Of eight sites each is read thrice in six hours at least."""
SLOW = 8.0
"""Times as long as what sites of other operators take, beyond what distance explains. Ours."""
GREW = 4.0
"""Times as long as it normally takes: a site alone that always was so slow is far away. Ours."""
FLIGHTS_OF_A_BYTE = 2.0 * 6.0 / 65_536.0
"""Twice the round trips that a bounded read takes at most, for each byte (``pace.py``): what takes
no longer than that, so far away as it is, is not slow."""
LEAST_OTHERS = 2
MOST_CURTAINS = 3
"""More operators than this are behind curtains only if as many at least are not: else it is the
line, or whoever is well is the exception."""
TOGETHER_SECONDS = 3_600.0
SHARED = 2
"""Sites of so many operators that became slow with a platform may share a congested way with it."""


class _Site(Struct, frozen=True):
    control: ControlFacts
    known: ControlMemory
    reads: tuple[ControlRead, ...]
    """The fresh ones, in the order of time."""


class _Operator(Struct, frozen=True):
    name: str
    sites: tuple[_Site, ...]
    read: tuple[_Site, ...]
    """Those that were read, and have not fallen silent since."""

    @property
    def cost(self) -> float | None:
        return self.cost_in(None)

    def cost_in(self, span: tuple[float, float] | None) -> float | None:
        """That of the reads in ``span`` (Unix seconds; ``None``: each site's last one)."""
        if span is None:
            costs = [site.reads[-1].byte for site in self.read]
        else:
            begin, end = span
            costs = [one.byte for site in self.read for one in site.reads if begin <= one.at <= end]
        return median_low(costs) if costs else None

    def least(self) -> float:
        """What the cheapest of its reads cost; no time in which it is looked at costs less."""
        return min((one.byte for site in self.read for one in site.reads), default=inf)


def noted(memory: Memory, observed: RoundObservation, about: About) -> Memory:
    """``memory`` with the curtains that hang after ``observed`` over its family. ``memory``: after
    who answered has been noted."""
    family, at = observed.family, observed.started_at
    before = {name: one for name, one in of_family(memory.curtains, family) if one.since <= at}
    span = span_seconds(about)
    operators = _operators(memory, family, at, about)
    found = _hanging(operators, before, memory.levels, observed, span)
    others = {key: one for key, one in memory.curtains.items() if family_of(key) is not family}
    curtains = {**others, **{family_key(family, one.operator): one for one in found}}
    controls = dict(memory.controls)
    for name in behind(curtains, family, about):
        key = family_key(family, name)
        if key in controls:
            # Nobody may be called as fast, or as slow, as what hangs behind one.
            controls[key] = replace(controls[key], pace=0.0, paced_at=0.0)
    return replace(memory, curtains=curtains, controls=controls)


def _operators(memory: Memory, family: Family, at: float, about: About) -> list[_Operator]:
    """The operators abroad whose sites were asked lately."""
    sites: dict[str, list[_Site]] = {}
    for control in about.controls:
        known = memory.controls.get(family_key(family, control.name))
        if known is None or not control.foreign:
            continue
        reads = tuple(one for one in known.reads if 0.0 <= at - one.at <= FRESH_SECONDS)
        sites.setdefault(control.operator, []).append(_Site(control, known, reads))
    return [_Operator(name, tuple(found), _read(found)) for name, found in sites.items()]


def _read(sites: Iterable[_Site]) -> tuple[_Site, ...]:
    return tuple([s for s in sites if s.reads and s.reads[-1].at >= s.known.silent_since])


def _hanging(
    operators: Sequence[_Operator],
    before: Mapping[str, Curtain],
    levels: Levels,
    observed: RoundObservation,
    span: float,
) -> list[Curtain]:
    found, family, at = [], observed.family, observed.started_at
    least = [operator.least() for operator in operators]
    for index, operator in enumerate(operators):
        others = [one for one in operators if one is not operator]
        hung = before.get(operator.name)
        may_be = hung is not None or _alone(operator, others, observed)
        one = _silent(operator, others, at, span) if may_be else None
        if one is None and (
            hung is not None or _may_begin(operator, least[:index] + least[index + 1 :], span)
        ):
            one = _of_reads(operator, others, hung, levels, family, span)
        if one is not None:
            found.append(one)
    behind_one = {one.operator for one in found}
    well = sum(_well(one) and one.name not in behind_one for one in operators)
    if well < LEAST_OTHERS or len(found) > max(MOST_CURTAINS, well):
        return []
    return [replace(one, others=well, family=family) for one in found]


def _well(operator: _Operator) -> bool:
    """One of its sites answers, and its last read did not stop."""
    return any(site.reads[-1].stopped is None for site in operator.read)


def _silent(
    operator: _Operator, others: Iterable[_Operator], at: float, span: float
) -> Curtain | None:
    """Several of its sites were asked, and none has answered for a while. A single one that is dead
    is none."""
    asked = [site.known for site in operator.sites]
    if len(asked) < 2 or operator.read or not all(one.silent_since for one in asked):
        return None
    since = max(one.silent_since for one in asked)
    answer = sum(
        any(site.known.answered_at > since and not site.known.silent_since for site in one.sites)
        for one in others
    )
    if at - since < span or answer < LEAST_OTHERS:
        return None
    return Curtain(
        operator=operator.name, kind=CurtainKind.SILENT, since=since, sites=len(asked), others=0
    )


def _alone(operator: _Operator, others: Iterable[_Operator], observed: RoundObservation) -> bool:
    """It was asked in this round, and a site of another answered: what fell silent with the whole
    line, and nobody has asked since, shows nothing."""
    asked = {f"{leg.leg.owner}/{leg.leg.target}" for leg in observed.by_role(LegRole.CONTROL)}
    at, sites = observed.started_at, (site for one in others for site in one.sites)
    shown = any(site.control.name in asked for site in operator.sites)
    return shown and any(site.known.answered_at == at for site in sites)


def _may_begin(operator: _Operator, others: Sequence[float], span: float) -> bool:
    """Whether its last reads could be bad for as long as they must be, if others had cost the least
    that any of their reads did (``others``): in most rounds that is all there is to ask."""
    row = _row(operator)
    if len(row) < LEAST_READS or row[-1].at - row[0].at < span:
        return False
    usual = min(others, default=inf)
    return not any(one.stopped is None and one.byte - usual <= log(SLOW) for one in row)


def _row(operator: _Operator) -> list[ControlRead]:
    """The last reads of its sites, in the order of time."""
    every = [one for site in operator.read for one in site.reads]
    return sorted(every, key=attrgetter("at"))[-LEAST_READS:]


def _of_reads(
    operator: _Operator,
    others: Iterable[_Operator],
    before: Curtain | None,
    levels: Levels,
    family: Family,
    span: float,
) -> Curtain | None:
    sites = operator.read
    row = [one.at for one in _row(operator)]
    # Set against what was read before it began, or after it ended, all that a slow line reads would
    # seem slow.
    meanwhile = (row[0], row[-1]) if before is None and row else None
    costs = [c for one in others if (c := one.cost_in(meanwhile)) is not None]
    if len(costs) < LEAST_OTHERS or not sites:
        return None
    usual, alone = median_low(costs), len(sites) == 1
    reads: list[tuple[ControlRead, bool]] = []
    for site in sites:
        normal = _normal(site, levels, family) if alone else None
        reads += [(one, _bad(one, usual, normal, alone=alone)) for one in site.reads]
    reads.sort(key=lambda pair: pair[0].at)
    last = reads[-MOST_READS:]
    if before is not None and sum(not bad for _, bad in last) >= OVER_READS:
        return None
    if before is None and not _begins(reads, {site.reads[-1] for site in sites}, span):
        return None
    shown = [one for one, bad in last if bad]
    if not shown:
        return before
    stops = [one.stopped for one in shown if one.stopped is not None]
    frozen = 2 * len(stops) > len(shown)
    made = Curtain(
        operator=operator.name,
        kind=CurtainKind.FROZEN if frozen else CurtainKind.SLOW,
        since=shown[0].at,
        well_at=max((one.at for one, bad in reads if not bad), default=0.0),
        sites=len(sites),
        others=0,
        stopped=int(median(stops)) if frozen else 0,
        times=None if frozen else exp(median(one.byte for one in shown) - usual),
    )
    if before is None:
        return made
    return replace(made, since=before.since, well_at=before.well_at)


def _begins(
    reads: Sequence[tuple[ControlRead, bool]], latest: set[ControlRead], span: float
) -> bool:
    """The last reads in a row were bad, over some time, and the last one of each site was."""
    row = reads[-LEAST_READS:]
    if len(row) < LEAST_READS or row[-1][0].at - row[0][0].at < span:
        return False
    return all(bad for _, bad in row) and all(bad for one, bad in reads if one in latest)


def _bad(read: ControlRead, usual: float, normal: float | None, *, alone: bool) -> bool:
    if read.stopped is not None:
        return True
    if read.byte - usual <= log(SLOW):
        return False
    if read.far is not None and read.byte <= read.far + log(FLIGHTS_OF_A_BYTE):
        return False
    return not alone or (normal is not None and read.byte - normal > log(GREW))


def _normal(site: _Site, levels: Levels, family: Family) -> float | None:
    owner, _, target = site.control.name.partition("/")
    level = levels.get(Series(family, LegRole.CONTROL, owner, target, Measure.TRANSFER).key)
    return level.centre if level is not None and level.known else None


def hanging(memory: Memory) -> tuple[Curtain, ...]:
    """All that hang on the line, by operator; each once, whatever family it was seen over."""
    found = {one.operator: one for one in memory.curtains.values()}
    return tuple(found[name] for name in sorted(found))


def behind(curtains: Mapping[FamilyKey, Curtain], family: Family, about: About) -> frozenset[str]:
    """The controls (``owner/target``) behind a curtain."""
    operators = {name for name, _ in of_family(curtains, family)}
    return frozenset(
        one.name for one in about.controls if one.foreign and one.operator in operators
    )


def apart(observed: RoundObservation, hidden: frozenset[str]) -> RoundObservation:
    """An ordinary round without the controls that are ``hidden`` behind a curtain; with their
    handshakes alone, if it drew no others."""
    if observed.burst is not None or not hidden:
        return observed
    controls = observed.by_role(LegRole.CONTROL)
    gone = [leg for leg in controls if f"{leg.leg.owner}/{leg.leg.target}" in hidden]
    if not gone:
        return observed
    if len(gone) < len(controls):
        return replace(observed, legs=tuple(leg for leg in observed.legs if leg not in gone))
    return replace(
        observed, legs=tuple(_handshake(leg) if leg in gone else leg for leg in observed.legs)
    )


def _handshake(leg: LegObservation) -> LegObservation:
    over = leg.failure is not None and leg.failure.phase in READING
    return replace(
        leg,
        leg=replace(leg.leg, compares=Compares.HANDSHAKE),
        failure=None if over else leg.failure,
        body_bytes=None,
        curve=(),
    )


def around(
    memory: Memory, holder: OpenSuspicion | Proven | None, observed: RoundObservation, about: About
) -> Curtain | None:
    """The curtain around what ``holder`` is about: all the addresses at which it was met lately are
    in the network of one operator behind one."""
    if holder is None or not memory.curtains:
        return None
    for name in _networks_of(memory, holder, observed, about):
        if (one := memory.curtains.get(family_key(holder.family, name))) is not None:
            return one
    return None


def shared(
    memory: Memory, holder: OpenSuspicion | Proven, observed: RoundObservation, about: About
) -> bool:
    """Whether other sites are hit with it: those in its network, or those of several operators that
    became slow with it. A way that these share with it may be congested, which nobody sees from
    outside."""
    slow = [
        one
        for _, one in of_family(memory.curtains, holder.family)
        if one.kind is CurtainKind.SLOW
        and one.well_at - TOGETHER_SECONDS <= holder.onset_at <= one.since + TOGETHER_SECONDS
    ]
    return len(slow) >= SHARED or around(memory, holder, observed, about) is not None


def network_is_well(
    memory: Memory, holder: OpenSuspicion | Proven, observed: RoundObservation, about: About
) -> bool:
    """Whether controls in the network that the platform is in have been well since it began; that
    is waited for, where there are such controls."""
    names = _networks_of(memory, holder, observed, about)
    operators = _operators(memory, holder.family, observed.started_at, about)
    sites = [site for one in operators if one.name in names for site in one.sites]
    costs = [cost for one in operators if one.name not in names and (cost := one.cost) is not None]
    usual = median_low(costs) if costs else inf

    def well(site: _Site) -> bool:
        if site.known.silent_since or site.known.answered_at < holder.onset_at:
            return False
        if holder.measure is Measure.HANDSHAKE:
            return True
        normal = _normal(site, memory.levels, holder.family)
        return any(
            one.at >= holder.onset_at
            and not _bad(one, usual, None, alone=False)
            and (normal is None or one.byte - normal <= about.thresholds.log_margin)
            for one in site.reads
        )

    return not sites or any(map(well, sites))


def _networks_of(
    memory: Memory, holder: OpenSuspicion | Proven, observed: RoundObservation, about: About
) -> tuple[str, ...]:
    """The operators of controls in whose networks all addresses are at which it was met lately: in
    this round, in the last ordinary one, and those that bear evidence."""
    legs = [leg for leg in observed.by_role(LegRole.TARGET) if leg.leg.target == holder.target]
    heard = memory.platform(observed.platform).heard
    if (last := heard.get(family_key(holder.family, holder.target))) is not None:
        legs.append(last)
    bear = holder.by_address if isinstance(holder, OpenSuspicion) else ()
    found = {leg.address for leg in legs if leg.address} | {one for one in bear if one}
    if not found:
        return ()
    return tuple(
        name
        for name, ranges in about.ranges.items()
        if all(within(address, ranges) for address in found)
    )
