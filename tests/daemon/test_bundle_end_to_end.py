"""The real daemon fetches signed bundles from a real HTTPS server, takes them up, and measures what
they define; what may not be used stays out, is told, and the last good one is measured on."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner
from msgspec.structs import replace

from probe.app import Daemon
from probe.cli import main
from probe.config import load
from probe.config.bundle import Bundle, Signers
from probe.config.bundle_places import beside
from probe.config.schema import Config
from probe.config.values import Seconds
from probe.daemon import bundle_watch
from probe.publish.metrics.exposition import rows
from probe.publish.web.landing_page import render_page
from probe.store.history import History
from tests.config.bundles import KEYS, PEMS, body_of, handover_of
from tests.config.files import written

SOON = 60.0
LOOKS = 0.3
PAST = datetime.fromtimestamp(time.time() - 10.0, UTC)
LATER = datetime.fromtimestamp(time.time() + 86_400.0, UTC)
MAIN = """\
listen: 127.0.0.1:0
acknowledge_risks: true
ca_file: ca.pem
store: {{path: state/h, batch: 0s}}
platforms: [x]
controls: [neutral]
resolve: {{x.com: [127.0.0.1], abs.twimg.com: [127.0.0.1], platform.x.com: [127.0.0.1],
  one.example: [127.0.0.1], two.example: [127.0.0.1], neutral.example: [127.0.0.1]}}
schedule: {{light: 5s, transfer: 60s}}
dns: {{system: false, resolvers: [], allow_private: true}}
targets: {{keys: [{keys}], threshold: {threshold}, url: "https://127.0.0.1:{port}/list.json"{more}}}
"""
DEFINITION = """\
name: {name}
kind: {kind}
title: {title}
operator: {name}
why: for a test
hosts: [{host}]
targets:
  - {{name: page, why: it, url: "https://{host}:{port}/", compares: handshake}}
