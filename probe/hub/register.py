"""The register of a hub: invitations and vantages, in a file of SQLite's.

It knows places, times and digests of secrets. Nothing in it says who or at which address anybody
is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from probe.config.bundle import Signers
from probe.config.hub_wishes import WishedSettings
from probe.hub.enrolled import (
    ArchivedRounds,
    Enrolled,
    FleetPlace,
    VantageHeard,
    digest_of,
    new_name,
    new_secret,
)
from probe.hub.own_file import FileForm, OwnFileError, opened, transaction
from probe.hub.wish_list import AskedRounds

MOST_PAST = 10_000
"""So many of the newest invitations, and of requests for rounds, are never deleted: some 2 MB."""

FORM = FileForm(
    called="register of a hub",
    application_id=0x74772D68,  # "tw-h" in ASCII: no history of a daemon, which has another.
    schema=4,
    tables="""
CREATE TABLE IF NOT EXISTS invitation (
    digest TEXT PRIMARY KEY, place TEXT NOT NULL, expires REAL NOT NULL, used_by TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS vantage (
    name TEXT PRIMARY KEY, place TEXT NOT NULL, digest TEXT NOT NULL UNIQUE,
    joined REAL NOT NULL, revoked REAL
) STRICT;
CREATE TABLE IF NOT EXISTS heard (
    name TEXT PRIMARY KEY, at REAL NOT NULL, newest REAL NOT NULL, ahead REAL
) STRICT;
CREATE TABLE IF NOT EXISTS archived (
    name TEXT PRIMARY KEY, bytes INTEGER NOT NULL, room INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS wish (whom TEXT PRIMARY KEY, settings TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS asked (
    id TEXT PRIMARY KEY, until REAL NOT NULL, rounds TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS bundle (
    one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL, signers TEXT NOT NULL
) STRICT;
""",
)


_HEARD_LATER = """\
INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
SET at = excluded.at, newest = excluded.newest, ahead = excluded.ahead
WHERE excluded.at >= heard.at OR heard.at > excluded.at + 86400.0"""


class NotInvitedError(Exception):
    """An invitation that lets nobody in. The text says no more than that, whatever the reason: who
    tries invitations learns nothing."""


class NoRegisterError(Exception):
    """The file is no register of a hub, or cannot be used; the text says which."""


class NoSuchVantageError(Exception):
    """Nobody of that name takes part."""


class Register:
    """Open until ``close``. Every method is one transaction; raises ``sqlite3.Error`` if the file
    can no longer be used."""

    def __init__(self, path: Path) -> None:
        """Made if it is not there, readable for its owner alone. Raises ``NoRegisterError``."""
        try:
            self._file = opened(path, FORM)
        except OwnFileError as error:
            raise NoRegisterError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def invite(self, place: FleetPlace, *, until: float, now: float) -> str:
        """A secret with which one vantage may join before ``until``. Invitations that are out of
        date stay while they are among the newest: by a wrong clock all of them are."""
        secret = new_secret()
        with transaction(self._file):
            self._file.execute(
                "DELETE FROM invitation WHERE expires < ? "
                "AND rowid <= (SELECT max(rowid) FROM invitation) - ?",
                (now, MOST_PAST),
            )
            self._file.execute(
                "INSERT INTO invitation VALUES (?, ?, ?, NULL)",
                (digest_of(secret), _written(place), until),
            )
        return secret

    def join(self, secret: str, now: float) -> tuple[Enrolled, str]:
        """Who comes in by an invitation, and its credential, which is shown once. Raises
        ``NotInvitedError``."""
        digest = digest_of(secret)
        with transaction(self._file):
            found = self._file.execute(
                "SELECT place FROM invitation WHERE digest = ? AND used_by IS NULL AND expires > ?",
                (digest, now),
            ).fetchone()
            if digest is None or found is None:
                raise NotInvitedError("this invitation is unknown, used or out of date")
            place = _read(found[0])
            credential = new_secret()
            name = self._free_name(place)
            self._file.execute(
                "INSERT INTO vantage VALUES (?, ?, ?, ?, NULL)",
                (name, found[0], digest_of(credential), now),
            )
            self._file.execute("UPDATE invitation SET used_by = ? WHERE digest = ?", (name, digest))
        return Enrolled(name=name, place=place, joined=now), credential

    def bearer(self, credential: str) -> Enrolled | None:
        """Whose credential it is; ``None``: nobody's who takes part."""
        digest = digest_of(credential)
        if digest is None:
            return None
        found = self._file.execute(
            "SELECT name, place, joined, revoked FROM vantage WHERE digest = ? AND revoked IS NULL",
            (digest,),
        ).fetchone()
        return None if found is None else _enrolled(found)

    def everybody(self) -> list[Enrolled]:
        """All that ever joined, by name."""
        found = self._file.execute(
            "SELECT name, place, joined, revoked FROM vantage ORDER BY name"
        ).fetchall()
        return [_enrolled(row) for row in found]

    def heard(self) -> dict[str, VantageHeard]:
        """When each that was ever heard last was, by name."""
        found = self._file.execute("SELECT name, at, newest, ahead FROM heard").fetchall()
        return {
            name: VantageHeard(at=at, newest_at=newest, ahead_seconds=ahead)
            for name, at, newest, ahead in found
        }

    def keep_heard(self, heard: Mapping[str, VantageHeard]) -> None:
        """Keep when these were heard, for after a restart. What another hub beside this one heard
        later stays, unless that is of a clock that was ahead by more than a day."""
        rows = [(name, one.at, one.newest_at, one.ahead_seconds) for name, one in heard.items()]
        with transaction(self._file):
            self._file.executemany(_HEARD_LATER, rows)

    def archived(self) -> dict[str, ArchivedRounds]:
        """What was kept of the rounds of each vantage, by name."""
        found = self._file.execute("SELECT name, bytes, room FROM archived").fetchall()
        return {name: ArchivedRounds(bytes=size, room_bytes=room) for name, size, room in found}

    def keep_archived(self, archived: Mapping[str, ArchivedRounds]) -> None:
        """Keep what is kept of the rounds of these, for who asks beside a running hub."""
        rows = [(name, one.bytes, one.room_bytes) for name, one in archived.items()]
        with transaction(self._file):
            self._file.executemany("INSERT OR REPLACE INTO archived VALUES (?, ?, ?)", rows)

    def wishes(self) -> dict[str, WishedSettings]:
        """What is set, by for whom (``probe/hub/wish_list.py``)."""
        found = self._file.execute("SELECT whom, settings FROM wish").fetchall()
        return {whom: msgspec.json.decode(text, type=WishedSettings) for whom, text in found}

    def wish(self, whom: str, settings: WishedSettings | None) -> None:
        """Set that for ``whom``, in place of what was; ``None``: nothing any more."""
        with transaction(self._file):
            self._file.execute("DELETE FROM wish WHERE whom = ?", (whom,))
            if settings is not None:
                text = msgspec.json.encode(settings).decode()
                self._file.execute("INSERT INTO wish VALUES (?, ?)", (whom, text))

    def ask(self, asked: AskedRounds, now: float) -> None:
        """Ask for extra rounds. What is over stays while it is among the newest."""
        text = msgspec.json.encode(asked).decode()
        with transaction(self._file):
            self._file.execute(
                "DELETE FROM asked WHERE until < ? AND rowid <= (SELECT max(rowid) FROM asked) - ?",
                (now, MOST_PAST),
            )
            self._file.execute(
                "INSERT INTO asked VALUES (?, ?, ?)", (asked.extra.id, asked.extra.until, text)
            )

    def asked(self, now: float) -> list[AskedRounds]:
        """The extra rounds that are asked for, the newest last."""
        found = self._file.execute(
            "SELECT rounds FROM asked WHERE until > ? ORDER BY rowid", (now,)
        ).fetchall()
        return [msgspec.json.decode(text, type=AskedRounds) for (text,) in found]

    def put_bundle(self, body: bytes, signers: Signers) -> None:
        """The bundle that probes get here, and whose signatures count."""
        text = msgspec.json.encode(signers).decode()
        with transaction(self._file):
            self._file.execute("INSERT OR REPLACE INTO bundle VALUES (1, ?, ?)", (body, text))

    def bundle(self) -> tuple[bytes, Signers] | None:
        """The bundle, and whose signatures count; ``None``: there is none."""
        found = self._file.execute("SELECT body, signers FROM bundle").fetchone()
        if found is None:
            return None
        return bytes(found[0]), msgspec.json.decode(found[1], type=Signers)

    def open_invitations(self, now: float) -> int:
        """How many may still be used."""
        (count,) = self._file.execute(
            "SELECT count(*) FROM invitation WHERE used_by IS NULL AND expires > ?", (now,)
        ).fetchone()
        return int(count)

    def revoke(self, name: str, now: float) -> None:
        """From now on nothing that it sends is taken. Raises ``NoSuchVantageError``."""
        self._change("UPDATE vantage SET revoked = ? WHERE name = ? AND revoked IS NULL", now, name)

    def rotate(self, name: str) -> str:
        """Another credential in place of its old one. Raises ``NoSuchVantageError``."""
        credential = new_secret()
        self._change(
            "UPDATE vantage SET digest = ? WHERE name = ? AND revoked IS NULL",
            digest_of(credential),
            name,
        )
        return credential

    def _change(self, statement: str, value: object, name: str) -> None:
        with transaction(self._file):
            if self._file.execute(statement, (value, name)).rowcount == 0:
                raise NoSuchVantageError(f"nobody who takes part is called {name!r}")

    def _free_name(self, place: FleetPlace) -> str:
        while True:
            name = new_name(place)
            taken = self._file.execute("SELECT 1 FROM vantage WHERE name = ?", (name,)).fetchone()
            if taken is None:
                return name


def _written(place: FleetPlace) -> str:
    return msgspec.json.encode(place).decode()


def _read(text: str) -> FleetPlace:
    return msgspec.json.decode(text, type=FleetPlace)


def _enrolled(row: tuple[str, str, float, float | None]) -> Enrolled:
    name, place, joined, revoked = row
    return Enrolled(name=name, place=_read(place), joined=joined, revoked=revoked)
