"""The way to a receiver: who is let in, by which certificate, through which proxy, and to nobody
else; and the real daemon at its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import bcrypt
import httpx
import pytest
import trustme
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families as parse

from lab.loopback.servers import copy_both_ways
from probe.app import Daemon
from probe.config import contacts, load
from probe.config.schema import ForwardConfig, StoreConfig
from probe.config.values import Seconds
from probe.model.identity import Family, RoundKind
from probe.model.observation import RoundObservation
from probe.publish.forward import forwarder, remote_write_points, sampler
from probe.publish.forward.forward_health import ForwardHealth
from probe.publish.forward.forwarder import Forwarder
from probe.publish.forward.remote_write import Receiver
from probe.publish.forward.remote_write_answer import (
    LONGEST_WAIT_SECONDS,
    ReceiverResult,
    wait_seconds,
)
from probe.store import samples as stored_samples
from probe.store.writer import Store
from synth.edges import CALM
from synth.lines import FIBRE
from synth.rounds import Rounds as SynthRounds
from synth.world import World
from tests.again import SOON_SECONDS
from tests.publish.forward.receivers import FaultyWay, PrometheusReceiver
from tests.publish.forward.test_forwarding import a_minute, labels, settled

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(forwarder, "LONGEST_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(forwarder, "LOOK_SECONDS", 0.1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(StoreConfig(path=str(tmp_path / "h"), batch=Seconds(1.0)))
    made.sample(a_minute(), {labels(1): 4.5})
    settled(lambda: made.health().queued == 0)
    yield made
    assert made.close(20)


class Secured(PrometheusReceiver):
    """A Prometheus that speaks TLS with a certificate of ``authority`` and asks for a password."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        super().__init__(folder)
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(str(folder / "cert.pem"), append=True)
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        (folder / "web.yml").write_text(
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
            f"basic_auth_users: {{us: '{hashed}'}}\n"
        )
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.program.client.close()
        self.program.client = httpx.Client(
            base_url=f"https://{self.address}",
            verify=ssl.create_default_context(cafile=str(self.ca_file)),
            auth=("us", PASSWORD),
            trust_env=False,
            timeout=SOON_SECONDS,
        )

    @property
    def write_url(self) -> str:
        return f"https://{self.address}/api/v1/write"

    def command(self) -> list[str]:
        return [*super().command(), "--web.config.file=web.yml"]


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    made = Secured(tmp_path / "receiver", trustme.CA())
    made.start()
    yield made
    made.kill()
    made.program.client.close()


@contextlib.asynccontextmanager
async def sending(config: ForwardConfig, store: Store) -> AsyncIterator[Forwarder]:
    """A forwarder while the block lasts."""
    made = Forwarder(config, store, Receiver(config))
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.02)