"""


class FarEnd:
    """One HTTPS server on loopback: the place of the list, and every site."""

    def __init__(self) -> None:
        self.body, self.head, self.etag = b"", "200 OK", 0
        self.half = False
        self.asked = 0
        self.sites: list[str] = []
        self.port = 0

    def gives(self, body: bytes, head: str = "200 OK", *, half: bool = False) -> None:
        self.body, self.head, self.half = body, head, half
        self.etag += 1

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = (await reader.readuntil(b"\r\n\r\n")).decode()
            if asked.startswith("GET /list.json "):
                self.asked += 1
                head, body = self.head, self.body
                if f'if-none-match: "{self.etag}"' in asked.lower():
                    head, body = "304 Not Modified", b""
                writer.write(
                    f'HTTP/1.1 {head}\r\nETag: "{self.etag}"\r\nConnection: close\r\n'
                    f"Content-Length: {len(body)}\r\n\r\n".encode()
                )
                writer.write(body[: len(body) // 2] if self.half else body)
            else:
                host = re.search(r"(?im)^host: ([^:\r]+)", asked)
                self.sites.append(host[1] if host else "")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def far_end(folder: Path) -> AsyncIterator[FarEnd]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    leaf = authority.issue_cert("one.example", "two.example", "neutral.example", "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(tls)
    one = FarEnd()
    async with await asyncio.start_server(one.answer, "127.0.0.1", 0, ssl=tls) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one


class Probe:
    """A daemon as `throttlewatch run` makes it, whose looks are not hours apart."""

    def __init__(self, folder: Path, far: FarEnd, *, keys: int, threshold: int, more: str) -> None:
        (folder / "state").mkdir(exist_ok=True)
        self.far = far
        text = MAIN.format(
            keys=", ".join(KEYS[:keys]), threshold=threshold, port=far.port, more=more
        )
        self.main = written(
            folder, text, neutral=site("neutral", "neutral.example", far.port, kind="control")
        )
        self.daemon = Daemon(self.config(), self.config, tried=self.config)
        self.running = asyncio.create_task(self.daemon.run())

    def config(self, bundle: Bundle | None = None) -> Config:
        config = load(self.main, {}, bundle=bundle)
        targets = replace(config.settings.targets, interval=Seconds(LOOKS))
        return replace(config, settings=replace(config.settings, targets=targets))

    def shown(self) -> dict[str, float]:
        """The metrics of bundles."""
        return {
            spec.name.removeprefix("throttlewatch_bundle_") + labels.get("result", ""): value
            for spec, labels, value in rows(self.daemon.snapshot(), "1")
            if spec.name.startswith("throttlewatch_bundle_")
        }

    def page(self) -> str:
        return render_page(self.daemon.snapshot(), "1")

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not what():
                assert not self.running.done(), self.running.exception()
                await asyncio.sleep(0.05)

    async def looked(self, how: str, times: float = 1.0) -> None:
        """A look has ended so, after now."""
        before = self.shown().get(f"looks_total{how}", 0.0)
        await self.until(lambda: self.shown().get(f"looks_total{how}", 0.0) >= before + times)

    async def measures(self, host: str) -> None:
        """The host is asked from now on, and what came of it is shown."""
        self.far.sites.clear()
        await self.until(lambda: host in self.far.sites)

    async def stop(self) -> None:
        self.daemon.stop()
        async with asyncio.timeout(SOON):
            await self.running


@asynccontextmanager
async def probe(
    folder: Path, far: FarEnd, *, keys: int = 1, threshold: int = 1, more: str = ""
) -> AsyncIterator[Probe]:
    one = Probe(folder, far, keys=keys, threshold=threshold, more=more)
    try:
        yield one
    finally:
        await one.stop()


def site(name: str, host: str, port: int, *, kind: str = "platform") -> str:
    return DEFINITION.format(name=name, kind=kind, title=name.title(), host=host, port=port)


def x_at(host: str, far: FarEnd) -> Mapping[str, str]:
    """A list in which X is at ``host``."""
    return {"x.yaml": site("x", host, far.port)}


def listed(main_file: Path) -> str:
    """What `throttlewatch platforms` says."""
    done = CliRunner().invoke(main, ["platforms", "-c", str(main_file)], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_watch, "FIRST_SECONDS", LOOKS)


async def test_a_list_is_fetched_taken_up_and_measured_and_a_bad_one_is_not(
    tmp_path: Path,
) -> None:
    async with far_end(tmp_path) as far, probe(tmp_path, far) as one:
        await one.looked("malformed")  # nothing is there yet
        assert f"127.0.0.1  {far.port}/tcp" in re.sub(r" +", "  ", listed(one.main))
        assert "one.example" not in listed(one.main)

        far.gives(body_of(x_at("one.example", far), expires=LATER))
        await one.looked("ok")
        await one.measures("one.example")
        assert one.shown()["version"] == 1.0
        assert "one.example" in listed(one.main)
        assert "abs.twimg.com" not in listed(one.main)
        await one.looked("unchanged")

        bad = {
            "signature": body_of(
                x_at("two.example", far), version=2, pems=PEMS[1:2], expires=LATER
            ),
            "altered": body_of(x_at("two.example", far), expires=LATER),
            "expired": body_of(x_at("two.example", far), version=2, expires=PAST),
            "program": body_of(version=2, expires=LATER, least_program="99.0.0"),
            "definitions": body_of({"x.yaml": "name: ["}, version=2, expires=LATER),
            "malformed": b"{",
        }
        for why, body in bad.items():
            far.gives(body)
            await one.looked(why)
            assert (one.shown()["version"], one.shown()["refused"]) == (1.0, 1.0)
            assert "may not be used" in one.page()
        # What nobody can fetch is no refusal: half of it, or a page in its place.
        good = body_of(x_at("two.example", far), version=2, expires=LATER)
        far.gives(good, half=True)
        await one.looked("unreachable")
        far.gives(good, "503 Busy")
        await one.looked("status")
        assert one.shown()["refused"] == 0.0
        assert "two.example" not in listed(one.main) + " ".join(far.sites)
        # A good one ends all that.
        far.gives(good)
        await one.looked("ok")
        await one.measures("two.example")
        far.gives(body_of(x_at("one.example", far), expires=LATER))
        await one.looked("older")
        assert one.shown()["version"] == 2.0
    # It was measured as any platform is, and is kept over a restart with nobody to ask.
    with History.open(one.config().settings.store) as history:
        legs = [leg for stored in history.rounds() for leg in stored.observed.legs]
    assert {leg.leg.connect_to for leg in legs if leg.ok} >= {"one.example", "two.example"}
    assert one.config().bundle is not None


async def test_whoever_keeps_newer_ones_away_is_told_of(tmp_path: Path) -> None:
    soon = datetime.fromtimestamp(time.time() + 3.0, UTC)
    async with far_end(tmp_path) as far, probe(tmp_path, far) as one:
        far.gives(body_of(x_at("one.example", far), expires=soon))
        await one.looked("ok")
        await one.measures("one.example")
        await one.until(lambda: "expired on" in one.page())
        # It is used on.
        assert (await one.daemon.reload()).ok
        (x,) = one.daemon.snapshot().platforms
        assert x.hosts == ("one.example",)
        assert one.shown()["version"] == 1.0


async def test_other_hosts_are_shown_before_they_are_asked(tmp_path: Path) -> None:
    confirm = ", confirm_hosts: true"
    async with far_end(tmp_path) as far, probe(tmp_path, far, more=confirm) as one:
        far.gives(body_of(x_at("one.example", far), expires=LATER))
        await one.looked("waits", 2.0)
        assert "waits for you" in one.page()
        assert far.sites.count("one.example") == 0
        assert one.config().bundle is None
        # The operator looks, agrees, and the daemon takes it up.
        file = tmp_path / "list.json"
        file.write_bytes(far.body)
        command = ["targets", "install", str(file), "-c", str(one.main)]
        done = CliRunner().invoke(main, command, input="y\n")
        assert done.exit_code == 0, done.output
        assert "+ one.example  would be contacted" in done.output
        assert (await one.daemon.reload()).ok
        await one.measures("one.example")
        await one.until(lambda: "waits for you" not in one.page())


async def test_two_of_three_sign_and_one_hands_over(tmp_path: Path) -> None:
    before, after = Signers(KEYS[:3], 2), Signers(KEYS[1:4], 2)
    async with far_end(tmp_path) as far:
        async with probe(tmp_path, far, keys=3, threshold=2) as one:
            far.gives(body_of(x_at("one.example", far), expires=LATER, pems=PEMS[2:3]))
            await one.looked("signature")
            far.gives(body_of(x_at("one.example", far), expires=LATER, pems=PEMS[:2]))
            await one.looked("ok")
            await one.measures("one.example")
            moved = handover_of(before, after, PEMS[:3])
            far.gives(
                body_of(
                    x_at("two.example", far),
                    expires=LATER,
                    version=2,
                    pems=PEMS[2:4],
                    handovers=[moved],
                )
            )
            await one.looked("ok")
            await one.measures("two.example")
            # Who has left counts for nothing, whatever is left out.
            for more in ((), (moved,)):
                body = body_of(
                    x_at("one.example", far),
                    expires=LATER,
                    version=3,
                    pems=PEMS[:2],
                    handovers=more,
                )
                far.gives(body)
                await one.looked("signature")
            assert one.shown()["version"] == 2.0
        # Half of what is on the disk: told, and the shipped definitions are used.
        assert one.config().bundle is not None
        place = beside(Path(tmp_path / "state" / "h"))
        whole = place.read_bytes()
        place.write_bytes(whole[: len(whole) // 2])
        async with probe(tmp_path, far, keys=3, threshold=2) as again:
            assert again.shown()["usable"] == 0.0
            assert "cannot be used" in again.page()
            assert place.stat().st_size < len(whole)
