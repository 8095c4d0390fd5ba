"""What a hub has found, and what people decided of it: drafts, what was released, corrections.

A file of SQLite's. Time series stay in the engine; here is what was said of them, so that an
address that was given out keeps its words.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from probe.hub.own_file import FileForm, OwnFileError, opened, transaction
from probe.model.finding import Incident
from probe.model.law import Law
from probe.nation.incidents import Watch

T = TypeVar("T", bound=Struct)

FORM = FileForm(
    called="file of a hub's findings",
    application_id=0x74772D66,  # "tw-f" in ASCII: neither a history nor a register.
    schema=1,
    tables="""
CREATE TABLE incident (id TEXT PRIMARY KEY, record BLOB NOT NULL, since REAL NOT NULL) STRICT;
CREATE TABLE kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
""",
)


class ReleaseState(StrEnum):
    """``draft``: seen, and shown to nobody. ``released``: on the page. ``held``: a draft that no
    rule releases, until somebody does."""

    DRAFT = "draft"
    RELEASED = "released"
    HELD = "held"


class Correction(Struct, frozen=True):
    """What somebody said later of what had been released ``at`` (Unix seconds)."""

    at: float
    text: str


class NetworkEvidence(Struct, frozen=True, kw_only=True):
    """What one network's vantages saw when most of them did: how many of them were affected, of how
    many that said something, and from when on (Unix seconds). None of them by a name."""

    asn: int
    affected: int
    vantages: int
    since: float | None = None


class NetworkLaw(Struct, frozen=True):
    """How the throttle works in one network, as a vantage there found it and as was known last."""

    asn: int
    law: Law


class PublicIncident(Struct, frozen=True, kw_only=True):
    """An incident, what its networks' vantages saw, and what was decided. ``factor``: how many
    times slower at the median vantage that is, the largest that was recorded; a block has none.
    ``heard``: the most networks that were heard."""

    incident: Incident
    standing: ReleaseState = ReleaseState.DRAFT
    released_at: float | None = None
    corrections: tuple[Correction, ...] = ()
    evidence: tuple[NetworkEvidence, ...] = ()
    factor: float | None = None
    heard: int = 0
    reasons: tuple[str, ...] = ()
    laws: tuple[NetworkLaw, ...] = ()

    @property
    def changed_at(self) -> float:
        """When what is shown of it changed last (Unix seconds)."""
        last = [one.at for one in self.corrections]
        incident = self.incident
        return max([incident.closed_at or incident.updated_at, self.released_at or 0.0, *last])


def timely(one: PublicIncident, now: float) -> PublicIncident:
    """With times of people's decisions that can be: a clock may have been wrong when they were
    made. None is before what was decided of, and none after ``now``, of which the same holds."""
    oldest = one.incident.opened_at
    if now < max(oldest, one.incident.updated_at):
        return one
    corrections = tuple(
        Correction(min(max(said.at, oldest), now), said.text) for said in one.corrections
    )
    at = one.released_at
    at = None if at is None else min(max(at, oldest), now)
    return replace(one, released_at=at, corrections=corrections)


class Reached(Struct, frozen=True, kw_only=True):
    """How far the engine's series were read: the last step (its number), and the incidents that
    were open then. ``heard``: the last step of which the engine had any finding (0: not known), and
    ``watches_then`` the incidents that were open at that."""

    step: int
    heard: int = 0
    watches: tuple[Watch, ...] = ()
    watches_then: tuple[Watch, ...] = ()


class NoLedgerError(Exception):
    """The file is no ledger, or cannot be used; the text says which."""


class NoSuchIncidentError(Exception):
    """There is no incident of that name."""


class FindingsLedger:
    """Open until ``close``. Raises ``sqlite3.Error`` if the file can no longer be used."""

    def __init__(self, path: Path) -> None:
        """Made if it is not there, readable for its owner alone. Raises ``NoLedgerError``."""
        try:
            self._file = opened(path, FORM)
        except OwnFileError as error:
            raise NoLedgerError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def kept(self, kind: type[T]) -> T | None:
        """The value of that type that was kept; ``None``: none was."""
        name = kind.__name__.lower()
        found = self._file.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return None if found is None else msgspec.json.decode(found[0], type=kind)

    def keep(self, value: Struct) -> None:
        """Keep it, in place of the last one of its type."""
        with transaction(self._file):
            self._keep(value)

    def _keep(self, value: Struct) -> None:
        self._file.execute(
            "INSERT OR REPLACE INTO kept VALUES (?, ?)",
            (type(value).__name__.lower(), msgspec.json.encode(value)),
        )

    def all(self) -> list[PublicIncident]:
        """Every incident, the newest first."""
        rows = self._file.execute("SELECT record FROM incident ORDER BY since DESC, id").fetchall()
        return [msgspec.json.decode(row[0], type=PublicIncident) for row in rows]

    def one(self, name: str) -> PublicIncident:
        """The incident of that name. Raises ``NoSuchIncidentError``."""
        found = self._file.execute("SELECT record FROM incident WHERE id = ?", (name,)).fetchone()
        if found is None:
            raise NoSuchIncidentError(f"no incident is called {name!r}")
        return msgspec.json.decode(found[0], type=PublicIncident)

    def read_on(self, reached: Reached, changed: Iterable[PublicIncident]) -> None:
        """Keep how far was read, and the incidents that changed by it. What people decided of
        them stays as it is."""
        with transaction(self._file):
            for new in changed:
                try:
                    old = self.one(new.incident.id)
                    new = replace(
                        new,
                        standing=old.standing,
                        released_at=old.released_at,
                        corrections=old.corrections,
                    )
                except NoSuchIncidentError:
                    pass
                self._put(new)
            self._keep(reached)

    def learn(self, incidents: Iterable[PublicIncident]) -> None:
        """Keep their ``laws``; all else of them stays as it is."""
        with transaction(self._file):
            for one in incidents:
                self._put(replace(self.one(one.incident.id), laws=one.laws))

    def set_right(self, now: float) -> None:
        """Times that a wrong clock gave to what people decided, as far as they cannot be."""
        with transaction(self._file):
            for one in self.all():
                if (right := timely(one, now)) != one:
                    self._put(right)

    def release(self, name: str, now: float) -> PublicIncident:
        """Show it from now on. Raises ``NoSuchIncidentError``."""
        with transaction(self._file):
            one = self.one(name)
            at = now if one.released_at is None else one.released_at
            one = replace(one, standing=ReleaseState.RELEASED, released_at=at)
            self._put(one)
        return one

    def hold(self, name: str) -> PublicIncident:
        """No rule releases it. Raises ``NoSuchIncidentError``; ``ValueError``: it was released, and
        what was said in public is corrected, and not taken back in silence."""
        with transaction(self._file):
            one = self.one(name)
            if one.standing is ReleaseState.RELEASED:
                raise ValueError("it was released: correct it, so that readers see what changed")
            one = replace(one, standing=ReleaseState.HELD)
            self._put(one)
        return one

    def correct(self, name: str, text: str, now: float) -> PublicIncident:
        """Say something of it beside what was said. Raises ``NoSuchIncidentError``."""
        with transaction(self._file):
            one = self.one(name)
            one = replace(one, corrections=(*one.corrections, Correction(now, text)))
            self._put(one)
        return one

    def _put(self, one: PublicIncident) -> None:
        self._file.execute(
            "INSERT OR REPLACE INTO incident VALUES (?, ?, ?)",
            (one.incident.id, msgspec.json.encode(one), one.incident.since),
        )
