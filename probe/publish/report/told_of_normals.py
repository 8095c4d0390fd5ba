"""What a report says of normals that were learnt while others were restricted."""

from __future__ import annotations

from collections.abc import Iterator

from probe.model.identity import Role
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.publish.report.report_parts import Gathered, Setting
from probe.publish.report.times import TimeWriter


def told_of_normals(gathered: Gathered, setting: Setting, clock: TimeWriter) -> Iterator[str]:
    """A sentence for each platform at each vantage of which a round in the window said so: with
    networks and times where what began or ended a time of one state had them. A verdict says "here"
    and "it"; a report is of several places and platforms, so it says whose normal, and where."""
    for (vantage, platform), slot in gathered.slots.items():
        if not slot.normal_unsure or setting.vantage(vantage).role is not Role.INSIDE:
            continue
        whose = f"what is normal for {setting.title(platform)} at {vantage}"
        if slot.learnt_while is None:
            yield (
                f"It is not shown that {whose} is as fast as it should be: at other vantages "
                "the platform was throttled or blocked while that was learnt."
            )
        else:
            yield f"W{whose[1:]} was learnt while {_others(slot.learnt_while, clock)}"


def _others(found: OthersRestricted, clock: TimeWriter) -> str:
    networks = f"{found.networks} network{'' if found.networks == 1 else 's'}"
    when = f"since {clock.moment(found.since)}"
    if found.until is not None:
        when = f"from {clock.moment(found.since)} to {clock.moment(found.until)}"
    who = " That is the word of the fleet's hub." if found.told_by is ToldBy.HUB else ""
    return (
        f"the platform was throttled or blocked at other vantages, in {networks} ({when}), so that "
        f"normal may itself be slow.{who}"
    )
