"""The far end: one HTTPS server that carries every name of the demo.

Every path under every name is the same object of bytes that do not compress, with ``Range``.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

OBJECT_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=0-(\d{1,9})")


class Far:
    """Serves on a port of 127.0.0.1 with the certificate and key in the file ``leaf``."""

    def __init__(self, leaf: Path) -> None:
        body = os.urandom(OBJECT_BYTES)

        async def answer(request: Request) -> Response:
            wanted = _RANGE.fullmatch(request.headers.get("range", ""))
            if wanted is None:
                return Response(body, media_type="application/octet-stream")
            part = body[: int(wanted[1]) + 1]
            headers = {"Content-Range": f"bytes 0-{len(part) - 1}/{len(body)}"}
            return Response(part, 206, headers, media_type="application/octet-stream")

        self._server = _Embedded(
            uvicorn.Config(
                Starlette(routes=[Route("/{path:path}", answer)]),
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                ssl_certfile=str(leaf),
                ssl_keyfile=str(leaf),
                timeout_graceful_shutdown=1,
            )
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        # Inherited by what it accepts; else small answers wait 40 ms for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._serving: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Serve; returns when it does."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Listen no more, and end the connections that are open."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


class _Embedded(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The terminal's Ctrl-C reaches this process too; the daemon's process decides."""
        yield
