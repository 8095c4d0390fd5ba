"""The HTTP server inside the daemon's own event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from probe.config.formats import LARGEST_PORT
from probe.config.readable import must_be_file
from probe.config.schema import TlsServer, WebConfig
from probe.model.number import whole
from probe.publish.web.door import QUEUE, Door
from probe.publish.web.endpoints import ReloadResult, create_app
from probe.publish.web.guard import Guard
from probe.publish.web.patience import LARGEST_HEAD_BYTES, PatientProtocol

__all__ = ["ListenError", "ReloadResult", "Server", "create_app", "split_listen"]

# Prometheus, a browser and a health check need a handful; the rest are told 503.
MOST_CONNECTIONS = 64
STOP_SECONDS = 2
# A port that is free on one address and taken on another, so many times in a row, is no chance.
TRIES = 8
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class ListenError(OSError):
    """``listen`` cannot be listened on: ``strerror`` says why, for a person; the text says both."""

    def __init__(self, listen: str, why: str, number: int = errno.EINVAL) -> None:
        super().__init__(number, why)
        self.listen = listen

    def __str__(self) -> str:
        return f"cannot listen on {self.listen!r}: {self.strerror}"


def split_listen(listen: str) -> tuple[str, int]:
    """``127.0.0.1:9880``, ``[::1]:9880`` or ``localhost:9880`` as host and port.

    ``:9880``, ``9880`` and ``[::]:9880`` have no host: they mean every address of both families, as
    for exporters written in Go. Raises ``ListenError``.
    """
    host, _, text = listen.rpartition(":")
    port = whole(text)
    if port is None or port > LARGEST_PORT:
        raise ListenError(listen, "expected host:port, as in 127.0.0.1:9880")
    return "" if host == "[::]" else host.removeprefix("[").removesuffix("]"), port


class Server:
    """Serves ``app`` on ``listen`` between ``start`` and ``stop``, behind the ``Guard``, over TLS
    if ``web`` says so. It answers to ``allowed`` names as well as to its own."""

    def __init__(
        self,
        app: ASGIApp,
        listen: str,
        web: WebConfig = WebConfig(),  # noqa: B008
        allowed: Iterable[str] = (),
    ) -> None:
        self._listen = listen
        self._host, self._port = split_listen(listen)
        self._guard = Guard(app, self._host, web, allowed)
        self._web = web
        tls = web.tls_server_config
        required = tls is not None and bool(tls.client_ca_file)
        self._server = _Embedded(
            uvicorn.Config(
                self._guard,
                http=PatientProtocol,
                ssl_certfile=None if tls is None else tls.cert_file,
                ssl_keyfile=None if tls is None else tls.key_file,
                ssl_ca_certs=tls.client_ca_file if tls is not None and required else None,
                ssl_cert_reqs=ssl.CERT_REQUIRED if required else ssl.CERT_NONE,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self._door: Door | None = None
        self._sockets: list[socket.socket] = []

    @property
    def address(self) -> str:
        """``host:port`` where it can be reached, with the port that the system chose for port 0."""
        host = self._host or "localhost"
        port = self._sockets[0].getsockname()[1] if self._sockets else self._port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def start(self) -> None:
        """Listen and serve; returns when it does. Raises ``ListenError``."""
        self._load()
        self._sockets = await self._bind()
        # Who comes in is decided at our own door; uvicorn serves whoever is in.
        self._task = asyncio.create_task(self._server.serve(sockets=[]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise ListenError(self._listen, "the server ended before it began")
            await asyncio.sleep(0.005)
        config, state = self._server.config, self._server.server_state
        self._door = Door(
            self._sockets,
            lambda: PatientProtocol(config, state, self._server.lifespan.state),
            state.connections,
            config.ssl,
        )
        self._door.open()

    def use(self, web: WebConfig, allowed: Iterable[str] = ()) -> str:
        """Take up changed passwords, headers, certificates and names; what is wrong, or nothing.

        Whether TLS is spoken at all, in which versions, and whom clients' certificates must be
        from, is decided when the server starts. The guard must not rely on what is not asked for.
        """
        tls, context = web.tls_server_config, self._server.config.ssl
        if (tls is None) != (context is None):
            return "turning TLS on or off needs a restart"
        if _asks(tls) != _asks(self._web.tls_server_config):
            return "other client_auth_type, client_ca_file or min_version need a restart"
        if tls is not None and context is not None:
            try:
                must_be_file(tls.cert_file, tls.key_file)
                # First into one that nobody uses: a pair that does not match would be half taken.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert_file, tls.key_file)
                context.load_cert_chain(tls.cert_file, tls.key_file)
            except OSError as error:
                return f"web_config: {tls.cert_file}, {tls.key_file}: {_why_tls(error)}"
        self._guard.use(web, allowed)
        return ""

    def _load(self) -> None:
        tls = self._web.tls_server_config
        try:
            if tls is not None:
                must_be_file(*filter(None, (tls.cert_file, tls.key_file, tls.client_ca_file)))
            self._server.config.load()
        except OSError as error:
            files = "" if tls is None else f"{tls.cert_file}, {tls.key_file}: "
            raise ListenError(self._listen, f"{files}{_why_tls(error)}") from error
        context = self._server.config.ssl
        if tls is not None and context is not None:
            context.minimum_version = _VERSIONS[tls.min_version]

    async def stop(self) -> None:
        """Finish what is being answered, for at most ``STOP_SECONDS``, and close."""
        if self._door is not None:
            await self._door.close()
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            self._task = None

    async def _bind(self) -> list[socket.socket]:
        """Sockets on every address of the host: who asks for ``localhost`` may mean either."""
        try:
            if not self._host:
                return [_every_address(self._port)]
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            places = list(
                dict.fromkeys((family, str(where[0])) for family, _, _, _, where in found)
            )
            return on_one_port(places, self._port)
        except OSError as error:
            raise ListenError(self._listen, _why(error), error.errno or errno.EINVAL) from error


def on_one_port(
    places: Sequence[tuple[socket.AddressFamily, str]], port: int
) -> list[socket.socket]:
    """Listening sockets on several addresses, all on ``port``; for 0, on one that the system
    chooses for the first and that happens to be free on the others. Raises ``OSError``."""
    left = TRIES if port == 0 else 1
    while True:
        left -= 1
        bound: list[socket.socket] = []
        try:
            for family, host in places:
                place = (host, bound[0].getsockname()[1] if bound else port)
                bound.append(socket.create_server(place, family=family, backlog=QUEUE))
        except OSError as error:
            if bound and error.errno == errno.EADDRNOTAVAIL:
                return bound  # /etc/hosts knows ::1, and the machine has no IPv6
            for one in bound:
                one.close()
            if not (left and bound and error.errno == errno.EADDRINUSE):
                raise
        else:
            return bound


def _why_tls(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no certificate and key in PEM form that belong together ({error.reason})"
    return (error.strerror or str(error)).lower()


def _every_address(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=QUEUE
        )
    return socket.create_server(("", port), backlog=QUEUE)


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


def _asks(tls: TlsServer | None) -> tuple[str, str, str] | None:
    """What a server asks of its clients."""
    return None if tls is None else (tls.client_auth_type, tls.client_ca_file, tls.min_version)
