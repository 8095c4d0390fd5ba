"""Rounds on their way to a hub: each comes, as an export has it, and none that should stay here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from probe.config.schema import Config, HubConfig, StoreConfig
from probe.config.values import Seconds
from probe.measure.http.fetch import Answered, FetchTrouble
from probe.model.observation import DnsAnswer
from probe.model.stored import StoredRound
from probe.publish.parcels import courier as couriers
from probe.publish.parcels.courier import Courier
from probe.publish.parcels.parcel import Receipt, unpacked
from probe.store.writer import Store
from tests.publish.forward.test_forwarding import settled
from tests.store.rounds import CONFIG, START, stored

NOW = START + 86_400.0
HUB = HubConfig(url="http://127.0.0.1:9", credential_file="", send_rounds=True)


class Budget:
    def __init__(self) -> None:
        self.spent, self.most = 0, 10**12

    def may_send(self, vantage: str, size: int) -> bool:
        return self.spent + size <= self.most

    def sent(self, vantage: str, size: int) -> None:
        self.spent += size


class FarHub:
    """What a hub would have, in place of the network. ``answers`` are given before it takes."""

    def __init__(self) -> None:
        self.rounds: list[StoredRound] = []
        self.requests: list[int] = []
        self.dates: list[str] = []
        self.answers: list[Answered | FetchTrouble] = []
        self.most_rounds = 1_000
        self.too_large: set[int] = set()

    async def __call__(
        self, url: str, way: Any, content: bytes, *, bearer: str, headers: Any, **more: Any
    ) -> Answered | FetchTrouble:
        assert url.endswith("/api/v1/rounds")
        assert bearer == "the-credential"
        self.requests.append(len(content))
        self.dates.append(headers["Date"])
        if self.answers:
            return self.answers.pop(0)
        lines = unpacked(content)
        came = [msgspec.json.decode(line, type=StoredRound) for line in lines]
        if len(lines) > self.most_rounds or self.too_large & {*ids(came)}:
            return Answered(status=413, body=b"too large")
        self.rounds += came
        return Answered(status=200, body=msgspec.json.encode(Receipt(taken=len(lines))))


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> FarHub:
    made = FarHub()
    monkeypatch.setattr(couriers, "hand_in", made)
    return made


class Home:
    """A history that is written, and whoever sends from it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wall = folder, NOW
        (folder / "credential").write_text("the-credential\n")
        self.budget = Budget()
        self.begin()

    def config(self, **changes: Any) -> Config:
        hub = replace(HUB, credential_file=str(self.folder / "credential"), **changes)
        return replace(CONFIG, settings=replace(CONFIG.settings, hub=hub))

    def begin(self) -> None:
        """The daemon starts."""
        self.store = Store.open(StoreConfig(path=str(self.folder / "h"), batch=Seconds(0.2)))
        self.courier, self.given = self.made(self.config()), 0

    def made(self, config: Config) -> Courier:
        return Courier(
            config, self.store, self.budget, counted=lambda: None, wall=lambda: self.wall
        )

    def measured(self, *numbers: int) -> None:
        self.given_round(*(stored(number) for number in numbers))

    def given_round(self, *rounds: StoredRound) -> None:
        for one in rounds:
            self.store.round_finished(one.observed, one.verdict)
        self.given += len(rounds)
        self.settle()

    def settle(self) -> None:
        settled(lambda: self.store.health().committed_rounds == self.given)

    def end(self) -> None:
        assert self.store.close(20.0)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.end()


@pytest.fixture
async def begun(home: Home) -> Home:
    """With a round that was measured before any were sent."""
    home.measured(0)
    await home.courier.turn()
    return home


def ids(rounds: list[StoredRound]) -> list[int]:
    return [int(one.observed.id, 16) for one in rounds]


async def test_what_was_measured_before_stays_at_home(begun: Home, far: FarHub) -> None:
    begun.measured(1, 2)
    await begun.courier.turn()
    assert ids(far.rounds) == [1, 2]
    assert await begun.courier.turn() == 0.0
    assert len(far.requests) == 1, "nothing new, nothing sent"
    assert begun.budget.spent == far.requests[0] + couriers.OVERHEAD_BYTES


async def test_it_goes_on_where_it_was_over_restarts(begun: Home, far: FarHub) -> None:
    begun.measured(*range(1, 10))
    await begun.courier.turn()
    begun.end()
    begun.begin()
    begun.measured(10)
    await begun.courier.turn()
    assert ids(far.rounds) == list(range(1, 11))


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (FetchTrouble.UNREACHABLE, "unreachable"),
        (FetchTrouble.TIMEOUT, "timeout"),
        (Answered(status=401, body=b""), "credential"),
        (Answered(status=404, body=b""), "not_taken"),
        (Answered(status=400, body=b"unreadable"), "refused"),
        (Answered(status=503, body=b"not now", wait_seconds=900.0), "busy"),
        (Answered(status=302, body=b""), "status"),
        (Answered(status=200, body=b"<html>Log in to the hotel's network"), "not_a_hub"),
        (Answered(status=200, body=b"{}"), "not_a_hub"),
        (Answered(status=200, body=b'{"taken": -1}'), "not_a_hub"),
        (Answered(status=200, body=b'{"taken": ' + b"9" * 4_000 + b"}"), "not_a_hub"),
    ],
)
async def test_what_does_not_come_is_sent_again(
    begun: Home, far: FarHub, answer: Answered | FetchTrouble, trouble: str
) -> None:
    begun.measured(1, 2)
    far.answers = [answer]
    asked = await begun.courier.turn()
    assert asked == (900.0 if trouble == "busy" else 0.0)
    health = begun.courier.health
    assert health is not None
    assert (health.trouble, health.sent) == (trouble, 0)
    begun.measured(3)
    await begun.courier.turn()
    assert ids(far.rounds) == [1, 2, 3]
    health = begun.courier.health
    assert health is not None
    assert (health.trouble, health.sent, dict(health.results)["ok"]) == ("", 3, 1)


