"""The fonts that are installed here, and which of them has all letters of a text.

None is shipped. By the names of their files, the first that is there and has every letter is taken:
a letter that a font does not have would be an empty box, and a library for pictures puts no other
font in its place.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct
from PIL import ImageFont

# Files with and without emphasis: of DejaVu, Noto, Liberation (Debian's fonts-dejavu-core,
# fonts-noto-core, fonts-liberation).
_WESTERN = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
)
# With Latin letters, too, and with those of Urdu, which DejaVu does not have: Debian's
# fonts-hosny-amiri; Vazirmatn of its own.
_ARABIC = (
    ("Vazirmatn-Regular.ttf", "Vazirmatn-Bold.ttf"),
    ("Amiri-Regular.ttf", "Amiri-Bold.ttf"),
)
# What text in a language has beside Latin letters, as far as not every font has it.
LETTERS = {
    "en": "Az09×·–",
    "ur": "ابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھءیے۔،؛×",
    "fa": "اآبپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی۰۹،؛×",
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءأإآؤئ،؛×",
    "tr": "çğıöşüÇĞİÖŞÜ×",
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюяёЯЁ×",
}
_NO_LETTER = "\U000f0000"  # For private use, so of no font's.
_SIZE = 16


class Face(Struct, frozen=True):
    """Two files of one design."""

    plain: Path
    bold: Path


def faces(folders: Sequence[Path], *, right_to_left: bool) -> tuple[Face, ...]:
    """Those that are there, the best first."""
    names = _ARABIC + _WESTERN if right_to_left else _WESTERN + _ARABIC
    there = _files(tuple(folders))
    return tuple(
        Face(there[plain], there[bold]) for plain, bold in names if {plain, bold} <= there.keys()
    )


def font_folders() -> tuple[Path, ...]:
    """Where programs install fonts, by the XDG base directories."""
    said = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return tuple(Path(one) / "fonts" for one in said.split(":") if one.startswith("/"))


def face_for(texts: Iterable[str], among: Iterable[Face]) -> Face | None:
    """The first that has every letter of them."""
    letters = {letter for text in texts for letter in text if not _is_no_letter(letter)}
    for face in among:
        if not any(_lacks(file, letter) for file in (face.plain, face.bold) for letter in letters):
            return face
    return None


@cache
def _files(folders: tuple[Path, ...]) -> dict[str, Path]:
    wanted = {name for pair in (*_WESTERN, *_ARABIC) for name in pair}
    found: dict[str, Path] = {}
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in wanted.intersection(names):
                found.setdefault(name, Path(root) / name)
    return found


def _is_no_letter(letter: str) -> bool:
    """Spaces, and marks that only say how others are laid out."""
    return letter.isspace() or unicodedata.category(letter) == "Cf"


@cache
def _lacks(file: Path, letter: str) -> bool:
    drawn = _drawn(file, letter)
    return drawn == _drawn(file, _NO_LETTER)


@cache
def _drawn(file: Path, letter: str) -> tuple[tuple[int, int], bytes]:
    font = ImageFont.truetype(file, _SIZE, layout_engine=ImageFont.Layout.BASIC)
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
