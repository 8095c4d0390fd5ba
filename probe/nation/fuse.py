"""One step of the grid: what was heard in, findings out, and the memory for the next step.

``throttlewatch rules`` renders the same computation for Prometheus (probe/publish/rules/); a test
holds both together on random histories. Whoever changes one changes the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probe.config.schema import NationConfig
from probe.model.finding import Finding, FindingKind
from probe.model.identity import Role
from probe.nation.abroad import abroad_of
from probe.nation.country import Tally, Weights, climb, tally
from probe.nation.finding_words import sentence
from probe.nation.fusion_memory import FindingKey, FusionMemory, set_aside
from probe.nation.networks import by_vantage, networks
from probe.nation.sight import BESIDE_KINDS, VERDICT_KINDS, Reading, Sight
from probe.nation.silence import Silence, notice, silent_in
from probe.nation.systematic import systematic


def fuse(
    memory: FusionMemory,
    sight: Sight,
    thresholds: NationConfig,
    *,
    titles: Mapping[str, str] | None = None,
    operators: Mapping[str, str] | None = None,
) -> tuple[FusionMemory, tuple[Finding, ...]]:
    """The findings at ``sight.at``: one per country, platform and kind of which a vantage inside
    has a verdict (an ``unknown`` one too), of restrictions and impairments one more for each
    transport beside TCP that was judged, by its own readings alone, and one per country in which
    most vantages fell silent together. ``titles`` are the platforms' names for people,
    ``operators`` who runs each."""
    memory = memory.hear(sight, thresholds)
    memory, silence = notice(memory, sight, thresholds)
    tallies = _tallies(memory, sight, thresholds) | _silent(memory, silence, thresholds)
    memory = memory.note(
        sight.at, {key: of.wide(thresholds) for key, of in tallies.items()}, thresholds
    )
    together = _systematic(tallies, thresholds, operators or {})
    findings = [
        sentence(
            finding_of(
                key,
                of,
                sight.at,
                memory.held(key, sight.at, thresholds),
                key in together,
                thresholds,
                beside=tallies.get((*key[:4], "")) if key[4] else None,
            ),
            (titles or {}).get(key[1], key[1]),
        )
        for key, of in tallies.items()
    ]
    return memory, tuple(sorted(findings, key=_order))


def _tallies(
    memory: FusionMemory, sight: Sight, thresholds: NationConfig
) -> dict[FindingKey, Tally]:
    aside = set_aside(memory.claims)
    abroad: dict[tuple[str, bool, str], list[Reading]] = {}
    inside: dict[tuple[str, str, bool, str], list[Reading]] = {}
    for reading in sight.readings:
        vantage = reading.vantage
        if vantage.role is Role.REFERENCE:
            slot = (reading.platform, reading.drill, reading.transport)
            abroad.setdefault(slot, []).append(reading)
        else:
            place = (vantage.country, reading.platform, reading.drill, reading.transport)
            inside.setdefault(place, []).append(reading)
    tallies = {}
    for (country, platform, drill, transport), readings in inside.items():
        known = memory.networks(country, drill)
        weights = Weights.of(known, thresholds)
        vantages = len(by_vantage(readings))
        heard = by_vantage(r for r in readings if (r.vantage.name, r.drill) not in aside)
        voters = {v: several for v, several in heard.items() if several[0].in_network}
        references = by_vantage(abroad.get((platform, drill, transport), ()))
        for kind in BESIDE_KINDS if transport else VERDICT_KINDS:
            outside = abroad_of(references, kind, thresholds, sight.at)
            tallies[(country, platform, kind, drill, transport)] = tally(
                heard,
                networks(voters, kind, known, outside),
                kind,
                weights,
                outside,
                vantages=vantages,
                block_factor=thresholds.block_factor,
            )
    return tallies


def _silent(
    memory: FusionMemory, silence: Silence, thresholds: NationConfig
) -> dict[FindingKey, Tally]:
    return {
        (country, "", FindingKind.SILENT, False, ""): silent_in(
            silence, country, Weights.of(memory.networks(country, False), thresholds)
        )
        for country in silence.countries
    }


def _systematic(
    tallies: Mapping[FindingKey, Tally], thresholds: NationConfig, operators: Mapping[str, str]
) -> set[FindingKey]:
    by_country: dict[tuple[str, bool], dict[str, Tally]] = {}
    for (country, platform, kind, drill, transport), of in tallies.items():
        if kind is FindingKind.RESTRICTED and not transport:
            by_country.setdefault((country, drill), {})[platform] = of
    return {
        (country, platform, FindingKind.RESTRICTED, drill, "")
        for (country, drill), several in by_country.items()
        for platform in systematic(several, thresholds, operators)
    }


def finding_of(
    key: FindingKey,
    of: Tally,
    at: float,
    held: bool,
    together: bool,
    thresholds: NationConfig,
    *,
    beside: Tally | None = None,
) -> Finding:
    """What ``of`` comes to ``at`` (Unix seconds), without its sentence. ``held``: it has been wide
    for long enough; ``together``: with other platforms; ``beside``: what is so over TCP."""
    country, platform, kind, drill, transport = key
    scope, reasons = climb(of, held, thresholds)
    return Finding(
        at=at,
        country=country,
        platform=platform,
        kind=kind,
        scope=scope,
        sentence="",
        reasons=reasons,
        affected_share=of.share,
        coverage=of.coverage,
        covered_asns=tuple(network.asn for network in of.networks),
        affected_asns=tuple(network.asn for network in of.affected),
        vantages=of.vantages,
        affected_vantages=of.affected_vantages,
        reference=of.reference,
        since=of.since,
        onset_spread_seconds=max(of.onsets) - min(of.onsets) if of.onsets else None,
        factor=of.factor,
        wide=of.wide(thresholds),
        systematic=together,
        drill=drill,
        onset_first_at=min(of.onsets, default=None),
        divided_asns=of.divided,
        upstreams=of.upstreams,
        weighed=of.weighed,
        transport=transport,
        tcp_affected=None if beside is None else len(beside.affected),
        tcp_covered=None if beside is None else len(beside.networks),
    )


def _order(finding: Finding) -> tuple[bool, str, str, str, str]:
    over = finding.transport
    return finding.drill, finding.country, finding.kind.value, finding.platform, over


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The finding that matters most: what reaches furthest, restrictions before the rest, and what
    is so over TCP before what is so beside it."""
    return max(findings, key=_weight, default=None)


def _weight(finding: Finding) -> tuple[int, bool, bool, float]:
    order = ("none", "insufficient", "vantage", "network", "partial", "nation")
    restricted = finding.kind is FindingKind.RESTRICTED
    share = finding.affected_share or 0.0
    return order.index(finding.scope.value), restricted, not finding.transport, share