async def test_what_is_too_large_is_halved_and_at_last_given_up(begun: Home, far: FarHub) -> None:
    begun.measured(*range(1, 12))
    far.most_rounds = 3
    for _ in range(12):
        await begun.courier.turn()
    assert sorted(ids(far.rounds)) == list(range(1, 12)), "all, in smaller parcels"
    far.too_large = {12, 13, 16}
    begun.measured(*range(12, 18))
    for _ in range(20):
        await begun.courier.turn()
    assert sorted({*ids(far.rounds)} - {*range(1, 12)}) == [14, 15, 17], (
        "those that nobody takes keep nothing else"
    )
    health = begun.courier.health
    assert health is not None
    assert (health.left_out, health.trouble, health.waiting) == (3, "", 0)


@pytest.mark.parametrize("waiting", [1, 3, 40])
async def test_whoever_refuses_everything_for_its_size_makes_none_be_given_up(
    begun: Home, far: FarHub, waiting: int
) -> None:
    """A proxy before the hub, say: it itself takes any single round that is sent."""
    begun.measured(*range(1, waiting + 1))
    far.most_rounds = 0
    troubles = set()
    for _ in range(40):
        await begun.courier.turn()
        health = begun.courier.health
        assert health is not None
        troubles.add(health.trouble)
    assert "too_large" in troubles, "that is said"
    far.most_rounds = 1_000
    for _ in range(20):
        await begun.courier.turn()
    assert {*ids(far.rounds)} == {*range(1, waiting + 1)}
    health = begun.courier.health
    assert health is not None
    assert (health.left_out, health.trouble) == (0, "")


async def test_what_takes_too_long_comes_in_smaller_parcels(begun: Home, far: FarHub) -> None:
    begun.measured(*range(1, 101))
    sizes = []
    far.answers = [FetchTrouble.TIMEOUT] * 5
    for _ in range(6):
        before = len(far.requests)
        await begun.courier.turn()
        sizes.append(far.requests[before])
    assert sizes == sorted(sizes, reverse=True)
    assert len(far.rounds) == couriers.FEW_ROUNDS
    while len(far.rounds) < 100:
        await begun.courier.turn()
    assert ids(far.rounds) == list(range(1, 101))


async def test_the_data_budget_goes_before_it(begun: Home, far: FarHub) -> None:
    begun.measured(1)
    begun.budget.most = begun.budget.spent + 100
    await begun.courier.turn()
    health = begun.courier.health
    assert health is not None
    assert health.trouble == "budget"
    assert far.requests == []
    begun.budget.most = 10**12
    await begun.courier.turn()
    assert ids(far.rounds) == [1]


async def test_it_says_no_more_than_an_export(begun: Home, far: FarHub) -> None:
    plain = stored(1)
    (leg, *legs), (dns, *more) = plain.observed.legs, plain.observed.dns
    told = replace(
        plain,
        observed=replace(
            plain.observed,
            legs=(replace(leg, address="192.168.77.12", tls=None), *legs),
            dns=(
                replace(
                    dns,
                    transport="udp",
                    answers=(
                        DnsAnswer(
                            rcode="at-192.168.77.12", addresses=("192.168.77.12",), seconds=0.1
                        ),
                    ),
                ),
                *more,
            ),
        ),
    )
    begun.given_round(told)
    await begun.courier.turn()
    (one,) = far.rounds
    assert "192.168.77" not in msgspec.json.encode(one).decode()
    assert one.observed.legs[0].address == "192.168.0.0/16#1"


async def test_another_hub_gets_what_is_measured_from_then_on(begun: Home, far: FarHub) -> None:
    begun.measured(1)
    begun.courier.use(begun.config(url="http://127.0.0.1:10"))
    await begun.courier.turn()
    assert far.rounds == []
    begun.measured(2)
    await begun.courier.turn()
    assert ids(far.rounds) == [2]


async def test_what_is_older_than_a_hub_takes_is_not_sent(begun: Home, far: FarHub) -> None:
    begun.measured(7)
    assert begun.store.path is not None
    with sqlite3.connect(begun.store.path) as history:
        # As if it had been measured so long before.
        history.execute("UPDATE rounds SET reckoned = reckoned - ?", (30.5 * 86_400.0,))
    begun.measured(8)
    await begun.courier.turn()
    assert ids(far.rounds) == [8]


@pytest.mark.parametrize("days", [-400.0, 90.0, 36_500.0])
async def test_a_clock_that_was_set_gives_no_round_up(
    days: float, begun: Home, far: FarHub
) -> None:
    begun.wall += days * 86_400.0
    begun.measured(1)
    begun.given_round(stored(2, at=START + days * 86_400.0))
    await begun.courier.turn()
    assert ids(far.rounds) == [1, 2]
    assert abs(parsedate_to_datetime(far.dates[-1]).timestamp() - begun.wall) <= 1.0


async def test_turned_off_for_a_while_leaves_a_gap(begun: Home, far: FarHub) -> None:
    off = begun.config(send_rounds=False)
    begun.courier.use(off)
    assert begun.courier.health is None
    begun.courier._forget()
    begun.measured(1)
    begun.courier.use(begun.config())
    await begun.courier.turn()
    begun.measured(2)
    await begun.courier.turn()
    assert ids(far.rounds) == [2]
