"""A tunnel through the vantage's proxy: SOCKS5 (RFC 1928, 1929) or HTTP CONNECT (RFC 9110, 9.3.6).

Whatever goes wrong before the tunnel stands is the proxy's failure and not the far end's: a proxy
tells a refused connection, an unknown name and its own rules apart in ways of its own.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from urllib.parse import unquote, urlsplit

import h11
import socksio
from msgspec import Struct
from socksio.socks5 import (
    SOCKS5AType,
    SOCKS5AuthMethod,
    SOCKS5AuthMethodsRequest,
    SOCKS5Command,
    SOCKS5CommandRequest,
    SOCKS5Connection,
    SOCKS5ReplyCode,
    SOCKS5UsernamePasswordRequest,
)

from probe.measure.connection import tcp
from probe.measure.connection.wire import WireStream
from probe.measure.http.http1 import MOST_INFORMATIONAL
from probe.measure.one_leg.failures import NO_RESOURCES, NetworkError, reason_of_os_error
from probe.model.failure import PROXY_FAILED

SOCKS_FAILED = "socks_failed"
_DEFAULT_PORTS = {"socks5": 1080, "http": 8080}
_HEAD_LIMIT = 65_536
_MOST_ANSWER_BYTES = 2 * _HEAD_LIMIT
CONNECT_SECONDS = 3.0
"""For each address of a proxy's name but the last: two SYNs (Linux repeats it after 1 second)."""


class Proxy(Struct, frozen=True, kw_only=True):
    """Where the proxy is and who we are to it."""

    scheme: str
    host: str
    port: int
    username: str | None = None
    password: str = ""

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """From ``socks5://`` or ``http://`` [user:password@]host[:port]. Raises ``ValueError``."""
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("a proxy is socks5://host:port or http://host:port")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=parts.port or _DEFAULT_PORTS[parts.scheme],
            username=None if parts.username is None else unquote(parts.username),
            password=unquote(parts.password or ""),
        )

    @property
    def failure(self) -> str:
        """The failure string of this kind of proxy."""
        return SOCKS_FAILED if self.scheme == "socks5" else PROXY_FAILED

    async def connect(self, *, source_address: str | None, interface: str | None) -> WireStream:
        """A connection to the proxy itself, from where the vantage says.

        Every address of its name is tried, in the order of the host's own resolver: ``localhost``
        is ``::1`` first for most, and many a proxy listens on 127.0.0.1 only. Raises
        ``NetworkError`` with the proxy's failure string, or what is wrong with the vantage.
        """
        addresses = await self._addresses()
        failed: Exception | None = None
        for address in addresses:
            try:
                # One that swallows packets must not have the time of all; the last has what is left
                # of the leg's.
                seconds = None if address == addresses[-1] else CONNECT_SECONDS
                async with asyncio.timeout(seconds):
                    connected = await tcp.connect(
                        address, self.port, source_address=source_address, interface=interface
                    )
                # Until the tunnel stands it has nothing to say but that.
                connected.wire.most_bytes = _MOST_ANSWER_BYTES
                return connected.wire
            except OSError as error:
                if reason_of_os_error(error) == NO_RESOURCES:
                    raise
                failed = NetworkError(self.failure, "the proxy cannot be reached")
            except NetworkError as error:
                # The vantage has no such address, or it is of the other family: only if that is so
                # for all of them.
                failed = failed or error
        assert failed is not None
        raise failed

    async def _addresses(self) -> tuple[str, ...]:
        """The proxy's literal addresses, by the host's own resolver where it is a name."""
        try:
            return (str(ipaddress.ip_address(self.host)),)
        except ValueError:
            pass
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise NetworkError(self.failure, "the proxy's name does not resolve") from error
        return tuple(dict.fromkeys(str(one[4][0]) for one in found))

    async def open_tunnel(self, wire: WireStream, host: str, port: int) -> None:
        """Have the proxy connect ``wire`` to ``host`` (a name or a literal address).

        Raises ``NetworkError`` with the proxy's failure string.
        """
        try:
            if self.scheme == "socks5":
                await self._socks5(wire, host, port)
            else:
                await self._http_connect(wire, host, port)
        except (OSError, EOFError) as error:
            raise NetworkError(self.failure, "the proxy broke the connection off") from error
        except (socksio.ProtocolError, h11.RemoteProtocolError, UnicodeError) as error:
            raise NetworkError(self.failure, "the proxy does not speak its protocol") from error

    async def _socks5(self, wire: WireStream, host: str, port: int) -> None:
        socks = SOCKS5Connection()
        method = (
            SOCKS5AuthMethod.NO_AUTH_REQUIRED
            if self.username is None
            else SOCKS5AuthMethod.USERNAME_PASSWORD
        )
        socks.send(SOCKS5AuthMethodsRequest([method]))
        await wire.write(socks.data_to_send())
        chosen = socks.receive_data(await wire.receive_exactly(2))
        if getattr(chosen, "method", None) != method:
            raise NetworkError(SOCKS_FAILED, "the proxy does not accept our way to log in")
        if self.username is not None:
            socks.send(
                SOCKS5UsernamePasswordRequest(self.username.encode(), self.password.encode())
            )
            await wire.write(socks.data_to_send())
            if not getattr(socks.receive_data(await wire.receive_exactly(2)), "success", False):
                raise NetworkError(SOCKS_FAILED, "the proxy refuses the user or password")
        socks.send(SOCKS5CommandRequest.from_address(SOCKS5Command.CONNECT, (host, port)))
        await wire.write(socks.data_to_send())
        reply = socks.receive_data(await _socks5_reply(wire))
        code = getattr(reply, "reply_code", None)
        if code is not SOCKS5ReplyCode.SUCCEEDED:
            what = code.name.replace("_", " ").lower() if code is not None else "no reply"
            raise NetworkError(SOCKS_FAILED, f"the proxy could not connect: {what}")

    async def _http_connect(self, wire: WireStream, host: str, port: int) -> None:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        headers = [("Host", target)]
        if self.username is not None:
            token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            headers.append(("Proxy-Authorization", f"Basic {token}"))
        http = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
        request = http.send(h11.Request(method="CONNECT", target=target, headers=headers))
        await wire.write(request or b"")
        informed = 0
        while not isinstance(event := http.next_event(), h11.Response):
            if event is h11.NEED_DATA:
                data = await wire.receive()
                if not data:
                    raise EOFError
                http.receive_data(data)
            elif (informed := informed + 1) > MOST_INFORMATIONAL:
                raise NetworkError(PROXY_FAILED, "the proxy only informs (1xx)")
        if not 200 <= event.status_code < 300:
            raise NetworkError(PROXY_FAILED, f"the proxy answered {event.status_code}")
        if http.trailing_data[0]:
            raise NetworkError(PROXY_FAILED, "the proxy sent more than an answer")


async def _socks5_reply(wire: WireStream) -> bytes:
    """One whole reply: VER REP RSV ATYP, an address as long as its type says, a port."""
    head = await wire.receive_exactly(4)
    kind = head[3:4]
    if kind == SOCKS5AType.IPV4_ADDRESS.value:
        address = await wire.receive_exactly(4)
    elif kind == SOCKS5AType.IPV6_ADDRESS.value:
        address = await wire.receive_exactly(16)
    else:
        length = await wire.receive_exactly(1)
        address = length + await wire.receive_exactly(length[0])
    return head + address + await wire.receive_exactly(2)
