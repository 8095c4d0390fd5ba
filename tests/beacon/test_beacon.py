"""The real command on loopback, asked by curl's kind of client and by the probers themselves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

import httpx
import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from click.testing import CliRunner
from msgspec.structs import replace

from lab.loopback.prometheus import free_address
from lab.loopback.servers import HERE, leg_to, trust
from probe.cli import main
from probe.config import contacts, load
from probe.config.amount import estimate
from probe.measure.one_leg.leg import measure_leg
from probe.measure.over_quic.quic import measure_quic
from probe.model.identity import Compares, LegRole, Phase
from probe.model.observation import Leg, LegObservation
from tests.again import SOON_SECONDS

PROGRAM = (sys.executable, "-m", "probe")
MEBIBYTE = 1_048_576
KEY = "word-of-the-group-1"


class RunningBeacon:
    """The command, as a process of its own."""

    def __init__(self, folder: Path, *more: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.port = port or int(free_address().rpartition(":")[2])
        self.host, self.home = host, folder / "home"
        words = ("beacon", "--listen", f"{host}:{self.port}", "--home", str(self.home), *more)
        self._process = subprocess.Popen(
            [*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.pin = self._process.stdout.readline().strip()
        assert self.pin, self._process.communicate(timeout=SOON_SECONDS)[1]
        context = ssl.create_default_context(cafile=self.home / "beacon-certificate.pem")
        context.check_hostname = False
        self.client = httpx.Client(
            base_url=f"https://{host}:{self.port}",
            verify=context,
            trust_env=False,
            timeout=SOON_SECONDS,
        )

    def stop(self) -> str:
        """What it said beside the pin."""
        self.client.close()
        self._process.send_signal(signal.SIGTERM)
        out, said = self._process.communicate(timeout=SOON_SECONDS)
        assert not out
        return said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("beacon")


@pytest.fixture(scope="module")
def beacon(folder: Path) -> Iterator[RunningBeacon]:
    made = RunningBeacon(folder, "--name", "beacon.example", "--largest", "2", "--each", "512")
    yield made
    said = made.stop()
    assert "answers on port" in said
    assert "TCP and QUIC" in said
    assert "127.0.0.1" not in said, "no address is written down"
    assert "Traceback" not in said


def test_any_name_and_path_is_answered_and_objects_have_the_size_that_is_asked(
    beacon: RunningBeacon,
) -> None:
    client = beacon.client
    assert len(client.get("/65536").content) == 65_536
    assert len(client.get("/any/page?x=1", headers={"Host": "x.com"}).content) == MEBIBYTE
    part = client.get("/2000000", headers={"Range": "bytes=0-1023"})
    assert (part.status_code, len(part.content)) == (206, 1_024)
    assert part.headers["content-range"] == "bytes 0-1023/2000000"
    assert client.get("/100", headers={"Range": "bytes=100-"}).status_code == 416
    assert client.get("/9000000").status_code == 404
    assert client.head("/7").headers["content-length"] == "7"
    assert client.delete("/").status_code == 405


def test_what_is_sent_is_counted_and_bounded(beacon: RunningBeacon) -> None:
    client = beacon.client
    assert client.post("/upload", content=b"x" * MEBIBYTE).json() == {"bytes": MEBIBYTE}
    assert client.put("/", content=iter([b"a" * 70_000] * 3)).json() == {"bytes": 210_000}

    def without_length() -> Iterator[bytes]:
        for _ in range(60):
            yield b"x" * 65_536

    for too_much in (b"x" * (2 * MEBIBYTE + 1), without_length()):
        with contextlib.suppress(httpx.TransportError):  # it closes while we send: as good a no
            assert client.post("/", content=too_much).status_code == 413


def leg(port: int, **more: object) -> Leg:
    return replace(leg_to(port, range_bytes=1_024), **more)


async def measured(one: Leg) -> LegObservation:
    measure = measure_quic if one.prober == "quic" else measure_leg
    return await measure(
        one, address="127.0.0.1", via=HERE, trust=trust(), deadline_seconds=20.0, order=0
    )


@pytest.mark.parametrize("prober", ["tcp", "quic"])
async def test_the_probers_read_from_it_by_the_pin_of_its_key(
    beacon: RunningBeacon, prober: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust(), "_ca_file", str(beacon.home / "beacon-certificate.pem"))
    size = 65_536
    read = dict.fromkeys(("min_bytes", "max_bytes", "range_bytes"), size)
    versions = ("h3",) if prober == "quic" else ("h2", "http/1.1")
    one = leg(
        beacon.port,
        prober=prober,
        pin=beacon.pin,
        compares=Compares.GOODPUT,
        http_versions=versions,
        **read,
    )
    seen = await measured(one)
    assert seen.failure is None, seen.failure
    assert seen.body_bytes == size
    assert seen.http is not None
    assert (seen.http.status, seen.http.whole_bytes) == (206, MEBIBYTE)
    assert seen.tls is not None
    assert seen.tls.verify_error == ""
    other = f"sha256//{'A' * 43}="
    stranger = await measured(replace(one, pin=other))
    assert stranger.failure is not None
    assert (stranger.failure.phase, stranger.failure.reason) == (
        Phase.TLS,
        "ssl_invalid_certificate",
    )
    assert stranger.tls is None or stranger.tls.verify_error != ""


class Asking(QuicConnectionProtocol):
    """A client of HTTP/3 that sends bodies."""

    http: H3Connection | None = None

    async def post(self, size: int) -> tuple[bytes, bytes]:
        """The status and the body of the answer."""
        self.http = self.http or H3Connection(self._quic)
        self.status, self.said = b"", b""
        self.ended = asyncio.get_running_loop().create_future()
        stream = self._quic.get_next_available_stream_id()
        head = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"x.com")]
        self.http.send_headers(stream, [*head, (b":path", b"/any?x")])
        self.http.send_data(stream, bytes(size), end_stream=True)
        self.transmit()
        async with asyncio.timeout(SOON_SECONDS):
            await self.ended
        return self.status, self.said

    def quic_event_received(self, event: QuicEvent) -> None:
        for one in self.http.handle_event(event) if self.http is not None else ():
            if isinstance(one, HeadersReceived):
                self.status = dict(one.headers)[b":status"]
            elif isinstance(one, DataReceived):
                self.said += one.data
                if one.stream_ended and not self.ended.done():
                    self.ended.set_result(None)


async def test_what_is_sent_over_quic_is_counted_and_bounded(beacon: RunningBeacon) -> None:
    settings = QuicConfiguration(alpn_protocols=list(H3_ALPN), verify_mode=ssl.CERT_NONE)
    async with connect(
        beacon.host, beacon.port, configuration=settings, create_protocol=Asking
    ) as client:
        assert isinstance(client, Asking)
        assert await client.post(100_000) == (b"200", b'{"bytes":100000}\n')
        assert await client.post(0) == (b"200", b'{"bytes":0}\n')
        status, _ = await client.post(MEBIBYTE + 1)
        assert status == b"413"


async def test_datagrams_of_anybody_are_borne_and_small_ones_are_not_answered(
    beacon: RunningBeacon,
) -> None:
    random = Random(3)
    unknown = b"\xc0" + b"\x0a\x0a\x0a\x0a" + bytes([8]) + bytes(8) + bytes([8]) + bytes(8)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((beacon.host, beacon.port))
        sock.settimeout(0.4)
        sock.send(unknown)
        with pytest.raises(TimeoutError):
            sock.recv(2_048)
        sock.settimeout(SOON_SECONDS)
        sock.send(unknown.ljust(1_200, b"\0"))
        assert len(sock.recv(2_048)) < 1_200
        for _ in range(300):
            sock.send(random.randbytes(random.choice((1, 20, 60, 1_200, 1_350))))
            first = unknown.replace(b"\x0a\x0a\x0a\x0a", b"\0\0\0\x01")
            sock.send(first + random.randbytes(1_200))
    one = leg(beacon.port, prober="quic", pin=beacon.pin, http_versions=("h3",))
    seen = await measured(replace(one, compares=Compares.HANDSHAKE, min_bytes=0))
    assert seen.failure is None, seen.failure


async def test_many_connections_of_one_address_are_cut_and_others_served_again(
    beacon: RunningBeacon,
) -> None:
    context = ssl.create_default_context(cafile=beacon.home / "beacon-certificate.pem")
    context.check_hostname = False
    held = []
    for _ in range(20):
        reader, writer = await asyncio.open_connection(beacon.host, beacon.port, ssl=context)
        held.append((reader, writer))

    async def is_cut(reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            assert await reader.read(1) == b""

    ends = [asyncio.create_task(is_cut(reader)) for reader, _ in held]
    await asyncio.wait(ends, timeout=SOON_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    assert any(one.done() for one in ends)
    await asyncio.sleep(0.5)
    assert not all(one.done() for one in ends)
    for one in ends:
        one.cancel()
    for _, writer in held:
        writer.close()
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=SOON_SECONDS) as client:
        for _ in range(50):
            try:
                answer = await client.get(f"https://{beacon.host}:{beacon.port}/5")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.1)
        assert len(answer.content) == 5


def test_the_key_is_its_owners_and_the_pin_outlives_a_restart(tmp_path: Path) -> None:
    (tmp_path / "word").write_text(f"{KEY}\n")
    locked = ("--access-key-file", str(tmp_path / "word"), "--each", "8", "--no-quic")
    first = RunningBeacon(tmp_path, *locked)
    try:
        assert (first.home / "beacon-key.pem").stat().st_mode & 0o077 == 0
        client = first.client
        assert client.get("/5").status_code == 404
        assert client.post("/", content=b"x").status_code == 404
        assert client.post(f"/{KEY}", content=b"abc").json() == {"bytes": 3}
        # An eighth of 8 MiB is there at once.
        statuses = [client.get(f"/{KEY}/600000").status_code for _ in range(3)]
        assert statuses[0] == 200
        enough = client.get(f"/{KEY}/600000")
        assert (statuses[2], enough.status_code) == (429, 429)
        assert int(enough.headers["retry-after"]) > 0
    finally:
        said = first.stop()
    assert KEY not in said
    second = RunningBeacon(tmp_path, "--no-quic", "--name", "other.example", port=first.port)
    said = second.stop()
    assert second.pin == first.pin
    assert "other.example" in said


TARGET = """\
name: {name}
kind: {kind}
title: The {name}
why: for a test
operator: {name}
hosts: [{name}.example]
targets:
  - name: page
    url: https://{name}.example:{port}/65536
    compares: goodput
    min_bytes: 64KiB
    upload: true
    {decoy}
