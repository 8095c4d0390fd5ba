"""What others wrote, as JSON or as words: a far end, a daemon of another version, a file."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

T = TypeVar("T")
_LINES = str.maketrans("\n\t", "\N{REPLACEMENT CHARACTER}" * 2)
# Without those that only keep a name apart from what is around it, which pages are made with.
_ON_A_PAGE = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]")
# Joiners are part of words in several scripts; isolates keep a number or a name apart from a
# sentence that runs the other way.
_HARMLESS = "\n\t\u200c\u200d\u2068\u2069"


def read_json(body: bytes | str, kind: type[T]) -> T:
    """``body`` as ``kind``. Raises ``ValueError``, whatever it is: also if it is so deep that the
    library raises ``RecursionError``."""
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError as error:
        raise ValueError("it is too deep") from error


def printable(text: str) -> str:
    """``text`` without what would command a terminal, or turn the direction of what follows."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in _HARMLESS else "\N{REPLACEMENT CHARACTER}"
        for one in text
    )


def one_line(text: str) -> str:
    """``text`` as ``printable`` has it, and nothing in it begins a line or a column."""
    return printable(text).translate(_LINES)


def on_a_page(value: object) -> object:
    """A text without what would turn what follows it, or that no page may hold; anything else as it
    is."""
    if isinstance(value, str) and _ON_A_PAGE.search(value):
        return type(value)(_ON_A_PAGE.sub("\N{REPLACEMENT CHARACTER}", value))
    return value
