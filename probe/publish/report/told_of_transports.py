"""What was so over other transports than TCP, which a report's other words are about."""

from __future__ import annotations

from collections.abc import Iterator

from probe.config import probers
from probe.model.identity import Role
from probe.model.verdict import State
from probe.publish.report.report_parts import Gathered, Setting
from probe.publish.report.times import TimeWriter, duration

_WORDS = {
    State.BLOCKED: "blocked",
    State.THROTTLED: "throttled",
    State.IMPAIRED: "slow or failing while other sites were fine, which accuses nobody,",
}


def told_of_transports(gathered: Gathered, setting: Setting, clock: TimeWriter) -> tuple[str, ...]:
    """A sentence for each platform, transport and state in which something was proven, with the
    longest time at one vantage inside and when it was first seen."""
    return tuple(_sentences(gathered, setting, clock))


def _sentences(gathered: Gathered, setting: Setting, clock: TimeWriter) -> Iterator[str]:
    for platform, transport, state in _proven(gathered, setting):
        seen: list[tuple[float, float]] = []
        for (vantage, name), slot in gathered.slots.items():
            spans = [s for s in slot.over.get(transport, ()) if s.state is state]
            if name == platform and spans and setting.vantage(vantage).role is Role.INSIDE:
                seen.append((sum(s.end - s.start for s in spans), min(s.start for s in spans)))
        up = probers.goes_up(transport)
        over = "In uploads" if up else f"Over {called(transport)}"
        beside = "what comes down" if up else "TCP, to which browsers and apps fall back"
        where = f"at {len(seen)} vantage{'s' * (len(seen) > 1)} inside"
        yield (
            f"{over} {setting.title(platform)} was {_WORDS[state]} {where} for "
            f"up to {duration(max(seconds for seconds, _ in seen))}, first on "
            f"{clock.moment(min(first for _, first in seen))}. That is told apart from {beside}."
        )


def _proven(gathered: Gathered, setting: Setting) -> list[tuple[str, str, State]]:
    """What was proven of which platform over which transport, at some vantage inside."""
    found = {
        (platform, transport, span.state): None
        for (vantage, platform), slot in gathered.slots.items()
        if setting.vantage(vantage).role is Role.INSIDE
        for transport, spans in slot.over.items()
        for span in spans
        if span.state in _WORDS
    }
    return list(found)


def called(transport: str) -> str:
    """How a sentence calls a transport."""
    prober = probers.BY_NAME.get(transport)
    return transport if prober is None else prober.over.removeprefix("over ")


def apart(gathered: Gathered, setting: Setting) -> str:
    """What is added where something is said to be seen nowhere: that is so over TCP alone, where
    other transports showed something; empty: they did not."""
    return " over TCP" if _proven(gathered, setting) else ""
