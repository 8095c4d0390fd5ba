"""What is forgotten, and in which order: calm times first, evidence of incidents last.

Rounds within ``MARGIN_SECONDS`` of a span that was not calm are evidence, and so are those within
as much of a round that shows something wrong beside its state (over another transport, say). Of the
others one an hour is left after ``full_detail``, none after ``keep``; evidence goes after
``keep_incidents``. Above ``max_size`` the oldest calm rounds go first, then the oldest of all.
Spans, findings and incidents are small and stay. Samples that wait for a receiver take at most half
of ``max_size``: evidence of a shutdown must not make room for what the shutdown keeps from being
sent. Everything is done in small transactions, so that rounds are never kept waiting.

How old a round is, is told by the history's own clock (reckoning.py, the column ``reckoned``) and
never by the wall clock, whose word may be wrong by years now, or was when the round was measured.
"""

from __future__ import annotations

import math
import sqlite3

from probe.config.schema import StoreConfig

MARGIN_SECONDS = 3 * 3_600.0
SAMPLES_SHARE = 2
_PORTION = 500
# Above the cap: less at once, so that no more goes than must.
_SLICE = 100
# A pass does at most this many portions; the next one goes on.
_PORTIONS = 200
MOST_AT_ONCE = _PORTION * _PORTIONS
"""A pass that forgot fewer rounds left nothing undone."""
_HOUR = 3_600
# Hours are looked at as a whole: the first one of a pass begins within so much before it.
_BEFORE = 2 * 3_600.0

# Rounds beside no span that was not calm. A shutdown is "offline", so that is no calm time either.
# The stretches of a slot do not overlap: only the last one that began before a round can hold it.
_TROUBLED = (
    "state IN ('throttled', 'blocked', 'impaired', 'withheld', 'degraded', 'offline', 'down')"
)
_BESIDE = "SELECT slot, reckoned, reckoned FROM rounds WHERE ailing_beside"
_CALM = " AND ".join(
    f"""coalesce((
    SELECT ended_at FROM {table} AS t WHERE t.slot = rounds.slot
    AND t.started_at <= rounds.{clock} ORDER BY t.started_at DESC LIMIT 1
), -1e300) < rounds.{clock}"""
    # Spans that an older version wrote have the wall clock's times only.
    for table, clock in (("troubled", "at"), ("troubled_reckoned", "reckoned"))
)


def prune(
    connection: sqlite3.Connection,
    config: StoreConfig,
    *,
    now: float,
    forwarded: int,
    keep_samples_seconds: float,
    thinned_until: float = 0.0,
) -> int:
    """Forget what is due at ``now``, by the history's own clock; how many rounds that were.

    ``forwarded`` is the last frame of samples that need not be sent any more. What is older than
    ``thinned_until`` (by the same clock) was thinned by an earlier call and is not looked at for
    that again. Raises ``sqlite3.Error``.
    """
    crowded = _crowded(connection, int(config.max_size) // SAMPLES_SHARE)
    _samples(connection, max(forwarded, crowded), now - keep_samples_seconds)
    _find_trouble(connection)
    gone = 0
    for query, value in (
        (_thinned(thinned_until), now - float(config.full_detail)),
        (
            f"SELECT id FROM rounds WHERE reckoned < ? AND {_CALM} LIMIT {_PORTION}",
            now - float(config.keep),
        ),
        (
            f"SELECT id FROM rounds WHERE reckoned < ? LIMIT {_PORTION}",
            now - float(config.keep_incidents),
        ),
    ):
        gone += _repeat(connection, query, value)
    day_old = now - 86_400.0
    for _ in range(_PORTIONS):
        if used_bytes(connection) <= int(config.max_size):
            break
        calm = f"SELECT id FROM rounds WHERE reckoned < ? AND {_CALM} ORDER BY id LIMIT {_SLICE}"
        oldest = f"SELECT id FROM rounds WHERE reckoned < ? ORDER BY id LIMIT {_SLICE}"
        done = _delete(connection, calm, day_old) or _delete(connection, oldest, math.inf)
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


def _find_trouble(connection: sqlite3.Connection) -> None:
    """Make the temporary tables of the stretches that were not calm, with their margins."""
    for table, begin, end, such in (
        ("troubled", "started_at", "ended_at", "reckoned_from IS NULL"),
        ("troubled_reckoned", "reckoned_from", "reckoned_until", "reckoned_from IS NOT NULL"),
    ):
        stretches: list[tuple[int, float, float]] = []
        found = f"SELECT slot, {begin}, {end} FROM spans WHERE {_TROUBLED} AND {such}"
        if table == "troubled_reckoned":
            found += f" UNION ALL {_BESIDE}"
        for slot, started_at, ended_at in connection.execute(f"{found} ORDER BY 1, 2"):
            start, stop = started_at - MARGIN_SECONDS, ended_at + MARGIN_SECONDS
            if stretches and stretches[-1][0] == slot and start <= stretches[-1][2]:
                start, stop = stretches[-1][1], max(stop, stretches[-1][2])
                stretches.pop()
            stretches.append((slot, start, stop))
        connection.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {table} (slot INTEGER, started_at REAL, "
            "ended_at REAL, PRIMARY KEY (slot, started_at)) WITHOUT ROWID"
        )
        connection.execute(f"DELETE FROM {table}")
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", stretches)


def _thinned(since: float) -> str:
    # The round of an hour that is left is one that read objects, if there is one. Hours are the
    # wall clock's, in the order in which the rounds were made: where the clock was set back, the
    # same hour comes again, and is another.
    return f"""SELECT id FROM (
        SELECT id, row_number() OVER (
            PARTITION BY slot, hour ORDER BY kind = 'light', id
        ) AS place FROM (
            SELECT id, slot, kind, sum(begins) OVER (PARTITION BY slot ORDER BY id) AS hour FROM (
                SELECT id, slot, kind, at < lag(at, 1, at) OVER made
                    OR CAST(at / {_HOUR} AS INTEGER)
                    <> CAST(lag(at, 1, at) OVER made / {_HOUR} AS INTEGER) AS begins
                FROM rounds
                WHERE reckoned >= {since - _BEFORE!r} AND reckoned < ? AND {_CALM}
                WINDOW made AS (PARTITION BY slot ORDER BY id)
            )
        )
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
        connection.executemany("DELETE FROM summaries WHERE round = ?", numbers)
        connection.executemany("DELETE FROM rounds WHERE id = ?", numbers)
        connection.execute("COMMIT")
    return len(numbers)


def _samples(connection: sqlite3.Connection, forwarded: int, oldest: float) -> None:
    """Forget frames before the last one that was sent, and those that waited too long; a base stays
    as long as a frame needs it."""
    connection.execute(
        "DELETE FROM samples WHERE (seq < ? OR reckoned < ?) AND seq NOT IN "
        "(SELECT base FROM samples WHERE seq >= ? AND reckoned >= ?)",
        (forwarded, oldest, forwarded, oldest),
    )


def _crowded(connection: sqlite3.Connection, most_bytes: int) -> int:
    """The first frame of samples that, with all after it, fits into ``most_bytes``; 0: they all
    do."""
    found = connection.execute(
        "SELECT max(seq) FROM (SELECT seq, sum(length(body)) OVER (ORDER BY seq DESC) AS bytes "
        "FROM samples) WHERE bytes > ?",
        (most_bytes,),
    ).fetchone()[0]
    return 0 if found is None else int(found) + 1


def _pages(connection: sqlite3.Connection, pragma: str) -> int:
    (number,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)
