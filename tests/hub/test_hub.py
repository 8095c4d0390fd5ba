"""The whole way, with the real commands: invite, join, send, and what a Prometheus then has."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from lab.loopback.prometheus import free_address
from probe.cli import main
from probe.config import contacts, load
from probe.config.schema import Config, StoreConfig
from probe.config.values import Seconds
from probe.hub.register import Register
from probe.model.identity import Access, Role
from probe.publish.forward import forwarder
from probe.publish.forward.forwarder import Forwarder
from probe.publish.forward.remote_write import Receiver
from probe.publish.forward.remote_write_answer import ReceiverResult
from probe.store.samples import Labels
from probe.store.writer import Store
from tests.publish.forward.receivers import PrometheusReceiver
from tests.publish.forward.test_forwarding import a_minute, settled

PROGRAM = (sys.executable, "-m", "probe")
PLACE = ("--country", "Pakistan", "--asn", "AS17557")


def ran(*words: str, fails: bool = False) -> str:
    """What a command prints; with ``fails`` what it says against what was asked."""
    done = subprocess.run(
        [*PROGRAM, *words], capture_output=True, text=True, timeout=60, check=False, stdin=-3
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stderr if fails else done.stdout


class RunningHub:
    """The hub's own process, before a real engine."""

    def __init__(self, folder: Path, engine: str, *more: str) -> None:
        self.register = folder / "hub.sqlite3"
        self.listen, self.engine = free_address(), engine
        self.url = f"http://{self.listen}"
        self.metrics_listen = free_address()
        self.metrics_url = f"http://{self.metrics_listen}/metrics"
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = (
            *("hub", "serve", "--listen", self.listen, "--engine", self.engine),
            *("--metrics-listen", self.metrics_listen, *self._more),
        )
        self._process = subprocess.Popen([*PROGRAM, *words, "--register", str(self.register)])
        settled(self._answers)

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def invite(self, *more: str) -> list[str]:
        said = ran(
            *("hub", "invite", "--url", self.url, "--register", str(self.register)), *PLACE, *more
        )
        return [line.removeprefix("throttlewatch join ") for line in said.splitlines()]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/healthy", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[PrometheusReceiver]:
    made = PrometheusReceiver(tmp_path / "engine")
    made.start()
    yield made
    made.kill()
    made.program.client.close()


@pytest.fixture
def hub(tmp_path: Path, engine: PrometheusReceiver) -> Iterator[RunningHub]:
    made = RunningHub(tmp_path, engine.write_url)
    made.start()
    yield made
    made.stop()


def joined(hub: RunningHub, folder: Path) -> Config:
    (line,) = hub.invite()
    ran("join", line, str(folder / "throttlewatch.yaml"), "--yes")
    return load(folder / "throttlewatch.yaml", {})


def series(name: str, **more: str) -> Labels:
    return tuple(sorted({"__name__": f"throttlewatch_{name}", **more}.items()))


async def sent(config: Config, folder: Path, samples: dict[Labels, float], at: int) -> None:
    """What a daemon of that configuration sends of a minute; returns when it was taken."""
    store = await asyncio.to_thread(
        Store.open, StoreConfig(path=str(folder / "history"), batch=Seconds(1.0))
    )
    store.sample(at, samples)
    await asyncio.to_thread(settled, lambda: store.health().queued == 0)
    way = Receiver(config.settings.forward)
    made = Forwarder(config.settings.forward, store, way)
    task = asyncio.create_task(made.run())
    try:
        async with asyncio.timeout(60):
            while made.health().sent < len(samples):
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await way.close()
        await asyncio.to_thread(store.close, 20)


