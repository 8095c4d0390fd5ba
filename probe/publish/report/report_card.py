"""A report's picture for sharing: its headline, its numbers, its time, and what it does not say."""

from __future__ import annotations

from probe.publish.languages.tongue import Tongue
from probe.publish.picture.card import MOST_FACTS, CardFact, PictureCard, written_by_people
from probe.publish.report.report_parts import Gathered, Setting
from probe.publish.report.story import tell
from probe.publish.report.times import TimeWriter

FOOT = "Who did it, on whose order, or why: measurements show effects and not intentions."


def report_card(
    gathered: Gathered, setting: Setting, clock: TimeWriter, tongue: Tongue
) -> PictureCard:
    """In the language of ``tongue``; the note is on it, as it is under the page's headline."""
    story, over = tell(gathered, setting, clock), gathered.window
    return PictureCard(
        language=tongue.code,
        state="unknown" if story.worst is None else "throttled",
        kicker="throttlewatch",
        heading=tongue.plain(story.headline),
        when=tongue.plain(
            f"Network measurement report · {clock.moment(over.start)} to {clock.moment(over.end)}"
        ),
        note=written_by_people(setting.note, tongue.code),
        facts=tuple(
            CardFact(tongue.plain(tile.number), tongue.plain(tile.of))
            for tile in story.tiles[:MOST_FACTS]
        ),
        foot=tongue.plain(FOOT),
        address="",
    )
