"""A finding as one sentence for a person. It never says who did it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from probe.config import probers
from probe.model.finding import Finding, FindingKind, Incident, Reference, Scope

_STATE = {
    FindingKind.RESTRICTED: "throttled or blocked",
    FindingKind.IMPAIRED: "impaired",
    FindingKind.DEGRADED: "slow with everything else on the line",
    FindingKind.OFFLINE: "out of reach with everything else on the line",
}
# Of these the line is at fault, wherever it is so: nothing is said of the platform.
_OF_THE_LINE = (FindingKind.DEGRADED, FindingKind.OFFLINE)


def sentence(finding: Finding, title: str) -> Finding:
    """The finding with its sentence; ``title`` is the platform's name for people."""
    drill = "DRILL, an exercise: " if finding.drill else ""
    what = f"{title} {over_words(finding.transport)}" if finding.transport else title
    said = f"{_says(finding, what)}{_over_tcp(finding, what)}"
    return replace(finding, sentence=f"{drill}{finding.country}: {said}.")


def when_over(incident: Incident, moment: Callable[[float], str] | None = None) -> str:
    """The sentence of the incident's height, in words that stay true when it is over. ``moment``
    writes Unix seconds for people; else it is UTC."""
    if incident.height_at is None:
        return f"What was found: {incident.sentence}"
    when = (moment or _when)(incident.height_at)
    return f"What was found at its height on {when}: {incident.height_sentence}"


def only_like(scope: Scope, reference: Reference) -> bool:
    """Whether what is seen is no more than consistent with what it looks like: so far as a country
    is meant, and no vantage abroad finds the platform fine. Whoever says a finding in words, long
    or short, asks this."""
    return scope is Scope.NATION and reference is not Reference.FINE


def over_words(transport: str) -> str:
    """``over QUIC``."""
    prober = probers.BY_NAME.get(transport)
    return f"over {transport}" if prober is None else prober.about


def _over_tcp(f: Finding, what: str) -> str:
    """Beside what is affected over another transport: how it is over TCP, and what that means for
    people."""
    if not f.transport or not f.affected_asns or f.reference is Reference.FAILING:
        return ""
    if probers.goes_up(f.transport):
        return _comes_down(f)
    if not f.tcp_covered:
        return "; over TCP no network says whether it is so"
    state = _STATE[f.kind]
    if f.tcp_affected:
        return f"; over TCP it is {state} in {f.tcp_affected} of {_networks(f.tcp_covered)}"
    return (
        f"; over TCP, to which browsers and apps fall back, it is {state} in 0 of "
        f"{_networks(f.tcp_covered)}"
    )


def _comes_down(f: Finding) -> str:
    """Beside what is affected of what is sent: how what comes down is."""
    if not f.tcp_covered:
        return "; of what comes down from it no network says whether it is so"
    among = f"{f.tcp_affected} of {_networks(f.tcp_covered)}"
    return f"; what comes down from it is {_STATE[f.kind]} in {among}"


def _says(f: Finding, title: str) -> str:
    if f.kind is FindingKind.SILENT:
        return _silent(f)
    what = f"{title} is {_STATE[f.kind]}"
    if "references_fail_too" in f.reasons:
        fails = what if f.kind in _OF_THE_LINE else f"{title} fails"
        too = " as well" if f.affected_vantages else ""
        return (
            f"{fails} at the reference vantages abroad{too}, so nothing is said about the country"
        )
    if f.scope is Scope.INSUFFICIENT:
        return _insufficient(f, title)
    if f.scope is Scope.NONE:
        return f"{what} in 0 of {_networks(len(f.covered_asns))}{_coverage(f)}{_divided(f)}"
    if f.scope is Scope.VANTAGE:
        few = "vantage" if f.affected_vantages == 1 else "vantages"
        return (
            f"{what} at {f.affected_vantages} {few}, and in no network at most of its vantages"
            f"{_divided(f)}"
        )
    if f.scope is Scope.NATION:
        return f"{_nation(f, title)}, {_numbers(f)}{_together(f)}{_divided(f)}{_without(f)}"
    if f.kind is FindingKind.IMPAIRED:
        return f"{what} in {_numbers(f)}{_coverage(f)}{_divided(f)}{_whose(f, title)}"
    besides = f"{_together(f)}{_divided(f)}{_without(f)}{_waiting(f)}"
    return f"{what} in {_numbers(f)}{_coverage(f)}{besides}"


