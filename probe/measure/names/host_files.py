"""What this host's own files say of look-ups: resolv.conf, nsswitch.conf and the hosts file.

Read as glibc reads them (resolv.conf(5), nsswitch.conf(5), hosts(5)), as far as that decides what a
program on this host would get for a name. Each file is read afresh when it has changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from msgspec import Struct

from probe.measure.connection.family import family_of
from probe.model.identity import Family
from probe.model.number import whole

RESOLV_CONF = Path("/etc/resolv.conf")
NSSWITCH = Path("/etc/nsswitch.conf")
# Lists that block advertisements have some megabytes.
_MOST_LETTERS = 64 * 1024 * 1024
# Of which is remembered what the hosts file says.
_MOST_NAMES = 4_096
HOSTS = Path("/etc/hosts")

# glibc's resolv.h: MAXNS, RES_MAXRETRY, RES_DFLRETRY.
_MOST_NAMESERVERS = 3
_MOST_ATTEMPTS = 5
_USUAL_ATTEMPTS = 2


class HostFiles(Struct, frozen=True, kw_only=True):
    """Where names are looked for on this host, beside resolv.conf."""

    hosts: Path = HOSTS
    nsswitch: Path = NSSWITCH


class ResolvConf(Struct, frozen=True, kw_only=True):
    """``nameservers``: literal addresses, in order. ``edns``: ``options edns0``. ``over_tcp``:
    ``use-vc``. ``rotate``: the nameservers take turns. ``attempts``: how often each is asked."""

    nameservers: tuple[str, ...] = ()
    edns: bool = False
    over_tcp: bool = False
    rotate: bool = False
    attempts: int = _USUAL_ATTEMPTS


def resolv_conf(path: Path = RESOLV_CONF) -> ResolvConf:
    """What ``path`` and ``RES_OPTIONS`` say; glibc's defaults where there is no file."""
    return _resolv_conf(_text(path), os.environ.get("RES_OPTIONS", ""))


def files_come_first(files: HostFiles) -> bool:
    """Whether this host looks into its hosts file before it asks a resolver (nsswitch.conf; so it
    is where nothing else is said)."""
    return _files_first(_text(files.nsswitch))


def hosts_entries(
    names: Iterable[str], family: Family, files: HostFiles
) -> dict[str, tuple[str, ...]]:
    """The addresses that the hosts file has for those of ``names`` that it has; whether they are
    the answer, ``files_come_first`` says. It is read once for all of them, and not again for a name
    until it has changed."""
    wanted = {name: name.lower().rstrip(".") for name in names}
    path, version = _version(files.hosts)
    found = _looked_up(path, version)
    if new := {name for name in wanted.values() if name not in found}:
        if len(found) + len(new) > _MOST_NAMES:
            found.clear()
        found.update(_entries(path, new) if version else dict.fromkeys(new, ()))
    of_family = {
        name: tuple(address for address in found[plain] if family_of(address) is family)
        for name, plain in wanted.items()
    }
    return {name: addresses for name, addresses in of_family.items() if addresses}


def literal(text: str) -> bool:
    """Whether ``text`` is an address (IPv6 without brackets)."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4)
def _resolv_conf(text: str, more_options: str) -> ResolvConf:
    nameservers: list[str] = []
    options: list[str] = []
    # Not dnspython's reader: it rejects the whole file for one address that it cannot read.
    for words in map(str.split, text.splitlines()):
        match words:
            case ["nameserver", address, *_] if literal(address):
                nameservers.append(address)
            case ["options", *named]:
                options += named
    options += more_options.split()
    given = dict(option.partition(":")[::2] for option in options)
    attempts = whole(given.get("attempts", ""))
    return ResolvConf(
        nameservers=tuple(nameservers[:_MOST_NAMESERVERS]),
        edns="edns0" in given,
        over_tcp="use-vc" in given,
        rotate="rotate" in given,
        attempts=_USUAL_ATTEMPTS if attempts is None else max(1, min(attempts, _MOST_ATTEMPTS)),
    )


@lru_cache(maxsize=4)
def _files_first(text: str) -> bool:
    for line in text.splitlines():
        database, _, sources = line.partition("#")[0].partition(":")
        if database.strip() == "hosts":
            named = sources.split()
            asks = [named.index(word) for word in ("dns", "resolve") if word in named]
            return "files" in named and named.index("files") < min(asks, default=len(named))
    return True


@lru_cache(maxsize=2)
def _looked_up(path: Path, version: tuple[int, ...]) -> dict[str, tuple[str, ...]]:
    """What is known of names in this state of the file; a name that it lacks has no address."""
    return {}


def _entries(path: Path, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    text = _read(path).lower()
    return {name: tuple(dict.fromkeys(_addresses(text, name))) for name in names}


def _addresses(text: str, name: str) -> Iterator[str]:
    # Lists that block advertisements have a hundred thousand lines: only those are looked into
    # that have the name, and many have it as a part of another.
    at = text.find(name) if name else -1
    while at >= 0:
        end = at + len(name)
        after = text[end : end + 1]
        if text[at - 1 : at].isspace() and (not after or after == "#" or after.isspace()):
            line = text[text.rfind("\n", 0, at) + 1 : end]
            address, *named = line.partition("#")[0].split() or [""]
            if name in named and literal(address):
                yield address
        at = text.find(name, end)


def _version(path: Path) -> tuple[Path, tuple[int, ...]]:
    """The file and what tells one state of it from another; nothing where there is no file. A pipe
    or a device is none: reading it might never end, and every look-up waits for that."""
    try:
        status = path.stat()
    except OSError:
        return path, ()
    if not stat.S_ISREG(status.st_mode):
        return path, ()
    return path, (status.st_ino, status.st_size, status.st_mtime_ns)


def _text(path: Path) -> str:
    # It is asked for at every look-up, and hardly ever another file than before.
    return _whole(*_version(path))


@lru_cache(maxsize=8)
def _whole(path: Path, version: tuple[int, ...]) -> str:
    return _read(path) if version else ""


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_LETTERS)
    except OSError:
        return ""
