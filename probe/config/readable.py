"""Reading the operator's files: whatever a path leads to, with an end and a reason."""

from __future__ import annotations

from pathlib import Path

MOST_BYTES = 4_194_304
"""Of one file. A configuration has some kilobytes, a system's list of all authorities 250."""


class Unreadable(Exception):  # noqa: N818 - it is about the file
    """A file that cannot be read as text; the text says why, in a few words."""


def read_text(file: Path, *, any_bytes: bool = False) -> str:
    """The text in ``file``, which is UTF-8 with a byte order mark or without; with ``any_bytes``
    what is no UTF-8 is replaced. Raises ``Unreadable``."""
    try:
        with file.open("rb") as opened:
            # A path may lead to a device that never ends.
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unreadable((error.strerror or type(error).__name__).lower()) from error
    except ValueError as error:
        raise Unreadable("no file can have that name") from error
    if len(content) > MOST_BYTES:
        raise Unreadable(f"more than {MOST_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig", "replace" if any_bytes else "strict")
    except UnicodeDecodeError as error:
        raise Unreadable("bytes not in UTF-8") from error
