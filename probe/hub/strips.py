"""Strips of networks: how it was in each over hours or weeks, as far as it was released. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from probe.hub.ledger import PublicIncident, ReleaseState
from probe.hub.recorded_findings import NetworkTable
from probe.model.finding import FindingKind
from probe.publish.report.plot import Piece
from probe.publish.report.times import TimeWriter

OK, NOT_SAID = "ok", "unknown"
# The gravest first: a kind, the class by which a page colours it, and words.
SHOWN = (
    (FindingKind.RESTRICTED, "throttled", "throttled or blocked"),
    (FindingKind.OFFLINE, "offline", "out of reach with everything else"),
    (FindingKind.IMPAIRED, "impaired", "slow or failing"),
    (FindingKind.DEGRADED, "degraded", "slow with everything else"),
)
WORDS = {
    **{state: words for _, state, words in SHOWN},
    OK: "none of these",
    NOT_SAID: "nothing released",
}


class StripTime(Struct, frozen=True, kw_only=True):
    """From ``start`` to ``end`` (Unix seconds), in steps of ``step_seconds``."""

    start: float
    end: float
    step_seconds: float


class NetworkStrip(Struct, frozen=True, kw_only=True):
    """One network's, with what it shows in words."""

    asn: int
    pieces: tuple[Piece, ...]
    text: str


def strips_of(
    country: str,
    platform: str,
    table: NetworkTable,
    over: StripTime,
    incidents: Iterable[PublicIncident],
) -> tuple[NetworkStrip, ...]:
    """One for each network of which anything was recorded. ``table``: whether most of its vantages
    were affected at any time of a step, which ends at the step's time. What is no part of a
    released incident is not shown as affected."""
    released = [
        one
        for one in incidents
        if one.standing is ReleaseState.RELEASED
        and (one.incident.country, one.incident.platform) == (country, platform)
    ]
    kinds = {kind: table.get((country, platform, kind.value), {}) for kind, _, _ in SHOWN}
    asns = sorted({asn for steps in kinds.values() for said in steps.values() for asn in said})
    first, last = round(over.start / over.step_seconds), round(over.end / over.step_seconds)
    found = []
    for asn in asns:
        states: list[str | None] = []
        for step in range(first + 1, last + 1):
            said = {
                kind: steps[step][asn]
                for kind, steps in kinds.items()
                if asn in steps.get(step, {})
            }
            states.append(_state(said, asn, step * over.step_seconds, over, released))
        pieces = _pieces(states, over)
        found.append(NetworkStrip(asn=asn, pieces=pieces, text=_text(states, over)))
    return tuple(found)


def _state(
    said: dict[FindingKind, float],
    asn: int,
    at: float,
    over: StripTime,
    released: list[PublicIncident],
) -> str | None:
    if not said:
        return None
    affected = [(kind, state) for kind, state, _ in SHOWN if said.get(kind)]
    for kind, state in affected:
        for one in released:
            incident = one.incident
            until = over.end if incident.closed_at is None else incident.updated_at
            begun = at > incident.since and at - over.step_seconds <= until
            if incident.kind is kind and asn in incident.networks and begun:
                return state
    return NOT_SAID if affected else OK


def _pieces(states: list[str | None], over: StripTime) -> tuple[Piece, ...]:
    clock, width, found = TimeWriter(), 100.0 / len(states), []
    begin = 0
    for number in range(1, len(states) + 1):
        if number < len(states) and states[number] == states[begin]:
            continue
        state = states[begin]
        if state is not None:
            start, end = (over.start + i * over.step_seconds for i in (begin, number))
            words = f"{WORDS[state]}: {clock.brief(start)} to {clock.brief(end)}"
            found.append(
                Piece(state, round(begin * width, 3), round((number - begin) * width, 3), words)
            )
        begin = number
    return tuple(found)


def _text(states: list[str | None], over: StripTime) -> str:
    """For who cannot see it: how much of the time it was what."""
    parts = []
    for state, words in (*WORDS.items(), (None, "not measured")):
        if count := states.count(state):
            parts.append(f"{words}: {count / len(states):.0%}")
    return ", ".join(parts)
