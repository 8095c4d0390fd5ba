"""What a picture for sharing says: texts in one language, in their order. Pure."""

from __future__ import annotations

from msgspec import Struct

from probe.publish.languages.offered import OFFERED

WIDTH, HEIGHT = 1200, 630
"""As sites show it where a link is shared."""
KEY_WORD = "throttlewatch-content"
"""The chunk of text (PNG, tEXt) that says of what it was made."""
_CHUNK = b"tEXt" + KEY_WORD.encode() + b"\0"
# By the classes of the page, as it has them on paper: dark enough to be read with white letters,
# and on white (WCAG 2.1, 1.4.3).
_STATE_COLOURS = {
    "throttled": "#b93d08",
    "offline": "#4d5866",
    "impaired": "#a3427f",
    "degraded": "#7d5600",
    "ok": "#2b6b52",
    "unknown": "#5a6370",
}
# What has room in the smallest letters, whatever letters they are.
MOST_HEADING_LETTERS = 180
MOST_LETTERS = 110
MOST_WHEN_LETTERS = 200
"""Two moments, each in a local time and UTC, in the wordiest language."""
MOST_ROW_LETTERS = 48
MOST_ROW_WORDS = 96
MOST_ROWS = 7
MOST_ROWS_WORDS = 288
"""Letters of the words of all rows together."""
MOST_FACTS = 3
MOST_NUMBER_LETTERS = 24


def state_colour(state: str) -> str:
    """The colour of a state's class, in badges and pictures; that of ``unknown`` for any other."""
    return _STATE_COLOURS.get(state, _STATE_COLOURS["unknown"])


class CardFact(Struct, frozen=True):
    """A number, and what it counts."""

    number: str
    words: str


class CardRow(Struct, frozen=True):
    """How it stands with one platform; ``state`` is a class of the page, which has a colour."""

    state: str
    title: str
    words: str


class PictureCard(Struct, frozen=True, kw_only=True):
    """From above: ``kicker``, ``heading``, ``when``, then ``rows`` or ``facts``, ``note`` (what
    must not be overlooked), and at the bottom ``foot`` and ``address`` beside each other.
    ``state``: of which the picture has its colour."""

    language: str
    state: str
    kicker: str
    heading: str
    when: str
    address: str
    foot: str
    note: str = ""
    facts: tuple[CardFact, ...] = ()
    rows: tuple[CardRow, ...] = ()

    @property
    def right_to_left(self) -> bool:
        """Which way its lines run."""
        return OFFERED[self.language].right_to_left

    @property
    def has_room(self) -> bool:
        """Whether no text is longer than what can still be read in a preview."""
        return (
            len(self.heading) <= MOST_HEADING_LETTERS
            and len(self.when) <= MOST_WHEN_LETTERS
            and max(map(len, (self.kicker, self.foot, self.note, self.address))) <= MOST_LETTERS
            and len(self.rows) <= MOST_ROWS
            and len(self.facts) <= MOST_FACTS
            and all(len(one.title) <= MOST_ROW_LETTERS for one in self.rows)
            and all(len(one.words) <= MOST_ROW_WORDS for one in self.rows)
            and sum(len(one.words) for one in self.rows) <= MOST_ROWS_WORDS
            and all(len(one.number) <= MOST_NUMBER_LETTERS for one in self.facts)
            and all(len(one.words) <= MOST_LETTERS for one in self.facts)
        )

    def texts(self) -> tuple[str, ...]:
        """Everything that it says."""
        return (
            *(self.kicker, self.heading, self.when, self.address, self.foot, self.note),
            *(text for one in self.facts for text in (one.number, one.words)),
            *(text for one in self.rows for text in (one.title, one.words)),
        )


def written_by_people(text: str, language: str) -> str:
    """Text in whatever language, for a card in ``language``: where lines run from right to left it
    is isolated (Unicode's first strong isolate), so that its marks stay where they were."""
    return f"\u2068{text}\u2069" if text and OFFERED[language].right_to_left else text


def key_of(head: bytes) -> str:
    """What the first kilobyte of a picture says that it was made of; empty: nothing."""
    begin = head.find(_CHUNK)
    if begin < 4:
        return ""
    # A chunk's length stands before its name, and a checksum after its data.
    whole = int.from_bytes(head[begin - 4 : begin], "big")
    key = head[begin + len(_CHUNK) : begin + 4 + whole]
    return key.decode() if key.isalnum() and key.isascii() else ""
