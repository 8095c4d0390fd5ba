"""A text as a QR code for a terminal, so that a telephone or a board's camera can read it.

Made by segno (the extra ``hub``), which is imported when it is asked for. Two rows of the code are
one line of half blocks, with a margin of four modules (ISO/IEC 18004), in colours of its own: light
on dark, whatever the terminal's are, since many readers take no inverted code.
"""

from __future__ import annotations

from io import StringIO

NO_SEGNO = (
    "QR codes are made by segno, which is not installed here: install the extra `hub` "
    "(docs/install.md)"
)
# Bright white on black, and back to what the terminal had.
_BEGIN, _END = "\x1b[97;40m", "\x1b[0m"


class NoCodeError(Exception):
    """There is no code; the text says why, for a person."""


def qr_code(text: str) -> tuple[str, ...]:
    """The lines of it. Raises ``NoCodeError``."""
    try:
        import segno
    except ImportError as error:
        raise NoCodeError(NO_SEGNO) from error
    try:
        made = segno.make_qr(text, error="l")
    except segno.DataOverflowError as error:
        raise NoCodeError(f"{len(text)} letters are too many for a QR code") from error
    drawn = StringIO()
    made.terminal(drawn, compact=True)
    return tuple(f"{_BEGIN}{line}{_END}" for line in drawn.getvalue().splitlines())


def columns(code: tuple[str, ...]) -> int:
    """How wide it is on a terminal."""
    return len(code[0]) - len(_BEGIN) - len(_END)
