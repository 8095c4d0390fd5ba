"""Where the history lies, and the files that belong to it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from probe.config.bundle_places import BUNDLE
from probe.config.folders import HISTORY as NAME
from probe.config.folders import kept_in
from probe.config.values import AUTO

# SQLite's own companions: the write-ahead log and its index.
COMPANIONS = ("-wal", "-shm")
LOCK = ".lock"
# What was asked of hosts lately: see shared.py.
ASKED = ".asked"
# What an outlet keeps in a file of its own: see probe/outlets/outlet.py.
OF_OUTLET = ".outlet-"
_ENDS = (LOCK, ASKED, BUNDLE, *COMPANIONS)
# Before a date, the name of an outlet, or some letters (a bundle that is being written).
_MARKS = (".corrupt-", ".newer-", OF_OUTLET, BUNDLE + "-")
SQLITE = b"SQLite format 3\x00"
"""How a file of SQLite begins."""


def writable_path(configured: str | None, environ: Mapping[str, str]) -> Path | None:
    """The file that a daemon writes to; ``None`` when the history is turned off."""
    if configured is None:
        return None
    if configured != AUTO:
        return Path(configured)
    folders = kept_in(environ)
    found = next((folder for folder in folders if _may_write(folder)), folders[-1])
    return found / NAME


def readable_path(configured: str | None, environ: Mapping[str, str]) -> Path | None:
    """The file that a command reads: the first that exists, else where it would be."""
    if configured is None:
        return None
    if configured != AUTO:
        return Path(configured)
    files = [folder / NAME for folder in kept_in(environ)]
    return next((file for file in files if _exists(file)), files[-1])


def takes_no_more(path: Path) -> bool:
    """Whether the file system of ``path`` can hold no further file, though it may have room (no
    inode is left)."""
    with suppress(OSError):
        found = os.statvfs(path.parent)
        return found.f_files > 0 and found.f_favail == 0
    return False


def closed_path(configured: str | None, environ: Mapping[str, str]) -> Path | None:
    """Where a history may be that this user cannot even look for; ``None``: nowhere."""
    if configured is None:
        return None
    named = [Path(configured)] if configured != AUTO else []
    found = named or [folder / NAME for folder in kept_in(environ)]
    return next((file for file in found if _is_closed(file)), None)


def owner_of(path: Path) -> str:
    """The name of the user who may read ``path``: its owner, or that of the nearest folder above it
    that can be looked at; empty where nobody has that number."""
    for place in (path, *path.parents):
        with suppress(OSError):
            number = place.stat().st_uid
            with suppress(KeyError):
                return pwd.getpwuid(number).pw_name
            return ""
    return ""


def belonging(path: Path) -> tuple[Path, ...]:
    """Every existing file of the history at ``path``: itself, SQLite's, those of outlets, those set
    aside."""
    if not path.parent.is_dir():
        return ()
    own = {path.name, *(path.name + end for end in _ENDS)}
    marked = tuple(path.name + mark for mark in _MARKS)
    return tuple(
        sorted(f for f in path.parent.iterdir() if f.name in own or f.name.startswith(marked))
    )


def histories_of(path: Path) -> Iterator[Path]:
    """Where the histories would be that a file at ``path`` may belong to: itself first."""
    yield path
    heads = [path.name.removesuffix(end) for end in _ENDS if path.name.endswith(end)]
    heads += [path.name.partition(mark)[0] for mark in _MARKS if mark in path.name]
    yield from (path.with_name(head) for head in heads if head)


def is_sqlite(path: Path) -> bool:
    """Whether it is a file of SQLite's. Raises ``OSError`` if it cannot be read."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def of_outlet(path: Path, name: str) -> Path:
    """The file that the outlet ``name`` keeps beside the history at ``path``."""
    return path.with_name(f"{path.name}{OF_OUTLET}{name}")


def companions(path: Path) -> tuple[Path, ...]:
    """Where SQLite's own companions of the file are."""
    return tuple(path.with_name(path.name + end) for end in COMPANIONS)


def lock_of(path: Path) -> Path:
    """The file that a daemon holds locked beside the history."""
    return path.with_name(path.name + LOCK)


def set_aside(path: Path, why: str, now: float, *, log_only: bool = False) -> Path:
    """Rename the file and its companions to ``*.WHY-DATE``, or the companions only; nothing is
    deleted."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.{why}-{stamp}")
    number = 1
    while target.exists() or any(file.exists() for file in companions(target)):
        number += 1
        target = path.with_name(f"{path.name}.{why}-{stamp}-{number}")
    if not log_only:
        path.rename(target)
    for companion, aside in zip(companions(path), companions(target), strict=True):
        if companion.exists():
            companion.rename(aside)
    return target


def size(path: Path) -> int:
    """Bytes of the file and its companions on disk."""
    total = 0
    for end in ("", *COMPANIONS):
        try:
            total += path.with_name(path.name + end).stat().st_size
        except OSError:
            continue
    return total


def _may_write(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _is_closed(file: Path) -> bool:
    try:
        file.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(file, os.R_OK)


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:
        return False
