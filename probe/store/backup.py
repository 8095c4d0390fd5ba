"""A copy of the history, whole, while the daemon writes.

``cp`` does not make one: what was written lately is in SQLite's log beside the file, and pages that
change while they are copied belong to no state at all. SQLite's own backup reads one state of both.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from probe.store import files
from probe.store.database import open_reader
from probe.store.history import open_for_people


class BackupError(Exception):
    """No copy was made; the text says why, for a person."""


def backup(source: Path, target: Path) -> int:
    """Copy the history at ``source`` to ``target``, whole or not at all; how many rounds it has.

    The copy is one file, readable by this user alone. An earlier copy is replaced; what is no
    history, a link or a device is not, nor what a daemon writes to or has written to. Raises
    ``BackupError``, ``HistoryError``.
    """
    with closing(open_for_people(source)) as connection:
        try:
            _may_replace(source, target)
            with _beside(target) as partial, closing(sqlite3.connect(partial)) as copy:
                connection.backup(copy)
                # A log beside the copy would be one more file to take along.
                copy.execute("PRAGMA journal_mode = DELETE")
                (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
                if found != "ok":
                    raise BackupError(f"the history is damaged: {found}")
                (rounds,) = copy.execute("SELECT count(*) FROM rounds").fetchone()
        except sqlite3.Error as error:
            raise BackupError(f"cannot copy {source} to {target}: {error}") from error
        except OSError as error:
            raise BackupError(f"cannot write {target}: {error.strerror or error}") from error
    return int(rounds)


def _may_replace(source: Path, target: Path) -> None:
    """Raises ``BackupError``."""
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise BackupError(f"{target} is a link, a folder or a device; expected the name of a file")
    if not target.exists():
        return
    if target.samefile(source):
        raise BackupError(f"{target} is the history itself; give another name")
    # A copy has neither: what is acknowledged would be lost, or a log be read with another file.
    if any(map(os.path.lexists, (files.lock_of(target), *files.companions(target)))):
        raise BackupError(f"{target} is a daemon's history; give another name")
    if target.stat().st_size:
        try:
            open_reader(target).close()
        except Exception as error:
            raise BackupError(f"{target} is no history and is not replaced") from error


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A new file in the folder of ``target``, which takes its name if all goes well."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        yield partial
        os.fsync(descriptor)
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    finally:
        os.close(descriptor)
