"""What was so at other vantages in the very hours of which a report tells.

That a vantage has no episode says nothing: it may have been offline, or not there. So each sentence
here is made of the states that were said at that vantage, of that platform, within those hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from enum import StrEnum

from msgspec import Struct

from probe.model.identity import Access, Role
from probe.model.verdict import AILING, State
from probe.publish.plain_words import STATES_CALLED
from probe.publish.report.report_parts import Gathered, Setting, StateSpan
from probe.publish.report.times import duration, lasted, listed

HitTimes = tuple[tuple[float, float], ...]
# So much of the hours must be known to be fine, and nothing be wrong in them.
FINE_SHARE = 0.5


class SeenThen(StrEnum):
    """What one vantage saw of one platform in those hours. ``fine``: for most of them, and nothing
    else was wrong with it. ``ailing``: it was throttled, blocked, impaired or withheld for some
    time. ``not_known``: it was measured and not known. ``absent``: it was not measured for most of
    them."""

    FINE = "fine"
    AILING = "ailing"
    NOT_KNOWN = "not_known"
    ABSENT = "absent"


class AnotherVantage(Struct, frozen=True, kw_only=True):
    """One vantage and platform. ``states``: seconds within the hours by state."""

    vantage: str
    platform: str
    seen: SeenThen
    states: Mapping[State, float]


def within(spans: Iterable[StateSpan], hours: HitTimes) -> dict[State, float]:
    """Seconds of each state within ``hours``, as whoever reads all times to the minute works them
    out: those of a vantage are no more than the hours themselves."""
    found: dict[State, float] = {}
    for span in spans:
        for start, end in hours:
            begins, ends = max(span.start, start), min(span.end, end)
            if ends > begins:
                found[span.state] = found.get(span.state, 0.0) + lasted(begins, ends)
    return found


def seen_in(states: Mapping[State, float], hours: HitTimes) -> SeenThen:
    """What seconds by state come to."""
    whole = sum(end - start for start, end in hours)
    if any(states.get(state, 0.0) > 0.0 for state in AILING):
        return SeenThen.AILING
    if states.get(State.OK, 0.0) >= FINE_SHARE * whole > 0.0:
        return SeenThen.FINE
    unmeasured = whole - sum(states.values())
    return SeenThen.ABSENT if unmeasured > FINE_SHARE * whole else SeenThen.NOT_KNOWN


def elsewhere(gathered: Gathered) -> tuple[AnotherVantage, ...]:
    """Every vantage that has no episode of a platform which has one at another."""
    found = []
    for platform in dict.fromkeys(episode.platform for episode in gathered.episodes):
        mine = [one for one in gathered.episodes if one.platform == platform]
        hours = joined((one.since, one.ends(gathered.window)) for one in mine)
        hit = {one.vantage for one in mine}
        for vantage in dict.fromkeys(vantage for vantage, _ in gathered.slots):
            if vantage not in hit:
                slot = gathered.slots.get((vantage, platform))
                states = {} if slot is None else within(slot.spans, hours)
                found.append(
                    AnotherVantage(
                        vantage=vantage,
                        platform=platform,
                        seen=seen_in(states, hours),
                        states=states,
                    )
                )
    return tuple(found)


def joined(times: Iterable[tuple[float, float]], gap_seconds: float = 0.0) -> HitTimes:
    """The same times without overlaps; those nearer than ``gap_seconds`` are one."""
    found: list[tuple[float, float]] = []
    for start, stop in sorted(times):
        if found and start - found[-1][1] <= gap_seconds:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return tuple(found)


def told_of_others(gathered: Gathered, setting: Setting) -> list[str]:
    """Sentences on the vantages that were not hit, inside first."""
    seen = elsewhere(gathered)
    hit = {episode.vantage for episode in gathered.episodes}
    inside = [one for one in seen if setting.vantage(one.vantage).role is Role.INSIDE]
    outside = [one for one in seen if setting.vantage(one.vantage).role is Role.REFERENCE]
    said = _told(inside, setting, "inside", hit)
    said += _told(outside, setting, "outside", hit)
    if any(one.seen is SeenThen.AILING for one in outside):
        said.append("What is so outside the country as well is not only a restriction in it.")
    references = {v for v, _ in gathered.slots if setting.vantage(v).role is Role.REFERENCE}
    if not references:
        said.append(
            "No vantage outside the country was measured, so it is not shown here that the "
            "platforms were fine elsewhere."
        )
    elif references & hit:
        said.append(
            f"{listed(sorted(references & hit))}, outside the country, saw it as well, so it is "
            "not only a restriction in the country."
        )
    elif not any(one.seen is SeenThen.FINE for one in outside):
        said.append(
            "So it is not shown here that the platforms were fine outside the country in the same "
            "hours."
        )
    return said


_HEADS = {
    SeenThen.AILING: "In the same hours slow, failing or not served for some time {where}",
    SeenThen.NOT_KNOWN: "Measured in the same hours {where}, and not known whether fine",
    SeenThen.ABSENT: "Not measured for most of the same hours {where}",
}
_WHERE = {"inside": "inside", "outside": "outside the country"}


def _told(
    found: Sequence[AnotherVantage], setting: Setting, where: str, hit: Set[str]
) -> list[str]:
    """A sentence for each thing that was seen. No vantage is called spared at which some platform
    was affected: one of ``hit``, or where one was ailing."""
    affected = hit | {one.vantage for one in found if one.seen is SeenThen.AILING}
    said = []
    for seen in SeenThen:
        mine = [one for one in found if one.seen is seen]
        names = list(dict.fromkeys(one.vantage for one in mine))
        if not mine:
            continue
        parts = "; ".join(_part(name, mine, setting) for name in names)
        if seen is not SeenThen.FINE:
            said.append(f"{_HEADS[seen].format(where=_WHERE[where])}: {parts}.")
        elif where == "inside":
            spared = [name for name in names if name not in affected]
            partly = [name for name in names if name in affected]
            if partly:
                parts = "; ".join(_part(name, mine, setting) for name in partly)
                said.append(f"Fine in the same hours where another platform was affected: {parts}.")
            if spared:
                parts = "; ".join(_part(name, mine, setting) for name in spared)
                said.append(
                    f"Not affected inside: {listed(spared)}. Fine there in the same hours: {parts}."
                )
            if any(setting.vantage(name).access is Access.HOSTING for name in spared):
                said.append("Restrictions often spare hosting networks.")
        else:
            platforms = dict.fromkeys(one.platform for one in found)
            fine = dict.fromkeys(one.platform for one in mine)
            titles = [setting.title(name) for name in fine]
            which = "the platforms were" if len(fine) == len(platforms) > 1 else _were(titles)
            said.append(
                f"From outside the country ({listed(names)}) {which} as fast as usual in the same "
                f"hours: {parts}."
            )
    return said


def _were(titles: list[str]) -> str:
    return f"{listed(titles)} {'was' if len(titles) == 1 else 'were'}"


def _part(vantage: str, found: Sequence[AnotherVantage], setting: Setting) -> str:
    """``vps (X and YouTube: fine for up to 8 h 20 min)``, longest first."""
    mine = [one for one in found if one.vantage == vantage]
    titles = listed([setting.title(one.platform) for one in mine])
    states: dict[State, float] = {}
    for one in mine:
        for state, seconds in one.states.items():
            states[state] = max(states.get(state, 0.0), seconds)
    upto = "up to " if len(mine) > 1 else ""
    times = ", ".join(
        f"{STATES_CALLED[state]} for {upto}{duration(seconds)}"
        for state, seconds in sorted(states.items(), key=lambda one: (-one[1], one[0]))
    )
    return f"{vantage} ({titles}{f': {times}' if times else ''})"
