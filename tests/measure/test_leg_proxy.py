"""A leg through a proxy: real SOCKS5 and HTTP CONNECT proxies on loopback."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl

import pytest

from lab.loopback.servers import (
    NAME,
    Script,
    Server,
    Visit,
    certificate,
    copy_both_ways,
    leg_to,
    measure,
    serve,
    server_context,
)
from lab.loopback.turns import drop_all
from probe.config.schema import VantageConfig
from probe.measure.connection.proxy import Proxy
from probe.model.identity import Phase
from probe.model.observation import Clock, LegObservation

LONG = "p" * 200


async def answer(visit: Visit) -> None:
    await visit.answer(b"x" * 20_000)


async def relay(visit: Visit, port: int) -> None:
    """Copy both ways until either side ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await copy_both_ways((visit.reader, visit.writer), (reader, writer))
    finally:
        writer.close()


class SocksProxy:
    """RFC 1928 as far as CONNECT goes. ``asked`` is what the client wanted to reach."""

    def __init__(
        self,
        port: int,
        *,
        login: tuple[str, str] | None = None,
        reply: int = 0,
        bound: bytes = b"\x01\x7f\0\0\1\0\x50",
        drip: bool = False,
    ) -> None:
        self.port = port
        self.login = login
        self.reply = reply
        self.bound = bound
        self.drip = drip
        self.asked: tuple[str, int] | None = None

    async def __call__(self, visit: Visit) -> None:
        read = visit.reader.readexactly
        version, count = await read(2)
        methods = await read(count)
        assert version == 5
        method = 0 if self.login is None else 2
        if method not in methods:
            await self.say(visit, b"\5\xff")
            return
        await self.say(visit, bytes([5, method]))
        if self.login is not None:
            await read(1)
            user = await read((await read(1))[0])
            password = await read((await read(1))[0])
            if (user.decode(), password.decode()) != self.login:
                await self.say(visit, b"\1\1")
                return
            await self.say(visit, b"\1\0")
        kind = (await read(4))[3]
        if kind == 1:
            host = ".".join(map(str, await read(4)))
        else:
            assert kind == 3
            host = (await read((await read(1))[0])).decode()
        self.asked = (host, int.from_bytes(await read(2), "big"))
        await self.say(visit, bytes([5, self.reply, 0]) + self.bound)
        if self.reply == 0:
            await relay(visit, self.port)

    async def say(self, visit: Visit, data: bytes) -> None:
        if not self.drip:
            await visit.send(data)
            return
        for byte in data:
            await visit.send(bytes([byte]))
            await asyncio.sleep(0.002)


