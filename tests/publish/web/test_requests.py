"""Any request: an answer in words, never a traceback, and nothing before the password."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import bcrypt
import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from probe.config.schema import WebConfig
from probe.publish.latest.board import Board
from probe.publish.web.endpoints import NO_THREAD
from probe.publish.web.patience import MOST_HEAD_BYTES
from probe.publish.web.server import ReloadResult, Server, create_app, on_one_port
from synth.shape import config
from tests.again import SOON_SECONDS, undisturbed

USERS = WebConfig(basic_auth_users={"anna": bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()})
BAD_ORIGINS = [
    "http://[",
    "http://[::1",
    "//[",
    "[",
    "http://a]b",
    "\xff",
    "http://%zz",
    ":",
    "//",
    "",
]
BAD_HOSTS = ["[", "[]", "[::1", "a b", "a/b", "a@b", "http://a", "a:b:c", "\xff", "a:999999", "%zz"]


# There is no room in memory for the stack of another.
NO_THREADS = """
import resource, threading
threading.stack_size(1 << 30)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (64 << 20),) * 2)
try:
    threading.Thread(target=print).start()
except RuntimeError as error:
    print(error, end="")
"""


async def fine() -> ReloadResult:
    return ReloadResult(ok=True, text="done")


@asynccontextmanager
async def serving(
    web: WebConfig = WebConfig(),  # noqa: B008
    listen: str = "127.0.0.1:0",
    allowed: tuple[str, ...] = (),
) -> AsyncIterator[int]:
    """The port of a server."""
    server = Server(create_app(Board(config()), fine), listen, web, allowed)
    await server.start()
    try:
        yield int(server.address.rpartition(":")[2])
    finally:
        await server.stop()


async def sent(port: int, *parts: bytes, end: bool = False) -> bytes:
    """All that is answered to ``parts``, each sent by itself; with ``end``, nothing comes after."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(SOON_SECONDS):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def request(line: str = "POST /-/reload", **headers: str) -> bytes:
    lines = [f"{line} HTTP/1.1", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def status(answer: bytes) -> int:
    assert answer, "it was closed without a word"
    return int(answer.split()[1])


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> object:
    """Nothing that a client sends is an error of ours."""
    yield
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


async def test_a_malformed_origin_is_refused_in_words_and_after_the_password() -> None:
    async with serving() as port:
        for origin in BAD_ORIGINS:
            answer = await sent(port, request(Host="localhost", Origin=origin))
            assert (status(answer), b"another site" in answer) == (403, True), origin
        two = request(Host="localhost", Origin="http://localhost\r\nOrigin: http://[")
        assert status(await sent(port, two)) == 403
    async with serving(USERS, "0.0.0.0:0") as port:
        for origin in BAD_ORIGINS:
            assert status(await sent(port, request(Host="a.example", Origin=origin))) == 401


async def test_a_malformed_host_is_refused_in_words() -> None:
    for listen, code in (("127.0.0.1:0", 403), ("0.0.0.0:0", 400)):
        async with serving(listen=listen) as port:
            for host in BAD_HOSTS:
                for line in ("GET /metrics", "GET /metrics/", "POST /-/reload", "GET /-/healthy"):
                    answer = await sent(port, request(line, Host=host))
                    # h11 itself refuses what is no header.
                    assert status(answer) in (code, 400), host


@pytest.mark.parametrize(
    ("minutes", "code"),
    [("0", 200), ("15", 200), ("00240", 200), ("241", 400), ("9" * 5_000, 400), ("-1", 400)]
    + [(text, 400) for text in ("1_0", "%C2%B2", "1.5", "nan", "", "+1", "%00", "0x1", "%D9%A1")],
)
async def test_minutes_of_a_drill_are_a_whole_number(minutes: str, code: int) -> None:
    async with serving() as port:
        answer = await sent(port, request(f"POST /-/drill?minutes={minutes}", Host="localhost"))
    assert status(answer) == code
    assert code == 200 or b"minutes must be a whole number" in answer


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "", "/home/anna"), b"no file descriptor"),
        (OSError(errno.ENFILE, ""), b"no file descriptor"),
        (MemoryError(), b"no memory"),
        (RuntimeError("can't start new thread"), b"no thread"),
    ],
)
async def test_what_this_machine_lacks_is_said_in_words(
    error: Exception, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lacks(_: object) -> None:
        raise error

    async with serving() as port:
        monkeypatch.setattr("probe.publish.web.endpoints.asyncio.to_thread", lacks)
        for path in ("/", "/metrics", "/api/v1/findings"):
            answer = await sent(port, request(f"GET {path}", Host="localhost"))
            assert (status(answer), said in answer, b"anna" in answer) == (503, True, False), path
        monkeypatch.undo()
        assert status(await sent(port, request("GET /metrics", Host="localhost"))) == 200


def test_python_says_so_where_no_thread_can_be_had() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_THREADS], capture_output=True, text=True, check=True
    )
    assert done.stdout == NO_THREAD


