"""Takes parcels of rounds from vantages, and keeps what passes in an archive."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from probe.config.bundle import Signers
from probe.config.schema import Config, VantageConfig
from probe.hub.believed_clock import BelievedClock
from probe.hub.enrolled import ArchivedRounds, Enrolled
from probe.hub.gate import AHEAD_SECONDS
from probe.hub.round_words import Wording
from probe.hub.rounds_gate import LeftOut, rounds_passing
from probe.publish.parcels.archive import Archive, NoRoomError
from probe.publish.parcels.parcel import Receipt
from probe.publish.privacy.configured_names import NOTHING
from probe.publish.privacy.fleet_names import fleet_names, names_of

log = logging.getLogger(__name__)

# Unpacked and written at a time: each takes some 20 MB while it is. Others wait for their turn.
AT_ONCE = 2
# Parcels under way, one of a vantage: more would only wait in memory.
MOST_UNDER_WAY = 32
LEAST_FREE_BYTES = 268_435_456
"""Of the archive's disk, which may be the register's and the engine's, too."""
KEEP_DAYS = 90
ROOM_BYTES = 536_870_912
"""Of one vantage: ten times what the default configuration sends in that time (some 50 MB)."""
NO_ROOM = "room"
_DAY_SECONDS = 86_400.0


class NotNowError(Exception):
    """A parcel may come again later; ``reason`` says why, as a word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TakenRounds(Struct, frozen=True, kw_only=True):
    """What became of a parcel, and why rounds of it were left out."""

    receipt: Receipt
    left_out: dict[LeftOut, int]


class RoundsDesk:
    """``root`` is the archive's folder. ``wall`` is the time of day, ``clock`` one that is not set,
    both in seconds; ``free`` is how many bytes are left where that folder is. Rounds go
    ``keep_days`` after their day, counted beside the newest of all; those of a vantage take
    ``room_bytes`` at most. ``config``: the fleet's, which says what may be named (``None``: it is
    not known)."""

    def __init__(
        self,
        root: Path,
        *,
        wall: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        keep_days: int = KEEP_DAYS,
        room_bytes: int = ROOM_BYTES,
        config: Config | None = None,
        free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        """Raises ``OSError`` if the folder cannot be made."""
        self._archive = Archive(root, room_bytes)
        self._archive.begin()
        self._config = config
        self._bundle: tuple[bytes, Signers] | None = None
        self._given, self._noted = NOTHING, NOTHING
        self._wording = Wording(None if config is None else fleet_names(config, NOTHING))
        self._root, self._wall, self._free = root, wall, free
        self._keep_days, self._believed = keep_days, BelievedClock(wall, clock)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[str] = set()

    def give(self, bundle: tuple[bytes, Signers] | None) -> None:
        """What the ``bundle`` names may be named from now on, as probes are given it here."""
        if bundle == self._bundle:
            return
        self._bundle, self._given = bundle, names_of(bundle)
        if self._config is not None:
            self._wording = Wording(fleet_names(self._config, self._given))

    def kept(self) -> dict[str, ArchivedRounds]:
        """What is kept of each vantage, as it was counted last."""
        room = self._archive.room_bytes or 0
        sizes = self._archive.sizes.items()
        return {name: ArchivedRounds(bytes=size, room_bytes=room) for name, size in sizes}

    def enter(self, who: Enrolled) -> None:
        """A parcel of ``who`` begins, before anything of it is read. Raises ``NotNowError``."""
        if who.name in self._under_way:
            raise NotNowError("one_at_a_time")
        if len(self._under_way) >= MOST_UNDER_WAY:
            raise NotNowError("busy")
        self._under_way.add(who.name)

    def leave(self, who: Enrolled) -> None:
        """It ended, however it did."""
        self._under_way.discard(who.name)

    async def take(
        self, body: bytes, who: Enrolled, ahead_seconds: float | None = None
    ) -> TakenRounds:
        """Keep what passes; it is on the disk when this returns. ``ahead_seconds``: how far the
        sender's clock is ahead (``None``: it does not say); where the two do not agree, nobody
        knows whose is wrong, and no round is given up for its time. Raises
        ``UnreadableParcelError`` or ``NotNowError``."""
        async with self._turn:
            return await asyncio.to_thread(self._take, body, who, ahead_seconds)

    async def forget(self) -> None:
        """Delete what is older than it is kept, as far as that can be told, and count what is
        there."""
        try:
            await asyncio.to_thread(self._forget)
        except OSError as error:
            log.warning("old rounds cannot be deleted: %s", error.strerror)

    def _forget(self) -> None:
        keep = self._keep_days * _DAY_SECONDS
        before = self._believed.old_before(self._archive.newest(), keep)
        if before is not None:
            self._archive.forget(before)
        self._archive.count()

    def _take(self, body: bytes, who: Enrolled, ahead_seconds: float | None) -> TakenRounds:
        found = rounds_passing(body, who, self._wall(), self._wording)
        left_out = dict(found.left_out)
        try:
            if self._free(self._root) < LEAST_FREE_BYTES:
                raise NotNowError("disk")
            self._note_names()
            self._archive.place(_placed(who))
            added = self._archive.add(who.name, found.rounds)
        except OSError as error:
            raise NotNowError("disk") from error
        except NoRoomError as error:
            raise NotNowError(NO_ROOM) from error
        if LeftOut.TIME in left_out and abs(ahead_seconds or 0.0) > AHEAD_SECONDS:
            raise NotNowError("clock")
        if added.full:
            left_out[LeftOut.FULL] = added.full
        receipt = Receipt(taken=added.new, known=added.known, left_out=sum(left_out.values()))
        return TakenRounds(receipt=receipt, left_out=left_out)

    def _note_names(self) -> None:
        """So that who reads the archive knows them, too. Raises ``OSError``."""
        given = self._given
        if given is not self._noted:
            self._archive.name(given)
            self._noted = given


def _placed(who: Enrolled) -> VantageConfig:
    place = who.place
    return VantageConfig(
        name=who.name,
        country=place.country,
        asn=place.asn,
        access=place.access,
        role=place.role,
        upstream=place.upstream,
    )
