"""Recording rules: verdicts of a fleet's vantages to networks, countries, scopes.

The same computation as ``probe/nation/``, step by step; a test holds both together on random
histories. Rules of a group are evaluated in order, each sees what those before it recorded. All of
them aggregate by ``drill``, which only a drill's series carry, so a drill never mixes with
what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from probe.config.schema import NationConfig
from probe.model.finding import SCOPE_CODE, FindingKind, Scope
from probe.nation.sight import (
    TOLERANCE,
    hold_steps,
    hold_window,
)
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_transport as names_transport
from probe.publish.rules.affected_rules import (
    AFFECTED_VANTAGE,
    NETWORK,
    ONSET_VANTAGE,
    SIDES,
    SILENT,
    SLOT,
    VANTAGES,
    sides,
    vantages,
)
from probe.publish.rules.known_vantages import DARK, KNOWN, PRESENT, VOTING, known
from probe.publish.rules.reference_rules import (
    PLACE,
    REFERENCE,
    by_servers_clock,
    references,
)
from probe.publish.rules.rule_parts import (
    OF_ITS_OWN,
    SAID,
    TCP,
    Recording,
    window,
)

_COUNTRY = "country, platform, transport, kind, drill"
_ABROAD = "platform, transport, kind, drill"
_RESTRICTED = FindingKind.RESTRICTED.value

VOTER = "vantage:throttlewatch_voter_affected:max"
VOTERS = "asn:throttlewatch_voters:count"
WEIGHT = "asn:throttlewatch_weight:max"
AFFECTED_NETWORK = "asn:throttlewatch_affected:bool"
ONSET_NETWORK = "asn:throttlewatch_onset_timestamp_seconds:median"
AFFECTED_VANTAGES = "country:throttlewatch_affected_vantages:sum"
COVERED_NETWORKS = "country:throttlewatch_covered_networks:count"
AFFECTED_NETWORKS = "country:throttlewatch_affected_networks:sum"
UPSTREAMS = "country:throttlewatch_affected_upstreams:count"
COVERED_WEIGHT = "country:throttlewatch_covered_weight:sum"
SHARE = "country:throttlewatch_affected:share"
HEARD = "country:throttlewatch_heard:ratio"
COVERAGE = "country:throttlewatch_coverage:ratio"
WIDE = "country:throttlewatch_wide:bool"
HELD = "country:throttlewatch_wide_held:bool"
SCOPE = "country:throttlewatch_scope:code"
ONSET = "country:throttlewatch_onset_timestamp_seconds:median"
SPREAD = "country:throttlewatch_onset_spread_seconds:range"
JOINED = "country:throttlewatch_joined_onset_timestamp_seconds:median"
CONTROLS = "country:throttlewatch_controls:count"
TOGETHER = "country:throttlewatch_together:bool"
SYSTEMATIC_WITH = "country:throttlewatch_systematic_with:bool"
SYSTEMATIC = "country:throttlewatch_systematic:bool"


def recordings(
    thresholds: NationConfig,
    platforms: Iterable[str],
    operators: Mapping[str, str] | None = None,
) -> tuple[Recording, ...]:
    """Every recording rule, in the order in which they must be evaluated. ``operators``: who runs
    each platform (one that is not there is its own)."""
    run_by = {platform: (operators or {}).get(platform, platform) for platform in platforms}
    return (
        *known(thresholds),
        _said(),
        *references(thresholds),
        _onset(),
        *vantages(),
        *_networks(thresholds),
        *_countries(thresholds),
        *_onsets(thresholds, run_by),
        Recording(record=SCOPE, expr=_scope(thresholds)),
    )


def _said() -> Recording:
    """What each says, one series for each: the rules after it read this, and not one series for
    every state there is. What is found over another transport stands beside it."""
    beside = f"{names_transport.INFO.name}{{{OF_ITS_OWN}}}"
    return Recording(
        record=SAID,
        expr=(
            f"max by ({PLACE}, state) ({names.VERDICT_STATE.name} == 1)\n"
            f"or max by ({PLACE}, state) ({beside})"
        ),
    )


def _networks(thresholds: NationConfig) -> Iterator[Recording]:
    there = f"max by (country, asn, drill) ({KNOWN} >= 0)"
    yield Recording(
        record=WEIGHT,
        expr="\nor ".join(
            (
                *(
                    f"{there.replace(KNOWN, KNOWN + selector)} * 0 + {weight!r}"
                    for asn, weight in sorted(thresholds.weights.items())
                    for selector in [f'{{asn="{asn}"}}']
                ),
                f"{there} * 0 + {thresholds.other_weight!r}",
            )
        ),
    )
    counted = f"and on (country, asn, drill) {WEIGHT}"
    silent = f'{AFFECTED_VANTAGE}{{kind="{SILENT}"}}'
    yield Recording(
        record=VOTER,
        expr=f"({AFFECTED_VANTAGE}{{{VOTING}}} == 1) {counted}\nor ({silent} == 1)",
    )
    yield from sides()
    yield Recording(
        record=VOTERS,
        expr=f"sum by ({NETWORK}) ({SIDES}) {counted}\nor count by ({NETWORK}) ({silent})",
    )
    # Half of a network says neither: it is as if it were not heard.
    affected = f"(count by ({NETWORK}) ({VOTER}) or {VOTERS} * 0)"
    yield Recording(record=AFFECTED_NETWORK, expr=f"({affected} / {VOTERS} != 0.5) > bool 0.5")


def _onset() -> Recording:
    since = (
        f"(max by (vantage, platform, drill) ({names.VERDICT_SINCE.name})\n"
        f"or max by ({SLOT}) ({names_transport.SINCE.name}\n"
        f"and on (instance, {SLOT}) {names_transport.INFO.name}{{{OF_ITS_OWN}}}))"
    )
    return Recording(
        record=ONSET_VANTAGE,
        expr=f"{by_servers_clock(since)}\nor max by (vantage, drill) ({DARK})",
    )


def _countries(thresholds: NationConfig) -> Iterator[Recording]:
    none = f"{VANTAGES} * 0"
    weighed = f"* on (country, asn, drill) group_left () {WEIGHT}"
    yield Recording(
        record=AFFECTED_VANTAGES,
        expr=f"sum by ({_COUNTRY}) ({AFFECTED_VANTAGE}) or {none}",
    )
    yield Recording(
        record=COVERED_NETWORKS,
        expr=f"count by ({_COUNTRY}) ({AFFECTED_NETWORK}) or {none}",
    )
    yield Recording(
        record=AFFECTED_NETWORKS,
        expr=f"sum by ({_COUNTRY}) ({AFFECTED_NETWORK}) or {none}",
    )
    struck = f"{VOTER} and on ({NETWORK}) ({AFFECTED_NETWORK} == 1)"
    yield Recording(
        record=UPSTREAMS,
        expr=(
            f"count by ({_COUNTRY}) (count by ({_COUNTRY}, upstream) (({struck})\n"
            f"* on (vantage, drill) group_left (upstream) {KNOWN}))"
        ),
    )
    yield Recording(
        record=COVERED_WEIGHT,
        expr=f"sum by ({_COUNTRY}) (({AFFECTED_NETWORK} * 0 + 1) {weighed}) or {none}",
    )
    yield Recording(
        record=SHARE,
        expr=f"sum by ({_COUNTRY}) ({AFFECTED_NETWORK} {weighed}) / ({COVERED_WEIGHT} > 0)",
    )
    total = f"sum by (country, drill) ({WEIGHT})"
    if thresholds.total_weight is not None:
        total = f"({total} * 0 + {thresholds.total_weight!r})"
    yield Recording(
        record=COVERAGE, expr=f"{COVERED_WEIGHT} / on (country, drill) group_left () {total}"
    )
    there = f"sum by (country, drill) ({WEIGHT}"
    yield Recording(
        record=HEARD,
        expr=(f"{there} and on (country, asn, drill) {PRESENT}) / {there})\nor {there}) * 0"),
    )
    yield Recording(
        record=WIDE,
        expr=(
            f"({none} + 1\n"
            f"and ({AFFECTED_NETWORKS} >= {thresholds.min_networks})\n"
            f"and ({UPSTREAMS} >= {thresholds.min_upstreams})\n"
            f"and ({SHARE} >= {thresholds.min_share - TOLERANCE!r})\n"
            f"and ({COVERAGE} >= {thresholds.min_coverage - TOLERANCE!r})\n"
            f"unless on ({_ABROAD}) ({REFERENCE} == 0))\n"
            f"or {none}"
        ),
    )
    hold = window(hold_window(thresholds))
    yield Recording(
        record=HELD,
        expr=(
            f"((min_over_time({WIDE}[{hold}]) == bool 1)\n"
            f"* (count_over_time({WIDE}[{hold}]) >= bool {hold_steps(thresholds) + 1}))\n"
            f"and {VANTAGES}"
        ),
    )


def _onsets(thresholds: NationConfig, platforms: Mapping[str, str]) -> Iterator[Recording]:
    yield Recording(
        record=ONSET_NETWORK,
        expr=(
            f"quantile by ({NETWORK}) (0.5, {VOTER} * 0\n"
            f"+ on ({SLOT}) group_left () {ONSET_VANTAGE})\n"
            f"and ({AFFECTED_NETWORK} == 1)"
        ),
    )
    yield Recording(record=ONSET, expr=f"quantile by ({_COUNTRY}) (0.5, {ONSET_NETWORK})")
    yield Recording(
        record=SPREAD,
        expr=f"max by ({_COUNTRY}) ({ONSET_NETWORK}) - min by ({_COUNTRY}) ({ONSET_NETWORK})",
    )
    # What began together is asked of TCP alone: of no other transport is it told with which
    # controls it was compared.
    only = f'{{kind="{_RESTRICTED}", {TCP}}}'
    near = (
        f"abs({ONSET_NETWORK}{only} - on ({_COUNTRY}) group_left () {ONSET}{only}) "
        f"<= {thresholds.onset_window / 2!r}"
    )
    for operator, run in _by_operator(platforms):
        of = f'{{kind="{_RESTRICTED}", {TCP}, platform=~"{"|".join(run)}"}}'
        yield Recording(
            record=JOINED,
            expr=(
                f"{ONSET}{of}\n"
                f"and (count by ({_COUNTRY}) ({near}) >= {thresholds.min_networks})\n"
                f"and ({UPSTREAMS} >= {thresholds.min_upstreams})\n"
                f"unless on ({_ABROAD}) ({REFERENCE} == 0)"
            ),
            labels={"operator": operator},
        )
    struck = f"({VOTER}{only} and on ({NETWORK}) ({AFFECTED_NETWORK} == 1))"
    yield Recording(
        record=CONTROLS,
        expr=(
            "count by (country, platform, control, drill) (\n"
            "group by (country, platform, control, vantage, drill) (\n"
            f"{names.VERDICT_CONTROL.name}\n"
            "* on (vantage, platform, drill) group_left (country)\n"
            f"max by (country, vantage, platform, drill) {struck}))"
        ),
        labels={"kind": _RESTRICTED},
    )
    yield from _together(thresholds, platforms)


def _by_operator(platforms: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for platform, operator in platforms.items():
        found.setdefault(operator, []).append(platform)
    return list(found.items())


def _together(thresholds: NationConfig, platforms: Iterable[str]) -> Iterator[Recording]:
    """For each platform: which began no earlier than it, and soon after. PromQL cannot compare all
    pairs of a vector, so there is a rule for each."""
    least = thresholds.systematic_platforms
    platforms = tuple(platforms)
    whole = "country, kind, drill"
    for platform in platforms:
        yield Recording(
            record=TOGETHER,
            expr=(
                f'({JOINED} - on ({whole}) group_left () {JOINED}{{platform="{platform}"}}\n'
                f">= 0 <= {float(thresholds.onset_window)!r}) * 0 + 1"
            ),
            labels={"first": platform},
        )
    for platform in platforms:
        together = f'{TOGETHER}{{first="{platform}"}}'
        yield Recording(
            record=SYSTEMATIC_WITH,
            expr=(
                f"{together}\n"
                f"and on ({whole}) (count by ({whole}) (count by ({whole}, operator) "
                f"({together})) >= {least})\n"
                f"and on ({whole}) (count by ({whole}) (count by ({whole}, control) "
                f"({CONTROLS} and on ({_COUNTRY}) {together})) >= {least})"
            ),
            labels={"first": platform},
        )
    yield Recording(
        record=SYSTEMATIC,
        expr=(
            f"max by ({_COUNTRY}) ({SYSTEMATIC_WITH})\n"
            f'or {VANTAGES}{{kind="{_RESTRICTED}", {TCP}}} * 0'
        ),
    )


def _scope(thresholds: NationConfig) -> str:
    """The ladder of ``probe/nation/country.py``: the first that holds."""

    def rung(scope: Scope, condition: str) -> str:
        return f"({VANTAGES} * 0 + {SCOPE_CODE[scope]} {condition})".replace("+ -", "- ")

    rungs = (
        rung(Scope.INSUFFICIENT, f"and ({COVERED_NETWORKS} < {thresholds.min_networks})"),
        rung(Scope.NONE, f"and on ({_ABROAD}) ({REFERENCE} == 0)"),
        rung(Scope.NATION, f'and ({HELD}{{kind!="{FindingKind.IMPAIRED.value}"}} == 1)'),
        rung(Scope.PARTIAL, f"and ({AFFECTED_NETWORKS} >= 2)"),
        rung(Scope.NETWORK, f"and ({AFFECTED_NETWORKS} == 1)"),
        rung(Scope.VANTAGE, f"and ({AFFECTED_VANTAGES} > 0)"),
        rung(
            Scope.INSUFFICIENT,
            f"unless ({COVERAGE} >= {thresholds.min_coverage - TOLERANCE!r})",
        ),
        rung(Scope.NONE, ""),
    )
    return "\nor ".join(rungs)
