"""A letter to a receiver, by a process of its own.

Apprise speaks to more than a hundred services, and each of its modules may do what it likes. So it
never comes into the daemon: a process is started for each letter, reads the receiver's secret by
itself, may reach the hosts that the configuration names and no other (``guarded_send.py``), and is
ended when it takes too long.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from enum import IntEnum
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from probe.config.contact import HTTPS_PORT, PROXY_PORTS
from probe.config.formats import host_and_port
from probe.config.schema import NotifyReceiver
from probe.publish.notify.mailbag import Letter

SECONDS = 60.0
_MODULE = "probe.publish.notify.guarded_send"
# What a process needs to find our modules, and nothing that a library takes for a proxy or a login.
_KEPT = ("PATH", "PYTHONPATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Delivered(IntEnum):
    """How it went: the process's exit status."""

    WELL = 0
    FAILED = 1
    """Python's own, for what nobody expected: as good as not delivered."""
    NO_URL = 3
    NOT_UNDERSTOOD = 4
    OTHER_HOST = 5
    NO_LIBRARY = 6
    TOOK_TOO_LONG = 7


WORDS = {
    Delivered.WELL: "delivered",
    Delivered.FAILED: "not delivered: the receiver cannot be reached, or refuses",
    Delivered.NO_URL: "the file with its URL cannot be read, or is not one line",
    Delivered.NOT_UNDERSTOOD: "the URL in its file is none that Apprise knows",
    Delivered.OTHER_HOST: "it wanted to reach a host that its `hosts` do not name",
    Delivered.NO_LIBRARY: "the extra `notify` is not installed",
    Delivered.TOOK_TOO_LONG: "the receiver took too long",
}


class Errand(Struct, frozen=True, kw_only=True):
    """What the process is told: the letter, and whom it may reach (host, port)."""

    url_file: str
    places: tuple[tuple[str, int], ...]
    title: str
    body: str


async def deliver(receiver: NotifyReceiver, letter: Letter, seconds: float = SECONDS) -> Delivered:
    """One attempt; never raises for what the receiver does. Cancelled, it ends the process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        _MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(receiver.proxy),
    )
    try:
        async with asyncio.timeout(seconds):
            await process.communicate(msgspec.json.encode(_errand(receiver, letter)))
    except TimeoutError:
        return Delivered.TOOK_TOO_LONG
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    try:
        return Delivered(process.returncode or 0)
    except ValueError:
        return Delivered.FAILED


def _errand(receiver: NotifyReceiver, letter: Letter) -> Errand:
    places = tuple(host_and_port(host, HTTPS_PORT) for host in receiver.hosts)
    if receiver.proxy is not None:
        via = urlsplit(receiver.proxy)
        places = ((via.hostname or "", via.port or PROXY_PORTS[via.scheme]),)
    return Errand(
        url_file=receiver.url_file,
        places=places,
        title=letter.title,
        body=letter.body,
    )


def environment(proxy: str | None) -> dict[str, str]:
    """What the process of a receiver with this ``proxy`` has."""
    found = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # No file of this user's has a login for a receiver.
    found |= {"HOME": "/nonexistent", "NETRC": os.devnull}
    if proxy is not None:
        # The proxy resolves the name, as it does for vantages.
        parts = urlsplit(proxy)
        host = parts.netloc if parts.port else f"{parts.netloc}:{PROXY_PORTS[parts.scheme]}"
        via = f"{parts.scheme.replace('socks5', 'socks5h')}://{host}"
        found |= {"http_proxy": via, "https_proxy": via}
    return found