@pytest.mark.parametrize("extra", [-1_100, 1, 60_000])
@pytest.mark.parametrize("reads", ["one", "many", "ahead"])
async def test_a_head_above_the_bound_is_refused_however_it_comes(extra: int, reads: str) -> None:
    first = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n"
    small, last = first + b"\r\n", b"a\r\nConnection: close\r\n\r\n"
    padding = MOST_HEAD_BYTES + extra - len(first) - len(b"X-A: " + last)
    head = first + b"X-A: " + b" " * padding + last
    assert len(head) == MOST_HEAD_BYTES + extra
    async with serving() as port:
        if reads == "one":
            answer = await sent(port, head)
        elif reads == "many":
            answer = await sent(port, *(head[n : n + 999] for n in range(0, len(head), 999)))
        else:
            answer = await sent(port, small + head)
    if extra < 0:
        assert answer.count(b"HTTP/1.1 200 OK") == 1 + (reads == "ahead")
    else:
        assert b"HTTP/1.1 200 OK" not in answer or reads == "ahead"
        assert answer.count(b"HTTP/1.1 200 OK") <= 1


async def test_a_body_that_turns_bad_after_the_answer_is_the_end_of_the_connection() -> None:
    head = b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"1\r\na\r\n")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"no chunk\r\n")
        async with asyncio.timeout(SOON_SECONDS):
            try:
                await reader.read()
            except ConnectionError:
                pass
        writer.close()
        assert status(await sent(port, request("GET /-/healthy", Host="localhost"))) == 200


_headers = st.sampled_from(
    [
        "Host",
        "Origin",
        "Referer",
        "Accept",
        "Accept-Encoding",
        "Authorization",
        "Content-Length",
        "Transfer-Encoding",
        "Expect",
        "Upgrade",
        "Connection",
        "Forwarded",
        "X-Forwarded-For",
    ]
)
_odd = st.sampled_from(
    [
        "[",
        "http://[",
        "9" * 5000,
        "text/plain;version=" + "9" * 4400,
        "Basic /////w==",
        "gzip;q=x",
        "application/openmetrics-text;version=1.0.0;escaping=ÿ",
        "chunked",
        "100-continue",
        "websocket",
        "localhost",
        "application/openmetrics-text;version=a;;=;q=nan",
    ]
)
_value = _odd | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
_path = st.sampled_from(
    [
        "/",
        "/metrics",
        "/metrics/",
        "/probe?target=x",
        "/probe?target=%ff&vantage=%00",
        "*",
        "//[",
        "/-/drill?minutes=%",
        "/-/reload",
        "http://[/",
        "/%",
        "/?" + "&" * 2000,
        "/api/v1/findings",
    ]
)
_requests = st.builds(
    lambda method, path, headers, rest: (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode()
        + b"".join(f"{k}: {v}\r\n".encode("latin-1") for k, v in headers)
        + b"\r\n"
        + rest
    ),
    st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "PUT", "X"]),
    _path,
    st.lists(st.tuples(_headers, _value), max_size=4),
    st.binary(max_size=30),
)


def test_any_bytes_are_answered_or_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def all_of_them() -> None:
        async with serving() as port:
            loop = asyncio.get_running_loop()

            @settings(
                deadline=None,
                max_examples=250,
                suppress_health_check=[HealthCheck.too_slow],
            )
            @example(b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5_000)
            @example(b"\r\n" * 3_000)
            @given(st.one_of(_requests, st.binary(max_size=200)))
            def each(content: bytes) -> None:
                done = asyncio.run_coroutine_threadsafe(sent(port, content, end=True), loop).result(
                    30
                )
                for line in done.split(b"\r\n"):
                    if line.startswith(b"HTTP/1.1 "):
                        assert line.split()[1] not in (b"500", b"502"), content

            await asyncio.to_thread(each)

    asyncio.run(all_of_them())


