"""Findings as the engine's rules recorded them: series in, the values that ``probe/nation/`` makes
out. Pure. The rules and ``probe/nation/`` say the same (a test holds both together), so the scope
is theirs, and the reasons and the sentence are those of the daemon."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.hub.engine_query import RecordedSeries
from probe.model.finding import SCOPE_CODE, Finding, FindingKind, Reference
from probe.nation.country import Tally
from probe.nation.finding_words import sentence
from probe.nation.fuse import finding_of
from probe.nation.networks import Network
from probe.nation.sight import (
    GRID_SECONDS,
    REFERENCE_FAILING,
    REFERENCE_FINE,
    SLOW_ABROAD,
    VERDICT_KINDS,
)
from probe.publish.metrics import metric_names as names
from probe.publish.rules import affected_rules, reference_rules
from probe.publish.rules import recording_rules as recorded

AsksEngine = Callable[[str], tuple[RecordedSeries, ...]]
"""Gives the series of a query over the time that is looked at, at each step of the grid."""

_Place = tuple[str, str, str]
"""Country, platform, kind."""
# No drill, and TCP: what other transports' series say is not on the page.
MEASURED = 'drill="", transport=""'
_MEASURED = f"{{{MEASURED}}}"
_SCOPES = {code: scope for scope, code in SCOPE_CODE.items()}
_COUNTRY = re.compile(r"[A-Z]{2}")
_ASN = re.compile(r"[1-9][0-9]{0,9}")
_KINDS = {kind.value for kind in FindingKind}
_PLAIN = (
    recorded.SCOPE,
    recorded.SHARE,
    recorded.COVERAGE,
    affected_rules.VANTAGES,
    recorded.AFFECTED_VANTAGES,
    recorded.UPSTREAMS,
    recorded.SYSTEMATIC,
    recorded.HELD,
)
_SLOT = "country, vantage, platform"


def looking(kind: FindingKind) -> str:
    """Where any vantage abroad says something of a platform, be it fine or failing: without a
    series of ``REFERENCE`` they disagree, or are too few."""
    abroad = 'role="reference", drill=""'
    says = "|".join(sorted(REFERENCE_FINE[kind] | REFERENCE_FAILING[kind]))
    found = f'{names.VERDICT_STATE.name}{{{abroad}, state=~"{says}"}} == 1'
    if SLOW_ABROAD[kind]:
        unknown = f'{names.VERDICT_STATE.name}{{{abroad}, state="unknown"}} == 1'
        info = f'{names.VERDICT_INFO.name}{{reason=~"{"|".join(sorted(SLOW_ABROAD[kind]))}"}}'
        found += f"\nor ({unknown} and on (vantage, platform, drill) {info})"
    return f"count by (platform) ({found})"


def factor_query(most: float) -> str:
    """As ``probe/nation/country.py`` counts: the median over vantages inside that are affected; a
    block counts as ``most``, which caps every other."""
    slower = f'max by ({_SLOT}) ({names.VERDICT_SLOWDOWN.name}{{drill=""}})'
    blocked = f'max by ({_SLOT}) ({names.VERDICT_STATE.name}{{drill="", state="blocked"}} == 1)'
    affected = f'{affected_rules.AFFECTED_VANTAGE}{{{MEASURED}, kind="restricted"}} == 1'
    return (
        f"quantile by (country, platform) (0.5, (clamp_max({slower}, {most!r})\n"
        f"or {blocked} * 0 + {most!r})\nand on (vantage, platform) ({affected}))"
    )


_Table = dict[_Place, dict[int, float]]
NetworkTable = dict[_Place, dict[int, dict[int, float]]]
"""By place, step (its number) and network."""


def findings_by_step(
    asks: AsksEngine, thresholds: NationConfig, titles: Mapping[str, str]
) -> dict[int, list[Finding]]:
    """The findings at each step of the 60 s grid (by its number) at which the rules said
    anything, in the order of time."""
    plain = {name: _countries(asks(name + _MEASURED)) for name in _PLAIN}
    affected = networks_of(asks(recorded.AFFECTED_NETWORK + _MEASURED))
    voters = networks_of(asks(recorded.VOTERS + _MEASURED))
    onsets = networks_of(asks(recorded.ONSET_NETWORK + _MEASURED))
    references = _references(asks)
    weights = _weights(asks(recorded.WEIGHT + _MEASURED))
    factors = _countries(asks(factor_query(thresholds.block_factor)), kind="restricted")
    found: dict[int, list[Finding]] = {}
    for place, steps in plain[recorded.SCOPE].items():
        country, platform, kind = place
        # A vantage may say the name of any platform; the fleet's are those of its configuration.
        if platform != "" if kind == FindingKind.SILENT.value else platform not in titles:
            continue
        for step, code in steps.items():
            if code not in _SCOPES:
                continue

            def of(name: str, place: _Place = place, step: int = step) -> float | None:
                return plain[name].get(place, {}).get(step)

            said = affected.get(place, {}).get(step, {})
            of_network = onsets.get(place, {}).get(step, {})
            struck = sorted(asn for asn, value in said.items() if value)
            # How many upstreams there are is recorded, and not which.
            upstreams = frozenset(f"{i}" for i in range(int(of(recorded.UPSTREAMS) or 0)))
            networks = tuple(
                Network(
                    asn=asn,
                    affected=bool(value),
                    onset=of_network.get(asn),
                    upstreams=upstreams if asn in struck[:1] else frozenset(),
                )
                for asn, value in sorted(said.items())
            )
            tally = Tally(
                kind=FindingKind(kind),
                networks=networks,
                share=of(recorded.SHARE),
                coverage=of(recorded.COVERAGE),
                vantages=int(of(affected_rules.VANTAGES) or 0),
                affected_vantages=int(of(recorded.AFFECTED_VANTAGES) or 0),
                reference=references.get((platform, kind), {}).get(step, Reference.ABSENT),
                factor=factors.get(place, {}).get(step),
                divided=tuple(sorted(set(voters.get(place, {}).get(step, {})) - set(said))),
                weighed=len(weights.get(country, {}).get(step, ())) > 1,
            )
            finding = finding_of(
                (country, platform, FindingKind(kind), False, ""),
                tally,
                step * GRID_SECONDS,
                bool(of(recorded.HELD)),
                bool(of(recorded.SYSTEMATIC)),
                thresholds,
            )
            # Which scope it is was recorded, too.
            finding = replace(finding, scope=_SCOPES[int(code)])
            title = titles.get(platform, platform)
            found.setdefault(step, []).append(sentence(finding, title))
    return dict(sorted(found.items()))


def _place(labels: Mapping[str, str], kind: str = "") -> _Place | None:
    """Of which country, platform and kind a series is; ``None``: of none that is known here."""
    country, kind = labels.get("country", ""), kind or labels.get("kind", "")
    if not _COUNTRY.fullmatch(country) or kind not in _KINDS:
        return None
    return country, labels.get("platform", ""), kind


def _countries(several: tuple[RecordedSeries, ...], kind: str = "") -> _Table:
    found: _Table = {}
    for series in several:
        if (place := _place(series.metric, kind)) is not None:
            found[place] = series.by_step(GRID_SECONDS)
    return found


def networks_of(
    several: tuple[RecordedSeries, ...], step_seconds: float = GRID_SECONDS
) -> NetworkTable:
    """The numbers of networks, of those series that are of one."""
    found: NetworkTable = {}
    for series in several:
        place, asn = _place(series.metric), series.metric.get("asn", "")
        if place is None or not _ASN.fullmatch(asn):
            continue
        for step, value in series.by_step(step_seconds).items():
            found.setdefault(place, {}).setdefault(step, {})[int(asn)] = value
    return found


def _references(asks: AsksEngine) -> dict[tuple[str, str], dict[int, Reference]]:
    found: dict[tuple[str, str], dict[int, Reference]] = {}
    for kind in VERDICT_KINDS:
        for series in asks(looking(kind)):
            steps = dict.fromkeys(series.by_step(GRID_SECONDS), Reference.DIVIDED)
            found[series.metric.get("platform", ""), kind.value] = steps
    for series in asks(reference_rules.REFERENCE + _MEASURED):
        of = found.setdefault(
            (series.metric.get("platform", ""), series.metric.get("kind", "")), {}
        )
        for step, value in series.by_step(GRID_SECONDS).items():
            of[step] = Reference.FINE if value else Reference.FAILING
    return found


def _weights(several: tuple[RecordedSeries, ...]) -> dict[str, dict[int, set[float]]]:
    found: dict[str, dict[int, set[float]]] = {}
    for series in several:
        steps = found.setdefault(series.metric.get("country", ""), {})
        for step, value in series.by_step(GRID_SECONDS).items():
            steps.setdefault(step, set()).add(value)
    return found
