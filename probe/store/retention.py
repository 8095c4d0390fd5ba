"""What is forgotten, and in which order: calm times first, evidence of incidents last.

Rounds within ``MARGIN_SECONDS`` of a span that was not calm are evidence. Of the others one an hour
is left after ``full_detail``, none after ``keep``; evidence goes after ``keep_incidents``. Above
``max_size`` the oldest calm rounds go first, then the oldest of all. Spans, findings and incidents
are small and stay. Samples that wait for a receiver take at most half of ``max_size``: evidence of
a shutdown must not make room for what the shutdown keeps from being sent. Everything is done in
small transactions, so that rounds are never kept waiting.
"""

from __future__ import annotations

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

# Rounds beside no span that was not calm. A shutdown is "offline", so that is no calm time either.
# The stretches of a slot do not overlap: only the last one that began before a round can hold it.
_TROUBLED = (
    "state IN ('throttled', 'blocked', 'impaired', 'withheld', 'degraded', 'offline', 'down')"
)
_CALM = """coalesce((
    SELECT ended_at FROM troubled WHERE troubled.slot = rounds.slot
    AND troubled.started_at <= rounds.at ORDER BY troubled.started_at DESC LIMIT 1
), 0) < rounds.at"""


def prune(
    connection: sqlite3.Connection,
    config: StoreConfig,
    *,
    now: float,
    forwarded: int,
    keep_samples_seconds: float,
    thinned_until: float = 0.0,
) -> int:
    """Forget what is due at ``now`` (Unix seconds); how many rounds that were.

    ``forwarded`` is the last frame of samples that need not be sent any more. What is older than
    ``thinned_until`` was thinned by an earlier call and is not looked at for that again. Raises
    ``sqlite3.Error``.
    """
    crowded = _crowded(connection, int(config.max_size) // SAMPLES_SHARE)
    _samples(connection, max(forwarded, crowded), now - keep_samples_seconds)
    _find_trouble(connection)
    gone = 0
    for query, value in (
        (_thinned(thinned_until), now - float(config.full_detail)),
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


def _find_trouble(connection: sqlite3.Connection) -> None:
    """Make the temporary table of the stretches that were not calm, with their margins."""
    stretches: list[tuple[int, float, float]] = []
    for slot, begin, end in connection.execute(
        f"SELECT slot, started_at, ended_at FROM spans WHERE {_TROUBLED} ORDER BY slot, started_at"
    ):
        start, stop = begin - MARGIN_SECONDS, end + MARGIN_SECONDS
        if stretches and stretches[-1][0] == slot and start <= stretches[-1][2]:
            start, stop = stretches[-1][1], max(stop, stretches[-1][2])
            stretches.pop()
        stretches.append((slot, start, stop))
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS troubled (slot INTEGER, started_at REAL, ended_at REAL, "
        "PRIMARY KEY (slot, started_at)) WITHOUT ROWID"
    )
    connection.execute("DELETE FROM troubled")
    connection.executemany("INSERT INTO troubled VALUES (?, ?, ?)", stretches)


def _thinned(since: float) -> str:
    # The round of an hour that is left is one that read objects, if there is one. An hour is looked
    # at as a whole, so the first one begins before ``since``.
    return f"""SELECT id FROM (
        SELECT id, row_number() OVER (
            PARTITION BY slot, CAST(at / {_HOUR} AS INTEGER) ORDER BY kind = 'light', at
        ) AS place FROM rounds
        WHERE at >= {int(since // _HOUR) * _HOUR} AND at < ? AND {_CALM}
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
