"""Networks to a country: shares, coverage, upstreams, and how far it reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import median

from msgspec import Struct

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind, Reference, Scope
from probe.model.identity import Vantage
from probe.nation.abroad import Abroad
from probe.nation.networks import Network, says
from probe.nation.sight import TOLERANCE, Reading


class Weights(Struct, frozen=True, kw_only=True):
    """The weights of a country's known networks. ``total`` is what they are compared with."""

    by_asn: Mapping[int, float]
    total: float

    @classmethod
    def of(cls, known: Iterable[int], thresholds: NationConfig) -> Weights:
        """The configured weights of ``known`` networks."""
        by_asn = {
            asn: thresholds.weights.get(str(asn), thresholds.other_weight) for asn in sorted(known)
        }
        total = thresholds.total_weight
        return cls(by_asn=by_asn, total=sum(by_asn.values()) if total is None else total)


class Tally(Struct, frozen=True, kw_only=True):
    """The numbers of one country, platform and kind at one step. ``networks`` were heard;
    ``divided`` are those that say neither."""

    kind: FindingKind
    networks: tuple[Network, ...]
    share: float | None
    coverage: float | None
    vantages: int
    affected_vantages: int
    reference: Reference
    factor: float | None = None
    divided: tuple[int, ...] = ()
    weighed: bool = False

    @property
    def affected(self) -> tuple[Network, ...]:
        """The networks that are affected."""
        return tuple(network for network in self.networks if network.affected)

    @property
    def onsets(self) -> tuple[float, ...]:
        """The onsets of the affected networks."""
        return tuple(n.onset for n in self.networks if n.affected and n.onset is not None)

    @property
    def upstreams(self) -> int:
        """How many different upstreams the affected networks have."""
        return len(frozenset[str]().union(*(network.upstreams for network in self.networks)))

    @property
    def since(self) -> float | None:
        """The median of the onsets of the networks that are affected (Unix seconds)."""
        return median(self.onsets) if self.onsets else None

    def wide(self, thresholds: NationConfig) -> bool:
        """Whether most of the country is affected at this step."""
        return (
            len(self.affected) >= thresholds.min_networks
            and self.upstreams >= thresholds.min_upstreams
            and _reaches(self.share, thresholds.min_share)
            and _reaches(self.coverage, thresholds.min_coverage)
            and self.reference is not Reference.FAILING
        )


def tally(
    heard: Mapping[Vantage, tuple[Reading, ...]],
    found: tuple[Network, ...],
    kind: FindingKind,
    weights: Weights,
    abroad: Abroad,
    *,
    vantages: int,
    block_factor: float,
) -> Tally:
    """Add up. ``heard`` are all vantages inside, ``found`` the networks of which something is
    said."""
    struck = [several for several in heard.values() if says(several, kind, abroad)]
    factors = [f for several in struck for f in _factors(several, block_factor)]
    return total(
        found,
        kind,
        weights,
        abroad,
        vantages=vantages,
        affected_vantages=len(struck),
        factor=median(factors) if factors else None,
    )


def total(
    found: tuple[Network, ...],
    kind: FindingKind,
    weights: Weights,
    abroad: Abroad,
    *,
    vantages: int,
    affected_vantages: int,
    factor: float | None = None,
) -> Tally:
    """The shares of ``found``. A divided network counts as if it were not heard."""
    decided = tuple(network for network in found if not network.divided)
    covered = sum(weights.by_asn[network.asn] for network in decided)
    affected = sum(weights.by_asn[network.asn] for network in decided if network.affected)
    return Tally(
        kind=kind,
        networks=decided,
        divided=tuple(network.asn for network in found if network.divided),
        weighed=len(set(weights.by_asn.values())) > 1,
        share=affected / covered if covered > 0 else None,
        coverage=covered / weights.total if weights.by_asn else None,
        vantages=vantages,
        affected_vantages=affected_vantages,
        reference=abroad.reference,
        factor=factor,
    )


class ScopeRung(Struct, frozen=True, kw_only=True):
    """A scope, and when it is said. ``reason`` is why it is not a larger one."""

    scope: Scope
    reason: str
    holds: Callable[[Tally, bool, NationConfig], bool]


# The first that holds speaks; the last one always does.
LADDER: tuple[ScopeRung, ...] = (
    ScopeRung(
        scope=Scope.INSUFFICIENT,
        reason="too_few_networks",
        holds=lambda t, held, c: len(t.networks) < c.min_networks,
    ),
    ScopeRung(
        scope=Scope.NONE,
        reason="references_fail_too",
        holds=lambda t, held, c: t.reference is Reference.FAILING,
    ),
    # What may be so everywhere is no country's, however many of its networks see it.
    ScopeRung(
        scope=Scope.NATION,
        reason="",
        holds=lambda t, held, c: held and t.kind is not FindingKind.IMPAIRED,
    ),
    ScopeRung(
        scope=Scope.PARTIAL,
        reason="several_networks",
        holds=lambda t, held, c: len(t.affected) >= 2,
    ),
    ScopeRung(
        scope=Scope.NETWORK, reason="one_network", holds=lambda t, held, c: len(t.affected) == 1
    ),
    ScopeRung(
        scope=Scope.VANTAGE,
        reason="no_majority_in_any_network",
        holds=lambda t, held, c: t.affected_vantages > 0,
    ),
    ScopeRung(
        scope=Scope.INSUFFICIENT,
        reason="low_coverage",
        holds=lambda t, held, c: not _reaches(t.coverage, c.min_coverage),
    ),
    ScopeRung(scope=Scope.NONE, reason="nothing_affected", holds=lambda t, held, c: True),
)


def climb(of: Tally, held: bool, thresholds: NationConfig) -> tuple[Scope, tuple[str, ...]]:
    """The scope, and every reason for which it is not a larger one."""
    rung = next(rung for rung in LADDER if rung.holds(of, held, thresholds))
    reasons = [rung.reason] if rung.reason else []
    if rung.scope is Scope.PARTIAL:
        if len(of.affected) < thresholds.min_networks:
            reasons.append("too_few_affected")
        if of.upstreams < thresholds.min_upstreams:
            reasons.append("one_upstream" if of.upstreams == 1 else "few_upstreams")
        if not _reaches(of.share, thresholds.min_share):
            reasons.append("small_share")
        if not _reaches(of.coverage, thresholds.min_coverage):
            reasons.append("low_coverage")
        if of.kind is FindingKind.IMPAIRED:
            reasons.append("no_basis")
        elif of.wide(thresholds):
            reasons.append("not_held_yet")
    if of.divided:
        reasons.append("divided_networks")
    if of.kind is FindingKind.SILENT:
        return rung.scope, tuple(reasons)
    if of.reference is Reference.ABSENT:
        reasons.append("no_reference")
    if of.reference is Reference.DIVIDED:
        reasons.append("references_divided")
    return rung.scope, tuple(reasons)


def _reaches(value: float | None, least: float) -> bool:
    return value is not None and value >= least - TOLERANCE


def _factors(readings: tuple[Reading, ...], block_factor: float) -> list[float]:
    """How many times slower a vantage is; a block has no factor of its own."""
    return [
        block_factor if reading.factor is None else min(reading.factor, block_factor)
        for reading in readings
        if reading.factor is not None or reading.state == "blocked"
    ]