async def test_a_password_is_sent_over_tls_and_may_be_put_right_while_it_runs(
    secured: Secured, store: Store, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    config = ForwardConfig(
        url=secured.write_url,
        ca_file=str(secured.ca_file),
        username="us",
        password_file=str(password),
    )
    async with sending(config, store) as sender:
        await until(lambda: sender.health().trouble == "credentials")
        password.write_text("wrong\n")
        await until(lambda: sender.health().trouble == "denied")
        assert sender.health().sent == 0
        password.write_text(f"{PASSWORD}\n")
        await until(lambda: sender.health().sent == 1)
        assert sender.health().trouble == ""
    assert [value for ((_, value),) in secured.samples().values()] == [4.5]


@pytest.fixture
def own_garbage() -> Iterator[None]:
    """Stopped in the midst of a handshake, httpcore leaves its connection to the garbage collector,
    which complains: here, and not in whatever test comes next."""
    yield
    gc.collect()


@pytest.mark.usefixtures("own_garbage")
@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("vouched", ["by nobody", "by another"])
async def test_a_receiver_that_nobody_vouches_for_gets_nothing(
    vouched: str, secured: Secured, store: Store, tmp_path: Path
) -> None:
    password, other = tmp_path / "password", tmp_path / "other.pem"
    password.write_text(PASSWORD)
    trustme.CA().cert_pem.write_to_path(str(other))
    config = ForwardConfig(
        url=secured.write_url,
        ca_file=None if vouched == "by nobody" else str(other),
        username="us",
        password_file=str(password),
    )
    async with sending(config, store) as sender:
        await until(lambda: sender.health().trouble == "unreachable")
        assert sender.health().sent == 0
    assert secured.samples() == {}


async def test_a_bearer_token_is_read_anew_for_each_request(store: Store, tmp_path: Path) -> None:
    receiver = PrometheusReceiver(tmp_path / "receiver")
    receiver.start()
    way = FaultyWay(receiver.write_url, lambda n: None, lambda n: None, bearer="t0ken")
    token = tmp_path / "token"
    token.write_text("old")
    try:
        config = ForwardConfig(url=way.url, bearer_token_file=str(token))
        async with sending(config, store) as sender:
            await until(lambda: sender.health().trouble == "denied")
            token.write_text("t0ken\n")
            await until(lambda: sender.health().sent == 1)
        assert len(receiver.samples()) == 1
    finally:
        way.close()
        receiver.kill()
        receiver.program.client.close()


class Proxy:
    """An HTTP proxy on loopback: CONNECT, and requests for whole URLs. ``asked`` is for what."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        self.asked.append(f"{method.decode()} {target.decode()}")
        place = target if method == b"CONNECT" else target.split(b"/")[2]
        host, _, port = place.decode().rpartition(":")
        onward, out = await asyncio.open_connection(host, int(port))
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            out.write(head.replace(target, b"/" + target.split(b"/", 3)[3], 1))
        try:
            await copy_both_ways((reader, writer), (onward, out))
        finally:
            for end in (out, writer):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()


async def test_everything_goes_through_the_proxy_also_under_tls(
    secured: Secured, store: Store, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    async with Proxy() as proxy:
        config = ForwardConfig(
            url=secured.write_url,
            ca_file=str(secured.ca_file),
            username="us",
            password_file=str(password),
            proxy=proxy.url,
        )
        async with sending(config, store) as sender:
            await until(lambda: sender.health().sent == 1)
    assert proxy.asked == [f"CONNECT {secured.address}"]
    assert len(secured.samples()) == 1


async def test_a_receiver_without_tls_is_asked_by_the_proxy(store: Store, tmp_path: Path) -> None:
    receiver = PrometheusReceiver(tmp_path / "receiver")
    receiver.start()
    try:
        async with Proxy() as proxy:
            config = ForwardConfig(url=receiver.write_url, proxy=proxy.url)
            async with sending(config, store) as sender:
                await until(lambda: sender.health().sent == 1)
        assert proxy.asked == [f"POST {receiver.write_url}"]
        assert len(receiver.samples()) == 1
    finally:
        receiver.kill()
        receiver.program.client.close()


class Trap:
    """A server that nothing of ours must ever ask; or one that answers with a way elsewhere."""

    def __init__(self, elsewhere: str = "") -> None:
        self.count = 0
        trap = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                trap.count += 1
                self.send_response(307 if elsewhere else 204)
                if elsewhere:
                    self.send_header("Location", elsewhere)
                self.end_headers()

            do_GET = do_CONNECT = do_POST  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/write"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


async def test_nobody_else_is_asked_whatever_the_receiver_or_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trap = Trap()
    turns = Trap(elsewhere=trap.url)
    try:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, trap.url)
        receiver = Receiver(ForwardConfig(url=turns.url))
        answer = await receiver.send(b"")
        await receiver.close()
        assert answer.result is ReceiverResult.DENIED
        assert (turns.count, trap.count) == (1, 0)
    finally:
        turns.close()
        trap.close()


class WorldRounds:
    """In place of the daemon's rounds: those of the world of numbers, at once."""

    def __init__(self, rounds: SynthRounds) -> None:
        self._rounds = rounds

    async def measure(
        self,
        *,
        platform: str,
        vantage: str,
        kind: RoundKind,
        family: Family,
        most_legs: int | None = None,
    ) -> RoundObservation:
        return self._rounds.measure(platform, kind, time.time())[0]


async def test_what_the_real_daemon_shows_is_in_prometheus(
    secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A grid of seconds, so that this takes seconds.
    for module in (sampler, remote_write_points, stored_samples):
        monkeypatch.setattr(module, "GRID_SECONDS", 1)
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    config = load(None, {})
    settings = replace(
        config.settings,
        listen="127.0.0.1:0",
        store=StoreConfig(path=str(tmp_path / "history"), batch=Seconds(1.0)),
        forward=ForwardConfig(
            url=secured.write_url,
            ca_file=str(secured.ca_file),
            username="us",
            password_file=str(password),
            external_labels={"instance": "ankara-1"},
        ),
    )
    config = replace(config, settings=settings)
    assert ("127.0.0.1", "forward") in {(c.host, c.owner) for c in contacts(config)}
    daemon = Daemon(config, lambda: config)
    world = World(config, FIBRE, seed=1, edges=CALM, begin=time.time(), least_addresses=2)
    daemon._judging.rounds = WorldRounds(SynthRounds(config, world))  # type: ignore[assignment]
    running = asyncio.create_task(daemon.run())
    try:
        await until(lambda: len(daemon.snapshot().counted.rounds) >= len(config.platforms))
        await until(lambda: (daemon.snapshot().forward or ForwardHealth()).sent > 0)

        async def same() -> bool:
            async with httpx.AsyncClient(trust_env=False, timeout=SOON_SECONDS) as client:
                text = (await client.get(f"http://{daemon.address}/metrics")).text
            shown = {
                tuple(sorted({**s.labels, "__name__": s.name}.items()))
                for family in parse(text)
                for s in family.samples
            }
            added = {("instance", "ankara-1"), ("job", "throttlewatch")}
            found = {
                tuple(sorted(set(one["metric"].items()) - added))
                for one in secured.program.get("/api/v1/query", query='{job="throttlewatch"}')[
                    "data"
                ]["result"]
            }
            assert len(shown) > 300
            return found == shown

        async with asyncio.timeout(60):
            while not await same():
                await asyncio.sleep(0.3)
    finally:
        daemon.stop()
        await running


@given(st.text(max_size=40), st.text(max_size=40))
@example("Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359")
@example("Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359")
@example("9" * 5_000, "9" * 5_000)
@example("\u0661", "Fri, 31 Dec 99999 23:59:59 GMT")
@example("Thu, 01 Jan 1970 00:00:00 GMT", "")
def test_whatever_retry_after_says_the_wait_is_bounded(header: str, date: str) -> None:
    wait = wait_seconds(header, date, 1_700_000_000.0)
    assert wait is None or 0.0 <= wait <= LONGEST_WAIT_SECONDS


def test_a_date_to_wait_for_is_counted_by_the_receivers_own_clock() -> None:
    until = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert wait_seconds(until, "Sun, 06 Nov 1994 08:49:07 GMT", 1_700_000_000.0) == 30.0
    assert wait_seconds(until, "", 1_700_000_000.0) == 0.0
    assert wait_seconds("120", "", 0.0) == 120.0
