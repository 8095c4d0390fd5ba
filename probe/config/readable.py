"""Reading the operator's files: whatever a path leads to, with an end and a reason."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import count
from pathlib import Path

MOST_BYTES = 4_194_304
"""Of one file. A configuration has some kilobytes, a system's list of all authorities 250."""
MOST_LINE_BYTES = 65_536
"""Of a line among many. One that tells of a few dozen targets has 2,000."""
MOST_SECONDS = 5.0
"""For what is no file: a pipe is read (`-c <(program)`), and may have nobody at its other end."""


class Unreadable(Exception):  # noqa: N818 - it is about the file
    """A file that cannot be read as text; the text says why, in a few words."""


def read_text(file: Path, *, any_bytes: bool = False) -> str:
    """The text in ``file``, which is UTF-8 with a byte order mark or without; with ``any_bytes``
    what is no UTF-8 is replaced. Raises ``Unreadable``."""
    try:
        content = _content(file)
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


def read_lines(file: Path, *, most_bytes: int = MOST_LINE_BYTES) -> Iterator[tuple[int, bytes]]:
    """The lines of ``file`` that are not empty, with their numbers, one after the other: however
    many there are. Raises ``Unreadable``, also for one of more than ``most_bytes``."""
    try:
        # A pipe to which nobody writes has an end at once; who writes is waited for.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "rb") as source:
            for number in count(1):
                line = source.readline(most_bytes + 1)
                if len(line) > most_bytes:
                    raise Unreadable(f"line {number} has more than {most_bytes:,} bytes")
                if not line:
                    return
                if kept := line.removeprefix(BOM_UTF8 if number == 1 else b"").strip():
                    yield number, kept
    except OSError as error:
        raise Unreadable((error.strerror or type(error).__name__).lower()) from error
    except ValueError as error:
        raise Unreadable("no file can have that name") from error


def must_be_file(*files: str | Path) -> None:
    """Before a library is given names of files, which it would read without an end. Raises
    ``OSError``."""
    for file in files:
        if not stat.S_ISREG(Path(file).stat().st_mode):
            raise OSError(errno.EINVAL, "no regular file")


def _content(file: Path) -> bytes:
    """Its bytes. Raises ``OSError``, ``ValueError`` (a path that none can be) or ``Unreadable``."""
    # A path may lead to a pipe to which nobody writes, or to a device that never ends.
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        content, until = b"", time.monotonic() + MOST_SECONDS
        while len(content) <= MOST_BYTES:
            try:
                part = os.read(descriptor, MOST_BYTES + 1 - len(content))
            except BlockingIOError:
                select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
                part = None
            if part == b"":
                break
            content += part or b""
            if not is_file and time.monotonic() > until:
                raise Unreadable(f"no regular file, and no end of it in {MOST_SECONDS:g} seconds")
        if not content and not is_file:
            raise Unreadable("no regular file, and nothing in it")
        return content
    finally:
        os.close(descriptor)


def home_of(path: str) -> Path:
    """``path`` with ``~`` in front as a shell reads it; as it is, where nobody's home is known."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
