"""Draws a card as PNG, 1200 by 630: what sites show where a link to a page is shared.

By Pillow (the extra ``hub``). Lines that run from right to left, and letters that take another form
beside others, are laid out by raqm, which comes with it, and FriBidi, which the system has
(Debian's libfribidi0); without that there is no such picture.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin, features

from probe.publish.languages.offered import OFFERED
from probe.publish.picture.card import HEIGHT, KEY_WORD, WIDTH, PictureCard, state_colour
from probe.publish.picture.faces import LETTERS, Face, face_for, faces

_SIDE, _TOP, _BAR = 72, 48, 20
_INK, _SOFT, _PAPER, _LINE, _ALARM = "#1b1f26", "#5a6370", "#ffffff", "#d8dce2", "#b93d08"
# From the size at which it looks best to the one that can still be read in a preview.
_SCALES = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.54, 0.46, 0.4)
# Few colours: letters' edges in shades.
_COLOURS = 64
_ISOLATE = re.compile("\u2066[^\u2069]*\u2069|\u2067[^\u2069]*\u2069|\u2068[^\u2069]*\u2069")
_OTHER_WAY = {"R", "AL", "AN", "RLI", "RLE", "RLO"}


class DrawnLine(Struct, frozen=True):
    """One line of text: where it begins in its reading direction, and how it looks."""

    text: str
    x: float
    y: float
    size: int
    bold: bool = False
    colour: str = _INK


class DrawnMark(Struct, frozen=True):
    """A square before a row."""

    x: float
    y: float
    size: int
    colour: str


class Pencil:
    """Draws with the fonts in ``folders``."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._faces = {way: faces(folders, right_to_left=way) for way in (False, True)}
        self.shapes = features.check("raqm") and features.check("fribidi")

    @property
    def form(self) -> str:
        """What pictures rest on beside what they say."""
        found = [f"{self.shapes}"]
        for several in self._faces.values():
            found += [f"{one.plain} {one.plain.stat().st_size}" for one in several]
        return "\n".join(found)

    def languages(self) -> tuple[str, ...]:
        """Those whose letters can be drawn."""
        return tuple(code for code in OFFERED if self._face(code, (LETTERS[code],)) is not None)

    def can(self, card: PictureCard) -> bool:
        """Whether it has room, and every letter of it can be drawn and laid out rightly."""
        return card.has_room and self._face(card.language, card.texts()) is not None

    def drawn(self, card: PictureCard, key: str) -> bytes | None:
        """A PNG that says ``key`` in its text; ``None``: it cannot be drawn whole, and half of what
        was found may say something else."""
        face = self._face(card.language, card.texts()) if card.has_room else None
        if face is None:
            return None
        sheet = _Sheet(card, face, self.shapes)
        for scale in _SCALES:
            if sheet.laid_out(scale):
                return sheet.png(key)
        return None

    def _face(self, language: str, texts: Sequence[str]) -> Face | None:
        backwards = OFFERED[language].right_to_left
        if not self.shapes and (backwards or any(map(_runs_the_other_way, texts))):
            return None
        return face_for(texts, self._faces[backwards])


def _runs_the_other_way(text: str) -> bool:
    return any(unicodedata.bidirectional(letter) in _OTHER_WAY for letter in text)


