"""Keeps a copy of an archive of rounds in a bucket, and gets it back from there.

The folder is what the hub answers for; the copy follows it. A file is sent when the bucket does
not have it as it is, so what was missed is sent later, also after a restart; twice does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from probe.hub.bucket import RoundsBucket
from probe.publish.parcels.archive import Archive
from probe.publish.parcels.archive_back import is_own_name, put_back

AT_ONCE = 4
Version = tuple[int, int]
"""Size and time of a file: another one has others."""


class CopyTurn(Struct, frozen=True, kw_only=True):
    """How many files were sent, and how many the bucket had already."""

    sent: int
    there: int


class ArchiveCopy:
    """The copy of one archive in one bucket; it remembers what it saw there."""

    def __init__(self, archive: Archive, bucket: RoundsBucket) -> None:
        self._archive, self._bucket = archive, bucket
        self._copied: dict[str, Version] = {}
        self._looked = False

    def turn(self) -> CopyTurn:
        """Send what is new. Raises ``BucketError`` or ``OSError``: what was not sent is sent by the
        next turn."""
        files = dict(_files(self._archive))
        self._copied = {name: had for name, had in self._copied.items() if name in files}
        if not self._looked:
            self._look(files)
        waiting = [name for name in files if self._copied.get(name) != files[name]]
        self._looked = False  # unless all goes well: who was away may come back with less
        with ThreadPoolExecutor(AT_ONCE) as several:
            sent = sum(several.map(self._send, waiting))
        self._looked = True
        return CopyTurn(sent=sent, there=len(files) - len(waiting))

    def _look(self, files: dict[str, Version]) -> None:
        """What of it is there already, from earlier."""
        there = self._bucket.stored()
        for name, version in files.items():
            if name in there:
                with suppress(FileNotFoundError):
                    if there[name].is_like((self._archive.root / name).read_bytes()):
                        self._copied[name] = version
                        continue
            self._copied.pop(name, None)

    def _send(self, name: str) -> bool:
        """Whether there was anything to send: it may have become too old meanwhile."""
        file = self._archive.root / name
        try:
            # First: what comes between the two is sent again, and not missed.
            version = _version(file)
            body = file.read_bytes()
        except FileNotFoundError:
            return False
        self._bucket.put(name, body)
        self._copied[name] = version
        return True


def fetch(archive: Archive, bucket: RoundsBucket) -> tuple[int, list[str]]:
    """Write what the bucket has and the folder does not; how many files, and the names of those
    that are none of an archive's or damaged. What is in the folder stays as it is. Raises
    ``BucketError`` or ``OSError``."""
    archive.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    written, wrong = 0, []
    for name in sorted(bucket.stored()):
        if not is_own_name(name):
            wrong.append(name)
        elif not (archive.root / name).exists():
            try:
                put_back(archive.root / name, bucket.get(name))
                written += 1
            except ValueError:
                wrong.append(name)
    return written, wrong


def forget(bucket: RoundsBucket, vantage: str) -> int:
    """Delete all that the bucket has of ``vantage``; how many files. Raises ``BucketError``."""
    names = [name for name in bucket.stored(vantage) if name.startswith(f"{vantage}/")]
    bucket.delete(names)
    return len(names)


def _files(archive: Archive) -> Iterator[tuple[str, Version]]:
    """What is copied, by its name in the archive."""
    found = list(archive.files())
    for file in found:
        with suppress(FileNotFoundError):
            yield file.relative_to(archive.root).as_posix(), _version(file)


def _version(file: Path) -> Version:
    said = file.stat()
    return said.st_size, said.st_mtime_ns
