"""Which labels of a time axis are written, and where, so that none lies on another or is cut off.

A strip takes the width that there is, which whoever makes the page does not know. So each layout of
a style sheet is asked for the narrowest strip that it can have: what fits there fits in all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final
from unicodedata import category

from msgspec import Struct

# How wide a letter is, in the height of its font; what is not named here is as wide as most. Wide
# ones of common fonts, so that a label rather has too much room.
_COLON, _CAPITAL, _LETTER = 0.3, 0.72, 0.58
# What isolates a number or a name, and marks above a letter.
_WIDTHLESS = frozenset({"Cf", "Mn"})
# Between two labels at least, in pixels.
_GAP = 5.0
# What a label of a strip may reach over its ends: every page has that much room beside them.
OVER = 8.0


class Tick(Struct, frozen=True):
    """A place along an axis, with words."""

    at: float
    label: str


class AxisLabel(Struct, frozen=True):
    """A label that is written: ``at`` is its tick's place, ``anchor`` which side of the text lies
    there (SVG's words), ``layouts`` the class that says in which layouts of the style sheet it is
    shown: in all (``""``), not in the narrow one (``far``), in the wide one alone (``wide``)."""

    at: float
    text: str
    anchor: str
    layouts: str


class AxisRoom(Struct, frozen=True, kw_only=True):
    """The room for an axis: the font's height in pixels, and the narrowest strip, in pixels, in the
    wide, the middle and the narrow layout."""

    font: float
    wide: float
    middle: float
    narrow: float


# By style sheet. page.css: two cards beside one another from 843 px on, each with 112 px beside its
# strip; a card of its own on a phone of 320 px. report.css: 272 px beside the strip of a window of
# 66rem and of 44rem; below that the window less its padding. site.css: two strips beside one
# another, 248 px beside both.
ROOMS: Final = {
    "page": AxisRoom(font=11.0, wide=304.0, middle=304.0, narrow=246.0),
    "report": AxisRoom(font=12.0, wide=784.0, middle=432.0, narrow=280.0),
    "site": AxisRoom(font=12.0, wide=404.0, middle=228.0, narrow=228.0),
}


def axis_labels(
    ticks: Sequence[Tick], room: AxisRoom, said: Callable[[str], str] = str
) -> list[AxisLabel]:
    """The labels of ``ticks``, whose places are percent of a strip, as ``said`` has them in the
    reader's language."""
    texts = [said(tick.label) for tick in ticks]
    wide = [text_width(text, room.font) for text in texts]
    # Which side lies at the tick is the same in all layouts, so it is that of the narrowest.
    sides = [
        _anchor(tick.at / 100.0 * room.narrow, width, (-OVER, room.narrow + OVER))
        for tick, width in zip(ticks, wide, strict=True)
    ]
    shown = list(range(len(ticks)))
    layouts = dict.fromkeys(shown, "none")
    for name, strip in (("wide", room.wide), ("far", room.middle), ("", room.narrow)):
        boxes = [
            box(tick.at / 100.0 * strip, width, side)
            for tick, width, side in zip(ticks, wide, sides, strict=True)
        ]
        shown = fitting(shown, boxes)
        layouts |= dict.fromkeys(shown, name)
    return [
        AxisLabel(tick.at, text, side, layouts[i])
        for i, (tick, text, side) in enumerate(zip(ticks, texts, sides, strict=True))
        if layouts[i] != "none"
    ]


def plot_labels(
    ticks: Sequence[Tick], width: float, font: float, said: Callable[[str], str] = str
) -> list[AxisLabel]:
    """The same for a plot, whose places and ``width`` are in the units of its view box."""
    texts = [said(tick.label) for tick in ticks]
    wide = [text_width(text, font) for text in texts]
    sides = [_anchor(tick.at, w, (0.0, width)) for tick, w in zip(ticks, wide, strict=True)]
    boxes = [box(tick.at, w, side) for tick, w, side in zip(ticks, wide, sides, strict=True)]
    return [
        AxisLabel(ticks[i].at, texts[i], sides[i], "")
        for i in fitting(list(range(len(ticks))), boxes)
    ]


def text_width(text: str, font: float) -> float:
    """About how wide ``text`` is, in the unit of ``font``, which is the font's height."""
    return font * sum(map(_share, text))


def _share(letter: str) -> float:
    if category(letter) in _WIDTHLESS:
        return 0.0
    if letter in " :.,/":
        return _COLON
    return _CAPITAL if letter.isupper() else _LETTER


def box(at: float, width: float, anchor: str) -> tuple[float, float]:
    """From where to where a text of ``width`` at ``at`` reaches."""
    left = {"start": at, "middle": at - width / 2.0, "end": at - width}[anchor]
    return left, left + width


def fitting(among: list[int], boxes: Sequence[tuple[float, float]]) -> list[int]:
    """Those of ``among``, numbers of ``boxes`` from left to right, that can be written together:
    all, or all but the first or the last, which are moved aside so as not to be cut off; or every
    second, every third and so on, where more of those can be."""
    best: list[int] = []
    for step in range(1, len(among) + 1):
        if len(best) >= len(among[::step]):
            break
        tried = [_ends_left_out(among[first::step], boxes) for first in range(step)]
        whole = [kept for kept in tried if _all_clear([boxes[i] for i in kept])]
        best = max([best, *whole], key=len)
    return best


def _ends_left_out(among: list[int], boxes: Sequence[tuple[float, float]]) -> list[int]:
    kept = among
    if len(kept) > 1 and not _clear(boxes[kept[0]], boxes[kept[1]]):
        kept = kept[1:]
    if len(kept) > 1 and not _clear(boxes[kept[-2]], boxes[kept[-1]]):
        kept = kept[:-1]
    return kept


def _all_clear(boxes: Sequence[tuple[float, float]]) -> bool:
    return all(_clear(left, right) for left, right in pairwise(boxes))


def _clear(left: tuple[float, float], right: tuple[float, float]) -> bool:
    return right[0] - left[1] >= _GAP


def _anchor(at: float, width: float, room: tuple[float, float]) -> str:
    if at - width / 2.0 < room[0]:
        return "start"
    return "end" if at + width / 2.0 > room[1] else "middle"
