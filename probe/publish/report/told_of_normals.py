"""What a report says of normals that were learnt while others were restricted."""

from __future__ import annotations

from collections.abc import Iterator

from probe.model.identity import Role
from probe.publish.report.report_parts import Gathered, Setting
from probe.verdict.words.words_others import NOT_CLAIMED, learnt_while_words

NOT_SHOWN = f"Not shown here: {NOT_CLAIMED[0].lower()}{NOT_CLAIMED[1:]}"


def told_of_normals(gathered: Gathered, setting: Setting) -> Iterator[str]:
    """A sentence for each platform at each vantage of which a round in the window said so: with
    networks and times where what began or ended a time of one state had them."""
    for (vantage, platform), slot in gathered.slots.items():
        if not slot.normal_unsure or setting.vantage(vantage).role is not Role.INSIDE:
            continue
        known = slot.learnt_while
        words = NOT_SHOWN if known is None else learnt_while_words(known)
        yield f"{setting.title(platform)}, {vantage}: {words}"
