"""Lets connections in, as many as there is room for; the rest wait in the kernel's queue, in order.

A storm of scrapes must neither take the descriptors that measuring needs nor cost an honest client
its answer. So nobody who has asked is turned out: a connection is accepted when there is room. When
there is none, one that only holds its place makes room, first of whoever holds the most: between
two requests at once, before the first one after a moment in which it could have asked.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from probe.publish.web.patience import HEAD_SECONDS, PatientProtocol

MOST_OPEN = 60
"""Connections at once: fewer than uvicorn turns away (``limit_concurrency``)."""
QUEUE = 1_024
"""How many may wait in the kernel's queue; beyond it the kernel lets them try again."""
_MOMENT_SECONDS = 2.0
_LOOK_SECONDS = 0.01
# After an error of the machine, such as no descriptor left.
_PAUSE_SECONDS = 0.5


class Door:
    """Between ``open`` and ``close``, ``make`` gives the protocol of each connection that comes to
    ``sockets``; ``connections`` are those that are in (uvicorn's own set)."""

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        make: Callable[[], PatientProtocol],
        connections: Collection[object],
        context: ssl.SSLContext | None,
    ) -> None:
        self._sockets = tuple(sockets)
        self._make = make
        self._connections = connections
        self._context = context
        self._entering: dict[asyncio.Task[None], float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Let them in. Needs a running loop."""
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            one.setblocking(False)
            self._tasks.append(loop.create_task(self._accept(one)))

    async def close(self) -> None:
        """Let nobody in any more, nor those who wait."""
        for task in (*self._tasks, *self._entering):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._entering, return_exceptions=True)
        for one in self._sockets:
            one.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._has_room():
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            task = loop.create_task(self._enter(connection))
            self._entering[task] = loop.time()
            task.add_done_callback(lambda done: self._entering.pop(done, None))

    async def _enter(self, connection: socket.socket) -> None:
        """Up to the end of the handshake, if there is TLS; who fails there is gone."""
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=None if self._context is None else HEAD_SECONDS,
            )

    def _has_room(self) -> bool:
        """Whether one more may come in; if not, one that only holds its place has to go."""
        inside = [
            one for one in self._connections if isinstance(one, PatientProtocol) and not one.cut
        ]
        if len(inside) + len(self._entering) < MOST_OPEN:
            return True
        before = asyncio.get_running_loop().time() - _MOMENT_SECONDS
        held = Counter(one.peer for one in inside)
        idle = [one for one in inside if one.idle_since(before) is not None]
        shaking = [task for task, since in self._entering.items() if since < before]
        if idle:
            min(idle, key=lambda one: (-held[one.peer], one.idle_since(before))).end()
        elif shaking:
            shaking[0].cancel()
        return False
