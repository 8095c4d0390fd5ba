"""The file that is written to, by what it is and not by its name.

A name can be taken away, or given to another file, while the daemon runs, and one file can have
several names. So the file itself is locked, and looked at: whether the name still leads to it,
whether SQLite's companions are those that it opened, and whether somebody else wrote into it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Literal

from probe.store import files
from probe.store.migrations import ForeignFileError

Change = Literal["gone", "companions", "written"]
"""``gone``: the name leads elsewhere or nowhere. ``companions``: SQLite's log or its index was
removed or replaced. ``written``: another program wrote into the file."""

_Inode = tuple[int, int]
# What flock(2) says where there are none: some network and FUSE file systems.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})


class NoLocksError(Exception):
    """The file system has no locks: two daemons could write to one file there."""


class LockedError(Exception):
    """Another daemon writes to the file."""


class HeldFile:
    """Held by the one daemon that writes to a file, as long as its process lives.

    Its descriptor is closed after SQLite's: to close any descriptor of a file ends all of the
    process's POSIX locks on it, and those are SQLite's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._lock: int | None = None
        self._companions: dict[Path, _Inode] = {}
        self._content: tuple[int, int] = (0, 0)
        # Where the file is when no link is followed any more: SQLite's companions lie beside that.
        self.real = path

    def take(self) -> Path:
        """Make the file if need be, readable by this user alone, and lock it. Once taken, taking it
        again does nothing. Raises ``LockedError``, ``ForeignFileError``, ``OSError``."""
        if self._descriptor is not None:
            return self.real
        self.real = Path(os.path.realpath(self._path))
        if self.real.exists() and not self.real.is_file():
            raise ForeignFileError("it is no regular file")
        self.real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # Beside the file as well, for commands: the file itself may be gone.
            self._lock = _locked(files.lock_of(self.real))
            self._descriptor = _locked(self.real)
            if self._is_elsewhere():
                raise LockedError("it was replaced just now")
        except BaseException:
            self.release()
            raise
        return self.real

    def opened(self) -> None:
        """SQLite has opened the file: note what it works with."""
        self._companions = {
            path: found for path in files.companions(self.real) if (found := _inode(path))
        }
        self.wrote()

    def wrote(self) -> None:
        """This process has written: what differs from now on is somebody else's doing."""
        if self._descriptor is not None:
            found = os.fstat(self._descriptor)
            self._content = (found.st_size, found.st_mtime_ns)

    def change(self) -> Change | None:
        """What somebody did to the file since; ``None``: nothing, or it is not held."""
        if self._descriptor is None:
            return None
        if self._is_elsewhere():
            return "gone"
        found = os.fstat(self._descriptor)
        if (found.st_size, found.st_mtime_ns) != self._content:
            return "written"
        if any(_inode(path) != inode for path, inode in self._companions.items()):
            return "companions"
        return None

    @property
    def identity(self) -> _Inode | None:
        """Device and inode."""
        return None if self._descriptor is None else _of(os.fstat(self._descriptor))

    def drop_companions(self) -> None:
        """Remove SQLite's companions of a file that is not there any more, and no others: with
        whatever bears the name now they must not be read."""
        for path, inode in self._companions.items():
            if _inode(path) == inode:
                path.unlink()
        self._companions = {}

    def release(self) -> None:
        """Let another daemon have it."""
        for descriptor in (self._descriptor, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._descriptor = self._lock = None
        self._companions = {}

    def _is_elsewhere(self) -> bool:
        return _inode(self._path) != self.identity


def is_held(path: Path) -> bool:
    """Whether a daemon writes to ``path``, a history or its lock, just now. Raises ``OSError``."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise LockedError("another throttlewatch writes to it") from None
    except OSError as error:
        os.close(descriptor)
        if error.errno in _NO_LOCKS:
            raise NoLocksError from error
        raise
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _inode(path: Path) -> _Inode | None:
    try:
        return _of(path.stat())
    except OSError:
        return None


def _of(found: os.stat_result) -> _Inode:
    return found.st_dev, found.st_ino