def _silent(f: Finding) -> str:
    """Whoever fell silent together; nobody can say why."""
    count = f"{f.affected_vantages} of {f.vantages} vantages"
    first, spread = f.onset_first_at, f.onset_spread_seconds
    when = ""
    if first is not None and spread is not None:
        last = _when(first + spread)
        same = _when(first) == last
        when = f" at {last}" if same else f" between {_when(first)} and {last}"
    upstream = ", one upstream" if "one_upstream" in f.reasons else ""
    return (
        f"{count} went silent{when}, in {_networks(len(f.affected_asns))}{upstream}, and have not "
        "been heard since; a shutdown, a power cut and a fault of the way to whoever hears them "
        "look alike from here"
    )


def _whose(f: Finding, title: str) -> str:
    if f.reference is Reference.FINE:
        return "; reference vantages abroad find nothing wrong with it"
    nobody = (
        "reference vantages abroad disagree"
        if f.reference is Reference.DIVIDED
        else ("nobody has looked from outside")
    )
    whose = "the platform" if f.transport else title
    return f"; it may be {whose}'s own outage: {nobody}"


def _divided(f: Finding) -> str:
    count = len(f.divided_asns)
    if not count:
        return ""
    return f"; half of the vantages of {'one network' if count == 1 else f'{count} networks'} more"


def _nation(f: Finding, title: str) -> str:
    if only_like(f.scope, f.reference):
        return f"what is seen of {title} is consistent with its being {_STATE[f.kind]} nation-wide"
    return f"{title} is {_STATE[f.kind]} nation-wide"


def _numbers(f: Finding) -> str:
    share = f.affected_share or 0.0
    alike = share < 1.0 and not f.weighed
    told = "each counts alike" if alike else f"{share:.0%} of their weight"
    upstream = ", one upstream" if "one_upstream" in f.reasons else ""
    count = f"{len(f.affected_asns)} of {_networks(len(f.covered_asns))} ({told}){upstream}"
    return f"{count}, since {_when(f.since)}" if f.since is not None else count


def _insufficient(f: Finding, title: str) -> str:
    heard = _networks(len(f.covered_asns))
    if "low_coverage" in f.reasons:
        return f"insufficient coverage: {title} was judged in {heard}{_coverage(f)}"
    seen = ""
    if f.affected_asns:
        seen = f"; {title} is {_STATE[f.kind]} in {len(f.affected_asns)} of them"
    return f"insufficient coverage: {title} was judged in {heard}, too few for a country{seen}"


def _coverage(f: Finding) -> str:
    """A clause of its own: what stands beside a number of affected networks is read as of them."""
    if f.coverage is None:
        return ""
    weight = " by their weight" if f.weighed else ""
    return f"; {f.coverage:.0%} of the known networks{weight} were judged"


def _together(f: Finding) -> str:
    return ", together with other platforms within minutes" if f.systematic else ""


def _without(f: Finding) -> str:
    if "references_divided" in f.reasons:
        return "; the reference vantages abroad disagree"
    return "; no reference vantage abroad to compare with" if "no_reference" in f.reasons else ""


def _waiting(f: Finding) -> str:
    return "; nation-wide if it lasts" if "not_held_yet" in f.reasons else ""


def _networks(count: int) -> str:
    return "1 network" if count == 1 else f"{count} networks"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
