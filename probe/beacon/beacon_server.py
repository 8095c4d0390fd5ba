"""The beacon's server: TLS over TCP, and QUIC where it is installed, on one port."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h11
import uvicorn
from msgspec import Struct
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from probe.beacon.beacon_service import BeaconService
from probe.beacon.rations import Rations
from probe.beacon.wishes import Offer
from probe.publish.web.patience import LARGEST_HEAD_BYTES, PatientProtocol
from probe.publish.web.server import ListenError, split_listen

MOST_OPEN = 256
"""Connections over TCP at once; those beyond are told 503."""
QUEUE = 1_024
STOP_SECONDS = 3
KEEP_SECONDS = 5
LONGEST_ANSWER_SECONDS = 600.0
LOOK_SECONDS = 60.0
"""How often it is seen whether the certificate's files are others: they are renewed by night."""


class BeaconCannotBeginError(Exception):
    """It cannot begin; the text says why."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a beacon is to be. ``listen``: as for the daemon. ``each_bytes`` and ``all_bytes`` are
    those of a day. ``quic``: ``None``: if it is installed."""

    listen: str
    cert_file: Path
    key_file: Path
    offer: Offer
    each_bytes: int
    all_bytes: int
    quic: bool | None = None


def run(plan: Plan, begun: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. ``begun`` is told over what, once both sockets are bound.
    Raises ``BeaconCannotBeginError``."""
    quic = find_spec("aioquic") is not None if plan.quic is None else plan.quic
    if quic and find_spec("aioquic") is None:
        raise BeaconCannotBeginError("QUIC needs the extra: pip install 'throttlewatch[quic]'")
    with ExitStack() as sockets:
        listening = sockets.enter_context(_bound(plan.listen, socket.SOCK_STREAM))
        port = listening.getsockname()[1]
        datagrams = None
        if quic:
            datagrams = sockets.enter_context(_bound(plan.listen, socket.SOCK_DGRAM, port))
        _serve(plan, listening, datagrams, lambda: begun(f"port {port}, {_over(quic)}"))


def _over(quic: bool) -> str:
    return "TCP and QUIC" if quic else "TCP"


def _serve(
    plan: Plan,
    listening: socket.socket,
    datagrams: socket.socket | None,
    begun: Callable[[], None],
) -> None:
    rations = Rations(plan.each_bytes, plan.all_bytes, time.monotonic())
    service: ASGIApp = BeaconService(plan.offer, rations)
    door = None
    if datagrams is not None:
        # With aioquic in it, so not before it is asked for.
        from probe.beacon.over_quic import MOST_BYTES, QuicDoor

        smaller = replace(plan.offer, largest_bytes=min(plan.offer.largest_bytes, MOST_BYTES))
        door = QuicDoor(BeaconService(smaller, rations), rations, datagrams)

    def take_up(context: ssl.SSLContext) -> None:
        context.load_cert_chain(plan.cert_file, plan.key_file)
        if door is not None:
            door.use(plan.cert_file, plan.key_file)

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        context = config.ssl
        assert context is not None
        if door is not None:
            await door.open()
        asyncio.get_running_loop().set_exception_handler(_fault)
        watch = asyncio.create_task(_watch(plan, lambda: take_up(context)))
        begun()
        yield
        watch.cancel()
        if door is not None:
            door.close()

    config = uvicorn.Config(
        Starlette(routes=[Mount("/", service)], lifespan=living),
        ssl_certfile=plan.cert_file,
        ssl_keyfile=str(plan.key_file),
        http=_visitors(rations),
        h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
        ws="none",
        lifespan="on",
        # No line says who came.
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_OPEN,
        timeout_keep_alive=KEEP_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    try:
        config.load()
        assert config.ssl is not None
        take_up(config.ssl)
    except (OSError, ValueError) as error:
        files = f"{plan.cert_file}, {plan.key_file}"
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BeaconCannotBeginError(f"{files}: {why}") from error
    uvicorn.Server(config).run(sockets=[listening])


def _fault(_: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
    """What the loop would say of it has sockets in it, so addresses."""
    error = about.get("exception")
    print(f"a fault: {type(error).__name__}", file=sys.stderr)


async def _watch(plan: Plan, take_up: Callable[[], None]) -> None:
    """Take up a certificate that was renewed. One of which only a half is there is another try."""

    def written() -> tuple[float, ...]:
        with suppress(OSError):
            return tuple(file.stat().st_mtime for file in (plan.cert_file, plan.key_file))
        return ()

    known = await asyncio.to_thread(written)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = await asyncio.to_thread(written)
        if now and now != known:
            with suppress(OSError, ValueError):
                take_up()
                known = now


def _visitors(rations: Rations) -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1 for connections that ``rations`` counts."""

    class Visitor(PatientProtocol):
        answer_seconds = LONGEST_ANSWER_SECONDS
        _counted = False

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._counted = rations.enter(self.peer)
            if not self._counted:
                self.end()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._counted:
                rations.leave(self.peer)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            # The body of an upload has no head that could be too large.
            if self.conn.their_state is h11.SEND_BODY:
                H11Protocol.data_received(self, data)
            else:
                super().data_received(data)

    return Visitor


def _bound(listen: str, kind: socket.SocketKind, port: int | None = None) -> socket.socket:
    try:
        host, said = split_listen(listen)
        place = (host, said if port is None else port)
        family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
        if not host and not socket.has_dualstack_ipv6():
            family = socket.AF_INET
        sock = socket.socket(family, kind)
        try:
            if kind is socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bool(host)))
            sock.bind(place)
            if kind is socket.SOCK_STREAM:
                sock.listen(QUEUE)
        except BaseException:
            sock.close()
            raise
    except ListenError as error:
        raise BeaconCannotBeginError(str(error)) from error
    except OSError as error:
        raise BeaconCannotBeginError(f"cannot listen on {listen!r}: {_why(error)}") from error
    return sock


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program already listens there"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "not permitted; ports below 1024 need root, or CAP_NET_BIND_SERVICE"
    return error.strerror or str(error)
