"""The hub is asked, what may be is taken up, and the last good answer holds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from probe.config import load
from probe.config.hub_wishes import MOST_BYTES
from probe.config.schema import Config
from probe.daemon import hub_watch
from probe.daemon.hub_watch import HEARD_INTERVALS, MOST_EXTRA_A_DAY, HubWatch
from probe.model.others_restricted import OthersRestricted, ToldBy
from tests.again import SOON_SECONDS
from tests.config.files import written
from tests.daemon.test_control_draw import Kept
from tests.measure.test_reference_reader import reference

NOW = 1_800_000_000.0
SECRET = "c" * 43
MAY = "schedule, platforms, rounds"


def said(**more: Any) -> bytes:
    return msgspec.json.encode({"version": 1, **more})


def extra(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"extra{number:03}", "platform": "x", "rounds": 2, "until": NOW + 60.0} | more


class Asking:
    """A probe's watch, what it was told to measure, and how often to reload."""

    def __init__(self, folder: Path, url: str, may: str = MAY, store: Kept | None = None) -> None:
        (folder / "credential").write_text(SECRET + "\n")
        self.main = written(
            folder,
            f"hub: {{url: '{url}', credential_file: credential, may_set: [{may}]}}\n",
        )
        self.store = store or Kept()
        self.reloads = 0
        self.extra: list[tuple[str, str, int]] = []
        self.now = NOW
        self.watch = HubWatch(
            self.own(),
            self.store,
            changed=self.reload,
            extra=lambda *what: self.extra.append(what),
            wall=lambda: self.now,
            random=Random(1),
        )
        self.config = self.watch.heeded(self.own())

    def own(self) -> Config:
        return load(self.main, {})

    def reload(self) -> None:
        self.reloads += 1
        self.config = self.watch.heeded(self.own())


def base(url: str) -> str:
    return url.removesuffix("/api/v1/outside")


async def test_it_asks_with_its_credential_and_takes_up_what_may_be(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url))
        server.body = said(schedule={"light": 600.0}, platforms=["x"])
        assert await probe.watch.look() == "ok"
        assert await probe.watch.look() == "unchanged"
    assert probe.reloads == 1
    assert probe.config.settings.schedule.light == 600.0
    assert probe.config.settings.platforms == ("x",)
    assert server.asked[0].startswith("GET /api/v1/wishes ")
    assert f"Bearer {SECRET}" in server.asked[0]
    assert "if-none-match" in server.asked[1].lower()


@pytest.mark.parametrize(
    ("body", "head", "why"),
    [
        (b"<html>", "200 OK", "malformed"),
        (b'{"version": 2}', "200 OK", "malformed"),
        (said(schedule={"light": 0.1}), "200 OK", "malformed"),
        (b"\0" * (MOST_BYTES + 1), "200 OK", "too_large"),
        (said(platforms=["youtube"]), "302 Found", "status"),
        (b"not of this fleet", "401 Unauthorized", "status"),
        (b"", "503 Busy", "status"),
    ],
)
async def test_the_last_good_answer_holds_and_that_is_told_once(
    body: bytes, head: str, why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url))
        server.body = said(platforms=["x"])
        await probe.watch.look()
        server.body, server.head, server.etag = body, head, '"2"'
        for _ in range(2):
            assert await probe.watch.look() == why
        assert probe.config.settings.platforms == ("x",)
        # After a restart, too, and while nobody is there.
        again = Asking(tmp_path, base(url), store=probe.store)
        assert again.config.settings.platforms == ("x",)
    assert caplog.text.count("the hub's last wishes hold") == 1
    assert await again.watch.look() == "unreachable"
    assert again.config.settings.platforms == ("x",)
    health = probe.watch.health
    assert health is not None
    assert health.refused is (why == "malformed")


async def test_what_the_own_file_takes_back_ends_at_once(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url))
        server.body = said(platforms=["x"])
        await probe.watch.look()
        assert (
            Asking(tmp_path, base(url), "", probe.store).config.platforms
            == load(None, {}).platforms
        )
        # What another hub said is no wish of this one.
        other = Asking(tmp_path, "http://127.0.0.1:9", store=probe.store)
        assert len(other.config.platforms) > 1


