"""Small documents from far ends that mean harm: an answer is bounded whatever it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lab.loopback.turns import counted
from probe.config import contacts, load
from probe.config.schema import NotifyReceiver, VantageConfig
from probe.measure.http.bounded import PART_BYTES, proxy_at
from probe.measure.http.fetch import Answered, Fetched, FetchTrouble, fetch, hand_in
from probe.publish.notify.delivery import environment

MOST_BYTES = 4_096
# What two kernels hold of what nobody has read.
IN_FLIGHT_BYTES = 16_000_000
FLOODS = {
    "interim answers": (b"", b"HTTP/1.1 102 p\r\n\r\n" * 4_000),
    "interim answers with fields": (b"", (b"HTTP/1.1 103 p\r\n" + b"Link: x\r\n" * 80 + b"\r\n")),
    "a head": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 4_000),
    "what stands beside the size of a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        (b"1;" + b"a" * 4_000 + b"\r\nx\r\n") * 16,
    ),
    "a trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"X: y\r\n" * 4_000,
    ),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536),
}


class Far:
    """``sent``: bytes that were given to the kernel."""

    def __init__(self, begin: bytes, again: bytes) -> None:
        self.sent, self._begin, self._again = 0, begin, again

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._begin)
            while self._again:
                writer.write(self._again)
                self.sent += len(self._again)
                await writer.drain()
                await asyncio.sleep(0)
        except OSError:
            pass  # it has been cut, as it should
        finally:
            writer.close()


@asynccontextmanager
async def served(far: Far) -> AsyncIterator[str]:
    server = await asyncio.start_server(far.answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("by", ["the way itself", "a proxy"])
@pytest.mark.parametrize("flood", FLOODS)
async def test_an_answer_is_bounded_whatever_it_is_made_of(flood: str, by: str) -> None:
    far = Far(*FLOODS[flood])
    async with served(far) as place:
        direct = by == "the way itself"
        way = VantageConfig(name="default", proxy=None if direct else f"http://{place}")
        got = await fetch(
            f"http://{place}/" if direct else "https://far.example/",
            way,
            ca_file=None,
            etag="",
            most_bytes=MOST_BYTES,
        )
        # A proxy may say what it likes after its head: TLS makes nothing of it.
        assert got in (FetchTrouble.TOO_LARGE, FetchTrouble.UNREACHABLE)
        assert far.sent < IN_FLIGHT_BYTES


async def test_nobody_waits_for_an_answer_of_many_parts() -> None:
    """The loop turns for each part, so none of them takes long."""
    answer = b"HTTP/1.1 102 p\r\n\r\n" * 6_000 + b"HTTP/1.1 200 OK\r\n\r\nwell"
    async with served(Far(answer, b"")) as place:
        with counted() as turns:
            got = await hand_in(
                f"http://{place}/",
                VantageConfig(name="default"),
                b"rounds",
                headers={"Date": "now"},
                ca_file=None,
                bearer="secret",
                most_bytes=MOST_BYTES,
                seconds=20.0,
            )
    assert got == Answered(status=200, body=b"well")
    assert turns.count >= len(answer) // PART_BYTES


async def test_what_is_said_of_who_asks_is_little() -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "one"\r\nSet-Cookie: a=b\r\n\r\nwell')
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for _ in range(2):
            got = await fetch(
                f"http://127.0.0.1:{port}/a%20b?c=d",
                VantageConfig(name="default"),
                ca_file=None,
                etag="",
                most_bytes=MOST_BYTES,
            )
            assert got == Fetched(body=b"well", etag='"one"')
    assert heads[0] == heads[1]
    request, *fields = heads[0].decode().strip().split("\r\n")
    assert request == "GET /a%20b?c=d HTTP/1.1"
    assert sorted(fields) == [
        "Accept-Encoding: identity",
        f"Host: 127.0.0.1:{port}",
        "User-Agent: throttlewatch",
    ]


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_without_a_port_is_asked_where_it_is_listed(scheme: str, tmp_path: Path) -> None:
    file, proxy = tmp_path / "throttlewatch.yaml", f"{scheme}://me:a%40b@192.0.2.7"
    file.write_text(f"vantages: [{{name: far, proxy: '{proxy}'}}]\n")
    (listed,) = [one.port for one in contacts(load(file, {})) if one.owner == "far"]
    assert proxy_at(proxy).url.port == listed
    assert proxy_at(proxy).auth == (b"me", b"a@b")
    receiver = NotifyReceiver(name="me", url_file="", hosts=("a.example",), proxy=proxy)
    assert environment(receiver.proxy)["https_proxy"].endswith(f"://me:a%40b@192.0.2.7:{listed}")
