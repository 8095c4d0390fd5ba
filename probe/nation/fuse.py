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
from probe.nation.sight import VERDICT_KINDS, Reading, Sight
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
    has a verdict (an ``unknown`` one too), and one per country in which most vantages fell silent
    together. ``titles`` are the platforms' names for people, ``operators`` who runs each."""
    memory = memory.hear(sight, thresholds)
    memory, silence = notice(memory, sight, thresholds)
    tallies = _tallies(memory, sight, thresholds) | _silent(memory, silence, thresholds)
    memory = memory.note(
        sight.at, {key: of.wide(thresholds) for key, of in tallies.items()}, thresholds
    )
    together = _systematic(tallies, thresholds, operators or {})
    findings = [
        _finding(
            key,
            of,
            sight.at,
            memory.held(key, sight.at, thresholds),
            key in together,
            thresholds,
            titles or {},
        )
        for key, of in tallies.items()
    ]
    return memory, tuple(sorted(findings, key=_order))


def _tallies(
    memory: FusionMemory, sight: Sight, thresholds: NationConfig
) -> dict[FindingKey, Tally]:
    aside = set_aside(memory.claims)
    abroad: dict[tuple[str, bool], list[Reading]] = {}
    inside: dict[tuple[str, str, bool], list[Reading]] = {}
    for reading in sight.readings:
        vantage = reading.vantage
        if vantage.role is Role.REFERENCE:
            abroad.setdefault((reading.platform, reading.drill), []).append(reading)
        else:
            place = (vantage.country, reading.platform, reading.drill)
            inside.setdefault(place, []).append(reading)
    tallies = {}
    for (country, platform, drill), readings in inside.items():
        known = memory.networks(country, drill)
        weights = Weights.of(known, thresholds)
        vantages = len(by_vantage(readings))
        heard = by_vantage(r for r in readings if (r.vantage.name, r.drill) not in aside)
        voters = {v: several for v, several in heard.items() if several[0].in_network}
        references = by_vantage(abroad.get((platform, drill), ()))
        for kind in VERDICT_KINDS:
            outside = abroad_of(references, kind, thresholds)
            tallies[(country, platform, kind, drill)] = tally(
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
        (country, "", FindingKind.SILENT, False): silent_in(
            silence, country, Weights.of(memory.networks(country, False), thresholds)
        )
        for country in silence.countries
    }


def _systematic(
    tallies: Mapping[FindingKey, Tally], thresholds: NationConfig, operators: Mapping[str, str]
) -> set[FindingKey]:
    by_country: dict[tuple[str, bool], dict[str, Tally]] = {}
    for (country, platform, kind, drill), of in tallies.items():
        if kind is FindingKind.RESTRICTED:
            by_country.setdefault((country, drill), {})[platform] = of
    return {
        (country, platform, FindingKind.RESTRICTED, drill)
        for (country, drill), several in by_country.items()
        for platform in systematic(several, thresholds, operators)
    }


def _finding(
    key: FindingKey,
    of: Tally,
    at: float,
    held: bool,
    together: bool,
    thresholds: NationConfig,
    titles: Mapping[str, str],
) -> Finding:
    country, platform, kind, drill = key
    scope, reasons = climb(of, held, thresholds)
    finding = Finding(
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
    )
    return sentence(finding, titles.get(platform, platform))


def _order(finding: Finding) -> tuple[bool, str, str, str]:
    return finding.drill, finding.country, finding.kind.value, finding.platform


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The finding that matters most: what reaches furthest, restrictions before the rest."""
    return max(findings, key=_weight, default=None)


def _weight(finding: Finding) -> tuple[int, bool, float]:
    order = ("none", "insufficient", "vantage", "network", "partial", "nation")
    restricted = finding.kind is FindingKind.RESTRICTED
    return order.index(finding.scope.value), restricted, finding.affected_share or 0.0