async def test_what_may_not_be_set_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url), "platforms")
        server.body = said(schedule={"light": 600.0}, extra=[extra(1)])
        for _ in range(3):
            await probe.watch.look()
    assert probe.config.settings.schedule.light == 300.0
    assert probe.extra == []
    assert caplog.text.count("not set as the hub wishes") == 2
    assert probe.watch.health is not None
    assert probe.watch.health.refused


async def test_extra_rounds_are_made_once_each_and_not_after_their_time(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url))
        server.body = said(extra=[extra(1), extra(2, until=NOW - 1.0)])
        await probe.watch.look()
        await probe.watch.look()
        again = Asking(tmp_path, base(url), store=probe.store)
        await again.watch.look()
    assert probe.extra == [("default", "x", 2)]
    assert again.extra == []
    assert probe.reloads == 0, "rounds are no settings"


async def test_a_hub_in_other_hands_can_ask_for_so_many_rounds_a_day(tmp_path: Path) -> None:
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url))
        for number in range(40):
            server.body, server.etag = said(extra=[extra(number)]), f'"{number}"'
            await probe.watch.look()
        assert len(probe.extra) == MOST_EXTRA_A_DAY
        probe.now += 86_401.0
        server.body, server.etag = said(extra=[extra(99, until=probe.now + 1)]), '"99"'
        await probe.watch.look()
    assert len(probe.extra) == MOST_EXTRA_A_DAY + 1


async def test_no_hub_is_asked_where_none_is_named(tmp_path: Path) -> None:
    watch = HubWatch(
        load(None, {}), Kept(), changed=lambda: None, extra=lambda *_: None, wall=lambda: NOW
    )
    assert watch.health is None
    assert await watch.look() == "unchanged"
    probe = Asking(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "credential").unlink()
    assert await probe.watch.look() == "no_credential"


async def test_it_goes_on_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_watch, "FIRST_SECONDS", 0.01)
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url))
        server.body = said()
        task = asyncio.create_task(probe.watch.run())
        async with asyncio.timeout(SOON_SECONDS):
            while not server.asked:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_it_tells_of_others_sets_nothing_and_holds_while_it_is_heard(
    tmp_path: Path,
) -> None:
    told = OthersRestricted(networks=3, since=NOW - 60.0, told_by=ToldBy.HUB)
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url))
        server.body = said(restricted=[{"platform": "x", "networks": 3, "since": told.since}])
        assert probe.watch.released("x") is None
        assert await probe.watch.look() == "ok"
        assert probe.reloads == 0
        assert probe.watch.released("x") == told
        assert probe.watch.released("youtube") is None
        probe.now += HEARD_INTERVALS * float(probe.config.settings.hub.interval) + 1.0
        assert probe.watch.released("x") is None
        assert await probe.watch.look() == "unchanged"
        assert probe.watch.released("x") == told
        again = Asking(tmp_path, base(url), store=probe.store)
        assert again.watch.released("x") is None, "it was not heard since the start"
        server.body, server.etag = said(), '"2"'
        assert await probe.watch.look() == "ok"
        assert probe.watch.released("x") is None


@pytest.mark.parametrize(
    "wrong", [{"platform": "../x"}, {"networks": 0}, {"networks": 1e9}, {"since": -1.0}, {}]
)
async def test_of_others_it_tells_nothing_that_cannot_be(
    wrong: dict[str, Any], tmp_path: Path
) -> None:
    async with reference() as (server, url):
        probe = Asking(tmp_path, base(url))
        one = {"platform": "x", "networks": 3, "since": NOW + 60.0} | wrong
        server.body = said(restricted=[one])
        # A time to come is of a clock that is wrong, here or there.
        assert await probe.watch.look() == ("malformed" if wrong else "ok")
        assert probe.watch.released("x") is None
