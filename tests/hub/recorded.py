"""What an engine's rules record of findings: the opposite of ``probe/hub/recorded_findings.py``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from probe.hub.engine_query import RecordedSeries
from probe.hub.recorded_findings import AsksEngine
from probe.model.finding import SCOPE_CODE, Finding, FindingKind, Reference, Scope
from probe.nation.sight import GRID_SECONDS
from probe.publish.rules import affected_rules, reference_rules
from probe.publish.rules import recording_rules as recorded

Series = dict[tuple[tuple[str, str], ...], dict[int, float]]
"""By labels and step."""
STRUCK = f"count by (country, asn, platform, kind) ({recorded.VOTER}"


def series_of(findings: Iterable[Finding]) -> Series:
    """Every series, by its labels (``__name__`` too): of what is so over TCP, and no drill."""
    found: Series = defaultdict(dict)

    def put(name: str, value: float | None, step: int, **labels: str) -> None:
        if value is not None:
            key = {"__name__": name, **{k: v for k, v in labels.items() if v}}
            found[tuple(sorted(key.items()))][step] = float(value)

    for f in findings:
        if f.drill or f.transport:
            continue
        step = round(f.at / GRID_SECONDS)
        of = {"country": f.country, "platform": f.platform, "kind": f.kind.value}
        put(recorded.SCOPE, SCOPE_CODE[f.scope], step, **of)
        put(recorded.SHARE, f.affected_share, step, **of)
        put(recorded.COVERAGE, f.coverage, step, **of)
        put(affected_rules.VANTAGES, f.vantages, step, **of)
        put(recorded.AFFECTED_VANTAGES, f.affected_vantages, step, **of)
        put(recorded.UPSTREAMS, f.upstreams or None, step, **of)
        put(recorded.SYSTEMATIC, f.systematic, step, **of)
        put(recorded.HELD, f.scope is Scope.NATION, step, **of)
        for asn in (*f.covered_asns, *f.divided_asns):
            put(recorded.VOTERS, 2.0, step, asn=f"{asn}", **of)
        for asn in f.covered_asns:
            put(recorded.AFFECTED_NETWORK, asn in f.affected_asns, step, asn=f"{asn}", **of)
        for asn, onset in zip(f.affected_asns, _onsets(f), strict=False):
            put(recorded.ONSET_NETWORK, onset, step, asn=f"{asn}", **of)
            put(STRUCK, 2.0, step, asn=f"{asn}", **of)
        if f.reference in (Reference.FINE, Reference.FAILING):
            fine = f.reference is Reference.FINE
            at = {"platform": f.platform, "kind": f.kind.value}
            put(reference_rules.REFERENCE, fine, step, **at)
        if f.reference is not Reference.ABSENT:
            put(f"looking {f.kind.value}", 1.0, step, platform=f.platform)
        for number, weight in (("1", 1.0), ("2", 2.0 if f.weighed else 1.0)):
            put(recorded.WEIGHT, weight, step, country=f.country, asn=number)
        if f.kind is FindingKind.RESTRICTED:
            put("factor", f.factor, step, country=f.country, platform=f.platform)
    return found


def _onsets(f: Finding) -> list[float]:
    """As many as there are, with the finding's first, last and median."""
    if f.since is None or f.onset_first_at is None or f.onset_spread_seconds is None:
        return []
    first, last = f.onset_first_at, f.onset_first_at + f.onset_spread_seconds
    if len(f.affected_asns) == 1:
        return [first]
    return [first, *[f.since] * (len(f.affected_asns) - 2), last]


def engine_of(series: Series, looking: Mapping[str, FindingKind]) -> AsksEngine:
    """What an engine with these answers. ``looking``: the queries for who looks from abroad."""

    def asks(query: str) -> tuple[RecordedSeries, ...]:
        if query in looking:
            name = f"looking {looking[query].value}"
        elif query.startswith("quantile"):
            name = "factor" if "clamp_max" in query else "slower"
        elif query.startswith(STRUCK):
            name = STRUCK
        else:
            name = query.partition("{")[0]
        return tuple(
            RecordedSeries(
                {k: v for k, v in labels if k != "__name__"},
                tuple((step * GRID_SECONDS, f"{value!r}") for step, value in sorted(steps.items())),
            )
            for labels, steps in series.items()
            if dict(labels)["__name__"] == name
        )

    return asks
