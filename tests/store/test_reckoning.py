"""Whatever the wall clock says, nothing is forgotten before its time, and all of it in the end."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.model.verdict import State
from probe.store import migrations
from probe.store.database import open_writer
from probe.store.history import History
from probe.store.reckoning import Mark, Reckoning
from probe.store.retention import MARGIN_SECONDS, prune
from probe.store.writer import PRUNE_SECONDS, Store
from tests.store.rounds import START, stored
from tests.store.test_writer import keep, wait_for

HOUR, DAY, YEAR = 3_600.0, 86_400.0, 365.25 * 86_400.0
SPACING = 1_200.0
CONFIG = StoreConfig(
    full_detail=Seconds(1 * DAY), keep=Seconds(3 * DAY), keep_incidents=Seconds(6 * DAY)
)


class World:
    """A daemon that measures every twenty minutes, and forgets now and then. ``true`` time goes by
    honestly; the wall clock is ``ahead`` of it by whatever somebody set."""

    def __init__(self, path: Path) -> None:
        self.connection = open_writer(path)
        self.true, self.ahead, self.boot = START, 0.0, START
        self.reckoning = Reckoning()
        # Of every round: when it truly was, and whether its platform was blocked then.
        self.made: dict[int, tuple[float, bool]] = {}
        self.idle = 0.0
        # What is tried is not the disk.
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute("INSERT INTO slots VALUES (1, 'home', 'x')")

    def measure(self, hours: int, *, blocked: bool) -> None:
        self.connection.execute("BEGIN")
        for _ in range(int(hours * HOUR / SPACING)):
            self.true += SPACING
            wall = self.true + self.ahead
            reckoned = self.reckoning.round(wall, self.true - self.boot)
            number = len(self.made) + 1
            state = "blocked" if blocked else "ok"
            kind = "light" if number % 3 else "transfer"
            self.connection.execute(
                "INSERT INTO rounds (id, at, slot, kind, state, reckoned) "
                "VALUES (?, ?, 1, ?, ?, ?)",
                (number, wall, kind, state, reckoned),
            )
            self.connection.execute(
                "INSERT INTO spans VALUES (?, 1, ?, '', '', '', ?, ?, 1, '', '', ?, ?)",
                (number, state, wall, wall, reckoned, reckoned),
            )
            self.made[number] = (self.true, blocked)
        self.connection.execute("COMMIT")

    def restart(self, off: float) -> None:
        self.true += off
        self.idle += off
        self.boot = self.true
        newest = self.connection.execute(
            "SELECT at, reckoned FROM rounds ORDER BY id DESC LIMIT 1"
        ).fetchone()
        self.reckoning = Reckoning()
        if newest:
            self.reckoning.resume(Mark(wall=newest[0], monotonic=None, at=newest[1]))

    def forget(self) -> None:
        now = self.reckoning.now(self.true - self.boot)
        prune(self.connection, CONFIG, now=now, forwarded=0, keep_samples_seconds=DAY)

    def left(self) -> list[int]:
        return [n for (n,) in self.connection.execute("SELECT id FROM rounds ORDER BY id")]

    def lost(self) -> list[str]:
        """What a daemon with a right clock would have kept, and this one has not."""
        left = set(self.left())
        blocked = [at for at, is_blocked in self.made.values() if is_blocked]
        found = []
        for number, (at, _) in self.made.items():
            age = self.true - at
            evidence = any(abs(at - b) < MARGIN_SECONDS for b in blocked)
            young = age < CONFIG.full_detail or (evidence and age < CONFIG.keep_incidents)
            if young and number not in left:
                found.append(f"round {number}, {age / HOUR:.1f} hours old")
            some = any(number + n in left for n in range(-6, 7))
            if age < CONFIG.keep - 2 * HOUR and not some:
                found.append(f"no round within two hours of {number}, {age / HOUR:.1f} hours old")
        return found


@contextmanager
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        a_world = World(Path(folder) / "h")
        try:
            yield a_world
        finally:
            a_world.connection.close()


JUMPS = st.one_of(
    st.floats(-40 * YEAR, 40 * YEAR),
    st.floats(-2 * DAY, 2 * DAY),
    st.sampled_from([-YEAR, 2 * YEAR, 6 * YEAR, 300 * YEAR, -START, DAY, -HOUR, 1.0]),
    st.just(0.0),
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("calm"), st.integers(1, 40)),
        st.tuples(st.just("blocked"), st.integers(1, 5)),
        st.tuples(st.just("clock"), JUMPS),
        st.tuples(st.just("restart"), st.sampled_from([0.0, 60.0, 2 * HOUR, 3 * DAY])),
    ),
    min_size=1,
    max_size=12,
)


def play(of: World, what: str, amount: float) -> None:
    if what == "clock":
        of.ahead = amount
    elif what == "restart":
        of.restart(amount)
    else:
        of.measure(int(amount), blocked=what == "blocked")


@settings(max_examples=40)
@given(EVENTS)
def test_nothing_is_lost_that_honest_time_would_have_kept(
    events: list[tuple[str, float]],
) -> None:
    with world() as of:
        for what, amount in events:
            play(of, what, amount)
            of.forget()
            assert of.lost() == []


@settings(max_examples=15)
@given(EVENTS)
def test_when_the_clock_is_right_again_forgetting_goes_on(events: list[tuple[str, float]]) -> None:
    with world() as of:
        for what, amount in events:
            play(of, what, amount)
            of.forget()
        of.ahead = 0.0
        before = len(of.made)
        for _ in range(7):
            of.measure(24, blocked=False)
            of.forget()
        left = of.left()
        assert [n for n in left if n <= before] == []
        # A day whole, and of two days one an hour.
        assert len(left) <= 24 * 3 + 2 * 24 + 5


def test_while_the_daemon_was_off_time_does_not_count() -> None:
    """It cannot be told from a clock that was set, so what is kept is kept longer."""
    with world() as of:
        of.measure(10, blocked=False)
        of.restart(30 * DAY)
        of.measure(10, blocked=False)
        of.forget()
        assert len(of.left()) == len(of.made)


def test_rounds_of_one_moment_on_several_lines_count_once() -> None:
    reckoning, draw = Reckoning(), Random(1)
    for n in range(1_000):
        # Noted at their end, some minutes after their start, and in no order.
        reckoning.round(START + 300.0 * n + draw.uniform(-200.0, 0.0), 300.0 * n)
    assert abs(reckoning.now(300_000.0) - START - 300_000.0) < 1_000.0


@pytest.mark.parametrize("ahead", [2 * YEAR, -10 * YEAR, 30.0])
def test_what_waited_for_the_file_is_put_in_its_place(ahead: float) -> None:
    """The file could not be read at first: what was measured follows what it has."""
    reckoning = Reckoning()
    first = reckoning.round(START + ahead, 100.0)
    second = reckoning.round(START + ahead + 300.0, 400.0)
    moved = reckoning.resume(Mark(wall=START, monotonic=None, at=5_000.0))
    assert 5_000.0 <= first + moved <= 5_030.0
    assert second - first == 300.0
    assert reckoning.now(500.0) == second + moved + 100.0


def test_a_file_of_an_older_version_is_put_on_the_clock(tmp_path: Path) -> None:
    """By the times from one round to the next; where they leap, the clock was set."""
    connection = sqlite3.connect(tmp_path / "h", isolation_level=None)
    migrations.migrate(connection, migrations.MIGRATIONS[:4])
    walls = [0.0, 300.0, 290.0, 600.0, 600.0 + 2 * YEAR, 900.0 + 2 * YEAR, 1_200.0, 1_500.0]
    for n, wall in enumerate(walls, 1):
        connection.execute("INSERT INTO rounds VALUES (?, ?, 1, 'light', 'ok')", (n, START + wall))
    migrations.migrate(connection)
    found = connection.execute("SELECT reckoned FROM rounds ORDER BY id").fetchall()
    connection.close()
    assert [at - START for (at,) in found] == [0, 300, 290, 600, 600, 900, 900, 1_200]


def count(path: Path) -> int:
    with History(path) as history:
        return len(list(history.rounds()))


def test_the_store_forgets_nothing_while_its_clock_is_ahead(tmp_path: Path) -> None:
    path, config = tmp_path / "h", StoreConfig(path="", batch=Seconds(1.0))
    wall, mono = [START], [0.0]

    def opened() -> Store:
        store = Store(path, config, wall=lambda: wall[0], monotonic=lambda: mono[0])
        store.start()
        return store

    def pass_of(store: Store, number: int, after: float = PRUNE_SECONDS) -> None:
        wait_for(lambda: store.health().queued == 0)
        mono[0] += after
        keep(store, stored(number, at=wall[0]))
        store.flush()
        wait_for(lambda: store._prune_at > mono[0] and store.health().queued == 0)
        # The next commit comes after the pass.
        store.save("pass", str(number).encode(), now=True)
        wait_for(lambda: not store._unsaved_state)

    store = opened()
    rounds = [stored(n, state=State.THROTTLED if 100 <= n < 110 else State.OK) for n in range(200)]
    keep(store, *rounds)
    for number, years in enumerate((0, 2, 6, -30)):
        wall[0] = START + 3 * DAY + years * YEAR
        pass_of(store, 1_000 + number)
        assert count(path) == 201 + number
    assert store.close(20)
    wall[0], mono[0] = START + 5 * YEAR, 0.0
    store = opened()
    pass_of(store, 1_004)
    assert count(path) == 205
    # The clock is right again, and an honest month goes by.
    wall[0] = START + 40 * DAY
    pass_of(store, 1_005, after=40 * DAY)
    assert 80 < count(path) < 150
    assert store.close(20)
