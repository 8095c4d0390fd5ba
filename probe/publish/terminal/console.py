"""Where tables and sentences are printed. Brackets and colons in names mean what they are, and
what others wrote commands no terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from probe.model.foreign import printable

# What is no terminal has no width: a line stays one line, for `grep` and later readers.
_NO_WIDTH = 100_000


def console(*, stderr: bool = False) -> Console:
    """Standard output, or the other one. In a pipe or a file nothing is wrapped, and no line ends
    in a blank; ``COLUMNS`` (which ``watch`` sets) says how wide it shall be."""
    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    made.push_render_hook(_OnlyPrintable())
    if not made.is_terminal and not os.environ.get("COLUMNS"):
        made.width = _NO_WIDTH
    return made


def is_plain(made: Console) -> bool:
    """Whether nothing that is printed there is wrapped or coloured."""
    return not made.is_terminal and made.width == _NO_WIDTH


class _OnlyPrintable(RenderHook):
    """Whatever is printed, a name in a stranger's file too, is letters: what colours and moves is
    Rich's own."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Each, with its letters looked at when it is printed."""
        return [_Letters(one) for one in renderables]


class _Letters:
    def __init__(self, what: ConsoleRenderable) -> None:
        self._what = what

    def __rich_console__(self, made: Console, options: ConsoleOptions) -> Iterator[Segment]:
        segments = (
            one if one.control else Segment(printable(one.text), one.style)
            for one in made.render(self._what, options)
        )
        return segments if made.is_terminal else _without_blank_ends(segments)


def _without_blank_ends(segments: Iterable[Segment]) -> Iterator[Segment]:
    """What fills a column up to its width is of no use where no terminal is, and in the way of who
    compares two files or quotes a line."""
    waiting: list[Segment] = []
    for one in segments:
        for text in re.split(r"(\n| +)", one.text) if not one.control else ():
            if text == "\n":
                waiting.clear()
            if text.isspace() and text != "\n":
                waiting.append(Segment(text, one.style))
            elif text:
                yield from waiting
                waiting.clear()
                yield Segment(text, one.style)
        if one.control:
            yield one


class Doing:
    """Says on standard error what is being done, while it is. ``always``: a line for each, also
    where no terminal is."""

    def __init__(self, what: str, *, always: bool = False) -> None:
        err = console(stderr=True)
        self._lines = always and not err.is_terminal
        # The usual wheel is made of letters that few encodings have. A text, since a string would
        # be read as markup.
        wheel = "dots" if err.encoding.startswith("utf") else "line"
        self._status: Status = err.status(Text(what), spinner=wheel)

    def __enter__(self) -> Doing:
        self._status.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._status.stop()

    def now(self, what: str) -> None:
        """Something else."""
        if self._lines:
            self._status.console.print(what)
        self._status.update(Text(what))
