"""Alerts over the recorded series: each once for what is measured, and once for drills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probe.config.schema import NationConfig
from probe.model.finding import SCOPE_CODE, FindingKind, Scope
from probe.model.identity import Role
from probe.model.object_record import Why
from probe.model.verdict import RESTRICTED, State
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_line as names_line
from probe.publish.metrics import metric_names_target as names_target
from probe.publish.rules import recording_rules, reference_rules
from probe.publish.rules.alert_numbers import COUNTRY, networks, title, together
from probe.publish.rules.known_vantages import ASIDE
from probe.publish.rules.rule_parts import SAID, TCP, Alert, states_text

BESIDE_TCP = 'transport!=""'
DRILL = "DRILL"
DRILL_MATCHER = "<drill>"


def alerts(thresholds: NationConfig, titles: Mapping[str, str] | None = None) -> Iterator[Alert]:
    """What is alerted. Words follow docs/safety.md: what is seen, never who did it.

    ``titles``: what people call each platform.
    """
    platform = title(titles or {})
    where = f"{platform} in {COUNTRY}"
    counted = networks(FindingKind.RESTRICTED.value)
    nation, partial = SCOPE_CODE[Scope.NATION], SCOPE_CODE[Scope.PARTIAL]
    restricted = _at(FindingKind.RESTRICTED)
    reference = (
        f"on (platform, kind, drill) ({reference_rules.REFERENCE}{{{TCP}, {DRILL_MATCHER}}} == 1)"
    )
    yield Alert(
        name="ThrottlewatchNation",
        expr=f"{restricted} == {nation} and {reference}",
        hold="1m",
        severity="critical",
        summary=f"{where}: throttled or blocked nation-wide",
        description=counted
        + (
            "Most of the country's networks that are measured see it throttled or blocked, and "
            "have for a while; vantages abroad reach it as always. Read the runbook before you "
            "publish."
        ),
    )
    yield Alert(
        name="ThrottlewatchNationWithoutReference",
        expr=f"{restricted} == {nation} unless {reference}",
        hold="1m",
        severity="critical",
        summary=f"{where}: consistent with nation-wide throttling or blocking",
        description=counted
        + (
            "Most of the country's networks that are measured see it throttled or blocked, and "
            "have for a while. No vantage abroad measures it, so it may be failing everywhere: "
            "look from outside before you say more."
        ),
    )
    yield Alert(
        name="ThrottlewatchSystematic",
        expr=f"{recording_rules.SYSTEMATIC}{{{DRILL_MATCHER}}} == 1",
        hold="1m",
        severity="critical",
        summary=f"{where}: began together with other platforms",
        description=counted
        + (
            f"Began together: {together(titles or {})}. Several platforms began to be throttled "
            "or blocked within minutes of one another, in several networks, judged by different "
            "controls. Faults of single platforms do not look like that."
        ),
    )
    yield Alert(
        name="ThrottlewatchPartial",
        expr=f"{restricted} == {partial}",
        hold="10m",
        severity="warning",
        summary=f"{where}: throttled or blocked in several networks",
        description=counted
        + (
            "Several networks see it, but not enough of the country, not for long enough, or not "
            "enough of the country is heard."
        ),
    )
    yield Alert(
        name="ThrottlewatchNetwork",
        expr=f"{restricted} == {SCOPE_CODE[Scope.NETWORK]}",
        hold="30m",
        severity="info",
        summary=f"{where}: throttled or blocked in one network",
        description=counted
        + "One network sees it and the others do not: its fault, or its restriction.",
    )
    yield Alert(
        name="ThrottlewatchVantage",
        expr=(
            f"{_at(FindingKind.RESTRICTED, recording_rules.AFFECTED_VANTAGES)} > 0\n"
            f"and {restricted} <= {SCOPE_CODE[Scope.VANTAGE]}\n"
            f"unless on (platform, kind, drill) "
            f"({reference_rules.REFERENCE}{{{TCP}, {DRILL_MATCHER}}} == 0)"
        ),
        hold="5m",
        severity="warning",
        summary=f"{where}: throttled or blocked at a vantage",
        description=(
            "{{ $value }} vantages have proven it, and that is not the majority of a network, or "
            "too few networks are heard to say more: one line, one home, or the beginning."
        ),
    )
    yield Alert(
        name="ThrottlewatchImpaired",
        expr=_impaired(TCP),
        hold="5m",
        severity="warning",
        summary=f"{where}: slow or failing while other sites are fine, here or everywhere",
        description=(
            "It is proven at {{ $value }} vantages, and nothing rules out that the platform itself "
            "is the cause: it accuses nobody. Look from outside before you say where."
        ),
    )
    yield from _over_transports(platform, counted)
    for kind, words in (
        (FindingKind.DEGRADED, "lines are slow nation-wide, controls included"),
        (FindingKind.OFFLINE, "lines are offline nation-wide"),
    ):
        yield Alert(
            name=f"ThrottlewatchNation{kind.value.capitalize()}",
            expr=f"{_at(kind)} == {nation}",
            hold="1m",
            severity="critical",
            summary=f"{COUNTRY}: {words} (seen at {platform})",
            description=(
                "This names no platform: everything is affected. A power cut, a cut cable and a "
                "shutdown look alike from here."
            ),
        )
    yield Alert(
        name="ThrottlewatchSilent",
        expr=f"{_at(FindingKind.SILENT)} >= {partial}",
        hold="1m",
        severity="critical",
        summary="{{ $labels.country }}: most vantages went silent within minutes",
        description=(
            "They were heard until then, and none since. A shutdown, a power cut and a fault of "
            "the way to this server look alike from here: a country that is cut off tells nobody."
        ),
    )
    yield Alert(
        name="ThrottlewatchFailsAbroad",
        expr=(
            f"{reference_rules.REFERENCE}"
            f'{{kind="{FindingKind.RESTRICTED.value}", {TCP}, {DRILL_MATCHER}}} == 0'
        ),
        hold="10m",
        severity="info",
        summary=f"{platform} fails at the reference vantages as well",
        description=(
            "While it does, nothing is said about any country: what fails everywhere is not "
            "national."
        ),
    )
    yield Alert(
        name="ThrottlewatchCoverageLow",
        expr=(
            f"min by (country, drill) (max by (country, platform, drill) "
            f"({recording_rules.COVERAGE}"
            f'{{kind=~"{FindingKind.RESTRICTED.value}|{FindingKind.IMPAIRED.value}", '
            f"{TCP}, {DRILL_MATCHER}}})) < {thresholds.min_coverage!r}\n"
            f"or {recording_rules.HEARD}{{{DRILL_MATCHER}}} < {thresholds.min_coverage!r}"
        ),
        hold="30m",
        severity="warning",
        summary="{{ $labels.country }}: too few of the known networks are heard",
        description=(
            "Vantages are silent, offline or undecided. Absent data is neither fine nor affected: "
            "a national event cannot be seen until they are back. Those that will not come back "
            "belong into nation.gone."
        ),
    )
    yield _curtain()
    yield _rotten()
    yield Alert(
        name="ThrottlewatchVantageInTwoNetworks",
        expr=f"{ASIDE}{{{DRILL_MATCHER}}} > 1",
        hold="5m",
        severity="warning",
        summary="vantage {{ $labels.vantage }} claims two networks and counts for neither",
        description=(
            "Two vantages of the fleet have the same name, or one changed its configured asn or "
            "country."
        ),
    )


def _curtain() -> Alert:
    """The sites of one operator alone are so, at some vantages of a country. A vantage that claims
    two places is counted in one of them, since a join over both would end the rule."""
    hung = "max by (vantage, operator, kind, drill)"
    place = "topk by (vantage, drill) (1, max by (country, vantage, drill)"
    return Alert(
        name="ThrottlewatchCurtain",
        expr=(
            "count by (country, operator, kind, drill) (\n"
            f"({hung} ({names_line.CURTAIN_SITES.name}{{{DRILL_MATCHER}}}) > 0)\n"
            "* on (vantage, drill) group_left (country) "
            f"{place} ({names.VANTAGE_INFO.name}{{{DRILL_MATCHER}}})))"
        ),
        hold="10m",
        severity="warning",
        summary=f"{COUNTRY}: sites at {{{{ $labels.operator }}}} alone are {{{{ $labels.kind }}}}",
        description=(
            "So it is at {{ $value }} vantages, while sites of other operators are fine there. "
            "Whoever slows or cuts a whole network (a content network, a cloud) looks like this, "
            "and so does trouble of that operator's own near there. Platforms are compared with "
            "the others meanwhile, and no platform in that network is accused of it by its name."
        ),
    )


def _over_transports(platform: str, counted: str) -> Iterator[Alert]:
    """What is so over a transport beside TCP, by what was measured over it alone."""
    where = f"{platform} over {{{{ $labels.transport }}}} in {COUNTRY}"
    apart = (
        "That is what was measured so alone, over QUIC or of what is sent (`upload`), and says "
        "nothing of what comes down over TCP, to which browsers and apps fall back where QUIC "
        "fails: look at what is said of that."
    )
    for name, scope, hold, severity, words in (
        ("Nation", Scope.NATION, "1m", "critical", "most networks"),
        ("Partial", Scope.PARTIAL, "10m", "warning", "several networks"),
        ("Network", Scope.NETWORK, "30m", "info", "one network"),
    ):
        yield Alert(
            name=f"Throttlewatch{name}OverTransport",
            expr=f"{_at(FindingKind.RESTRICTED, over=BESIDE_TCP)} == {SCOPE_CODE[scope]}",
            hold=hold,
            severity=severity,
            summary=f"{where}: throttled or blocked in {words}",
            description=counted + apart,
        )
    yield Alert(
        name="ThrottlewatchImpairedOverTransport",
        expr=_impaired(BESIDE_TCP, "transport"),
        hold="5m",
        severity="warning",
        summary=f"{where}: slow or failing while other sites are fine over it, here or everywhere",
        description=(
            "It is proven at {{ $value }} vantages, and nothing rules out that the platform itself "
            f"is the cause: it accuses nobody. {apart}"
        ),
    )


def _rotten() -> Alert:
    """What the configuration names gives nothing any more. Where it is only not reached, and the
    platform may be restricted, it counts if it is so everywhere, references included."""
    one = "platform, control, target, drill"
    rotten, unreached = names_target.ROTTEN.name, Why.UNREACHED.value
    restricted = states_text({*RESTRICTED, State.IMPAIRED, State.OFFLINE})
    return Alert(
        name="ThrottlewatchTargetRotten",
        expr=(
            f'max by ({one}) ({rotten}{{reason!="{unreached}", {DRILL_MATCHER}}}) == 1\n'
            f"or max by ({one}) ({rotten}{{{DRILL_MATCHER}}} unless on (vantage, platform, drill) "
            f'({names.VERDICT_STATE.name}{{state=~"{restricted}", {DRILL_MATCHER}}} == 1)) == 1\n'
            f"or (min by ({one}) ({rotten}{{{DRILL_MATCHER}}}) == 1\n"
            f"and on ({one}) "
            f'{rotten}{{role="{Role.REFERENCE.value}", {DRILL_MATCHER}}} == 1)'
        ),
        hold="10m",
        severity="warning",
        summary=(
            "{{ $labels.platform }}{{ $labels.control }}/{{ $labels.target }}: nothing can be read"
        ),
        description=(
            "For hours none of its candidates gave an object: its own servers say that they are "
            "gone, or they are not reached and no restriction is known, or they are reached "
            "nowhere. Handshakes go on being tested, reads do not. `throttlewatch check --online` "
            "says what each candidate gives."
        ),
    )


def _impaired(over: str, *more: str) -> str:
    """At how many vantages, over what ``over`` selects; ``more``: labels that are told apart."""
    slot = ", ".join(("platform", *more, "drill"))
    return (
        f"count by (country, {slot}) (group by (country, vantage, {slot}) ({SAID}"
        f'{{{over}, role="inside", state="{State.IMPAIRED.value}", {DRILL_MATCHER}}}))'
    )


def _at(kind: FindingKind, series: str = recording_rules.SCOPE, over: str = TCP) -> str:
    return f'{series}{{kind="{kind.value}", {over}, {DRILL_MATCHER}}}'