"""
DECOY = """\
decoy:
      why: the name at the beacon
      path: /
      verify: record
      compares: goodput
      min_bytes: 64KiB
      expect_status: [200, 206]
"""
MAIN = """\
acknowledge_risks: true
store: {{path: null}}
platforms: [first]
controls: [neutral]
resolve: {{first.example: [127.0.0.1], neutral.example: [127.0.0.1]}}
dns: {{system: false, resolvers: []}}
ca_file: {ca}
beacon: 127.0.0.2
upload: true
"""


def test_decoys_and_uploads_are_measured_against_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``once``, with the key ``beacon``: the platform's name at a second beacon, same port; and
    with ``upload``, in the one of three rounds that is drawn for it."""
    monkeypatch.setattr(SystemRandom, "random", lambda self: 0.0)
    ours = RunningBeacon(tmp_path, "--name", "first.example", "--name", "neutral.example")
    other = RunningBeacon(tmp_path / "other", host="127.0.0.2", port=ours.port)
    try:
        folder = tmp_path / "platforms"
        folder.mkdir()
        for name, kind, decoy in (
            ("first", "platform", DECOY),
            ("neutral", "control", "no_decoy: none"),
        ):
            text = TARGET.format(name=name, kind=kind, port=ours.port, decoy=decoy)
            (folder / f"{name}.yaml").write_text(text)
        file = tmp_path / "throttlewatch.yaml"
        file.write_text(MAIN.format(ca=ours.home / "beacon-certificate.pem"))
        done = CliRunner().invoke(main, ["once", "-c", str(file), "-p", "first", "--json"])
    finally:
        ours.stop()
        other.stop()
    (seen,) = json.loads(done.stdout)["rounds"]
    legs = {one["leg"]["role"]: one for one in seen["legs"]}
    assert set(legs) == {LegRole.TARGET, LegRole.CONTROL, LegRole.DECOY}
    for one in legs.values():
        assert one.get("failure") is None
        assert one["body_bytes"] == 65_536
    decoy = legs[LegRole.DECOY]
    assert decoy["leg"]["connect_to"] == "127.0.0.2"
    assert decoy["leg"]["sni"] == "first.example"
    assert decoy["tls"]["verify_error"]
    uploads = {one["leg"]["role"]: one for one in seen["quic"]}
    assert set(uploads) == {LegRole.TARGET, LegRole.CONTROL}
    for one in uploads.values():
        assert one["leg"]["transport"] == "upload"
        assert one.get("failure") is None
        assert one["upload"]["acked_bytes"] == one["upload"]["whole_bytes"] > 65_536


