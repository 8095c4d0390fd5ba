"""Rounds at the hub's gate, as requests: whoever sends them, nothing else of the hub suffers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.cli import main
from probe.config.bundle import Signers
from probe.hub import hub_server, rounds_desk, service
from probe.hub.engine import Engine
from probe.hub.enrolled import FleetPlace
from probe.hub.register import Register
from probe.hub.rounds_desk import RoundsDesk
from probe.hub.service import Hub
from probe.hub.welcome import JOIN_PATH, WRITE_PATH
from probe.model.identity import Role
from probe.model.stored import StoredRound
from probe.publish.parcels.archive import PLACE
from probe.publish.parcels.archive_reader import ArchivedHistory
from probe.publish.parcels.parcel import (
    HEADERS,
    MOST_PACKED_BYTES,
    ROUNDS_PATH,
    SECONDS_FOR_ONE,
    packed,
)
from probe.publish.privacy.configured_names import NO_HOST
from probe.publish.privacy.exported_fields import Scrubber
from probe.store.history import HistoryError
from tests.config.bundles import KEYS, body_of
from tests.store.rounds import CONFIG, START, stored

NOW = START + 86_400.0


class Fleet:
    """A hub in this process, two vantages, and what its archive has."""

    def __init__(self, folder: Path) -> None:
        self.register = Register(folder / "hub.sqlite3")
        self.root = folder / "archive"
        self.free = 10**12
        self.clock, self.now = 0.0, NOW
        self.desk = RoundsDesk(self.root, wall=lambda: self.now, free=lambda path: self.free)
        self.names, self.credentials = [], []
        for role in (Role.INSIDE, Role.REFERENCE):
            place = FleetPlace(country="PK", asn=17_557, role=role)
            secret = self.register.invite(place, until=NOW + 1.0, now=NOW)
            who, credential = self.register.join(secret, NOW)
            self.names.append(who.name)
            self.credentials.append(credential)

    @asynccontextmanager
    async def client(self, desk: bool = True) -> AsyncIterator[httpx.AsyncClient]:
        hub = self.hub = Hub(
            self.register,
            Engine("http://127.0.0.1:9/"),
            rounds=self.desk if desk else None,
            wall=lambda: self.now,
            clock=lambda: self.clock,
        )
        transport = httpx.ASGITransport(app=hub.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            yield client

    async def metrics(self) -> str:
        transport = httpx.ASGITransport(app=self.hub.numbers_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return (await client.get("/metrics")).text

    def headers(self, who: int = 0) -> dict[str, str]:
        return {**HEADERS, "Authorization": f"Bearer {self.credentials[who]}"}

    def kept(self) -> list[StoredRound]:
        try:
            with ArchivedHistory(self.root) as history:
                return list(history.rounds())
        except HistoryError:
            return []


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path)
    yield made
    made.register.close()


def parcel(*rounds: StoredRound) -> bytes:
    return packed(msgspec.json.encode(one) + b"\n" for one in rounds)


async def test_what_is_sent_is_kept_once_with_the_hubs_word_of_where(fleet: Fleet) -> None:
    own = [stored(n, vantage=fleet.names[1]) for n in range(30)]
    other = stored(50, vantage=fleet.names[0])
    async with fleet.client() as client:
        for expected in ({"taken": 30, "known": 0}, {"taken": 0, "known": 30}):
            answer = await client.post(
                ROUNDS_PATH, content=parcel(*own, other), headers=fleet.headers(1)
            )
            assert answer.json() == {**expected, "left_out": 1}
        metrics = await fleet.metrics()
    assert fleet.kept() == own
    place = msgspec.json.decode((fleet.root / fleet.names[1] / PLACE).read_bytes())
    assert (place["country"], place["asn"], place["role"]) == ("PK", 17_557, "reference")
    assert f'throttlewatch_hub_rounds_total{{vantage="{fleet.names[1]}"}} 30.0' in metrics
    left_out = f'rounds_left_out_total{{reason="vantage",vantage="{fleet.names[1]}"}} 2.0'
    assert f"throttlewatch_hub_{left_out}" in metrics


async def test_who_may_not_and_what_is_no_parcel(fleet: Fleet) -> None:
    own = parcel(stored(1, vantage=fleet.names[0]))
    revoked = fleet.headers(1)
    fleet.register.revoke(fleet.names[1], NOW)
    async with fleet.client() as client:
        for headers, body, status in (
            ({}, own, 401),
            ({"Authorization": "Bearer " + "x" * 43}, own, 401),
            (revoked, own, 401),
            (fleet.headers(), b"", 400),
            (fleet.headers(), own[:-3], 400),
            (fleet.headers(), b"x" * (MOST_PACKED_BYTES + 1), 413),
        ):
            answer = await client.post(ROUNDS_PATH, content=body, headers=headers)
            assert answer.status_code == status, answer.text
            assert fleet.credentials[0] not in answer.text
        for method in ("GET", "PUT", "DELETE"):
            assert (await client.request(method, ROUNDS_PATH)).status_code == 405
        for path in (f"{ROUNDS_PATH}/../../etc/passwd", f"{ROUNDS_PATH}/{fleet.names[0]}"):
            answer = await client.post(path, content=own, headers=fleet.headers())
            assert answer.status_code == 404
    assert fleet.kept() == []
    async with fleet.client(desk=False) as client:
        answer = await client.post(ROUNDS_PATH, content=own, headers=fleet.headers())
        assert answer.status_code == 404


async def test_a_full_disk_is_later_and_loses_nothing(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = stored(1, vantage=fleet.names[0])
    async with fleet.client() as client:
        fleet.free = rounds_desk.LEAST_FREE_BYTES - 1
        answer = await client.post(ROUNDS_PATH, content=parcel(own), headers=fleet.headers())
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "30"
        fleet.free = 10**12

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as trouble:
            trouble.setattr("os.fsync", full)
            answer = await client.post(ROUNDS_PATH, content=parcel(own), headers=fleet.headers())
            assert answer.status_code == 503
        assert fleet.kept() == []
        assert not [one for one in fleet.root.rglob("*.part") if one.is_file()]
        answer = await client.post(ROUNDS_PATH, content=parcel(own), headers=fleet.headers())
        assert answer.json()["taken"] == 1
        assert 'refused_requests_total{reason="disk"} 2.0' in await fleet.metrics()
    assert fleet.kept() == [own]


async def test_hosts_of_the_bundle_that_is_given_out_may_be_named_from_then_on(
    fleet: Fleet,
) -> None:
    fleet.desk = RoundsDesk(fleet.root, wall=lambda: fleet.now, config=CONFIG)

    def of_host(n: int) -> StoredRound:
        one = stored(n, vantage=fleet.names[0])
        legs = [
            replace(leg, leg=replace(leg.leg, sni="listed.example")) for leg in one.observed.legs
        ]
        return replace(one, observed=replace(one.observed, legs=tuple(legs)))

    async with fleet.client() as client:
        for n, given in enumerate((False, True)):
            if given:
                fleet.register.put_bundle(body_of(), Signers(keys=KEYS[:1]))
            fleet.hub.give_bundle()
            answer = await client.post(
                ROUNDS_PATH, content=parcel(of_host(n)), headers=fleet.headers()
            )
            assert answer.json()["taken"] == 1
    kept = [{leg.leg.sni for leg in one.observed.legs} for one in fleet.kept()]
    assert kept == [{NO_HOST}, {"listed.example"}]
    # Who reads the archive knows them, too, also when another bundle is given out by then.
    fleet.desk.give(None)
    with ArchivedHistory(fleet.root) as history:
        scrubber = Scrubber(history.named(CONFIG))
        seen = [{leg.leg.sni for leg in scrubber.stored(o).observed.legs} for o in history.rounds()]
    assert seen == kept


async def test_a_vantage_that_fills_its_room_is_told_and_pushes_nobody_out(fleet: Fleet) -> None:
    fleet.desk = RoundsDesk(fleet.root, wall=lambda: NOW, room_bytes=9_000)
    name = fleet.names[0]
    many = [stored(n, vantage=name) for n in range(200)]
    async with fleet.client() as client:
        answer = await client.post(ROUNDS_PATH, content=parcel(*many), headers=fleet.headers())
        assert (answer.status_code, answer.headers["retry-after"]) == (507, "3600")
        other = stored(1, vantage=fleet.names[1])
        answer = await client.post(ROUNDS_PATH, content=parcel(other), headers=fleet.headers(1))
        assert answer.json()["taken"] == 1
        metrics = await fleet.metrics()
    assert 'refused_requests_total{reason="room"} 1.0' in metrics
    labels = f'{{country="PK",role="inside",vantage="{name}"}}'
    assert f"throttlewatch_hub_archive_room_bytes{labels} 9000.0" in metrics
    (size,) = re.findall(f"throttlewatch_hub_archive_bytes{re.escape(labels)} (.*)", metrics)
    assert 4_000 < float(size) <= 9_000
    # For `hub health`, which asks the register.
    fleet.hub.keep_heard()
    assert fleet.register.archived()[name].bytes == float(size)
    # What did not come in waits at the probe, for room that is made.
    fleet.desk = RoundsDesk(fleet.root, wall=lambda: NOW)
    async with fleet.client() as client:
        answer = await client.post(ROUNDS_PATH, content=parcel(*many), headers=fleet.headers())
        assert answer.json()["taken"] + answer.json()["known"] == 200
    assert len(fleet.kept()) == 201


class HeldBack:
    """A body that comes once it is let: ``begun`` says that it is waited for."""

    def __init__(self, body: bytes) -> None:
        self.begun, self.go_on, self._body = asyncio.Event(), asyncio.Event(), body

    async def __call__(self) -> AsyncIterator[bytes]:
        self.begun.set()
        await self.go_on.wait()
        yield self._body


async def test_one_vantage_has_one_parcel_under_way_and_so_many_bytes(fleet: Fleet) -> None:
    own = parcel(stored(1, vantage=fleet.names[0]))
    slow = HeldBack(own)

    async with fleet.client() as client:
        held = asyncio.create_task(
            client.post(ROUNDS_PATH, content=slow(), headers=fleet.headers())
        )
        await slow.begun.wait()
        second = await client.post(ROUNDS_PATH, content=own, headers=fleet.headers())
        assert second.status_code == 503, "it waits for its first one"
        other = parcel(stored(2, vantage=fleet.names[1]))
        answer = await client.post(ROUNDS_PATH, content=other, headers=fleet.headers(1))
        assert answer.json()["taken"] == 1, "others do not"
        slow.go_on.set()
        assert (await held).json()["taken"] == 1
        statuses = []
        for _ in range(60):
            answer = await client.post(
                ROUNDS_PATH, content=b"x" * MOST_PACKED_BYTES, headers=fleet.headers()
            )
            statuses.append(answer.status_code)
        assert set(statuses) == {400, 429}
        assert statuses.count(400) <= 32
        assert int(answer.headers["retry-after"]) > 0
        answer = await client.post(ROUNDS_PATH, content=other, headers=fleet.headers(1))
        assert answer.json()["known"] == 1, "others are not limited by it"
        fleet.clock += 86_400.0
        answer = await client.post(ROUNDS_PATH, content=own, headers=fleet.headers())
        assert answer.json()["known"] == 1


async def test_who_is_revoked_while_it_sends_is_not_taken(fleet: Fleet) -> None:
    own = parcel(stored(1, vantage=fleet.names[0]))
    async with fleet.client() as client:
        for path in (ROUNDS_PATH, WRITE_PATH):
            slow = HeldBack(own)
            held = asyncio.create_task(client.post(path, content=slow(), headers=fleet.headers()))
            await slow.begun.wait()
            if path == ROUNDS_PATH:
                fleet.register.revoke(fleet.names[0], NOW)
            else:
                fleet.register.revoke(fleet.names[1], NOW)
            slow.go_on.set()
            assert (await held).status_code == 401
            fleet.credentials.reverse()
    assert fleet.kept() == []


async def test_a_stranger_that_joins_slowly_is_not_waited_for(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "JOIN_SECONDS", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with fleet.client() as client, asyncio.timeout(20):
        assert (await client.post(JOIN_PATH, content=never())).status_code == 408


def test_a_probe_on_a_slow_line_is_waited_for() -> None:
    """A hub that cuts before a probe gives up would never have its rounds."""
    assert hub_server.HubProtocol.answer_seconds is not None
    assert hub_server.HubProtocol.answer_seconds > SECONDS_FOR_ONE


async def test_revoking_says_and_does_what_becomes_of_rounds(fleet: Fleet, tmp_path: Path) -> None:
    async with fleet.client() as client:
        for who in (0, 1):
            own = parcel(stored(1, vantage=fleet.names[who]))
            await client.post(ROUNDS_PATH, content=own, headers=fleet.headers(who))

    def revoke(*words: str) -> str:
        register = str(tmp_path / "hub.sqlite3")
        done = CliRunner().invoke(main, ["hub", "revoke", *words, "--register", register])
        assert done.exit_code == 0, done.output
        return done.output

    assert "--delete-rounds FOLDER" in revoke(fleet.names[0])
    assert len(fleet.kept()) == 2
    assert "of 1 days are deleted" in revoke(fleet.names[0], "--delete-rounds", str(fleet.root))
    assert [one.observed.vantage for one in fleet.kept()] == [fleet.names[1]]
    revoke(fleet.names[1], "--delete-rounds", str(fleet.root))
    assert fleet.kept() == []


DAY = 86_400.0


class Watched:
    """A desk whose hub's clocks are told: ``set_by`` is how far the wall clock is ahead."""

    def __init__(self, root: Path, began: float, days: int) -> None:
        self.began, self.up, self.set_by = began, 0.0, 0.0
        self.desk = RoundsDesk(root, wall=self.wall, clock=lambda: self.up, keep_days=days)

    def wall(self) -> float:
        return self.began + self.up + self.set_by

    async def hours(self, number: int) -> None:
        for _ in range(number):
            await self.desk.forget()
            self.up += 3_600.0
        await self.desk.forget()


