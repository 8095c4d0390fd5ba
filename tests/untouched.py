"""What the tests must leave as they found it: the machine's devices, its configuration, and the
history of a service that is installed there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

DEVICES = Path("/dev")
CONFIGURATION = Path("/etc")
HISTORY = Path("/var/lib/throttlewatch/history.sqlite3")
# Whoever installs a package meanwhile changes what is configured, and no device.
PACKAGES = tuple(
    Path(name)
    for name in ("/var/lib/dpkg/status", "/var/lib/rpm", "/lib/apk/db/installed", "/var/lib/pacman")
)
# The laboratory's own namespaces have their files in the first while they live,
# and so have the engines that run containers.
ELSEWHERE = (Path("/etc/netns"), Path("/etc/cni"), Path("/etc/containers"))

Seen = dict[str, tuple[object, ...]]


def devices(folder: Path = DEVICES) -> Seen:
    """Name → type, modes, owner, major and minor number, of what is not mounted below."""
    return {
        str(path): (
            stat.filemode(found.st_mode),
            (found.st_uid, found.st_gid),
            (os.major(found.st_rdev), os.minor(found.st_rdev)),
            str(path.readlink()) if stat.S_ISLNK(found.st_mode) else "",
        )
        for path, found in _below(folder)
        if not stat.S_ISDIR(found.st_mode)
    }


def configuration(folder: Path = CONFIGURATION) -> Seen:
    """Name → modes, owner, bytes and time of the last change, of every file."""
    return {
        str(path): (
            stat.filemode(found.st_mode),
            (found.st_uid, found.st_gid),
            found.st_size,
            found.st_mtime_ns,
        )
        for path, found in _below(folder)
        if not stat.S_ISDIR(found.st_mode)
    }


def history(path: Path = HISTORY) -> Seen:
    """Which file it is: the service may write to it."""
    try:
        found = path.stat()
    except OSError:
        return {}
    return {str(path): (stat.filemode(found.st_mode), found.st_ino)}


def seen() -> Seen:
    """All of them, as they are now."""
    return devices() | configuration() | history()


def packages() -> tuple[int, ...]:
    """When packages of this machine were last installed or removed (nanoseconds)."""
    return tuple(path.stat().st_mtime_ns for path in PACKAGES if path.exists())


def harm(before: Seen, now: Seen) -> list[str]:
    """What is not as it was, a line each. Devices that are new are the kernel's doing: it makes
    them when a file is mounted, or a tunnel opened."""
    lines = [f"{name}: gone" for name in before if name not in now]
    for name, found in now.items():
        if name not in before:
            if str(found[0])[0] not in "bc":
                lines.append(f"{name}: new, {found}")
        elif before[name] != found:
            lines.append(f"{name}: was {before[name]}, is {found}")
    return sorted(lines)


def _below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything in the folder and its folders, but not in those where something is mounted."""
    try:
        device = folder.stat().st_dev
        entries = list(folder.iterdir())
    except OSError:
        return
    for path in entries:
        try:
            found = path.lstat()
        except OSError:
            continue
        yield path, found
        if stat.S_ISDIR(found.st_mode) and found.st_dev == device and path not in ELSEWHERE:
            yield from _below(path)
