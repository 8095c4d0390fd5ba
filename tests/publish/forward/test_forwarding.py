"""Seven days without a network, then everything arrives at real receivers: nothing is missing,
nothing is there twice, whatever happens on the way."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from probe.config.schema import ForwardConfig, StoreConfig
from probe.config.values import Seconds
from probe.publish.forward import forwarder
from probe.publish.forward.forwarder import CURSOR, INSTANCE, Forwarder
from probe.publish.forward.remote_write import Receiver
from probe.publish.forward.remote_write_points import Point
from probe.store.samples import GRID_SECONDS, Frame, Labels, Samples
from probe.store.writer import Store
from tests.again import SOON_SECONDS
from tests.publish.forward.receivers import (
    Fault,
    FaultyWay,
    PrometheusReceiver,
    Raw,
    RealReceiver,
    VictoriaReceiver,
)

DAYS = 7
POINTS = DAYS * 24 * 60
SERIES = 12
# The daemon was off for three hours on the fourth day.
OFF = range(5_000, 5_180)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarder, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(forwarder, "LONGEST_PAUSE_SECONDS", 0.2)


def settled(what: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


def labels(number: int) -> Labels:
    return (("__name__", f"throttlewatch_test_{number}"), ("vantage", "home"))


def fill(store: Store, end: int, points: int = POINTS) -> Raw:
    """Record days of samples that end at ``end``; what a receiver is to have of them."""
    draw = random.Random(7)
    # VictoriaMetrics keeps some twelve digits of a number.
    values = [round(draw.random(), 6) for _ in range(SERIES)]
    expected: Raw = {}
    for index in range(points):
        values = [round(draw.random(), 6) if draw.random() < 0.2 else v for v in values]
        if index in OFF:
            continue
        at = end - (points - 1 - index) * GRID_SECONDS
        # One series comes and goes, by the hour.
        here = [n for n in range(SERIES) if n or index // 60 % 2]
        store.sample(at, {labels(n): values[n] for n in here})
        for n in here:
            expected.setdefault(labels(n), []).append((at * 1_000, values[n]))
        if index % 500 == 499:
            settled(lambda: store.health().queued == 0)
    settled(lambda: store.health().queued == 0)
    assert store.health().dropped == 0
    return expected


def of_instance(expected: Raw, store: Store) -> Raw:
    """With the labels that forwarding adds."""
    instance = (store.load(INSTANCE) or b"").decode()
    added = (("instance", instance), ("job", "throttlewatch"))
    return {tuple(sorted((*key, *added))): samples for key, samples in expected.items()}


async def forward(store: Store, url: str, *, most: float = 100.0) -> Forwarder:
    """Forward until nothing waits."""
    config = ForwardConfig(url=url, samples_per_second=10_000_000, timeout=Seconds(20.0))
    sender = Forwarder(config, store, Receiver(config))
    task = asyncio.create_task(sender.run())
    assert store.path is not None
    recorded = Samples(store.path)
    async with asyncio.timeout(most):
        # A sender that has not looked yet knows of nothing that waits.
        while recorded.waiting(int(store.load(CURSOR) or b"0")) is not None:
            assert not task.done(), task.exception()
            await asyncio.sleep(0.02)
    recorded.close()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return sender


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(StoreConfig(path=str(tmp_path / "h"), batch=Seconds(1.0)))
    yield made
    assert made.close(20)


@pytest.fixture(params=[PrometheusReceiver, VictoriaReceiver])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealReceiver]:
    made: RealReceiver = request.param(tmp_path / "receiver")
    made.start()
    yield made
    made.kill()
    made.program.client.close()


def a_minute() -> int:
    """The last point of the grid."""
    return int(time.time()) // GRID_SECONDS * GRID_SECONDS


async def test_seven_days_arrive(store: Store, receiver: RealReceiver) -> None:
    end = a_minute()
    expected = await asyncio.to_thread(fill, store, end)
    sender = await forward(store, receiver.write_url)
    assert receiver.samples() == of_instance(expected, store)
    assert sender.health().refused == ()
    if isinstance(receiver, PrometheusReceiver):
        off = end - (POINTS - 1 - OFF[0]) * GRID_SECONDS
        # Before the gap the last values stand; at its first point every series has ended.
        assert receiver.alive_at(off - 1) >= SERIES - 1
        assert receiver.alive_at(off + 1) == 0


FAULTS: dict[str, Fault] = {
    "500": lambda n: 500 if n % 3 == 0 else None,
    "429": lambda n: 429 if n % 3 == 0 else None,
    "400": lambda n: 400 if n % 5 == 0 else None,
    "taken, and 500": lambda n: -500 if n % 3 == 0 else None,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_faults_on_the_way_lose_and_double_nothing(
    fault: str, store: Store, receiver: RealReceiver
) -> None:
    expected = await asyncio.to_thread(fill, store, a_minute(), 1_500)
    way = FaultyWay(receiver.write_url, FAULTS[fault], lambda n: None)
    try:
        sender = await forward(store, way.url)
    finally:
        way.close()
    assert way.count > 3
    assert receiver.samples() == of_instance(expected, store)
    assert sender.health().refused == ()


async def test_the_receiver_is_killed_half_way(store: Store, receiver: RealReceiver) -> None:
    expected = await asyncio.to_thread(fill, store, a_minute())

    def before(number: int) -> None:
        if number == 10:
            # What a receiver loses of what it has acknowledged is its own matter.
            time.sleep(receiver.settle_seconds)
            receiver.kill()
            receiver.start()

    way = FaultyWay(receiver.write_url, lambda n: None, before)
    try:
        await forward(store, way.url)
    finally:
        way.close()
    assert receiver.samples() == of_instance(expected, store)


async def test_what_is_too_old_is_counted_and_the_rest_arrives(
    store: Store, tmp_path: Path
) -> None:
    receiver = PrometheusReceiver(tmp_path / "receiver", window="")
    receiver.start()
    try:
        # Another sender has given it something new: hours-old samples are out of its bounds.
        other = Store.open(StoreConfig(path=str(tmp_path / "other"), batch=Seconds(1.0)))
        other.sample(a_minute(), {labels(99): 1.0})
        await forward(other, receiver.write_url)
        other.close(20)
        expected = await asyncio.to_thread(fill, store, a_minute(), 400)
        sender = await forward(store, receiver.write_url)
        whole = of_instance(expected, store)
        found = {key: value for key, value in receiver.samples().items() if key in whole}
        refused = dict(sender.health().refused)
    finally:
        receiver.kill()
        receiver.program.client.close()
    assert set(refused) & {"too_old", "out_of_order"}
    recent = (a_minute() - 30 * GRID_SECONDS) * 1_000
    for key, samples in whole.items():
        assert [s for s in samples if s[0] >= recent] == [
            s for s in found.get(key, []) if s[0] >= recent
        ]
    assert sender.health().sent >= sum(map(len, found.values()))


async def test_a_sender_that_was_killed_goes_on(store: Store, receiver: RealReceiver) -> None:
    expected = await asyncio.to_thread(fill, store, a_minute(), 1_500)
    config = ForwardConfig(url=receiver.write_url, samples_per_second=10_000_000)
    for _ in range(3):
        # A new sender each time, cut off wherever it is; it knows only what the store knows.
        task = asyncio.create_task(Forwarder(config, store, Receiver(config)).run())
        await asyncio.sleep(0.15)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    sender = await forward(store, receiver.write_url)
    assert receiver.samples() == of_instance(expected, store)
    assert sender.health().refused == ()


async def test_a_fault_of_ours_does_not_end_it(
    store: Store, receiver: RealReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await asyncio.to_thread(fill, store, a_minute(), 100)
    encode, troubles = Forwarder._encode, []

    def faulty(sender: Forwarder, some: Sequence[Point]) -> bytes:
        troubles.append(sender.health().trouble)
        if len(troubles) == 1:
            raise ZeroDivisionError
        return encode(sender, some)

    monkeypatch.setattr(Forwarder, "_encode", faulty)
    monkeypatch.setattr(forwarder, "LOOK_SECONDS", 0.02)
    sender = await forward(store, receiver.write_url)
    assert troubles[:2] == ["", "fault"]
    assert sender.health().trouble == ""
    assert receiver.samples() == of_instance(expected, store)


async def test_series_that_end_as_the_file_is_replaced_end_at_the_receiver(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.store.writer.LOOK_SECONDS", 0.02)
    way = FaultyWay("", lambda _: 204, lambda _: None)
    config = ForwardConfig(url=way.url, samples_per_second=10_000_000)
    sender = Forwarder(config, store, Receiver(config))
    first = a_minute() - 3_600
    store.sample(first, {labels(1): 1.0, labels(2): 2.0})
    settled(lambda: store.health().queued == 0)
    assert await sender._turn()
    # The new file has no series 1, and what was sent last came from the old one.
    (tmp_path / "h").rename(tmp_path / "moved")
    settled(lambda: store.health().lost == 1)
    store.sample(first + GRID_SECONDS, {labels(2): 3.0})
    settled(lambda: store.health().queued == 0)
    assert await sender._turn()
    assert sender.health().sent == 4  # with the mark that series 1 has ended
    sender._samples.close()
    await sender._receiver.close()
    await asyncio.to_thread(way.close)


async def test_who_reads_keeps_nobody_from_beginning_the_file_anew(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.store.writer.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("probe.store.database.BUSY_SECONDS", 0.05)
    way = FaultyWay("", lambda _: 204, lambda _: None)
    config = ForwardConfig(url=way.url, samples_per_second=10_000_000)
    sender = Forwarder(config, store, Receiver(config))
    first = a_minute() - 3_600
    store.sample(first, {labels(1): 1.0})
    settled(lambda: store.health().queued == 0)
    assert await sender._turn()
    (tmp_path / "h").open("wb").close()
    store.sample(first + GRID_SECONDS, {labels(1): 2.0})
    settled(lambda: store.health().queued == 0 and store.health().trouble is None, 20.0)
    assert await sender._turn()
    sender._samples.close()
    await sender._receiver.close()
    await asyncio.to_thread(way.close)


async def test_it_goes_on_as_the_same_where_the_file_is_read_late(tmp_path: Path) -> None:
    config = StoreConfig(path=str(tmp_path / "h"), batch=Seconds(0.0))
    first = Store.open(config)
    first.save(INSTANCE, b"00aabbccdd")
    first.save(CURSOR, b"41", now=True)
    settled(lambda: first.health().queued == 0)
    # Another process has the file.
    second = Store.open(config)
    assert second.health().trouble == "busy"
    to = ForwardConfig(url="http://127.0.0.1:9/write")
    sender = Forwarder(to, second, Receiver(to))
    assert sender._cursor == 0
    assert first.close(20)
    second.flush()
    settled(lambda: second.health().trouble is None)
    await sender._turn()
    assert (sender._external["instance"], sender._cursor) == ("00aabbccdd", 41)
    assert second.close(20)


async def test_the_file_is_looked_into_when_something_was_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "LOOK_SECONDS", 0.005)
    looks, reads = [], []
    asked, read = Forwarder._may_be_more, Forwarder._read

    def ask(sender: Forwarder) -> bool:
        looks.append(1)
        return asked(sender)

    def count(sender: Forwarder) -> tuple[Frame | None, list[Frame]]:
        reads.append(1)
        return read(sender)

    monkeypatch.setattr(Forwarder, "_may_be_more", ask)
    monkeypatch.setattr(Forwarder, "_read", count)
    way = FaultyWay("", lambda _: 204, lambda _: None)
    config = ForwardConfig(url=way.url, samples_per_second=10_000_000)
    sender = Forwarder(config, store, Receiver(config))
    task = asyncio.create_task(sender.run())
    try:
        while len(looks) < 10 * forwarder.MOST_IDLE_LOOKS:
            await asyncio.sleep(0.01)
        assert 1 < len(reads) <= 12
        monkeypatch.setattr(forwarder, "MOST_IDLE_LOOKS", 1_000_000)
        store.sample(a_minute(), {labels(1): 1.0})
        async with asyncio.timeout(SOON_SECONDS):
            while not sender.health().sent:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(way.close)
