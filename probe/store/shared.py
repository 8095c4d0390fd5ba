"""What all processes of this machine have asked: a small file beside the history.

The daemon's budgets of hosts must hold over its restarts, and for the commands that measure
(``once``, ``check --online``, ``explain --now``), whose bytes the daemon's account must have. So
each tells what it has asked and hears what the others did, under a lock of the kernel. What is not
sure in it is forgotten within a day.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import StoreConfig
from probe.model.foreign import read_json
from probe.schedule import data_spent as accounts
from probe.schedule.data_spent import DataSpent
from probe.schedule.host_budget import Asked, HostBudget, HostKey, KeptBucket, after_asking
from probe.store import files

log = logging.getLogger(__name__)

# The lock is held for a millisecond. A process that was stopped while it had it must stop no other.
_TRIES = 20
_TRY_SECONDS = 0.05
_MOST_BYTES = 1 << 20


class Shared(Struct, frozen=True, kw_only=True):
    """``buckets`` that are not full, and by vantage the bytes ``spent`` by commands that the daemon
    has not counted yet. ``used``: the daemon's accounts, should the history be damaged."""

    buckets: tuple[KeptBucket, ...] = ()
    spent: dict[str, DataSpent] = {}
    used: dict[str, DataSpent] = {}


class SharedBudget:
    """One process's side of the file. ``say`` and ``hear`` belong to the thread that measures,
    ``exchange`` to any. ``path`` is ``None`` where nothing is kept: then nobody hears anything."""

    def __init__(
        self, path: Path | None, budget: HostBudget, *, wall: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._budget = budget
        self._wall = wall

    @classmethod
    def of_daemon(cls, config: StoreConfig, budget: HostBudget) -> SharedBudget:
        """Beside the history that the daemon writes."""
        return cls(_beside(files.writable_path(config.path, os.environ)), budget)

    @classmethod
    def of_command(cls, config: StoreConfig, budget: HostBudget) -> SharedBudget:
        """Beside the history of the daemon, if there is one."""
        history = files.readable_path(config.path, os.environ)
        if history is None or not history.parent.is_dir():
            history = files.writable_path(config.path, os.environ)
        return cls(_beside(history), budget)

    @property
    def urgent(self) -> bool:
        """A host has asked to be left alone since this was last said."""
        return self._budget.closed_since

    def say(self) -> dict[HostKey, Asked]:
        """What this process has asked since it last said so."""
        return self._budget.untold(time.monotonic())

    def exchange(
        self,
        asked: Mapping[HostKey, Asked],
        *,
        spent: Mapping[str, int] | None = None,
        used: Mapping[str, DataSpent] | None = None,
    ) -> Shared:
        """Tell what was ``asked`` and hear all; ``spent`` are bytes on the wire, by vantage, that
        the daemon is to count. ``None``: this is the daemon, and counts those of the others.
        ``used``: its accounts now (``None``: those that are kept stay). Raises ``OSError``."""
        if self._path is None:
            return Shared()
        wall = self._wall()
        descriptor = _opened(self._path)
        try:
            _lock(descriptor)
            before = _read(descriptor)
            kept = {vantage: accounts.resumed(a, wall=wall) for vantage, a in before.spent.items()}
            for vantage, size in (spent or {}).items():
                own = kept.get(vantage, DataSpent(wall=wall))
                kept[vantage] = accounts.spent(own, size)
            buckets = after_asking(before.buckets, asked, wall=wall)
            after = Shared(
                buckets=buckets,
                spent={} if spent is None else kept,
                used=before.used if used is None else dict(used),
            )
            _write(descriptor, after)
            return replace(after, spent=kept)
        finally:
            os.close(descriptor)

    def hear(self, shared: Shared) -> None:
        """Take up what ``exchange`` gave."""
        self._budget.heard(shared.buckets, time.monotonic())

    def not_said(self, asked: Mapping[HostKey, Asked]) -> None:
        """``exchange`` failed: ``asked`` is said again the next time."""
        self._budget.not_told(asked)

    def tell(self, spent: Mapping[str, int]) -> None:
        """Say, exchange and hear, for a command. Raises ``OSError``."""
        asked = self.say()
        try:
            shared = self.exchange(asked, spent=spent)
        except OSError:
            self.not_said(asked)
            raise
        self.hear(shared)


def _beside(history: Path | None) -> Path | None:
    return None if history is None else history.with_name(history.name + files.ASKED)


def _opened(path: Path) -> int:
    """The file, made if need be; its owner is the folder's: root may run a command, too, and the
    daemon must be able to read what it wrote. A link is not followed, for the same reason."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    how = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, how | os.O_NONBLOCK, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        # Another name of somebody's file: whoever owns the folder could have root give it away.
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file of one name")
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def _lock(descriptor: int) -> None:
    for tried in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if tried == _TRIES - 1:
                raise
        time.sleep(_TRY_SECONDS)


def _read(descriptor: int) -> Shared:
    # What follows is room: see _write.
    body = os.pread(descriptor, _MOST_BYTES, 0).rstrip(b"\0 ")
    if not body:
        return Shared()
    try:
        return read_json(body, Shared)
    except ValueError:
        log.warning("what was asked before cannot be read: budgets of hosts begin anew")
        return Shared()


def _write(descriptor: int, shared: Shared) -> None:
    """In place, as the lock is on this file and no other: whoever is killed in the midst of it, or
    has no room, leaves what was there or what shall be there. Raises ``OSError``."""
    body = msgspec.json.encode(shared)
    before = os.fstat(descriptor).st_size
    # First the room, since a full disk takes a part of a write; then all of it at once.
    os.posix_fallocate(descriptor, 0, len(body))
    if os.pwrite(descriptor, body.ljust(before), 0) < len(body):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(descriptor, len(body))
