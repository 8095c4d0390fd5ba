"""What accuses nobody and is told all the same: platforms that were impaired or withheld."""

from __future__ import annotations

from collections.abc import Sequence

from probe.model.identity import Role
from probe.model.verdict import State
from probe.publish.report.report_parts import Gathered, Setting, Span
from probe.publish.report.times import duration, listed


def ailing(gathered: Gathered, setting: Setting) -> tuple[str, ...]:
    """A sentence for each platform and state of the two, with the longest time at one vantage."""
    found = []
    for platform in dict.fromkeys(p for _, p in gathered.slots):
        for state in (State.IMPAIRED, State.WITHHELD):
            seen = {
                vantage: seconds
                for (vantage, name), slot in gathered.slots.items()
                if name == platform
                and setting.vantage(vantage).role is Role.INSIDE
                and (seconds := _seconds(slot.spans, state)) > 0.0
            }
            if seen:
                found.append(_said(setting.title(platform), state, seen))
    return tuple(found)


def which(gathered: Gathered, setting: Setting) -> str:
    """The platforms that were impaired, for a headline; empty if none was."""
    names = dict.fromkeys(
        setting.title(platform)
        for (vantage, platform), slot in gathered.slots.items()
        if setting.vantage(vantage).role is Role.INSIDE
        and _seconds(slot.spans, State.IMPAIRED) > 0.0
    )
    return listed(list(names))


def _seconds(spans: Sequence[Span], state: State) -> float:
    return sum(span.end - span.start for span in spans if span.state is state)


def _said(title: str, state: State, seen: dict[str, float]) -> str:
    where = f"at {len(seen)} vantage{'s' * (len(seen) > 1)} inside"
    most = duration(max(seen.values()))
    if state is State.WITHHELD:
        return (
            f"{title} itself did not serve {where}, for legal reasons (HTTP 451), for up to "
            f"{most}: that is the platform's act and no network's."
        )
    return (
        f"{title} was slow or failing {where} for up to {most} while other sites were fine. "
        "Nothing rules out that its own servers were the cause, so it is called impaired, and "
        "nobody is accused."
    )
