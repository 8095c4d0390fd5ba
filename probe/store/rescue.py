"""What could not be written to the history until the end: a file of its own, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from probe.store import files
from probe.store.database import open_new
from probe.store.records import Queued, Tables, write_batch
from probe.store.spans import Numbered


def rescue(
    history: Path,
    records: Iterable[Queued],
    spans: Iterable[Numbered],
    state: Mapping[str, bytes],
    now: float,
) -> Path:
    """Write all of it to a new history beside ``history``, readable by this user alone, and be sure
    that the disk has it; which file that is. No other process knows its name before it is whole, so
    it needs no lock. Raises ``OSError``, ``sqlite3.Error``."""
    history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = files.free_beside(history, files.RESCUED, now)
    # Begins as the file's own name does: should the process be killed meanwhile, `wipe` finds it.
    partial = target.with_name(target.name + ".partial")
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(open_new(partial)) as connection:
            write_batch(connection, Tables(), records, spans, state, now)
        partial.rename(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    return target