def test_what_the_page_tells_to_write_is_a_configuration(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "beacon.md").read_text()
    blocks = re.findall(r"```yaml\n(name: .*?)```", page, flags=re.DOTALL)
    folder = tmp_path / "platforms"
    folder.mkdir()
    for number, block in enumerate(blocks):
        text = block.replace("sha256//…", f"sha256//{'A' * 43}=")
        (folder / f"{number}.yaml").write_text(text)
    file = tmp_path / "throttlewatch.yaml"
    file.write_text("platforms: [x, x-name]\nupload: true\nbeacon: beacon.example.org\n")
    config = load(file, {})
    assert len(blocks) == 2
    (control,) = (one for one in config.controls if one.name == "our-beacon")
    assert control.targets[0].pin
    listed = {(c.host, c.transport, c.purpose) for c in contacts(config) if c.owner == "x-name"}
    assert any("as an upload" in purpose for _, _, purpose in listed)
    plain = replace(config, settings=replace(config.settings, upload=False))
    assert estimate(config).bytes_per_day > estimate(plain).bytes_per_day + 96 / 3 * 65_536


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cert-file", "a.pem"), "belong together"),
        (("--listen", "nonsense", "--home", "{tmp}"), "expected host:port"),
        (("--cert-file", "{tmp}/no.pem", "--key-file", "{tmp}/no.pem"), "no.pem"),
        (("--name", "a.example", "--cert-file", "a", "--key-file", "b"), "the file has its names"),
        (("--access-key-file", "{tmp}/short"), "16 to 128"),
    ],
)
def test_mistakes_are_sentences(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short")
    given = [word.replace("{tmp}", str(tmp_path)) for word in words]
    done = CliRunner().invoke(main, ["beacon", *given])
    assert done.exit_code == 1
    assert says in done.output
    assert "Traceback" not in done.output
