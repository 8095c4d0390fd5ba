"""A finding as one sentence for a person. It never says who did it."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from probe.model.finding import Finding, FindingKind, Reference, Scope

_STATE = {
    FindingKind.RESTRICTED: "throttled or blocked",
    FindingKind.DEGRADED: "slow with everything else on the line",
    FindingKind.OFFLINE: "out of reach with everything else on the line",
}


def sentence(finding: Finding, title: str) -> Finding:
    """The finding with its sentence; ``title`` is the platform's name for people."""
    drill = "DRILL, an exercise: " if finding.drill else ""
    return replace(finding, sentence=f"{drill}{finding.country}: {_says(finding, title)}.")


def _says(f: Finding, title: str) -> str:
    what = f"{title} is {_STATE[f.kind]}"
    if "references_fail_too" in f.reasons:
        return (
            f"{title} fails at the reference vantages abroad as well, so nothing is said about "
            "the country"
        )
    if f.scope is Scope.INSUFFICIENT:
        return _insufficient(f, title)
    if f.scope is Scope.NONE:
        return f"{what} in none of {_networks(len(f.covered_asns))}{_coverage(f)}"
    if f.scope is Scope.VANTAGE:
        few = "vantage" if f.affected_vantages == 1 else "vantages"
        return f"{what} at {f.affected_vantages} {few}, and in no network at most of its vantages"
    if f.scope is Scope.NATION:
        return f"{_nation(f, title)}, {_numbers(f)}{_together(f)}{_without(f)}"
    return f"{what} in {_numbers(f)}{_coverage(f)}{_together(f)}{_without(f)}{_waiting(f)}"


def _nation(f: Finding, title: str) -> str:
    if f.reference is Reference.FINE:
        return f"{title} is {_STATE[f.kind]} nation-wide"
    return f"what is seen of {title} is consistent with its being {_STATE[f.kind]} nation-wide"


def _numbers(f: Finding) -> str:
    share = f"{(f.affected_share or 0.0):.0%} of their weight"
    count = f"{len(f.affected_asns)} of {_networks(len(f.covered_asns))} ({share})"
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
    return "" if f.coverage is None else f", {f.coverage:.0%} of what is known"


def _together(f: Finding) -> str:
    return ", together with other platforms within minutes" if f.systematic else ""


def _without(f: Finding) -> str:
    return "; no reference vantage abroad to compare with" if "no_reference" in f.reasons else ""


def _waiting(f: Finding) -> str:
    return "; nation-wide if it lasts" if "not_held_yet" in f.reasons else ""


def _networks(count: int) -> str:
    return "1 network" if count == 1 else f"{count} networks"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