@pytest.mark.timeout(180)
async def test_from_an_invitation_to_series_in_the_engine(
    hub: RunningHub,
    engine: PrometheusReceiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarder, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(forwarder, "LONGEST_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(forwarder, "LOOK_SECONDS", 0.1)
    home = tmp_path / "home"
    config = await asyncio.to_thread(joined, hub, home)
    (vantage,) = config.settings.vantages
    assert (vantage.country or config.settings.country, vantage.asn) == ("PK", 17_557)
    assert ("127.0.0.1", "forward") in {(c.host, c.owner) for c in contacts(config)}
    assert (home / "hub-credential").stat().st_mode & 0o077 == 0

    own = series("verdict_state", vantage=vantage.name, platform="x", country="DE", asn="1")
    foreign = series("verdict_state", vantage="another", platform="x")
    await sent(config, home, {own: 1.0, foreign: 1.0}, a_minute())
    found = {dict(key)["vantage"]: dict(key) for key in engine.samples()}
    assert set(found) == {vantage.name}, "only its own passes"
    assert found[vantage.name]["country"] == "PK"
    assert found[vantage.name]["asn"] == "17557"
    metrics = httpx.get(hub.metrics_url, trust_env=False).text
    assert f'throttlewatch_hub_dropped_total{{reason="vantage",vantage="{vantage.name}"}} 1.0' in (
        metrics
    )
    assert (
        f'throttlewatch_hub_heard_timestamp_seconds{{country="PK",role="inside",vantage="{vantage.name}"}}'
        in metrics
    )
    ahead = re.search(r"hub_clock_ahead_seconds{.*} (-?[0-9.]+)", metrics)
    assert ahead is not None
    assert abs(float(ahead[1])) <= 60.0, "both clocks are this machine's"

    # Neither the hub nor the engine being away loses anything.
    engine.kill()
    later = series("verdict_state", vantage=vantage.name, platform="facebook")
    sending = asyncio.create_task(sent(config, home / "later", {later: 3.0}, a_minute()))
    await asyncio.sleep(1.0)
    assert await asyncio.to_thread(hub.stop) == -signal.SIGTERM
    await asyncio.sleep(0.5)
    await asyncio.to_thread(hub.start)
    again = httpx.get(hub.metrics_url, trust_env=False).text
    assert "throttlewatch_hub_newest_timestamp_seconds{" in again, "it knows who was heard before"
    assert not sending.done()
    await asyncio.to_thread(engine.start)
    await sending
    assert any(dict(key).get("platform") == "facebook" for key in engine.samples())

    await asyncio.to_thread(ran, "hub", "revoke", vantage.name, "--register", str(hub.register))
    way = Receiver(config.settings.forward)
    refused = await way.send(b"")
    await way.close()
    assert refused.result is ReceiverResult.DENIED
    listed = await asyncio.to_thread(ran, "hub", "list", "--register", str(hub.register))
    assert "AS17557" in listed
    assert "revoked" in listed


@pytest.mark.timeout(120)
def test_what_the_hub_does_not_take(hub: RunningHub, tmp_path: Path) -> None:
    first, second = hub.invite("--count", "2")
    ran("join", first, str(tmp_path / "a" / "throttlewatch.yaml"), "--yes")
    # Used, and written over nothing.
    said = ran("join", first, str(tmp_path / "b" / "throttlewatch.yaml"), "--yes", fails=True)
    assert "does not know this invitation, or it was used" in said
    assert not (tmp_path / "b").exists()
    said = ran("join", second, str(tmp_path / "a" / "throttlewatch.yaml"), "--yes", fails=True)
    assert "is there already" in said
    # Nobody was asked, so nothing was sent, and the invitation is good.
    said = ran("join", second, str(tmp_path / "c" / "throttlewatch.yaml"), fails=True)
    assert "knows that it measures" in said
    ran("join", second, str(tmp_path / "c" / "throttlewatch.yaml"), "--yes")

    credential = (tmp_path / "c" / "hub-credential").read_text().strip()
    with httpx.Client(base_url=hub.url, trust_env=False) as client:
        right = {"Authorization": f"Bearer {credential}"}
        for headers, body, status in (
            ({}, b"", 401),
            ({"Authorization": "Bearer " + "x" * 43}, b"", 401),
            ({"Authorization": f"Basic {credential}"}, b"", 401),
            (right, b"\xff" * 50, 400),
            (right, b"\x00" * 3_000_000, 413),
            (right, b"", 400),
        ):
            answer = client.post("/api/v1/write", content=body, headers=headers)
            assert answer.status_code == status, (headers, answer.text)
            assert credential not in answer.text
        for body, status in (
            (b"", 400),
            (b"[]", 400),
            (b'{"invitation": "x"}', 403),
            (b'{"invitation": ' + b"1" * 10_000, 400),
            (b'{"invitation": 5}', 400),
            (b"\xff\xfe", 400),
        ):
            assert client.post("/api/v1/join", content=body).status_code == status, body
        assert client.get("/api/v1/write").status_code == 405
        assert client.get("/api/v1/join").status_code == 405
        for path in ("/", "/metrics", "/metrics/", "/api/v1/list", "/..%2f..%2fetc/passwd"):
            assert client.get(path).status_code == 404
        # A page in somebody's browser may do nothing in his name, and read nothing.
        page = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        for path in ("/api/v1/write", "/api/v1/join", "/api/v1/wishes"):
            asked = client.options(path, headers=page)
            assert asked.status_code == 405
            for answer in (asked, client.post(path, headers=page), client.get(path, headers=page)):
                assert answer.status_code in (400, 401, 405)
                assert not {"access-control-allow-origin", "set-cookie"} & set(answer.headers)


@pytest.mark.timeout(120)
def test_who_takes_part_is_told_beside_what_everybody_reaches(
    hub: RunningHub, tmp_path: Path
) -> None:
    (line,) = hub.invite()
    ran("join", line, str(tmp_path / "a" / "throttlewatch.yaml"), "--yes")
    (name,) = re.findall(r"^\S+", ran("hub", "list", "--register", str(hub.register)))
    with httpx.Client(trust_env=False) as client:
        assert name in client.get(hub.metrics_url).text
        # A page of somebody's whose name leads here reads nothing.
        foreign = client.get(hub.metrics_url, headers={"Host": "evil.example:9891"})
        assert (foreign.status_code, name in foreign.text) == (403, False)
        for path in ("/api/v1/join", "/api/v1/write", "/api/v1/rounds", "/api/v1/wishes"):
            assert client.get(f"http://{hub.metrics_listen}{path}").status_code == 404
        for path in ("/metrics", "//metrics", "/Metrics", "/./metrics", "/-/healthy"):
            for host in (hub.listen, hub.metrics_listen, "localhost"):
                said = client.get(f"{hub.url}{path}", headers={"Host": host}).text
                assert name not in said, (path, host)
    taken = _refusal(
        *("hub", "serve", "--engine", "http://127.0.0.1:1", "--listen", free_address()),
        *("--metrics-listen", hub.metrics_listen, "--register", str(tmp_path / "other")),
    )
    assert f"cannot listen on '{hub.metrics_listen}': another program already listens" in taken


@pytest.mark.timeout(120)
def test_who_holds_a_connection_without_asking_is_cut(hub: RunningHub) -> None:
    host, _, port = hub.listen.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as held:
        held.sendall(b"POST /api/v1/write HTTP/1.1\r\nHost: hub\r\n")
        with contextlib.suppress(ConnectionError):
            assert held.recv(1) == b""
    assert httpx.get(f"{hub.url}/-/healthy", trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("invite", "--url", "http://hub.example.org", *PLACE), "expected one such as https://"),
        (("invite", "--url", "https://h.example/?a=b", *PLACE), "has more in it"),
        *(
            (("invite", "--url", f"https://{host}", *PLACE), "is no address of a hub")
            for host in ("[x", "h.example:99999", "h.example:port", ":443", "h.example:0")
        ),
        (("invite", "--url", "https://h.example", "--country", "Nowhere"), "is no country"),
        (("serve", "--engine", "nothing"), "is no URL of an engine"),
        (("serve", "--engine", "http://[x"), "is no URL of an engine"),
        (("serve", "--engine", "http://x:99999"), "is no URL of an engine"),
        (("health", "--engine", "127.0.0.1:9090"), "is no URL of an engine"),
        (("serve", "--engine", "http://x", "--room", "much"), "expected a size such as 512MiB"),
        (("serve", "--engine", "http://x", "--room", "5kB"), "less than one parcel"),
        (("serve", "--engine", "http://x", "--room", "9000000000GiB"), "more than a disk has"),
        (("serve", "--engine", "http://127.0.0.1:1", "--listen", "nowhere"), "expected host:port"),
        (("serve", "--engine", "http://127.0.0.1:1", "--cert-file", "a"), "belong together"),
        (("list",), "there is no register at"),
        (("revoke", "nobody"), "there is no register at"),
        (("rotate", "nobody"), "there is no register at"),
        (("health",), "there is no register at"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    assert said in _refusal("hub", *words, "--register", str(tmp_path / "hub"))


@pytest.mark.parametrize("role", list(Role))
def test_each_role_and_access_is_asked_for_as_the_configuration_has_it(
    role: Role, tmp_path: Path
) -> None:
    file = str(tmp_path / "hub")
    for access in Access:
        words = ("--url", "https://h.example", *PLACE, "--register", file)
        more = ("--role", role.value, "--access", access.value)
        done = CliRunner().invoke(main, ["hub", "invite", *words, *more, "--no-qr"])
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[2J", "\u202ekcatta", "x" * 81])
def test_a_name_that_would_break_feeds_publishes_nothing(name: str, tmp_path: Path) -> None:
    ledger, out = tmp_path / "ledger", tmp_path / "site"
    words = ("--engine", "http://127.0.0.1:1", "--ledger", str(ledger), "--out", str(out))
    assert "--name is one line" in _refusal("hub", "publish", *words, "--name", name)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("word", ["list", "revoke", "rotate", "health"])
def test_who_only_looks_makes_no_register(word: str, tmp_path: Path) -> None:
    words = (word,) if word in ("list", "health") else (word, "nobody")
    _refusal("hub", *words, "--register", str(tmp_path / "hub"))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("word", ["revoke", "rotate"])
def test_nobody_of_that_name_takes_part(word: str, tmp_path: Path) -> None:
    Register(tmp_path / "hub").close()
    said = _refusal("hub", word, "nobody", "--register", str(tmp_path / "hub"))
    assert "nobody who takes part is called 'nobody'" in said


@pytest.mark.parametrize("url", ["https://[x", "https://h:99999", "https://h:port", "ftp://h", "h"])
def test_where_no_site_can_be_nothing_is_published(url: str, tmp_path: Path) -> None:
    words = ("--engine", "http://127.0.0.1:1", "--ledger", str(tmp_path / "ledger"))
    said = _refusal("hub", "publish", *words, "--out", str(tmp_path / "site"), "--url", url)
    assert "is no address of a site" in said
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("host", ["[x", "hub.example.org:99999", "hub.example.org:port"])
def test_where_no_hub_can_be_nobody_is_asked(host: str, tmp_path: Path) -> None:
    line = f"https://{host}/#{'x' * 43}"
    said = _refusal("join", line, str(tmp_path / "throttlewatch.yaml"), "--yes")
    assert "is no address of a hub" in said
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["", "x", "https://hub.example.org/", "https://hub.example.org/#"])
def test_what_is_no_invitation_is_said(line: str, tmp_path: Path) -> None:
    file = tmp_path / "throttlewatch.yaml"
    assert "is no invitation" in _refusal("join", line, str(file), "--yes")
    assert not file.exists()


def test_a_hub_that_is_away_uses_no_invitation(tmp_path: Path) -> None:
    begun = time.monotonic()
    line = f"http://{free_address()}/#{'x' * 43}"
    said = _refusal("join", line, str(tmp_path / "throttlewatch.yaml"), "--yes")
    assert "cannot be reached" in said
    assert "may still be used" in said
    assert not any(tmp_path.iterdir())
    assert time.monotonic() - begun < 60


def _refusal(*words: str) -> str:
    """What a command that fails says; in this process, where no other is what is looked at."""
    done = CliRunner().invoke(main, words)
    assert done.exit_code != 0, done.output
    return done.output
