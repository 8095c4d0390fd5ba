"""Where tables and sentences are printed. Brackets and colons in names mean what they are."""

from __future__ import annotations

from rich.console import Console
from rich.status import Status
from rich.text import Text


def console(*, stderr: bool = False) -> Console:
    """Standard output, or the other one."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


class Doing:
    """Says on standard error what is being done, while it is."""

    def __init__(self, what: str) -> None:
        # A text, since a string would be read as markup.
        self._status: Status = console(stderr=True).status(Text(what))

    def __enter__(self) -> Doing:
        self._status.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._status.stop()

    def now(self, what: str) -> None:
        """Something else."""
        self._status.update(Text(what))
