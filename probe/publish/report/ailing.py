"""What accuses nobody and is told all the same: platforms that were impaired or withheld."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.model.identity import Role
from probe.model.verdict import LookingBack, State
from probe.publish.plain_words import rate_words
from probe.publish.report.report_parts import Gathered, Setting, StateSpan
from probe.publish.report.times import TimeWriter, duration, listed


def ailing(gathered: Gathered, setting: Setting, clock: TimeWriter) -> tuple[str, ...]:
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
        found += _in_hindsight(platform, gathered, setting, clock)
    return tuple(found)


def _in_hindsight(
    platform: str, gathered: Gathered, setting: Setting, clock: TimeWriter
) -> list[str]:
    """What ends that were seen say of the time before them, once for each endpoint."""
    most: dict[str, tuple[str, LookingBack]] = {}
    for (vantage, name), slot in gathered.slots.items():
        if name != platform or setting.vantage(vantage).role is not Role.INSIDE:
            continue
        for back in slot.backs:
            known = most.get(back.target)
            if known is None or back.times > known[1].times:
                most[back.target] = (vantage, back)
    return [
        f"From the first round to {clock.moment(back.until)}, reads of {setting.title(platform)} "
        f"at {vantage} ({target}) ran at {rate_words(back.before)}, and afterwards at "
        f"{rate_words(back.after)}, {back.times:.1f} times as fast, while other sites did not "
        "change. That was seen at its end only, so the time before it is judged back: a "
        "restriction that began before the measurement looks like this when it ends, and so does "
        "a server that becomes faster."
        for target, (vantage, back) in most.items()
    ]


def which(gathered: Gathered, setting: Setting) -> str:
    """The platforms that were impaired, for a headline; empty if none was."""
    names = dict.fromkeys(
        setting.title(platform)
        for (vantage, platform), slot in gathered.slots.items()
        if setting.vantage(vantage).role is Role.INSIDE
        and _seconds(slot.spans, State.IMPAIRED) > 0.0
    )
    return listed(list(names))


def of_the_time(gathered: Gathered, vantages: Iterable[str]) -> tuple[float, dict[str, float]]:
    """The share of the time for which platforms were said to be fine at ``vantages``, on average;
    and for how long each that was not known at times was so, where it was longest."""
    inside = set(vantages)
    whole = gathered.window.end - gathered.window.start
    slots = {slot: seen for slot, seen in gathered.slots.items() if slot[0] in inside}
    fine = [_seconds(seen.spans, State.OK) / whole for seen in slots.values()]
    unproven: dict[str, float] = {}
    for (_, platform), seen in slots.items():
        unknown = _seconds(seen.spans, State.UNKNOWN)
        if unknown > 0.0:
            unproven[platform] = max(unproven.get(platform, 0.0), unknown)
    return (sum(fine) / len(fine) if fine else 0.0), unproven


def _seconds(spans: Sequence[StateSpan], state: State) -> float:
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
