"""Connections to the file, and what their errors mean."""

from __future__ import annotations

import errno
import sqlite3
import stat
from pathlib import Path
from typing import Literal

from probe.store.file_identity import LockedError, NoLocksError
from probe.store.migrations import (
    ForeignFileError,
    NewerFileError,
    check_ours,
    migrate,
)

Trouble = Literal[
    "corrupt", "newer", "foreign", "full", "read_only", "busy", "no_locks", "gone", "io"
]
"""Why the file cannot be used. The first two are cured by setting it aside."""

BUSY_SECONDS = 5.0
# A commit writes whole pages, and touches a few that hold little: small ones write less. Of a new
# file only.
PAGE_BYTES = 1_024
# A log longer than this is cut back once it has been carried into the file.
WAL_BYTES = 8 * 1024 * 1024

_TROUBLES: dict[int, Trouble] = {
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    # The tables are not those that the version promises: somebody else changed them.
    sqlite3.SQLITE_ERROR: "corrupt",
    sqlite3.SQLITE_CONSTRAINT: "corrupt",
    sqlite3.SQLITE_MISMATCH: "corrupt",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_AUTH: "read_only",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
}


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes, on a file of the newest schema.

    A commit returns when the disk has it (``synchronous = FULL``), so what was committed survives a
    cut of the power. Raises ``sqlite3.Error``, ``OSError``, ``NewerFileError``,
    ``ForeignFileError``.
    """
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
    )
    try:
        check_ours(connection)
        # These two must come before the first table. A file that was pruned can be made smaller.
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        connection.execute("PRAGMA temp_store = MEMORY")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, also while the daemon writes.

    Raises ``sqlite3.Error``, ``OSError``, ``NewerFileError``, ``ForeignFileError``.
    """
    # SQLite would wait for somebody to write to a pipe.
    if not stat.S_ISREG(path.stat().st_mode):
        raise ForeignFileError("no regular file")
    path.open("rb").close()  # SQLite has one error for all that keeps a file from being opened
    connection = _connect_read_only(path, "mode=ro")
    try:
        check_ours(connection)
    except sqlite3.OperationalError:
        # On a medium that cannot be written SQLite cannot make its index; without a log there is
        # nothing that the index could tell.
        connection.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        connection = _connect_read_only(path, "mode=ro&immutable=1")
        check_ours(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def trouble_of(error: Exception) -> Trouble:
    """What an error of the file means."""
    if isinstance(error, NewerFileError):
        return "newer"
    if isinstance(error, ForeignFileError):
        return "foreign"
    if isinstance(error, LockedError):
        return "busy"
    if isinstance(error, NoLocksError):
        return "no_locks"
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return "io"
        # SQLite's word for it is an error of the disk: there is no room for its index.
        return "full" if code == sqlite3.SQLITE_IOERR_SHMSIZE else _TROUBLES.get(code & 0xFF, "io")
    number = getattr(error, "errno", None)
    if isinstance(error, PermissionError) or number == errno.EROFS:
        return "read_only"
    return "full" if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "io"


def is_sound(path: Path, *, with_log: bool) -> bool:
    """Whether the file, with SQLite's log or without it, is a history and whole. Reads all of it:
    seconds for a large one."""
    how = "mode=ro" if with_log else "mode=ro&immutable=1"
    try:
        connection = _connect_read_only(path, how)
        try:
            check_ours(connection)
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()
        finally:
            connection.close()
    except (sqlite3.Error, NewerFileError, ForeignFileError):
        return False
    return bool(found == ("ok",))


def _connect_read_only(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
    )
