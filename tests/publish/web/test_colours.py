"""What is read has contrast enough in light, in the dark and on paper (WCAG 2.2, 1.4.3 and 1.4.11),
and nothing moves by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import probe.publish.templates
from probe.publish.templates import style

# Text has 4.5 to one, and what is to be seen beside its words (the lines of a plot) 3.
TEXT, SHAPE = 4.5, 3.0
PLACES = ("light", "dark", "print")


def colours(place: str) -> dict[str, str]:
    """The variables of the shared sheet, as one place has them."""
    light, dark, paper = style().split("@media")[:3]
    own = {"light": "", "dark": dark, "print": paper}[place]
    return dict(re.findall(r"--(\w+): #([0-9a-f]+)", light)) | dict(
        re.findall(r"--(\w+): #([0-9a-f]+)", own)
    )


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    whole = "".join(2 * one for one in colour) if len(colour) == 3 else colour
    parts = [int(whole[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure() -> None:
    assert contrast("fff", "000000") == pytest.approx(21.0)
    assert contrast("767676", "fff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("place", PLACES)
def test_contrast(place: str) -> None:
    has = colours(place)
    wanted = {(text, on): TEXT for text in ("ink", "soft", "accent") for on in ("paper", "raised")}
    wanted |= {(line, "paper"): SHAPE for line in ("target", "control", "swap")}
    wanted |= {(state, "paper"): SHAPE for state in ("throttled", "blocked", "impaired")}
    poor = {pair: contrast(has[pair[0]], has[pair[1]]) for pair in wanted}
    assert not {pair: got for pair, got in poor.items() if got < wanted[pair]}


def test_nothing_moves_by_itself() -> None:
    for sheet in Path(probe.publish.templates.__file__).parent.glob("*.css"):
        assert not re.search(r"animation|transition|@keyframes", sheet.read_text()), sheet.name
