"""Telling systemd that the daemon is ready, that it lives, and that it stops (sd_notify(3)).

Without ``NOTIFY_SOCKET`` in the environment nothing is told to anybody.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping

from probe.model.number import whole

log = logging.getLogger(__name__)

MICROSECONDS = 1_000_000
# systemd expects at least one sign of life in each interval; three leave room for a busy moment.
PINGS_PER_INTERVAL = 3


class ServiceManager:
    """The service manager that ``environ`` names, if there is one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ means Linux's abstract names.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        interval = whole(environ.get("WATCHDOG_USEC", "")) or 0
        self._ping_seconds = interval / MICROSECONDS / PINGS_PER_INTERVAL
        self._watchdog: asyncio.Task[None] | None = None

    def ready(self, alive: Callable[[], bool]) -> None:
        """The daemon serves and measures. From now on the event loop gives signs of life, as long
        as ``alive`` says so. Needs a running loop."""
        self._tell("READY=1")
        if self._ping_seconds > 0.0:
            self._watchdog = asyncio.get_running_loop().create_task(self._ping(alive))

    def stopping(self) -> None:
        """The daemon has been told to stop."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._tell("STOPPING=1")

    async def _ping(self, alive: Callable[[], bool]) -> None:
        while True:
            if alive():
                self._tell("WATCHDOG=1")
            await asyncio.sleep(self._ping_seconds)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto(state.encode(), self._address)
        except OSError as error:
            log.debug("the service manager does not listen", extra={"error": error})
