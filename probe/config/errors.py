"""Mistakes in a configuration, as values: all of them are found before any is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

# Greedy on purpose: a password may hold a space, a slash or an @ itself.
_USER_INFO = re.compile(r"(?<=://).*@|[^\s/:`]+:\S*@")


# No key and no value that is right is as long; to look for a password takes the square of a length.
_MOST_SHOWN = 2_000
# A file that is wrong throughout (a page of HTML, a log) needs no more than this to be recognised.
_MOST_MISTAKES = 100


def redact(text: str) -> str:
    """``text`` without the user and password of a URL in it, or of what looks like one. What is too
    long to be looked through is not shown at all."""
    if len(text) > _MOST_SHOWN:
        return f"a text of {len(text):,} characters"
    return _USER_INFO.sub("***@", text)


class ConfigError(Struct, frozen=True, kw_only=True):
    """One mistake.

    ``file`` is a file's name or an environment variable's; ``line`` counts from 1 (0: there is
    none). ``key`` is the dotted path to the value, ``suggestion`` the value or key that was
    probably meant (empty: nothing is near).
    """

    file: str
    line: int
    key: str
    found: str
    expected: str
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        lines = [
            f"{place}: {self.key}" if self.key else place,
            f"  found:        {self.found}",
            f"  expected:     {self.expected}",
        ]
        if self.suggestion:
            lines.append(f"  did you mean: {self.suggestion}")
        return "\n".join(lines)


class ConfigErrors(Exception):  # noqa: N818 - it holds several
    """Everything that is wrong with a configuration, file by file and down each. ``str`` gives a
    block of lines for each of the first hundred, and says how many more there are."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        found = tuple(errors)
        files = list(dict.fromkeys(error.file for error in found))
        self.errors = tuple(sorted(found, key=lambda e: (files.index(e.file), e.line)))
        blocks = [str(error) for error in self.errors[:_MOST_MISTAKES]]
        if len(self.errors) > len(blocks):
            blocks.append(f"and {len(self.errors) - len(blocks):,} more mistakes")
        super().__init__("\n".join(blocks))