async def test_behind_a_reverse_proxy_its_name_is_answered_and_changes_nothing() -> None:
    async with serving(allowed=("Probe.example.org",)) as port:
        for host in (
            "probe.example.org",
            "PROBE.example.org:8443",
            "localhost",
            "probe.example.org.",
        ):
            assert status(await sent(port, request("GET /", Host=host))) == 200
        assert status(await sent(port, request("GET /", Host="evil.example"))) == 403
        assert status(await sent(port, request(Host="probe.example.org"))) == 403
        passed_on = request(Host="127.0.0.1", X_Forwarded_For="192.0.2.1")
        assert status(await sent(port, passed_on)) == 403
        assert status(await sent(port, request(Host="127.0.0.1"))) == 200
    async with serving(listen="0.0.0.0:0", allowed=("probe.example.org",)) as port:
        for host, code in (("probe.example.org", 200), ("127.0.0.1", 200), ("other.example", 403)):
            assert status(await sent(port, request("GET /", Host=host))) == code
    async with (
        serving(USERS, allowed=("probe.example.org",)) as port,
        httpx.AsyncClient(timeout=SOON_SECONDS) as client,
    ):
        answer = await client.post(
            f"http://127.0.0.1:{port}/-/reload",
            auth=("anna", "right"),
            headers={"Host": "probe.example.org", "Origin": "https://probe.example.org"},
        )
        assert answer.status_code == 200


@pytest.mark.parametrize("listen", [":0", "0", "[::]:0"])
async def test_every_address_is_of_both_families(listen: str) -> None:
    async with serving(listen=listen) as port:
        for host in ("127.0.0.1", "[::1]"):
            async with httpx.AsyncClient(trust_env=False, timeout=SOON_SECONDS) as client:
                assert (await client.get(f"http://{host}:{port}/-/healthy")).status_code == 200


async def test_a_name_is_all_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    known = loop.getaddrinfo

    async def both(host: str, port: int, **how: int) -> list[object]:
        return [*await known("::1", port, **how), *await known("127.0.0.1", port, **how)]

    monkeypatch.setattr(loop, "getaddrinfo", both)
    async with serving(listen="localhost:0") as port:
        for host in ("127.0.0.1", "::1"):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()


def test_a_port_that_another_holds_on_one_address_is_left_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system chooses for the first address, and knows nothing of the second."""
    create = socket.create_server
    others: list[socket.socket] = []

    def crowded(place: tuple[str, int], **how: Any) -> socket.socket:
        if place[1] and len(others) < 2:
            others.append(create(place))
        return create(place, **how)

    monkeypatch.setattr(socket, "create_server", crowded)
    places = [(socket.AF_INET, "127.0.0.2"), (socket.AF_INET, "127.0.0.3")]
    bound = on_one_port(places, 0)
    numbers = {one.getsockname()[1] for one in bound}
    assert len(numbers) == 1
    assert numbers.isdisjoint(one.getsockname()[1] for one in others)
    with pytest.raises(OSError, match="in use"):
        on_one_port(places, others[0].getsockname()[1])
    for one in (*bound, *others):
        one.close()


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy"])
@undisturbed
async def test_in_a_storm_of_scrapes_everybody_is_answered(path: str) -> None:
    """Two hundred at once, five times; thirty honest ones in between, one after the other."""
    asked = request(f"GET {path}", Host="localhost")
    async with serving() as port:

        async def storm() -> list[int]:
            return [status(await sent(port, asked)) for _ in range(5)]

        stormy = [asyncio.create_task(storm()) for _ in range(200)]
        honest = [status(await sent(port, asked)) for _ in range(30)]
        answered = await asyncio.gather(*stormy)
    assert honest == [200] * 30
    assert {code for codes in answered for code in codes} == {200}


async def test_who_holds_the_most_makes_room_first() -> None:
    """One peer holds fifty connections open between requests, another asks anew each time."""
    asked = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with serving() as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(59)]
        one = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.7", 0))
        for _, writer in (*held, one):
            writer.write(asked)
        for reader, _ in (*held, one):
            await reader.readuntil(b"healthy\n")
        for _ in range(10):
            assert status(await sent(port, request("GET /-/healthy", Host="localhost"))) == 200
        one[1].write(asked)
        assert b"200 OK" in await one[0].readuntil(b"healthy\n")
        for _, writer in (*held, one):
            writer.close()
