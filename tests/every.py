"""One test for all rows of a table: it fails once and names every row that is wrong.

For rules that cost less than pytest needs for a test of its own. Where a row is played (a server, a
daemon, a history), it stays a test of its own, so that it can be run alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

T = TypeVar("T")


def for_every(
    rows: Collection[T], called: Callable[[T], str] = str
) -> Callable[[Callable[[T], None]], Callable[[], None]]:
    """Makes a test without parameters of one that takes a row.

    Args:
        rows: the table. An empty one fails, since a test of nothing cannot.
        called: what a row is called in the message.
    """

    def of(check: Callable[[T], None]) -> Callable[[], None]:
        def test() -> None:
            assert rows, "there is no row to look at"
            wrong = []
            for row in rows:
                try:
                    check(row)
                except AssertionError as error:
                    wrong.append(f"{called(row)}: {error}")
            assert not wrong, "\n\n".join([f"{len(wrong)} of {len(rows)} rows", *wrong])

        test.__name__ = check.__name__
        test.__doc__ = check.__doc__
        test.__module__ = check.__module__
        return test

    return of
