"""What is worth a notification: from verdicts and incidents to notices. Pure.

A notice has the words of the verdict as they are. It says nothing of who runs the probe: the names
in it are the configuration's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from probe.model.finding import Ending, FindingKind, Incident, Scope
from probe.model.verdict import RESTRICTED, State, TransportFinding, Verdict
from probe.nation.finding_words import when_over
from probe.nation.incident_words import incident_title
from probe.publish.state_words import HowItStands, clause


class Notice(Struct, frozen=True, kw_only=True):
    """One thing to tell: of what was so ``at`` (Unix seconds)."""

    at: float
    title: str
    text: str


class LastTold(Struct, frozen=True, kw_only=True):
    """What was last told of a restriction or an incident that has no end yet: the word for it, and
    its onset (Unix seconds)."""

    word: str
    since: float


class Restriction(Struct, frozen=True, kw_only=True):
    """What one verdict says over one transport. ``name``: the platform, and by which transport
    where that is not TCP; ``place``: the vantage, empty where there is only one."""

    key: str
    name: str
    place: str
    state: State
    at: float
    since: float
    sentence: str


# Says neither that it goes on nor that it has ended.
_NOBODY_KNOWS = frozenset({State.UNKNOWN, State.OFFLINE, State.DEGRADED})
# The same onset called otherwise is a correction, and no end.
_SAME_ONSET_SECONDS = 1.0
WIDE = frozenset({Scope.PARTIAL, Scope.NATION})


def restrictions(
    verdict: Verdict, title: str, over: Mapping[str, str], place: str
) -> Iterable[Restriction]:
    """What ``verdict`` says over each transport. ``over``: how each beside TCP is called."""
    every: tuple[Verdict | TransportFinding, ...] = (verdict, *verdict.over)
    for one in every:
        transport = one.transport if isinstance(one, TransportFinding) else ""
        yield Restriction(
            key=f"{verdict.vantage}/{verdict.platform}/{transport}",
            name=f"{title} {over.get(transport, transport)}" if transport else title,
            place=place,
            state=one.state,
            at=one.at,
            since=one.since,
            sentence=one.sentence,
        )


def of_restriction(
    one: Restriction, told: LastTold | None
) -> tuple[LastTold | None, Notice | None]:
    """What is told from now on, and the notice that says so: where a restriction begins, becomes
    another, is called otherwise, or ends. While nobody knows, nothing is told."""
    if one.state in RESTRICTED:
        now = LastTold(word=one.state.value, since=one.since)
        if told is not None and told.word == now.word:
            return told, None
        return now, _notice(one)
    if told is None or one.state in _NOBODY_KNOWS:
        return told, None
    same = abs(one.since - told.since) <= _SAME_ONSET_SECONDS
    if one.state is not State.OK and same:
        return None, _notice(one, "Corrected: ")
    return None, _notice(one)


def of_incident(
    incident: Incident,
    told: LastTold | None,
    title: str,
    *,
    least: frozenset[Scope] | None = WIDE,
) -> tuple[LastTold | None, Notice | None]:
    """The same of an incident, from where it is in several networks on: what is in one is told of
    its vantages. ``least``: from which scopes on (``None``: any)."""
    wide = least is None or incident.scope in least or incident.kind is FindingKind.SILENT
    if told is None and (not wide or incident.closed_at is not None):
        return None, None
    title = f"{incident_title(incident, title)} ({incident.country})"
    if incident.closed_at is None:
        now = LastTold(word=incident.scope.value, since=incident.since)
        if told is not None and (told.word == now.word or not wide):
            return told, None
        return now, Notice(at=incident.updated_at, title=title, text=incident.sentence)
    if incident.ending is Ending.MERGED:
        return None, None
    how = "Ended" if incident.ending is Ending.RECOVERED else "Not heard of any more"
    return None, Notice(
        at=incident.closed_at,
        title=f"{how}: {title}",
        text=when_over(incident),
    )


def _notice(one: Restriction, head: str = "") -> Notice:
    place = f" ({one.place})" if one.place else ""
    said = clause(HowItStands(one.state.value), [one.name])
    return Notice(at=one.at, title=f"{head}{said}{place}", text=one.sentence)