async def test_old_rounds_go(fleet: Fleet) -> None:
    async with fleet.client() as client:
        rounds = [stored(n, at=START + 43_000.0 * n, vantage=fleet.names[0]) for n in range(3)]
        new = stored(9, at=START + 3 * DAY, vantage=fleet.names[1])
        await client.post(ROUNDS_PATH, content=parcel(*rounds), headers=fleet.headers())
        fleet.now = START + 3 * DAY
        await client.post(ROUNDS_PATH, content=parcel(new), headers=fleet.headers(1))
    watched = Watched(fleet.root, START + 3 * DAY, days=2)
    await watched.hours(5)
    assert len(fleet.kept()) == 4, "so soon after a start nobody knows whether the clock is right"
    await watched.hours(2)
    assert fleet.kept() == [*rounds[1:], new]


@pytest.mark.parametrize("leap", [-3_650 * DAY, -DAY, 3_600.0, DAY, 90 * DAY, 36_500 * DAY])
async def test_a_wrong_clock_deletes_nothing(leap: float, fleet: Fleet) -> None:
    """It starts with the clock wrong, or it is set while it runs; and it is put right after a
    while."""
    rounds = [stored(n, at=START + 43_000.0 * n, vantage=fleet.names[0]) for n in range(3)]
    async with fleet.client() as client:
        await client.post(ROUNDS_PATH, content=parcel(*rounds), headers=fleet.headers())
    for from_the_start in (True, False):
        watched = Watched(fleet.root, START + DAY, days=2)
        watched.set_by = leap if from_the_start else 0.0
        await watched.hours(8)
        for set_by in (leap, 0.0, leap):
            watched.set_by = set_by
            await watched.hours(48 if set_by else 5)
        assert fleet.kept() == rounds


@pytest.mark.parametrize("wrong", [-40 * DAY, -3_600.0, 40 * DAY])
async def test_while_two_clocks_disagree_no_round_is_given_up(wrong: float, fleet: Fleet) -> None:
    own = stored(1, at=NOW, vantage=fleet.names[0])
    async with fleet.client() as client:

        async def sent() -> httpx.Response:
            date = {"Date": formatdate(NOW, usegmt=True)}
            headers = {**fleet.headers(), **date}
            return await client.post(ROUNDS_PATH, content=parcel(own), headers=headers)

        fleet.now = NOW + wrong
        answer = await sent()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert 'refused_requests_total{reason="clock"} 1.0' in await fleet.metrics()
        fleet.now = NOW
        assert (await sent()).json() == {"taken": 1, "known": 0, "left_out": 0}
        # Of another time, though both clocks are right by now: that is the round's own fault.
        own = stored(2, at=NOW + 40 * DAY, vantage=fleet.names[0])
        assert (await sent()).json() == {"taken": 0, "known": 0, "left_out": 1}