class ConnectProxy:
    """RFC 9110's CONNECT. ``head`` is what the client asked."""

    def __init__(self, port: int, *, status: str = "200 Connection established") -> None:
        self.port = port
        self.status = status
        self.head = b""

    async def __call__(self, visit: Visit) -> None:
        self.head = await visit.head()
        await visit.send(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
        if self.status.startswith("2"):
            await relay(visit, self.port)


def vantage(url: str) -> VantageConfig:
    return VantageConfig(name="proxied", proxy=url)


async def through(
    proxy: Script,
    scheme: str,
    *,
    login: str = "",
    address: str | None = None,
    connect_to: str = NAME,
    port: int = 443,
    deadline: float = 5.0,
) -> LegObservation:
    async with serve(proxy) as outer:
        return await measure(
            leg_to(port, connect_to=connect_to),
            address=address,
            via=vantage(f"{scheme}://{login}127.0.0.1:{outer.port}"),
            deadline=deadline,
        )


@contextlib.asynccontextmanager
async def origin(alpn: str = "http/1.1"):  # type: ignore[no-untyped-def]
    context: ssl.SSLContext = server_context(certificate(), alpn=(alpn,))
    async with serve(answer, context) as server:
        yield server


def assert_whole(observed: LegObservation, server: Server) -> None:
    assert observed.ok, observed.failure
    assert observed.body_bytes == 20_000
    assert server.snis == [NAME]
    assert list(observed.phases) == [Phase.CONNECT, Phase.TLS, Phase.PROCESSING, Phase.TRANSFER]
    assert observed.clock is Clock.KERNEL
    assert observed.tcp is None, "the kernel only knows the way to the proxy"
    assert observed.connect_rtt_seconds is None
    assert observed.wire_bytes_received is not None
    assert observed.wire_bytes_received > 20_000


@pytest.mark.parametrize("drip", [False, True])
@pytest.mark.parametrize(
    "bound",
    [b"\x01\x7f\0\0\1\0\x50", b"\x04" + bytes(16) + b"\0\x50", b"\x03\x09localhost\0\x50"],
    ids=["ipv4", "ipv6", "name"],
)
async def test_socks5_resolves_the_name_itself(drip: bool, bound: bytes) -> None:
    async with origin() as server:
        proxy = SocksProxy(server.port, drip=drip, bound=bound)
        observed = await through(proxy, "socks5")

    assert_whole(observed, server)
    assert proxy.asked == (NAME, 443)
    assert observed.address is None
    assert observed.family is None


async def test_socks5_to_an_address_with_a_login() -> None:
    async with origin() as server:
        proxy = SocksProxy(server.port, login=("user@home", LONG))
        observed = await through(
            proxy, "socks5", login=f"user%40home:{LONG}@", address="198.51.100.7"
        )

    assert_whole(observed, server)
    assert proxy.asked == ("198.51.100.7", 443)
    assert observed.address == "198.51.100.7"


async def test_http_connect() -> None:
    async with origin() as server:
        proxy = ConnectProxy(server.port)
        observed = await through(proxy, "http", login="user:pass%3Aword@")

    assert_whole(observed, server)
    token = base64.b64encode(b"user:pass:word").decode()
    assert proxy.head.decode().split("\r\n")[:-2] == [
        f"CONNECT {NAME}:443 HTTP/1.1",
        f"Host: {NAME}:443",
        f"Proxy-Authorization: Basic {token}",
    ]


async def test_a_proxy_by_name() -> None:
    async with origin() as server, serve(ConnectProxy(server.port)) as outer:
        observed = await measure(
            leg_to(443, connect_to=NAME),
            address=None,
            via=vantage(f"http://localhost:{outer.port}"),
        )

    assert_whole(observed, server)


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """The host's resolver gives these addresses for any name, twice each, in this order."""

    async def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port))
            for one in addresses
            for _ in range(2)
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_every_address_of_a_proxys_name_is_tried(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many proxies listen on 127.0.0.1 only, and ``localhost`` is ``::1`` first."""
    leads_to(monkeypatch, "::1", "127.0.0.3", "127.0.0.1")
    async with origin() as server:
        proxy = SocksProxy(server.port) if scheme == "socks5" else ConnectProxy(server.port)
        async with serve(proxy) as outer:
            observed = await measure(
                leg_to(443, connect_to=NAME),
                address=None,
                via=vantage(f"{scheme}://localhost:{outer.port}"),
            )

    assert_whole(observed, server)


async def test_an_address_of_a_proxy_that_swallows_packets_does_not_have_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leads_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    monkeypatch.setattr("probe.measure.connection.proxy.CONNECT_SECONDS", 0.2)
    async with origin() as server, serve(SocksProxy(server.port)) as outer:
        with socket.create_server(("127.0.0.2", outer.port)) as silent:
            drop_all(silent)
            observed = await measure(
                leg_to(443, connect_to=NAME),
                address=None,
                via=vantage(f"socks5://localhost:{outer.port}"),
            )

    assert_whole(observed, server)


async def test_a_proxy_whose_last_address_is_of_the_other_family_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leads_to(monkeypatch, "127.0.0.1", "::1")
    via = VantageConfig(name="bound", proxy="socks5://localhost:1", source_address="127.0.0.1")
    observed = await measure(leg_to(443), address=None, via=via)

    assert observed.failure is not None
    assert observed.failure.reason == "socks_failed"


async def close(visit: Visit) -> None:
    await visit.reader.read(1)


async def rubbish(visit: Visit) -> None:
    await visit.reader.read(1)
    await visit.send(b"\0" * 64)
    await visit.gone()


async def eager(visit: Visit) -> None:
    await visit.head()
    await visit.send(b"HTTP/1.1 200 OK\r\n\r\nand more")
    await visit.gone()


@pytest.mark.parametrize(
    ("proxy", "scheme", "login", "reason", "detail"),
    [
        (SocksProxy(0, reply=5), "socks5", "", "socks_failed", "connection refused"),
        (SocksProxy(0, login=("u", "p")), "socks5", "", "socks_failed", "log in"),
        (SocksProxy(0, login=("u", "p")), "socks5", "u:x@", "socks_failed", "password"),
        (ConnectProxy(0, status="407 Who are you"), "http", "", "proxy_failed", "407"),
        (ConnectProxy(0, status="502 Bad Gateway"), "http", "", "proxy_failed", "502"),
        (close, "socks5", "", "socks_failed", "broke"),
        (close, "http", "", "proxy_failed", "broke"),
        (rubbish, "socks5", "", "socks_failed", "protocol"),
        (rubbish, "http", "", "proxy_failed", "protocol"),
        (eager, "http", "", "proxy_failed", "more than"),
    ],
)
async def test_what_a_proxy_does_wrong_is_the_proxys(
    proxy: Script, scheme: str, login: str, reason: str, detail: str
) -> None:
    observed = await through(proxy, scheme, login=login)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.CONNECT, reason)
    assert detail in observed.failure.detail
    assert observed.tls is None
    assert Phase.CONNECT in observed.phases


@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_a_silent_proxy_runs_into_the_deadline(scheme: str) -> None:
    async def silent(visit: Visit) -> None:
        await visit.stall()

    observed = await through(silent, scheme, deadline=0.2)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (
        Phase.CONNECT,
        "generic_timeout_error",
    )


@pytest.mark.parametrize(
    ("url", "reason"),
    [("socks5://127.0.0.1:1", "socks_failed"), ("http://127.0.0.1:1", "proxy_failed")],
)
async def test_a_proxy_that_is_not_there(url: str, reason: str) -> None:
    observed = await measure(leg_to(443), address=None, via=vantage(url))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.CONNECT, reason)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("socks5://h", Proxy(scheme="socks5", host="h", port=1080)),
        ("http://[::1]:3128", Proxy(scheme="http", host="::1", port=3128)),
        (
            "http://u%20v:p%40@h:1",
            Proxy(scheme="http", host="h", port=1, username="u v", password="p@"),
        ),
    ],
)
def test_proxy_urls(url: str, expected: Proxy) -> None:
    assert Proxy.parse(url) == expected


@pytest.mark.parametrize("url", ["https://h:1", "socks4://h:1", "h:1", "http://"])
def test_other_urls_are_no_proxies(url: str) -> None:
    with pytest.raises(ValueError, match="socks5://host:port"):
        Proxy.parse(url)
