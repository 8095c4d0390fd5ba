"""What a report says of normals that were learnt while others were restricted."""

from __future__ import annotations

from collections.abc import Iterator

from probe.model.identity import Role
from probe.publish.report.report_parts import Gathered, Setting
from probe.publish.report.times import TimeWriter
from probe.verdict.words.words_others import at_others, by_hub


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
            found = slot.learnt_while
            yield (
                f"W{whose[1:]} was learnt while the platform was throttled or blocked "
                f"{at_others(found, clock.moment)}, so that normal may itself be slow."
                f"{by_hub(found)}"
            )
