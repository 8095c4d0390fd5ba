"""Rounds of many vantages in a folder: a file for each vantage and hour, as a hub keeps them.

``VANTAGE/2026-01-20/13.jsonl.zst`` has the rounds that began in that hour (UTC), a line of JSON for
each as ``throttlewatch export -f jsonl`` writes it, in the order in which they were judged;
``VANTAGE/vantage.json`` says where the vantage is, in the hub's words, and ``names.json`` what the
bundles name that the hub gave out. A file is written whole or
not at all, and what is in one is never changed: a round that comes again, also with other numbers,
is left as it came first.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from probe.config.schema import VantageConfig
from probe.model.stored import StoredRound
from probe.publish.parcels.zstandard import press, unpress
from probe.publish.privacy.configured_names import NOTHING, Named

HOUR_SECONDS = 3_600
DAY_SECONDS = 24 * HOUR_SECONDS
MOST_HOUR_ROUNDS = 2_000
"""Of one vantage. Eight platforms looked at each minute, with bursts, make less than 600."""
MOST_HOUR_BYTES = 33_554_432
PLACE = "vantage.json"
NAMES = "names.json"
_END = ".jsonl.zst"
VANTAGE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
DAY_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HOUR_NAME = re.compile(r"([01]\d|2[0-3])\.jsonl\.zst")
# Beside a damaged file; nothing reads it.
_DAMAGED = ".damaged"
# All that this writes. The folder may be somebody's home: nothing else in it is ever deleted.
_PART = re.compile(r"\.(vantage\.json|names\.json|\d\d\.jsonl\.zst)\.[0-9a-f]{4,16}\.part")
_OWN = re.compile(rf"{HOUR_NAME.pattern}(\.[0-9a-f]{{8}}{re.escape(_DAMAGED)})?|{_PART.pattern}")


class Added(Struct, frozen=True, kw_only=True):
    """What became of rounds: ``new`` ones were written, ``known`` ones were there already, and of
    an hour that was full the others (``full``) were not."""

    new: int = 0
    known: int = 0
    full: int = 0


class NoRoomError(Exception):
    """What is kept of a vantage would take more room than it may."""


class HourFile(Struct, frozen=True, order=True):
    """The file of a vantage's rounds that began in the hour that begins at ``start`` (Unix
    seconds)."""

    start: int
    path: Path


class _Observed(Struct, frozen=True):
    id: str
    started_at: float


class _Verdict(Struct, frozen=True):
    at: float


class _Line(Struct, frozen=True):
    """The part of a line that says where it stands."""

    observed: _Observed
    verdict: _Verdict

    @property
    def place(self) -> tuple[float, float, str]:
        return self.verdict.at, self.observed.started_at, self.observed.id


_line = msgspec.json.Decoder(_Line)


class Archive:
    """The folder ``root``; one process writes. The files of a vantage take ``room_bytes`` at most
    (``None``: any)."""

    def __init__(self, root: Path, room_bytes: int | None = None) -> None:
        self.root, self.room_bytes = root, room_bytes
        self._sizes: dict[str, int] = {}

    def begin(self) -> None:
        """Make the folder, for its owner alone; what a kill left half written goes. Raises
        ``OSError``."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(self.root, _PART)
        for name in self.vantages():
            folder = self.root / name
            for one in (folder, *_folders(folder, DAY_NAME)):
                _clear(one, _PART)

    def name(self, given: Named) -> None:
        """Note that rounds may name what is ``given``, if that is news; what was given before may
        be in older rounds. Raises ``OSError``."""
        before = self.named()
        both = before | given
        if both != before:
            write_whole(self.root / NAMES, msgspec.json.encode(both, order="deterministic"))

    def named(self) -> Named:
        """All that was given, as far as that can be read."""
        with suppress(OSError, ValueError):
            return msgspec.json.decode((self.root / NAMES).read_bytes(), type=Named)
        return NOTHING

    def place(self, vantage: VantageConfig) -> None:
        """Write where a vantage is, if that is news. Raises ``OSError``."""
        file = self._of(vantage.name) / PLACE
        body = msgspec.json.encode(vantage)
        with suppress(OSError):
            if file.read_bytes() == body:
                return
        write_whole(file, body)

    def add(self, vantage: str, rounds: Iterable[StoredRound]) -> Added:
        """Keep these rounds of ``vantage``. Each hour is written whole or stays as it was. Raises
        ``OSError`` or ``NoRoomError``: what is missing may be given again."""
        hours: dict[int, dict[str, bytes]] = {}
        for stored in rounds:
            hour = int(stored.observed.started_at // HOUR_SECONDS)
            hours.setdefault(hour, {})[stored.observed.id] = msgspec.json.encode(stored)
        new = known = full = 0
        for hour, given in sorted(hours.items()):
            file = self._file(vantage, hour * HOUR_SECONDS)
            lines = self._present(file)
            size = sum(map(len, lines.values()))
            before = len(lines)
            for id, line in given.items():
                if id in lines:
                    known += 1
                elif len(lines) >= MOST_HOUR_ROUNDS or size + len(line) > MOST_HOUR_BYTES:
                    full += 1
                else:
                    lines[id] = line
                    size += len(line) + 1
            if len(lines) > before:
                ordered = sorted(lines.values(), key=lambda line: _line.decode(line).place)
                self._put(vantage, file, press(b"".join(line + b"\n" for line in ordered)))
                new += len(lines) - before
        return Added(new=new, known=known, full=full)

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many bytes the files of each vantage take, as far as they were counted."""
        return dict(self._sizes)

    def count(self) -> None:
        """Count them anew: somebody else may have deleted some. Raises ``OSError``."""
        names = self.vantages()
        for name in names:
            before, size = self._sizes.get(name), self._counted(name)
            if self._sizes.get(name) == before:  # nothing came meanwhile
                self._sizes[name] = size
        for gone in self._sizes.keys() - set(names):
            self._sizes.pop(gone, None)

    def newest(self) -> float | None:
        """The end of the newest hour of which rounds are here (Unix seconds); ``None``: there are
        none. Raises ``OSError``."""
        return max((end for name in self.vantages() if (end := self._end_of(name))), default=None)

    def forget(self, before: float) -> int:
        """Delete what days have that ended before that time; how many are gone. A day that cannot
        be deleted keeps no other one. Raises ``OSError``, when all others are gone."""
        gone, trouble = 0, None
        for name in self.vantages():
            for day in _folders(self.root / name, DAY_NAME):
                try:
                    begun = _begun(day)
                    if begun is not None and begun + DAY_SECONDS <= before:
                        gone += _emptied(day, _OWN)
                except OSError as error:
                    trouble = error
        if trouble is not None:
            raise trouble
        return gone

    def remove(self, vantage: str) -> int:
        """Delete all that is kept of ``vantage``; how many days of it there were. Raises
        ``OSError``."""
        folder = self._of(vantage)
        self._sizes.pop(vantage, None)
        gone = sum(_emptied(day, _OWN) for day in _folders(folder, DAY_NAME))
        with suppress(FileNotFoundError):
            (folder / PLACE).unlink()
            _emptied(folder, _PART)
        return gone

    def vantages(self) -> list[str]:
        """Whose rounds are here. Raises ``OSError``."""
        folders = _folders(self.root, VANTAGE_NAME)
        return sorted(
            one.name for one in folders if (one / PLACE).is_file() or _folders(one, DAY_NAME)
        )

    def placed(self) -> Mapping[str, VantageConfig]:
        """Where they are, as far as that is known."""
        found = {}
        for name in self.vantages():
            with suppress(OSError, ValueError):
                body = (self.root / name / PLACE).read_bytes()
                place = msgspec.json.decode(body, type=VantageConfig)
                if place.name == name:
                    found[name] = place
        return found

    def hours(
        self, vantage: str, since: float | None = None, until: float | None = None
    ) -> Iterator[HourFile]:
        """The files of ``vantage`` with rounds of that time, earliest first."""
        for day in sorted(_folders(self.root / vantage, DAY_NAME)):
            begun = _begun(day)
            if begun is None:
                continue
            for file in sorted(day.iterdir()):
                # What is no file is nothing that was written here, and may never end.
                if HOUR_NAME.fullmatch(file.name) and file.is_file() and not file.is_symlink():
                    start = int(begun) + int(file.name[:2]) * HOUR_SECONDS
                    if (since is None or start + HOUR_SECONDS > since) and (
                        until is None or start < until
                    ):
                        yield HourFile(start, file)

    def files(self) -> Iterator[Path]:
        """All that it consists of: every hour, where each vantage is, and what was named. Raises
        ``OSError``."""
        for name in self.vantages():
            place = self.root / name / PLACE
            yield from (one.path for one in self.hours(name))
            if place.is_file():
                yield place
        if (names := self.root / NAMES).is_file():
            yield names

    def _put(self, vantage: str, file: Path, body: bytes) -> None:
        """Write it, if there is room. Raises ``OSError`` or ``NoRoomError``."""
        size = self._sizes.get(vantage)
        if size is None:
            size = self._counted(vantage)
        with suppress(FileNotFoundError):
            size -= file.stat().st_size
        size += len(body)
        if self.room_bytes is not None and size > self.room_bytes:
            raise NoRoomError
        write_whole(file, body)
        self._sizes[vantage] = size

    def _counted(self, vantage: str) -> int:
        size = 0
        for day in _folders(self._of(vantage), DAY_NAME):
            for file in day.iterdir():
                with suppress(FileNotFoundError):
                    size += file.lstat().st_size
        return size

    def _end_of(self, vantage: str) -> float | None:
        """The end of its newest hour (Unix seconds)."""
        for day in sorted(_folders(self.root / vantage, DAY_NAME), reverse=True):
            begun = _begun(day)
            hours = [file.name[:2] for file in day.iterdir() if HOUR_NAME.fullmatch(file.name)]
            if begun is not None and hours:
                return begun + (int(max(hours)) + 1) * HOUR_SECONDS
        return None

    def _of(self, vantage: str) -> Path:
        if not VANTAGE_NAME.fullmatch(vantage):
            raise ValueError("no name of a vantage")
        return self.root / vantage

    def _file(self, vantage: str, start: int) -> Path:
        at = datetime.fromtimestamp(start, UTC)
        return self._of(vantage) / at.strftime("%Y-%m-%d") / f"{at:%H}{_END}"

    def _present(self, file: Path) -> dict[str, bytes]:
        """The lines of ``file`` by their rounds. One that cannot be read is set aside."""
        try:
            lines = lines_of(file)
            return {_line.decode(line).observed.id: line for line in lines}
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            file.replace(file.with_name(f"{file.name}.{secrets.token_hex(4)}{_DAMAGED}"))
            return {}


def lines_of(file: Path) -> list[bytes]:
    """Its lines, each a round. Raises ``OSError`` or ``NotPackedError``."""
    # With their ends, and as much again: who put it there may have been another version.
    return unpress(file.read_bytes(), 2 * MOST_HOUR_BYTES).splitlines()


def is_archive(path: Path) -> bool:
    """Whether there may be one: a folder. What this user may not look at is none."""
    try:
        return path.is_dir()
    except PermissionError:
        return False


def _begun(day: Path) -> float | None:
    """When the day began that a folder is called by (Unix seconds); ``None``: no year has it."""
    try:
        return datetime.fromisoformat(day.name).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _folders(folder: Path, name: re.Pattern[str]) -> list[Path]:
    try:
        return [one for one in folder.iterdir() if name.fullmatch(one.name) and one.is_dir()]
    except FileNotFoundError:
        return []


def _clear(folder: Path, name: re.Pattern[str]) -> None:
    """Delete its files of that name. Raises ``OSError``."""
    for file in folder.iterdir():
        if name.fullmatch(file.name):
            file.unlink(missing_ok=True)


def _emptied(folder: Path, name: re.Pattern[str]) -> bool:
    """Delete its files of that name, and the folder if nothing else is in it; whether it is gone.
    Raises ``OSError``."""
    if folder.is_symlink():
        return False  # of somebody who keeps it elsewhere
    _clear(folder, name)
    if any(folder.iterdir()):
        return False
    folder.rmdir()
    return True


def write_whole(file: Path, body: bytes) -> None:
    """Whole, on the disk, for the owner alone; or as it was. Raises ``OSError``."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(body)
            sink.flush()
            os.fsync(sink.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