class _Sheet:
    """One card that is being laid out."""

    def __init__(self, card: PictureCard, face: Face, shapes: bool) -> None:
        self._card, self._face = card, face
        self._layout = ImageFont.Layout.RAQM if shapes else ImageFont.Layout.BASIC
        self._way = ("rtl" if card.right_to_left else "ltr") if shapes else None
        self._language = card.language if shapes else None
        self._fonts: dict[tuple[int, bool], ImageFont.FreeTypeFont] = {}
        self._lines: list[DrawnLine] = []
        self._marks: list[DrawnMark] = []

    def laid_out(self, scale: float) -> bool:
        """Place everything; whether it has room."""
        self._lines, self._marks = [], []
        card, wide = self._card, WIDTH - 2 * _SIDE
        small = self._sized(24, scale)
        y = self._paragraph(card.kicker, _TOP, self._sized(28, scale), wide, colour=_SOFT)
        y += 14 * scale
        y = self._paragraph(card.heading, y, self._sized(58, scale), wide, bold=True)
        y += 12 * scale
        y = self._paragraph(card.when, y, self._sized(28, scale), wide, colour=_SOFT)
        y += 26 * scale
        if card.note:
            y = self._paragraph(
                card.note, y, self._sized(30, scale), wide, bold=True, colour=_ALARM
            )
            y += 16 * scale
        if card.rows:
            y = self._rows(y, scale, wide)
        if card.facts:
            y = self._columns(y, scale, wide)
        foot = list(self._wrapped(card.foot, small, False, wide))
        address = list(self._wrapped(card.address, small, True, wide))
        height = (len(foot) + len(address)) * small * 1.35
        if y > HEIGHT - 40 - height or len(address) > 1:
            return False
        y = HEIGHT - 36 - height
        for text in foot:
            self._lines.append(DrawnLine(text, _SIDE, y, small, colour=_SOFT))
            y += small * 1.35
        for text in address:
            self._lines.append(DrawnLine(text, _SIDE, y, small, bold=True))
            y += small * 1.35
        return True

    def png(self, key: str) -> bytes:
        """What is laid out, drawn."""
        picture = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
        draw = ImageDraw.Draw(picture)
        colour = state_colour(self._card.state)
        bar = (WIDTH - _BAR, WIDTH) if self._card.right_to_left else (0, _BAR)
        draw.rectangle((bar[0], 0, bar[1] - 1, HEIGHT - 1), fill=colour)
        for mark in self._marks:
            x = WIDTH - mark.x - mark.size if self._card.right_to_left else mark.x
            draw.rectangle((x, mark.y, x + mark.size, mark.y + mark.size), fill=mark.colour)
        for line in self._lines:
            x = WIDTH - line.x if self._card.right_to_left else line.x
            draw.text(
                (x, line.y),
                line.text,
                fill=line.colour,
                font=self._font(line.size, line.bold),
                anchor="ra" if self._card.right_to_left else "la",
                direction=self._way,
                language=self._language,
            )
        said = PngImagePlugin.PngInfo()
        said.add_text(KEY_WORD, key)
        out = BytesIO()
        few = picture.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(out, "PNG", pnginfo=said)
        return out.getvalue()

    def _rows(self, y: float, scale: float, wide: float) -> float:
        size, gap = self._sized(32, scale), 18 * scale
        half = wide * 0.46
        for row in self._card.rows:
            colour = state_colour(row.state)
            mark = round(size * 0.72)
            self._marks.append(DrawnMark(_SIDE, y + size * 0.28, mark, colour))
            indent = size * 1.3
            titles = list(self._wrapped(row.title, size, True, half - indent))
            words = list(self._wrapped(row.words, size, False, wide - half - gap))
            for number, text in enumerate(titles):
                at = y + number * size * 1.3
                self._lines.append(DrawnLine(text, _SIDE + indent, at, size, bold=True))
            for number, text in enumerate(words):
                at = y + number * size * 1.3
                self._lines.append(DrawnLine(text, _SIDE + half + gap, at, size, colour=colour))
            y += max(len(titles), len(words)) * size * 1.3 + gap
        return y

    def _columns(self, y: float, scale: float, wide: float) -> float:
        big, small, gap = self._sized(54, scale), self._sized(24, scale), 36
        each = (wide - gap * (len(self._card.facts) - 1)) / len(self._card.facts)
        lowest = y
        for number, fact in enumerate(self._card.facts):
            x, at = _SIDE + number * (each + gap), y
            for text in self._wrapped(fact.number, big, True, each):
                self._lines.append(DrawnLine(text, x, at, big, bold=True))
                at += big * 1.3
            for text in self._wrapped(fact.words, small, False, each):
                self._lines.append(DrawnLine(text, x, at, small, colour=_SOFT))
                at += small * 1.35
            lowest = max(lowest, at)
        return lowest

    def _paragraph(
        self, text: str, y: float, size: int, wide: float, *, bold: bool = False, colour: str = _INK
    ) -> float:
        """Where the next thing begins."""
        for line in self._wrapped(text, size, bold, wide):
            self._lines.append(DrawnLine(line, _SIDE, y, size, bold=bold, colour=colour))
            y += size * 1.28
        return y

    def _wrapped(self, text: str, size: int, bold: bool, wide: float) -> Iterator[str]:
        line = ""
        for word in self._words(text, size, bold, wide):
            longer = f"{line} {word}" if line else word
            if line and self._length(longer, size, bold) > wide:
                yield line
                line = word
            else:
                line = longer
        if line:
            yield line

    def _words(self, text: str, size: int, bold: bool, wide: float) -> Iterator[str]:
        """What is not broken: words, what is isolated, and so much of either as a line holds."""
        for piece in _pieces(text):
            if self._length(piece, size, bold) <= wide:
                yield piece
                continue
            isolated = _ISOLATE.fullmatch(piece) is not None
            opened, closed = (piece[0], piece[-1]) if isolated else ("", "")
            line = ""
            for word in self._broken(
                piece[len(opened) : len(piece) - len(closed)], size, bold, wide
            ):
                longer = f"{line} {word}" if line else word
                # Words that are isolated together stay in their own order.
                if line and self._length(longer, size, bold) > wide:
                    yield f"{opened}{line}{closed}"
                    line = word
                else:
                    line = longer
            yield f"{opened}{line}{closed}"

    def _broken(self, text: str, size: int, bold: bool, wide: float) -> Iterator[str]:
        """Its words, and of one that no line holds so much as each does."""
        for word in text.split():
            while word:
                most = len(word)
                while most > 1 and self._length(word[:most], size, bold) > wide:
                    most -= 1
                yield word[:most]
                word = word[most:]

    def _length(self, text: str, size: int, bold: bool) -> float:
        font = self._font(size, bold)
        return float(font.getlength(text, direction=self._way, language=self._language))

    def _font(self, size: int, bold: bool) -> ImageFont.FreeTypeFont:
        if (size, bold) not in self._fonts:
            file = self._face.bold if bold else self._face.plain
            self._fonts[size, bold] = ImageFont.truetype(file, size, layout_engine=self._layout)
        return self._fonts[size, bold]

    def _sized(self, size: int, scale: float) -> int:
        return round(size * scale)


def _pieces(text: str) -> list[str]:
    """Words, of which none has half of what is isolated. Whitespace between them is one space."""
    found, depth, begin = list[str](), 0, 0
    for number, letter in enumerate(text):
        if letter in "\u2066\u2067\u2068":
            depth += 1
        elif letter == "\u2069":
            depth -= 1
        elif letter.isspace() and depth == 0:
            found.append(text[begin:number])
            begin = number + 1
    return [one for one in (*found, text[begin:]) if one]
