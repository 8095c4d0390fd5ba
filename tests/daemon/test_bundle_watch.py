"""The daemon looks for a newer bundle, takes it up as a reload does, and tells what it refused."""

from __future__ import annotations

import asyncio
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import trustme
from click.testing import CliRunner

from probe.cli import main
from probe.config import load
from probe.config.bundle import MOST_BYTES, Bundle
from probe.config.bundle_places import beside
from probe.config.schema import Config
from probe.daemon.bundle_watch import BundleWatch
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import rows
from probe.publish.web.landing_page import render_page
from tests.again import SOON_SECONDS
from tests.config.bundles import KEYS, LISTED, NOW, PEMS, body_of
from tests.config.files import written
from tests.measure.test_reference_reader import Reference, reference

X = LISTED.replace("name: listed", "name: x")


class Watched:
    """A daemon's watch, and the configuration that it is given after each reload."""

    def __init__(self, folder: Path, url: str, more: str = "") -> None:
        (folder / "state").mkdir()
        self.history = folder / "state" / "h"
        self.main = written(
            folder,
            f"store: {{path: state/h}}\ntargets: {{keys: [{KEYS[0]}], url: '{url}'{more}}}\n",
        )
        self.now = NOW
        self.reloads = 0
        self.watch = BundleWatch(
            self.config(),
            self.history,
            tried=self.config,
            taken=self.reload,
            wall=lambda: self.now,
            random=Random(1),
        )

    def config(self, bundle: Bundle | None = None) -> Config:
        return load(self.main, {}, bundle=bundle)

    def reload(self) -> None:
        self.reloads += 1
        self.watch.use(self.config())

    def shown(self) -> tuple[dict[str, float], str]:
        """The metrics of bundles, by what follows `throttlewatch_bundle_`, and the page."""
        board = Board(self.config(), bundle=lambda: self.watch.health, wall=lambda: self.now)
        snapshot = board.snapshot()
        found = {
            spec.name.removeprefix("throttlewatch_bundle_") + labels.get("result", ""): value
            for spec, labels, value in rows(snapshot, "1")
            if spec.name.startswith("throttlewatch_bundle_")
        }
        return found, render_page(snapshot, "1")


async def test_a_newer_one_is_installed_and_taken_up(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, url)
        server.body = body_of({"x.yaml": X})
        assert await probe.watch.look() == "ok"
        assert probe.reloads == 1
        assert await probe.watch.look() == "unchanged"
        server.body, server.etag = body_of({"x.yaml": X}, version=2), '"2"'
        assert await probe.watch.look() == "ok"
    assert not any("cookie" in asked.lower() for asked in server.asked)
    assert "if-none-match" in server.asked[1].lower()
    metrics, _ = probe.shown()
    assert metrics["version"] == 2.0
    assert metrics["refused"] == 0.0
    assert metrics["looks_totalok"] == 2.0


@pytest.mark.parametrize(
    ("body", "head", "why"),
    [
        (body_of(version=3, pems=PEMS[1:2]), "200 OK", "signature"),
        (body_of(version=1), "200 OK", "older"),
        (body_of({"x.yaml": X}, version=2), "200 OK", "altered"),
        (body_of(version=3, expires=datetime.fromtimestamp(NOW - 1, UTC)), "200 OK", "expired"),
        (body_of({"listed.yaml": "name: ["}, version=3), "200 OK", "definitions"),
        (b"\0" * (MOST_BYTES + 1), "200 OK", "too_large"),
        (b"<html>", "200 OK", "malformed"),
        (body_of(version=3), "302 Found", "status"),
        (body_of(version=3), "503 Busy", "status"),
    ],
)
async def test_any_other_leaves_the_last_good_one_and_is_told(
    body: bytes, head: str, why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, url)
        server.body = body_of(version=2)
        await probe.watch.look()
        server.body, server.head, server.etag = body, head, '"2"'
        for _ in range(2):
            assert await probe.watch.look() == why
    assert caplog.text.count("no newer bundle of definitions is used") == 1
    assert probe.config().bundle == probe.watch._config.bundle
    metrics, page = probe.shown()
    assert metrics["version"] == 2.0
    refused = why not in ("status", "too_large") or body.startswith(b"\0")
    assert metrics["refused"] == refused
    assert ("was found last may not be used" in page) is refused


@pytest.mark.parametrize(
    "etag", ["é", '"\u20ac"', '"' + "x" * 60_000 + '"', "\x01", '"a\tb"', "W/", '"a" "b"', "plain"]
)
async def test_a_mark_that_cannot_be_said_again_stops_nothing(etag: str, tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, url)
        server.body, server.etag = body_of({"x.yaml": X}), etag
        assert await probe.watch.look() in ("ok", "unreachable")
        server.body, server.etag = body_of({"x.yaml": X}, version=2), '"2"'
        assert await probe.watch.look() == "ok"
    assert etag.lower() not in server.asked[1].lower()


