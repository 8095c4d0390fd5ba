from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from probe.model.identity import RoundKind
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import Exposition
from probe.publish.web import endpoints as web
from probe.publish.web.server import ListenError, ReloadResult, Server, create_app, split_listen
from synth.shape import PLATFORMS, config, full_round, verdict_of
from tests.again import SOON_SECONDS


async def fine() -> ReloadResult:
    return ReloadResult(ok=True, text="configuration reloaded")


@asynccontextmanager
async def serving(
    board: Board | None = None,
    reload: Callable[[], Awaitable[ReloadResult]] = fine,
    *,
    listen: str = "127.0.0.1:0",
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server on an ephemeral port."""
    app = create_app(Board(config()) if board is None else board, reload, version="1.2.3")
    server = Server(app, listen)
    await server.start()
    port = server.address.rpartition(":")[2]
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=SOON_SECONDS
        ) as client:
            yield client
    finally:
        await server.stop()


def silent(listen: str) -> Server:
    return Server(create_app(Board(config()), fine), listen)


def measured(*platforms: str) -> Board:
    of = config(platforms=[p for p in PLATFORMS if p.name in platforms])
    board = Board(of)
    for platform in platforms:
        observed = full_round(of, platform)
        board.round_finished(observed, verdict_of(observed))
    return board


async def test_metrics_are_served_compressed_in_either_format() -> None:
    async with serving(measured("x")) as client:
        plain = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
        rich = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "content-encoding" not in plain.headers
    assert any(m.name == "throttlewatch_leg_success" for m in parse_text(plain.text))
    assert rich.headers["content-type"].startswith("application/openmetrics-text")
    assert rich.headers["content-encoding"] == "gzip"
    assert rich.text.endswith("# EOF\n")


async def test_no_header_tells_what_serves() -> None:
    async with serving() as client:
        assert "server" not in (await client.get("/-/healthy")).headers


async def test_probe_serves_the_last_result_and_names_what_is_known() -> None:
    async with serving(measured("x")) as client:
        found = await client.get("/probe", params={"target": "x/page"})
        control = await client.get("/probe", params={"target": "debian", "vantage": "default"})
        unknown = await client.get("/probe", params={"target": "https://x.test/"})
        missing = await client.get("/probe")
    assert "probe_success 1.0" in found.text.splitlines()
    assert "probe_success 1.0" in control.text.splitlines()
    assert unknown.status_code == 404
    assert "known: x, x/script, x/page" in unknown.text
    assert missing.status_code == 400


async def test_a_known_target_without_a_result_is_not_a_success() -> None:
    async with serving() as client:
        assert (await client.get("/probe", params={"target": "x"})).status_code == 503


async def test_ready_only_after_every_platform() -> None:
    of = config(platforms=PLATFORMS[:2])
    board = Board(of)
    answers = []
    async with serving(board) as client:
        for platform in ("x", "facebook"):
            answers.append((await client.get("/-/ready")).status_code)
            observed = full_round(of, platform)
            board.round_finished(observed, verdict_of(observed))
        answers.append((await client.get("/-/ready")).status_code)
        assert (await client.get("/-/healthy")).status_code == 200
    assert answers == [503, 503, 200]


async def test_reload_answers_with_what_happened() -> None:
    async def broken() -> ReloadResult:
        return ReloadResult(ok=False, text="throttlewatch.yaml:3: listen: expected host:port")

    async with serving(reload=broken) as client:
        refused = await client.post("/-/reload")
        assert (await client.get("/-/reload")).status_code == 405
    async with serving() as client:
        done = await client.post("/-/reload")
    assert (refused.status_code, done.status_code) == (500, 200)
    assert "throttlewatch.yaml:3: listen" in refused.text
    assert done.text == "configuration reloaded\n"


async def test_reloads_do_not_overlap() -> None:
    running, most = 0, 0

    async def slow() -> ReloadResult:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return ReloadResult(ok=True, text="done")

    async with serving(reload=slow) as client:
        await asyncio.gather(*(client.post("/-/reload") for _ in range(4)))
    assert most == 1


async def test_on_loopback_only_loopbacks_names_are_answered() -> None:
    ours = ("localhost:9880", "LOCALHOST", "127.0.0.1", "[::1]:9880")
    foreign = (
        "evil.example",
        "evil.example:9880",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "[",
        "",
    )
    async with serving() as client:
        for path in ("/metrics", "/", "/-/healthy"):
            for host in (*ours, *foreign):
                answer = await client.get(path, headers={"Host": host})
                assert answer.status_code == (200 if host in ours else 403), host


async def test_on_another_address_any_name_is_answered() -> None:
    async with serving(listen="0.0.0.0:0") as client:
        answer = await client.get("/metrics", headers={"Host": "probe.lan:9880"})
    assert answer.status_code == 200


async def test_another_site_cannot_reload() -> None:
    own = {"Host": "localhost:9880"}
    async with serving() as client:
        for origin in ("https://evil.example", "null", "http://localhost:1"):
            refused = await client.post("/-/reload", headers={**own, "Origin": origin})
            assert refused.status_code == 403, origin
        for headers in (own, {**own, "Origin": "http://localhost:9880"}):
            assert (await client.post("/-/reload", headers=headers)).status_code == 200


async def test_a_scrape_that_is_stuck_holds_up_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, release = threading.Event(), threading.Event()

    def stuck(*_: object, **__: object) -> Exposition:
        begun.set()
        assert release.wait(20)
        return Exposition(body=b"late", headers={})

    monkeypatch.setattr(web, "encode", stuck)
    board = Board(config())
    async with serving(board) as client:
        scrape = asyncio.create_task(client.get("/metrics"))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        board.round_started("default", "x", RoundKind.LIGHT)
        observed = full_round(config())
        board.round_finished(observed, verdict_of(observed))
        assert (await client.get("/-/healthy")).status_code == 200
        assert not scrape.done()
        release.set()
        assert (await scrape).text == "late"


async def test_scrapes_during_rounds_are_whole() -> None:
    of = config()
    board = Board(of)
    observed = full_round(of)

    async def rounds() -> None:
        for _ in range(20):
            board.round_started("default", "x", RoundKind.LIGHT)
            await asyncio.sleep(0)
            board.round_finished(observed, verdict_of(observed))
            await asyncio.sleep(0.001)

    async with serving(board) as client:
        _, *answers = await asyncio.gather(rounds(), *(client.get("/metrics") for _ in range(8)))
    for answer in answers:
        assert answer is not None
        assert len(list(parse_text(answer.text))) > 5


async def test_a_taken_port_is_said_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        server = silent(listen)
        with pytest.raises(ListenError, match="another program already listens there"):
            await server.start()
        await server.stop()


async def test_an_address_that_is_not_here_is_said_in_words() -> None:
    server = silent("192.0.2.1:9880")
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:9880': this host does not have"):
        await server.start()


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:9880", ("127.0.0.1", 9880)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:80", ("localhost", 80)),
        (":9880", ("", 9880)),
        ("9880", ("", 9880)),
        ("[::]:9880", ("", 9880)),
        ("0.0.0.0:9880", ("0.0.0.0", 9880)),
    ],
)
def test_listen_is_host_and_port(listen: str, expected: tuple[str, int]) -> None:
    assert split_listen(listen) == expected


@pytest.mark.parametrize(
    "listen", ["", "98800", "localhost", "localhost:", "h:70000", "h:-1", "h:²", "h:" + "9" * 5_000]
)
def test_what_is_no_host_and_port_is_refused(listen: str) -> None:
    with pytest.raises(ListenError, match="expected host:port"):
        split_listen(listen)


async def test_ipv6_and_every_address() -> None:
    for listen in ("[::1]:0", "localhost:0", ":0"):
        server = silent(listen)
        await server.start()
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=SOON_SECONDS) as client:
                assert (await client.get(f"http://{server.address}/-/healthy")).status_code == 200
        finally:
            await server.stop()


async def test_signals_stay_the_daemons_own() -> None:
    heard = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: heard.append("term"))
    try:
        async with serving() as client:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.01)
            assert (await client.get("/-/healthy")).status_code == 200
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    assert heard == ["term"]


async def test_it_stops_in_spite_of_a_connection_that_says_nothing() -> None:
    server = silent("127.0.0.1:0")
    await server.start()
    port = int(server.address.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HT")
    await writer.drain()
    async with asyncio.timeout(SOON_SECONDS):
        await server.stop()
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_head_that_never_ends_is_refused() -> None:
    async with serving() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"GET / HTTP/1.1\r\nX-Large: " + b"x" * 100_000)
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_the_page_forbids_outside_resources() -> None:
    async with serving(measured("x")) as client:
        answer = await client.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "X: reachable." in answer.text
