"""What is forgotten, and in which order: calm times first, evidence of incidents last.

Rounds within ``MARGIN_SECONDS`` of a span that was not calm are evidence. Of the others one an hour
is left after ``full_detail``, none after ``keep``; evidence goes after ``keep_incidents``. Above
``max_size`` the oldest calm rounds go first, then the oldest of all. Spans, findings and incidents
are small and stay. Everything is done in small transactions, so that rounds are never kept waiting.
"""

from __future__ import annotations

import sqlite3

from probe.config.schema import StoreConfig

MARGIN_SECONDS = 3 * 3_600.0
_PORTION = 500
# Above the cap: less at once, so that no more goes than must.
_SLICE = 100
# A pass does at most this many portions; the next one goes on.
_PORTIONS = 200
_HOUR = 3_600

# Rounds beside no span that was not calm. A shutdown is "offline", so that is no calm time either.
_CALM = f"""NOT EXISTS (
    SELECT 1 FROM spans WHERE spans.slot = rounds.slot
    AND spans.state IN ('throttled', 'blocked', 'degraded', 'offline', 'down')
    AND spans.started_at - {MARGIN_SECONDS} <= rounds.at
    AND spans.ended_at + {MARGIN_SECONDS} >= rounds.at
)"""


def prune(
    connection: sqlite3.Connection,
    config: StoreConfig,
    *,
    now: float,
    forwarded: int,
    keep_samples_seconds: float,
) -> int:
    """Forget what is due at ``now`` (Unix seconds); how many rounds that were.

    ``forwarded`` is the last frame of samples that need not be sent any more. Raises
    ``sqlite3.Error``.
    """
    _samples(connection, forwarded, now - keep_samples_seconds)
    gone = 0
    for query, value in (
        (_thinned(), now - float(config.full_detail)),
        (
            f"SELECT id FROM rounds WHERE at < ? AND {_CALM} LIMIT {_PORTION}",
            now - float(config.keep),
        ),
        (
            f"SELECT id FROM rounds WHERE at < ? LIMIT {_PORTION}",
            now - float(config.keep_incidents),
        ),
    ):
        gone += _repeat(connection, query, value)
    day_old = now - 86_400.0
    for _ in range(_PORTIONS):
        if used_bytes(connection) <= int(config.max_size):
            break
        calm = f"SELECT id FROM rounds WHERE at < ? AND {_CALM} ORDER BY at LIMIT {_SLICE}"
        oldest = f"SELECT id FROM rounds WHERE at < ? ORDER BY at LIMIT {_SLICE}"
        done = _delete(connection, calm, day_old) or _delete(connection, oldest, now)
        if not done:
            break
        gone += done
    _give_back(connection, int(config.max_size))
    return gone


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the file without its free pages."""
    used = _pages(connection, "page_count") - _pages(connection, "freelist_count")
    return used * _pages(connection, "page_size")


def _give_back(connection: sqlite3.Connection, size: int) -> None:
    """Make the file itself as small as ``size``, if it has free pages enough."""
    above = _pages(connection, "page_count") - size // _pages(connection, "page_size")
    free = min(above, _pages(connection, "freelist_count"))
    if free <= 0:
        return
    connection.execute("BEGIN IMMEDIATE")
    # The standard library takes one step of this statement, which gives back one page.
    for _ in range(free):
        connection.execute("PRAGMA incremental_vacuum(1)")
    connection.execute("COMMIT")


def _thinned() -> str:
    # The round of an hour that is left is one that read objects, if there is one.
    return f"""SELECT id FROM (
        SELECT id, row_number() OVER (
            PARTITION BY slot, CAST(at / {_HOUR} AS INTEGER) ORDER BY kind = 'light', at
        ) AS place FROM rounds WHERE at < ? AND {_CALM}
    ) WHERE place > 1 LIMIT {_PORTION}"""


def _repeat(connection: sqlite3.Connection, query: str, value: float) -> int:
    gone = 0
    for _ in range(_PORTIONS):
        done = _delete(connection, query, value)
        gone += done
        if done < _PORTION:
            break
    return gone


def _delete(connection: sqlite3.Connection, query: str, value: float) -> int:
    numbers = connection.execute(query, (value,)).fetchall()
    if numbers:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM bodies WHERE round = ?", numbers)
        connection.executemany("DELETE FROM rounds WHERE id = ?", numbers)
        connection.execute("COMMIT")
    return len(numbers)


def _samples(connection: sqlite3.Connection, forwarded: int, oldest: float) -> None:
    """Forget frames before the last one that was sent, and those that waited too long; a base stays
    as long as a frame needs it."""
    connection.execute(
        "DELETE FROM samples WHERE (seq < ? OR at < ?) AND seq NOT IN "
        "(SELECT base FROM samples WHERE seq >= ? AND at >= ?)",
        (forwarded, oldest, forwarded, oldest),
    )


def _pages(connection: sqlite3.Connection, pragma: str) -> int:
    (number,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)
