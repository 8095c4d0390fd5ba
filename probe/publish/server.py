"""The HTTP server inside the daemon's own event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from probe.publish.guard import Guard, allowed_hosts
from probe.publish.web import ReloadResult, create_app

__all__ = ["ListenError", "ReloadResult", "Server", "create_app", "split_listen"]

# Prometheus, a browser and a health check need a handful; the rest are told 503.
MOST_CONNECTIONS = 64
STOP_SECONDS = 2
LARGEST_REQUEST_HEAD_BYTES = 16_384


class ListenError(OSError):
    """``listen`` cannot be listened on: ``strerror`` says why, for a person; the text says both."""

    def __init__(self, listen: str, why: str, number: int = errno.EINVAL) -> None:
        super().__init__(number, why)
        self.listen = listen

    def __str__(self) -> str:
        return f"cannot listen on {self.listen!r}: {self.strerror}"


def split_listen(listen: str) -> tuple[str, int]:
    """``127.0.0.1:9880``, ``[::1]:9880``, ``localhost:9880`` or ``:9880`` (every address) as host
    and port. Raises ``ListenError``."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        raise ListenError(listen, "expected host:port, as in 127.0.0.1:9880")
    return host.removeprefix("[").removesuffix("]"), int(port)


class Server:
    """Serves ``app`` on ``listen`` between ``start`` and ``stop``, behind the ``Guard``."""

    def __init__(self, app: ASGIApp, listen: str) -> None:
        self._listen = listen
        self._host, self._port = split_listen(listen)
        self._server = _Embedded(
            uvicorn.Config(
                Guard(app, allowed_hosts(self._host)),
                http="h11",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=LARGEST_REQUEST_HEAD_BYTES,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def address(self) -> str:
        """``host:port`` where it can be reached, with the port that the system chose for port 0."""
        host = self._host or "localhost"
        port = self._port if self._socket is None else self._socket.getsockname()[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def start(self) -> None:
        """Listen and serve; returns when it does. Raises ``ListenError``."""
        self._socket = await self._bind()
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise ListenError(self._listen, "the server ended before it began")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Finish what is being answered, for at most ``STOP_SECONDS``, and close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            self._task = None

    async def _bind(self) -> socket.socket:
        try:
            if not self._host:
                return _every_address(self._port)
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            family, _, _, _, address = found[0]
            return socket.create_server(address[:2], family=family)
        except OSError as error:
            raise ListenError(self._listen, _why(error), error.errno or errno.EINVAL) from error


def _every_address(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program already listens there"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "not permitted; ports below 1024 need root"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this host does not have that address"
    return error.strerror or str(error)


class _Embedded(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the daemon, not to the server in it."""
        yield
