"""What an incident is called, in a few words: titles of notifications and pages. No more is said
than in the sentence of its finding."""

from __future__ import annotations

from probe.model.finding import FindingKind, Incident, Reference, Scope
from probe.nation.finding_words import only_like, over_words

_WHAT = {
    FindingKind.RESTRICTED: "throttled or blocked",
    FindingKind.IMPAIRED: "slow or failing",
    FindingKind.DEGRADED: "slow with everything else",
    FindingKind.OFFLINE: "out of reach with everything else",
}
_WHERE = {
    Scope.NETWORK: "in one network",
    Scope.PARTIAL: "in several networks",
    Scope.NATION: "nation-wide",
}
_SOME = "in some networks"
_FEW = f"{_SOME}, of too few to say more"
_SILENT = "most vantages fell silent within minutes"


def incident_title(incident: Incident, platform: str) -> str:
    """``X is throttled or blocked in several networks``; ``platform``: its name for people. Without
    a reference that is fine, what is seen nation-wide is no more than consistent with it."""
    drill = "Drill: " if incident.drill else ""
    if incident.kind is FindingKind.SILENT:
        return f"{drill}{_SILENT.capitalize()}"
    if incident.transport:
        # What is so over another transport is not said of TCP.
        platform = f"{platform} {over_words(incident.transport)}"
    tense = "is" if incident.closed_at is None else "was"
    what, where = _WHAT[incident.kind], _WHERE.get(incident.scope, _FEW)
    if only_like(incident.scope, incident.reference):
        seen = f"What {tense} seen of {platform} {tense} consistent with its being"
        return f"{drill}{seen} {what} nation-wide"
    return f"{drill}{platform} {tense} {what} {where}"


def words_beside(kind: FindingKind, scope: Scope, reference: Reference) -> str:
    """What stands beside a platform's name on a badge or a picture while it goes on: ``throttled or
    blocked in several networks``. As far and as surely as ``incident_title`` says it."""
    if kind is FindingKind.SILENT:
        return _SILENT
    if only_like(scope, reference):
        return f"consistent with being {_WHAT[kind]} nation-wide"
    return f"{_WHAT[kind]} {_WHERE.get(scope, _SOME)}"
