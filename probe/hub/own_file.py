"""A file of SQLite's that a hub keeps for itself: made where there is none, and no other's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

BUSY_SECONDS = 10.0


class OwnFileError(Exception):
    """The file is not what it should be, or cannot be used; the text says which."""


class FileForm(Struct, frozen=True, kw_only=True):
    """What such a file is: ``called`` in errors, ``application_id`` and ``schema`` as SQLite keeps
    them, and the statements that make its ``tables``, each ended by a semicolon and a new line.
    A file of an older schema is given them all again, so each says ``IF NOT EXISTS`` from the
    second schema on."""

    called: str
    application_id: int
    schema: int
    tables: str


def opened(path: Path, form: FileForm) -> sqlite3.Connection:
    """Made if it is not there, readable for its owner alone. Raises ``OwnFileError``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        file = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            _prepare(file, form)
        except BaseException:
            file.close()
            raise
    except (OSError, sqlite3.Error, OwnFileError) as error:
        raise OwnFileError(f"{path}: {error}") from error
    return file


@contextmanager
def transaction(file: sqlite3.Connection) -> Iterator[None]:
    """All that is done inside, or nothing."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


def _prepare(file: sqlite3.Connection, form: FileForm) -> None:
    (identity,) = file.execute("PRAGMA application_id").fetchone()
    (version,) = file.execute("PRAGMA user_version").fetchone()
    (tables,) = file.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if identity not in (form.application_id, 0) or (identity == 0 and tables):
        raise OwnFileError(f"this is no {form.called}")
    if version > form.schema:
        raise OwnFileError(f"schema {version} is of a newer throttlewatch")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = FULL")
    if version == form.schema:
        return
    with transaction(file):
        # Another process may have made them since.
        if file.execute("PRAGMA user_version").fetchone() != (form.schema,):
            for statement in filter(str.strip, form.tables.split(";\n")):
                file.execute(statement)
            file.execute(f"PRAGMA application_id = {form.application_id}")
            file.execute(f"PRAGMA user_version = {form.schema}")
