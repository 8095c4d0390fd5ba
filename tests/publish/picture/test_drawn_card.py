"""Pictures are whole or not at all, and lines run and join as their letters do."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image, ImageChops, ImageFilter, features

from probe.publish.languages.offered import OFFERED
from probe.publish.picture.card import (
    HEIGHT,
    MOST_FACTS,
    MOST_HEADING_LETTERS,
    MOST_LETTERS,
    MOST_NUMBER_LETTERS,
    MOST_ROW_LETTERS,
    MOST_ROW_WORDS,
    MOST_ROWS,
    MOST_ROWS_WORDS,
    MOST_WHEN_LETTERS,
    WIDTH,
    CardFact,
    CardRow,
    PictureCard,
    key_of,
    written_by_people,
)
from probe.publish.picture.drawn_card import Pencil
from probe.publish.picture.faces import font_folders

KEY = "0123456789abcdef"
# The widest letters and a longest word, for each way of writing.
WIDE = {"en": "W", "tr": "Ğ", "ru": "Щ", "ar": "ض", "fa": "ص", "ur": "ش"}


@pytest.fixture(scope="module")
def pencil() -> Pencil:
    return Pencil(font_folders())


def need(pencil: Pencil, language: str) -> None:
    if language not in pencil.languages():
        package = "fonts-hosny-amiri" if language == "ur" else "fonts-dejavu-core and libfribidi0"
        reason = f"nothing here draws {language}: Debian has {package}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def card(language: str = "en", **more: Any) -> PictureCard:
    one = PictureCard(
        language=language,
        state="throttled",
        kicker="Watch",
        heading="X",
        when="2026",
        address="watch.example.org",
        foot="A.",
    )
    return replace(one, **more)


def looked_at(png: bytes | None) -> Image.Image:
    assert png is not None
    picture = Image.open(BytesIO(png))
    assert (picture.format, picture.size) == ("PNG", (WIDTH, HEIGHT))
    assert key_of(png[:1_024]) == KEY
    return picture.convert("RGB")


def differing(one: Image.Image, other: Image.Image) -> tuple[int, int, int, int]:
    """Where two pictures differ by more than shades, and by more than parts of a pixel."""
    blurred = (picture.convert("L").filter(ImageFilter.BoxBlur(2)) for picture in (one, other))
    shades = ImageChops.difference(*blurred)
    box = shades.point([255 * (shade > 60) for shade in range(256)]).getbbox()
    assert box is not None
    left, top, right, bottom = box
    return left, top, right, bottom


@pytest.mark.parametrize("language", OFFERED)
def test_its_colour_is_where_lines_begin(pencil: Pencil, language: str) -> None:
    need(pencil, language)
    picture = looked_at(pencil.drawn(card(language), KEY))
    grey = picture.convert("L")
    ends = [grey.getpixel((x, HEIGHT // 2)) for x in (2, WIDTH - 3)]
    if OFFERED[language].right_to_left:
        ends.reverse()
    bar, paper = ends
    assert isinstance(bar, int)
    assert isinstance(paper, int)
    assert bar < 128
    assert paper > 250


@pytest.mark.parametrize(
    ("language", "first", "last"),
    [
        ("en", "abc", ("def", "xyz")),
        ("ru", "абв", ("где", "эюя")),
        ("ar", "سلام", ("وقت", "شمس")),
        ("fa", "سلام", ("پنج", "چاق")),
        ("ur", "سلام", ("ٹھیک", "ہے")),
    ],
)
def test_a_line_goes_on_where_its_letters_do(
    pencil: Pencil, language: str, first: str, last: tuple[str, str]
) -> None:
    need(pencil, language)
    one, other = (
        looked_at(pencil.drawn(card(language, heading=f"{first} {word}"), KEY)) for word in last
    )
    box = differing(one, other)
    # Where the first word is, nothing differs.
    begin = 72 + 40
    if OFFERED[language].right_to_left:
        assert box[2] < WIDTH - begin
        assert box[2] > WIDTH / 2
    else:
        assert begin < box[0] < WIDTH / 2


@pytest.mark.parametrize("language", ["ar", "fa", "ur"])
def test_what_people_wrote_in_another_script_keeps_its_order(pencil: Pencil, language: str) -> None:
    """Over more than one line: each begins at the left of its words, and ends at their right."""
    need(pencil, language)
    text = " ".join(["seventeen"] * 10)

    def shown(note: str) -> Image.Image:
        return looked_at(pencil.drawn(card(language, note=written_by_people(note, language)), KEY))

    # Its last letter is at the margin of the last line, its first one at the left of the first.
    last = differing(shown(f"{text} 1"), shown(f"{text} 7"))
    assert last[0] > WIDTH - 72 - 40
    first = differing(shown(f"1 {text}"), shown(f"7 {text}"))
    assert first[2] < WIDTH / 2
    assert first[3] <= last[1]


@pytest.mark.parametrize("language", ["ar", "fa", "ur"])
def test_letters_join(pencil: Pencil, language: str) -> None:
    """Three of them in a word are not as wide as each by itself, since those between others have
    no tail."""
    need(pencil, language)

    def ink(heading: str) -> int:
        bare = looked_at(pencil.drawn(card(language, heading="."), KEY))
        box = differing(bare, looked_at(pencil.drawn(card(language, heading=heading), KEY)))
        return box[2] - box[0]

    joined, apart = ink("سسس"), ink("س\u200cس\u200cس")
    assert joined < 0.85 * apart


@pytest.mark.parametrize("language", OFFERED)
def test_whatever_is_not_too_long_has_room(pencil: Pencil, language: str) -> None:
    need(pencil, language)
    word = WIDE[language]
    most = card(
        language,
        kicker=word * MOST_LETTERS,
        heading=word * MOST_HEADING_LETTERS,
        when=word * MOST_WHEN_LETTERS,
        note=word * MOST_LETTERS,
        foot=word * MOST_LETTERS,
        address="w" * 40,
    )
    fact = CardFact(word * MOST_NUMBER_LETTERS, word * MOST_LETTERS)
    each = MOST_ROWS_WORDS // MOST_ROWS
    row = CardRow("ok", word * MOST_ROW_LETTERS, word * each)
    wordy = CardRow("ok", word * MOST_ROW_LETTERS, word * MOST_ROW_WORDS)
    looked_at(pencil.drawn(replace(most, facts=(fact,) * MOST_FACTS), KEY))
    short = replace(most, heading=word * MOST_ROW_LETTERS, note="")
    looked_at(pencil.drawn(replace(short, rows=(row,) * MOST_ROWS), KEY))
    few = MOST_ROWS_WORDS // MOST_ROW_WORDS
    looked_at(pencil.drawn(replace(short, rows=(wordy,) * few), KEY))


@pytest.mark.parametrize(
    "more",
    [
        {"heading": "a" * (MOST_HEADING_LETTERS + 1)},
        {"note": "a" * (MOST_LETTERS + 1)},
        {"when": "a" * (MOST_WHEN_LETTERS + 1)},
        {"rows": (CardRow("ok", "a" * (MOST_ROW_LETTERS + 1), ""),)},
        {"rows": (CardRow("ok", "", "a" * (MOST_ROW_WORDS + 1)),)},
        {"rows": (CardRow("ok", "", "a" * 60),) * 5},
        {"rows": (CardRow("ok", "a", "b"),) * (MOST_ROWS + 1)},
        {"facts": (CardFact("1", "a"),) * (MOST_FACTS + 1)},
        {"facts": (CardFact("1" * (MOST_NUMBER_LETTERS + 1), "a"),)},
        # A letter that no font here has.
        {"heading": "X \U000e0fff"},
    ],
)
def test_what_cannot_be_shown_whole_is_not_shown(pencil: Pencil, more: dict[str, Any]) -> None:
    assert pencil.can(card())
    assert not pencil.can(card(**more))
    assert pencil.drawn(card(**more), KEY) is None


def test_without_fonts_there_is_nothing(tmp_path: Path) -> None:
    pencil = Pencil((tmp_path, tmp_path / "nothing"))
    assert pencil.languages() == ()
    assert pencil.drawn(card(), KEY) is None


def test_without_what_lays_them_out_nothing_runs_from_right_to_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(features, "check", lambda name: name != "fribidi")
    pencil = Pencil(font_folders())
    assert pencil.languages() == ("en", "tr", "ru")
    assert pencil.can(card())
    assert not pencil.can(card(heading="سلام"))
    looked_at(pencil.drawn(card(heading="Ağ", language="tr"), KEY))


def test_what_is_no_picture_of_ours_says_no_key() -> None:
    for head in (
        *(b"", b"\x89PNG", b"<html>", b"tEXtthrottlewatch-content\0ab"),
        b"\0\0\0\xfftEXtthrottlewatch-content\0a\xff",
        b"\0\0\0\x00tEXtthrottlewatch-content\0ab",
    ):
        assert key_of(head) == ""


def test_a_checksum_is_no_part_of_its_key(pencil: Pencil) -> None:
    """Whatever letters it has: one in some twenty begins with one that a key may have."""
    for number in range(40):
        key = f"{number:032x}"
        assert key_of((pencil.drawn(card(), key) or b"")[:1_024]) == key
