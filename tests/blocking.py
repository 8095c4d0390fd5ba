"""A guard: nothing of ``probe/`` may wait in the event loop, where every leg would wait with it.

Looked at are sleeps, sockets that block, TLS, SQLite and locks. Small files of this host
(resolv.conf, the zone's data) are read where they are needed, so files are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from blockbuster import BlockBuster

GUARDED = ("time.", "socket.", "ssl.", "sqlite3.", "threading.")


@contextmanager
def nothing_waits() -> Iterator[None]:
    """A call of ``probe/`` that would wait in a running loop raises ``BlockingError``."""
    guard = BlockBuster("probe")
    guarded = [each for name, each in guard.functions.items() if name.startswith(GUARDED)]
    assert guarded
    for each in guarded:
        each.activate()
    try:
        yield
    finally:
        for each in guarded:
            each.deactivate()