async def test_nobody_there_is_no_refusal(tmp_path: Path) -> None:
    probe = Watched(tmp_path, "http://127.0.0.1:9/list.json")
    assert await probe.watch.look() == "unreachable"
    metrics, page = probe.shown()
    assert metrics["refused"] == 0.0
    assert "bundle" not in page


async def test_one_that_changes_hosts_waits_if_it_shall(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, url, ", confirm_hosts: true")
        server.body = body_of({"x.yaml": X})
        assert await probe.watch.look() == "waits"
        assert probe.config().bundle is None
        assert "waits for you" in probe.shown()[1]
        # Another that changes none is taken.
        server.body = body_of(version=2)
        assert await probe.watch.look() == "ok"


async def test_update_takes_what_is_there_now(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, url, ", confirm_hosts: true")
        later = datetime(9000, 1, 1, tzinfo=UTC)
        server.body = body_of({"x.yaml": X}, expires=later)
        for answer, status in (("n\n", 1), ("y\n", 0)):
            done = await asyncio.to_thread(
                CliRunner().invoke, main, ["targets", "update", "-c", str(probe.main)], answer
            )
            assert done.exit_code == status, done.output
            assert "+ listed.example  would be contacted" in done.output
        bundle = probe.config().bundle
        assert bundle is not None
        server.head = "404 Not Found"
        done = await asyncio.to_thread(
            CliRunner().invoke, main, ["targets", "update", "-c", str(probe.main)]
        )
        assert (done.exit_code, done.output.count("\n")) == (1, 1)
        assert "status" in done.output


async def test_one_that_expires_while_nothing_newer_comes_is_used_on_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, url)
        server.body = body_of({"x.yaml": X})
        await probe.watch.look()
        for _ in range(3):
            probe.now += 86_400.0
            assert await probe.watch.look() == "unchanged"
    assert caplog.text.count("has expired, and there is no newer one") == 1
    metrics, page = probe.shown()
    assert metrics["expires_timestamp_seconds"] == NOW + 86_400.0
    assert "and no newer one was found" in page
    assert probe.config().platforms[0].title == "Listed"


async def test_what_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, url)
        server.body = body_of()
        await probe.watch.look()

        def full(descriptor: int) -> None:
            raise OSError(28, os.strerror(28))

        server.body, server.etag = body_of(version=2), '"2"'
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", full)
            assert await probe.watch.look() == "unwritten"
        assert await probe.watch.look() == "ok"


async def test_one_that_is_spoilt_on_the_disk_is_told_and_fetched_again(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, url)
        server.body = body_of()
        await probe.watch.look()
        beside(probe.history).write_bytes(beside(probe.history).read_bytes()[:400])
        probe.reload()
        metrics, page = probe.shown()
        assert metrics["usable"] == 0.0
        assert "cannot be used; those that came with the program are" in page
        assert await probe.watch.look() == "ok"
        assert probe.shown()[0]["usable"] == 1.0


async def test_it_looks_by_itself_and_at_once_where_a_place_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.daemon.bundle_watch.FIRST_SECONDS", 0.05)
    async with reference() as (server, url):
        probe = Watched(tmp_path, "http://127.0.0.1:9/")
        server.body = body_of()
        written(tmp_path, probe.main.read_text().replace("http://127.0.0.1:9/", url))
        task = asyncio.create_task(probe.watch.run())
        await asyncio.sleep(0)
        probe.watch.use(probe.config())
        async with asyncio.timeout(SOON_SECONDS):
            while not probe.reloads:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_is_asked_for_by_the_proxy_of_its_vantage(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Watched(tmp_path, "http://lists.example/list.json")
        proxy = url.rpartition("/api")[0]
        text = probe.main.read_text()
        written(tmp_path, text + f"vantages: [{{name: home, proxy: '{proxy}'}}]\n")
        probe.watch.use(probe.config())
        server.body = body_of()
        assert await probe.watch.look() == "ok"
    assert server.asked[0].startswith("GET http://lists.example/list.json ")


async def test_its_own_certificates_are_believed_and_nobodys_else(tmp_path: Path) -> None:
    authority, tls, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Reference()
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    server.body = body_of()
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0, ssl=tls) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/list.json"
        for name, more, result in (("a", ", ca_file: ca.pem", "ok"), ("b", "", "unreachable")):
            (folder := tmp_path / name).mkdir()
            authority.cert_pem.write_to_path(str(folder / "ca.pem"))
            assert await Watched(folder, url, more).watch.look() == result


async def test_nobody_is_asked_where_nobody_is_named(tmp_path: Path) -> None:
    watch = BundleWatch(load(None, {}), tmp_path / "h", tried=None, taken=lambda: None)
    assert watch.health is None
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
