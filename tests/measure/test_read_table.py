"""The table by which a connection is read: whole, without dead ends, and what the machine does."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.loopback.servers import connection
from probe.measure.connection.arrivals import Arrivals
from probe.measure.connection.read_table import (
    ROWS,
    TABLE,
    Action,
    ReadEvent,
    ReadGuard,
    ReadRow,
    ReadState,
)
from probe.measure.connection.reader import Reader, methods
from probe.measure.connection.wire import WireStream

LISTENING = {ReadState.IDLE, ReadState.WAITING, ReadState.GATHERING}
AWAITED = {ReadState.WAITING, ReadState.GATHERING}
# The loop is not listening, or no time runs, or what was taken is told at once.
IMPOSSIBLE = {
    (ReadState.DEAF, ReadEvent.READABLE),
    (ReadState.DEAF, ReadEvent.TIME),
    (ReadState.IDLE, ReadEvent.TIME),
    (ReadState.WAITING, ReadEvent.TIME),
    (ReadState.CLOSED, ReadEvent.READABLE),
    (ReadState.CLOSED, ReadEvent.TIME),
    (ReadState.CLOSED, ReadEvent.TOOK),
    (ReadState.CLOSED, ReadEvent.NOTHING),
    # One reader at a time.
    (ReadState.WAITING, ReadEvent.ASKED),
    (ReadState.GATHERING, ReadEvent.ASKED),
}


def test_every_event_is_thought_of_in_every_state() -> None:
    every = {(state, event) for state in ReadState for event in ReadEvent}
    assert every - set(TABLE) == IMPOSSIBLE
    assert sum(map(len, TABLE.values())) == len(ROWS), "a row that is never looked at"


@pytest.mark.parametrize("of", TABLE, ids=" ".join)
def test_one_row_always_holds_and_it_is_the_last(of: tuple[ReadState, ReadEvent]) -> None:
    guards = [row.guard for row in TABLE[of]]
    assert guards.index(ReadGuard.ALWAYS) == len(guards) - 1
    assert len(set(guards)) == len(guards)


def test_every_word_of_the_table_is_used_and_is_a_method_of_the_machine() -> None:
    assert {row.guard for row in ROWS} == set(ReadGuard)
    assert {action for row in ROWS for action in row.actions} == set(Action)
    for word in (*set(ReadGuard) - {ReadGuard.ALWAYS}, *Action):
        assert callable(getattr(Reader, word))


def test_every_state_is_reached_and_only_the_closed_one_is_an_end() -> None:
    leads = {state: {row.then for row in ROWS if row.state is state} for state in ReadState}
    reached, ahead = {ReadState.DEAF}, {ReadState.DEAF}
    while ahead:
        ahead = {to for state in ahead for to in leads[state]} - reached
        reached |= ahead
    assert reached == set(ReadState)
    assert [state for state in ReadState if leads[state] == {state}] == [ReadState.CLOSED]
    for state in ReadState:
        assert all(row.then is ReadState.CLOSED for row in TABLE[state, ReadEvent.CLOSE])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.state} {row.event} {row.guard}")
def test_what_each_row_must_do(row: ReadRow) -> None:
    done = set(row.actions)
    # Listening begins and ends with the states that listen.
    assert (Action.LISTEN in done) is (row.state not in LISTENING and row.then in LISTENING)
    assert (Action.BE_DEAF in done) is (row.state in LISTENING and row.then not in LISTENING)
    # Whoever waits is told, or left, or had gone: nobody waits for ever.
    assert (Action.WAIT in done) is (row.state not in AWAITED and row.then in AWAITED)
    if row.state in AWAITED and row.then not in AWAITED:
        assert done & {Action.WAKE, Action.END_WAIT} or row.guard is ReadGuard.GONE
    # Time runs while bytes gather, and never else.
    assert (Action.GATHER in done) is (
        row.state is not ReadState.GATHERING and row.then is ReadState.GATHERING
    )
    if row.state is ReadState.GATHERING and row.then is not ReadState.GATHERING:
        assert done & {Action.WAKE, Action.END_WAIT}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.state} {row.event} {row.guard}")
async def test_the_machine_goes_by_the_table(row: ReadRow, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for guard in set(ReadGuard) - {ReadGuard.ALWAYS}:
        monkeypatch.setattr(Reader, guard, lambda self, guard=guard: guard is row.guard)
    for action in Action:
        monkeypatch.setattr(Reader, action, lambda self, action=action: done.append(action))
    monkeypatch.setattr("probe.measure.connection.reader._DO", methods(Reader))
    with socket.socket() as sock:
        reader = Reader(sock, Arrivals(sock, 0), 1)
        reader.state = row.state
        reader._on(row.event)
    assert done == list(row.actions)
    assert reader.state is row.then


def test_the_document_shows_it() -> None:
    shown = "| state | event | if | do | then |\n| --- | --- | --- | --- | --- |\n" + "".join(
        f"| {row.state} | {row.event} | {'' if row.guard is ReadGuard.ALWAYS else row.guard} | "
        f"{', '.join(row.actions)} | {row.then} |\n"
        for row in ROWS
    )
    assert shown in (Path(__file__).parents[2] / "docs" / "wire.md").read_text()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 5_000)),
        st.tuples(st.just("read"), st.integers(1, 20_000)),
        st.tuples(st.just("give up"), st.integers(0, 2)),
        st.tuples(st.just("gather"), st.integers(0, 30_000)),
        st.tuples(st.just("turn"), st.integers(1, 3)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_happens_no_byte_is_lost_or_out_of_order(steps: list[tuple[str, int]]) -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        near, far = connection()
        wire = WireStream(near, opened_ns=0)
        sent, got = bytearray(), bytearray()
        with far:
            for what, size in steps:
                if what == "send":
                    data = bytes((len(sent) + i) % 251 for i in range(size))
                    far.sendall(data)
                    sent += data
                elif what == "read" and len(got) < len(sent):
                    wire.piece = size
                    got += await asyncio.wait_for(wire.receive(), 5.0)
                elif what == "give up":
                    reading = asyncio.ensure_future(wire.receive())
                    for _ in range(size):
                        await asyncio.sleep(0)
                    reading.cancel()
                    outcome = await asyncio.gather(reading, return_exceptions=True)
                    if isinstance(outcome[0], bytes):
                        got += outcome[0]
                elif what == "gather":
                    wire.gather(size)
                else:
                    for _ in range(size):
                        await asyncio.sleep(0)
            far.shutdown(socket.SHUT_WR)
            while data := await asyncio.wait_for(wire.receive(), 5.0):
                got += data
            assert got == sent
            assert [a.received for a in wire.arrivals] == sorted(a.received for a in wire.arrivals)
            assert wire.received == len(sent)
            number = near.fileno()
            wire.close()
            assert not loop.remove_reader(number), "the loop listens to what is closed"

    asyncio.run(play())


async def test_whoever_waits_when_the_connection_is_closed_is_told() -> None:
    near, far = connection()
    wire = WireStream(near, opened_ns=0)
    with far:
        reading = asyncio.ensure_future(wire.receive())
        await asyncio.sleep(0)
        wire.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            await reading
        with pytest.raises(OSError, match="Bad file descriptor"):
            await wire.receive()
