"""The process that delivers one letter and ends: ``python -m probe.publish.notify.guarded_send``.

It can reach the places that it was told and nothing else, whatever Apprise, a plugin of it or an
answer (a redirect) asks for: names are looked up by one function of Python's, and every socket's
way out is an audited event.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from probe.publish.notify.delivery import Delivered, Errand

MOST_ERRAND_BYTES = 262_144
MOST_URL_BYTES = 4_096
# Without an answer of hundreds of megabytes it needs some 60.
MOST_MEMORY_BYTES = 1 << 29
MOST_CPU_SECONDS = 30
_WAYS_OUT = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
_LOOK_UPS = frozenset({"socket.gethostbyname", "socket.gethostbyaddr"})


class Fence:
    """Lets through to ``places`` (host, port) alone; ``refused``: something else was wanted."""

    def __init__(self, places: tuple[tuple[str, int], ...]) -> None:
        self._ports: dict[str, set[int]] = {}
        for host, port in places:
            self._ports.setdefault(host.lower().rstrip("."), set()).add(port)
        self.refused = False
        self._look_up = socket.getaddrinfo

    def stand(self) -> None:
        """From now on, for the whole process. It cannot be taken away."""
        socket.getaddrinfo = self._looked_up
        sys.addaudithook(self._heard)

    def _looked_up(self, host: Any, *rest: Any, **named: Any) -> Any:
        name = _text(host)
        if name not in self._ports:
            raise self._refusal()
        found = self._look_up(host, *rest, **named)
        for entry in found:
            self._ports.setdefault(str(entry[4][0]), set()).update(self._ports[name])
        return found

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _WAYS_OUT:
            place = arguments[_WAYS_OUT[event]]
            if place is None:
                return  # where it is connected to already
            known = isinstance(place, tuple) and place[1] in self._ports.get(_text(place[0]), ())
            if not known:
                raise self._refusal()
        elif event in _LOOK_UPS and _text(arguments[0]) not in self._ports:
            raise self._refusal()

    def _refusal(self) -> OSError:
        self.refused = True
        return PermissionError("not among the hosts of this receiver")


def main() -> int:
    """Deliver what standard input says; gives a ``Delivered``."""
    _modest()
    try:
        errand = msgspec.json.decode(sys.stdin.buffer.read(MOST_ERRAND_BYTES), type=Errand)
    except msgspec.MsgspecError:
        return Delivered.FAILED
    url = _one_line(errand.url_file)
    if url is None:
        return Delivered.NO_URL
    fence = Fence(errand.places)
    fence.stand()
    try:
        import apprise
    except ImportError:
        return Delivered.NO_LIBRARY
    # No picture from anywhere, no file of its own, no plugin but its own.
    asset = apprise.AppriseAsset(
        app_id="throttlewatch",
        app_desc="throttlewatch",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
        plugin_paths=[],
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    whom = apprise.Apprise(asset=asset)
    if not whom.add(url) or len(whom) != 1:
        return Delivered.NOT_UNDERSTOOD
    done = bool(
        whom.notify(title=errand.title, body=errand.body, body_format=apprise.NotifyFormat.TEXT)
    )
    if done:
        return Delivered.WELL
    return Delivered.OTHER_HOST if fence.refused else Delivered.FAILED


def _modest() -> None:
    """Whatever a receiver answers, the daemon is not who pays for it."""
    with suppress(OSError):
        os.nice(19)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    for what, most in (
        (resource.RLIMIT_AS, MOST_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MOST_CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))


def _one_line(file: str) -> str | None:
    try:
        with Path(file).open(encoding="utf-8") as opened:
            text = opened.read(MOST_URL_BYTES).strip()
    except (OSError, ValueError):
        return None
    return text if text and len(text.split()) == 1 else None


def _text(host: Any) -> str:
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    return text.lower().rstrip(".")


if __name__ == "__main__":
    sys.exit(main())
