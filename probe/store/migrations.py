"""The schema, as the steps that lead to it.

Each step has a name, runs in one transaction of its own and is never changed once released: a file
of any older version is led forward by the steps that it lacks. ``PRAGMA user_version`` counts them.
"""

from __future__ import annotations

import sqlite3

from msgspec import Struct

# "thrw": tells our files from another program's.
APPLICATION_ID = 0x74687277


class Migration(Struct, frozen=True, kw_only=True):
    """One step: SQL statements that are all done or not at all."""

    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        name="rounds and state",
        statements=(
            f"PRAGMA application_id = {APPLICATION_ID}",
            """CREATE TABLE slots (
                id INTEGER PRIMARY KEY,
                vantage TEXT NOT NULL,
                platform TEXT NOT NULL,
                UNIQUE (vantage, platform)
            )""",
            """CREATE TABLE rounds (
                id INTEGER PRIMARY KEY,
                at REAL NOT NULL,
                slot INTEGER NOT NULL REFERENCES slots,
                kind TEXT NOT NULL,
                state TEXT NOT NULL
            )""",
            "CREATE INDEX rounds_by_time ON rounds (at)",
            # Apart from the rounds, so that looking for some does not read through all bodies.
            """CREATE TABLE bodies (
                round INTEGER PRIMARY KEY,
                dictionary INTEGER NOT NULL,
                body BLOB NOT NULL
            )""",
            """CREATE TABLE dictionaries (
                id INTEGER PRIMARY KEY,
                topic TEXT NOT NULL,
                made_at REAL NOT NULL,
                body BLOB NOT NULL
            )""",
            """CREATE TABLE state (
                key TEXT PRIMARY KEY,
                saved_at REAL NOT NULL,
                body BLOB NOT NULL
            ) WITHOUT ROWID""",
        ),
    ),
    Migration(
        name="spans of one verdict",
        statements=(
            """CREATE TABLE spans (
                id INTEGER PRIMARY KEY,
                slot INTEGER NOT NULL REFERENCES slots,
                state TEXT NOT NULL,
                reason TEXT NOT NULL,
                method TEXT NOT NULL,
                trigger TEXT NOT NULL,
                started_at REAL NOT NULL,
                ended_at REAL NOT NULL,
                rounds INTEGER NOT NULL,
                first BLOB NOT NULL,
                last BLOB NOT NULL
            )""",
            "CREATE INDEX spans_by_time ON spans (started_at)",
        ),
    ),
    Migration(
        name="findings and incidents",
        statements=(
            """CREATE TABLE findings (
                at REAL NOT NULL,
                country TEXT NOT NULL,
                platform TEXT NOT NULL,
                kind TEXT NOT NULL,
                drill INTEGER NOT NULL,
                body BLOB NOT NULL,
                PRIMARY KEY (at, country, platform, kind, drill)
            ) WITHOUT ROWID""",
            """CREATE TABLE incidents (
                id TEXT PRIMARY KEY,
                since REAL NOT NULL,
                updated_at REAL NOT NULL,
                country TEXT NOT NULL,
                platform TEXT NOT NULL,
                kind TEXT NOT NULL,
                drill INTEGER NOT NULL,
                body BLOB NOT NULL
            ) WITHOUT ROWID""",
        ),
    ),
    Migration(
        name="samples to forward",
        statements=(
            "CREATE TABLE series (id INTEGER PRIMARY KEY, labels TEXT NOT NULL)",
            """CREATE TABLE samples (
                seq INTEGER PRIMARY KEY,
                at INTEGER NOT NULL UNIQUE,
                base INTEGER NOT NULL,
                body BLOB NOT NULL
            )""",
        ),
    ),
    Migration(
        # See reckoning.py. What an older version wrote is put on that clock by the same rule: by
        # the wall time from one round to the next, unless that was set.
        name="the clock by which it forgets",
        statements=(
            "ALTER TABLE rounds ADD COLUMN reckoned REAL NOT NULL DEFAULT 0",
            """UPDATE rounds SET reckoned = clock.reckoned FROM (
                SELECT id, sum(step) OVER (ORDER BY id) AS reckoned FROM (
                    SELECT id, CASE
                        WHEN lag(at) OVER (ORDER BY id) IS NULL THEN at
                        WHEN abs(at - lag(at) OVER (ORDER BY id)) <= 3600
                        THEN at - lag(at) OVER (ORDER BY id)
                        ELSE 0
                    END AS step FROM rounds
                )
            ) AS clock WHERE clock.id = rounds.id""",
            # Where they are not known (a span of an older version) the wall times must do.
            "ALTER TABLE spans ADD COLUMN reckoned_from REAL",
            "ALTER TABLE spans ADD COLUMN reckoned_until REAL",
            "ALTER TABLE samples ADD COLUMN reckoned REAL NOT NULL DEFAULT 0",
            "UPDATE samples SET reckoned = "
            "coalesce((SELECT reckoned FROM rounds ORDER BY id DESC LIMIT 1), 0)",
        ),
    ),
    Migration(
        # See summaries.py. Those of the rounds that are there are made up for later, some an hour:
        # a daemon must not wait for a year of them before it measures.
        name="summaries of rounds",
        statements=(
            """CREATE TABLE summaries (
                round INTEGER PRIMARY KEY,
                form INTEGER NOT NULL,
                body BLOB NOT NULL
            )""",
            "CREATE TABLE words (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        ),
    ),
    Migration(
        # What is wrong over another transport alone is no state of a span. Rounds of an older
        # version stay what they were taken for.
        name="what is wrong beside the state",
        statements=(
            "ALTER TABLE rounds ADD COLUMN ailing_beside INTEGER NOT NULL DEFAULT 0",
            "CREATE INDEX rounds_ailing_beside ON rounds (slot, reckoned) WHERE ailing_beside",
        ),
    ),
)

SUMMED_SINCE = 6
"""The version whose files have summaries."""


class NewerFileError(Exception):
    """The file was written by a newer version of the program."""


class ForeignFileError(Exception):
    """The file is another program's database."""


def migrate(
    connection: sqlite3.Connection, steps: tuple[Migration, ...] = MIGRATIONS
) -> tuple[str, ...]:
    """Bring the file up to ``steps``; the names of those that were taken.

    ``connection`` must be in autocommit mode. Raises ``NewerFileError``, ``ForeignFileError``,
    ``sqlite3.Error``.
    """
    check_ours(connection, len(steps))
    taken = []
    for number, step in enumerate(steps[version(connection) :], start=version(connection) + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in step.statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        taken.append(step.name)
    return tuple(taken)


def check_ours(connection: sqlite3.Connection, newest: int = len(MIGRATIONS)) -> None:
    """Raise if the file is another program's or a newer version's."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise ForeignFileError("it is another program's database")
    if version(connection) > newest:
        raise NewerFileError(
            f"it has schema {version(connection)}, and this version knows {newest}"
        )


def version(connection: sqlite3.Connection) -> int:
    """How many steps the file has taken."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)
