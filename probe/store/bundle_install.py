"""A bundle takes the place of the one that is installed, whole or not at all.

What the daemon fetched and what an operator brought on a stick go the same way: one after the other
under a lock of the kernel, compared with what is installed at that moment, so that no older one
ever follows a newer one. The file is written beside the one that is there and then takes its name.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from probe import __version__
from probe.config import ConfigErrors
from probe.config.bundle import (
    Bundle,
    BundleFile,
    BundleRefusal,
    BundleRefusedError,
    Signers,
    form_of_bundle,
    judged,
    opened,
)
from probe.config.bundle_places import beside, read_bundle
from probe.config.contact import contacted_hosts
from probe.config.schema import Config

_TRIES = 100
_TRY_SECONDS = 0.05


class HostChange(Struct, frozen=True):
    """Which hosts a bundle would have contacted in addition, and which no longer; sorted."""

    added: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def any(self) -> bool:
        """Whether it changes them at all."""
        return bool(self.added or self.gone)


class Installed(Struct, frozen=True):
    """What holds now. ``new``: it was not in use before. ``waits``: it is not installed, as the
    operator has not agreed to the hosts that it would change."""

    bundle: Bundle
    hosts: HostChange
    new: bool = True
    waits: bool = False


def install(
    body: bytes,
    history: Path,
    signers: Signers,
    *,
    tried: Callable[[Bundle], Config],
    used: Config,
    agreed: Callable[[Bundle, HostChange], bool],
    now: float,
) -> Installed:
    """Put the bundle in ``body`` beside the ``history``, if it may take the place of the one there.

    ``signers``: those of the configuration. ``tried``: the configuration with a bundle's
    definitions; raises ``ConfigErrors``. ``used``: the one in use, to compare hosts with.
    ``agreed``: whether it may be used, with what it changes. ``now``: Unix seconds. Raises
    ``BundleRefusedError``, and ``OSError`` if it cannot be written: then, as whenever the process
    dies, the one that was there stays.
    """
    with _alone(history.parent):
        before = read_bundle(beside(history), signers).bundle
        known = () if before is None else before.handovers
        bundle = opened(body, signers, known=known)
        if not judged(bundle, instead_of=before, now=now, program=__version__):
            return Installed(bundle, HostChange((), ()), new=False)
        try:
            after = tried(bundle)
        except ConfigErrors as errors:
            raise BundleRefusedError(BundleRefusal.DEFINITIONS, str(errors)) from errors
        change = host_change(used, after)
        if not agreed(bundle, change):
            return Installed(bundle, change, new=False, waits=True)
        file = form_of_bundle(body)
        # Whoever withholds how the keys were handed over must not undo it at the next start.
        whole = BundleFile(file.manifest, file.files, bundle.handovers)
        _write(beside(history), msgspec.json.encode(whole))
        return Installed(bundle, change)


def host_change(before: Config, after: Config) -> HostChange:
    """The hosts that one configuration contacts and the other does not."""
    old, new = contacted_hosts(before), contacted_hosts(after)
    return HostChange(tuple(sorted(new - old)), tuple(sorted(old - new)))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else installs meanwhile. Raises ``OSError``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for tried in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if tried == _TRIES - 1:
                    raise
                time.sleep(_TRY_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _write(file: Path, body: bytes) -> None:
    """Raises ``OSError``."""
    for left in file.parent.glob(f"{file.name}-*"):
        # Of a process that died: nobody else installs just now.
        with suppress(OSError):
            left.unlink()
    new = file.with_name(f"{file.name}-{secrets.token_hex(4)}")
    # What stands there already, a link above all, is not followed.
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(new, how, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            if os.geteuid() == 0:
                # Root may install it, and the daemon's user must be able to erase it.
                owner = file.parent.stat()
                os.fchown(sink.fileno(), owner.st_uid, owner.st_gid)
            sink.write(body)
            sink.flush()
            os.fsync(sink.fileno())
        new.replace(file)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
