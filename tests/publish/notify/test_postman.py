"""What waits for receivers: bounded, together, again and again, and nobody waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.schema import NotifyReceiver
from probe.publish.notify.delivery import Delivered
from probe.publish.notify.mailbag import MOST_WAITING, Letter, Mailbag
from probe.publish.notify.notices import Notice
from probe.publish.notify.postman import Postman
from tests.again import SOON_SECONDS

A, B = (NotifyReceiver(name=name, url_file=name, hosts=("h.example",)) for name in "ab")


def notices(count: int, first: int = 0) -> tuple[Notice, ...]:
    return tuple(
        Notice(at=1_700_000_000.0 + i, title=f"title {i}.", text=f"text {i}.")
        for i in range(first, first + count)
    )


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(0, 19))
def test_the_newest_wait_and_all_others_are_counted(counts: list[int], sent_after: int) -> None:
    bag, total, sent = Mailbag(), 0, Mailbag()
    for step, count in enumerate(counts):
        bag = bag.with_more(notices(count, total))
        total += count
        if step == sent_after:
            sent = bag
    assert len(bag.waiting) <= MOST_WAITING
    assert bag.waiting == notices(total)[-len(bag.waiting) :] if bag.waiting else total == 0
    assert bag.left_out + len(bag.waiting) == total
    left = bag.without(sent)
    assert not set(left.waiting) & set(sent.waiting)
    assert set(left.waiting) | set(sent.waiting) >= set(bag.waiting)
    letter = bag.letter()
    assert (letter is None) == (total == 0)
    if letter is not None:
        assert all(one.text in letter.body for one in bag.waiting)
        assert ("left out" in letter.body) == bool(bag.left_out)


def test_one_alone_is_its_own_letter() -> None:
    (one,) = notices(1)
    letter = Mailbag(waiting=(one,)).letter()
    assert letter == Letter(title="title 0.", body="text 0.\n\n(2023-11-14 22:13 UTC)")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not holds():
            await asyncio.sleep(0.005)


async def test_what_is_refused_is_tried_again_and_others_get_theirs() -> None:
    got: list[tuple[str, str]] = []
    fails = {"a": 3}

    async def deliver(receiver: NotifyReceiver, letter: Letter) -> Delivered:
        if fails.get(receiver.name, 0):
            fails[receiver.name] -= 1
            return Delivered.FAILED
        got.append((receiver.name, letter.title))
        return Delivered.WELL

    kept: list[int] = []
    postman = Postman(lambda: kept.append(1), deliver=deliver, again_seconds=0.01)
    postman.start((A, B), 0.0)
    postman.post(notices(1))
    await until(lambda: len(got) == 2)
    assert got == [("b", "title 0."), ("a", "title 0.")]
    assert kept == [1, 1]
    assert not any(bag.waiting for bag in postman.bags.values())
    await postman.stop()


async def test_what_comes_together_is_one_letter_and_nothing_is_sent_twice() -> None:
    got: list[str] = []

    async def deliver(_: NotifyReceiver, letter: Letter) -> Delivered:
        if not got:
            # Something more happens while the first is under way.
            postman.post(notices(1, 5))
        got.append(letter.body)
        return Delivered.WELL

    postman = Postman(lambda: None, deliver=deliver)
    postman.start((A,), 0.0)
    postman.post(notices(3))
    await until(lambda: len(got) == 2)
    assert [body.count("text") for body in got] == [3, 1]
    await postman.stop()


async def test_what_was_not_delivered_waits_over_a_stop_and_another_configuration() -> None:
    got: list[str] = []

    async def deliver(receiver: NotifyReceiver, letter: Letter) -> Delivered:
        if receiver.hosts == ("h.example",):
            raise OSError("no process can be started")
        got.append(letter.title)
        return Delivered.WELL

    first = Postman(lambda: None, deliver=deliver)
    first.start((A, B), 0.0)
    first.post(notices(1))
    await asyncio.sleep(0.02)
    await first.stop()
    second = Postman(lambda: None, deliver=deliver)
    second.start((A,), 0.0)
    second.post(notices(1, 1))
    second.take_up(first.bags)
    moved = NotifyReceiver(name="a", url_file="a", hosts=("other.example",))
    second.start((moved,), 0.0)
    await until(lambda: len(got) == 1)
    assert got == ["title 1., and 1 more"]
    assert list(second.bags) == ["a"]
    await second.stop()


async def test_who_is_away_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    async def deliver(_: NotifyReceiver, __: Letter) -> Delivered:
        nonlocal tries
        tries += 1
        return Delivered.FAILED if tries < 5 else Delivered.WELL

    caplog.set_level("INFO")
    postman = Postman(lambda: None, deliver=deliver, again_seconds=0.002)
    postman.start((A,), 0.0)
    postman.post(notices(1))
    await until(lambda: not postman.bags["a"].waiting)
    await postman.stop()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["a notification is not delivered yet", "notifications are delivered again"]
