"""No restart and no second process asks a host more often than one process may."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.schema import StoreConfig
from probe.schedule.host_budget import (
    BURST,
    LEGS_PER_HOUR,
    Asked,
    HostBudget,
    KeptBucket,
    after_asking,
)
from probe.store.shared import Shared, SharedBudget

WALL = 1_800_000_000.0
HOST = ("home", "x.test")


def process(path: Path, wall: float = WALL) -> tuple[HostBudget, SharedBudget]:
    """A process that has just been started."""
    budget = HostBudget()
    shared = SharedBudget(path, budget, wall=lambda: wall)
    shared.tell({})
    return budget, shared


def take_all(budget: HostBudget, most: int = 100) -> int:
    now = time.monotonic()
    return sum(budget.take(*HOST, now) for _ in range(most))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite3.asked"


def test_a_new_process_has_what_the_last_one_left(path: Path) -> None:
    budget, shared = process(path)
    assert take_all(budget, 20) == 20
    shared.tell({})
    budget, shared = process(path)
    assert take_all(budget) == BURST - 20
    shared.tell({})
    assert take_all(process(path)[0]) == 0
    later = process(path, WALL + 600.0)[0]
    assert take_all(later) == 600 * LEGS_PER_HOUR / 3_600


def test_processes_side_by_side_share_one_budget(path: Path) -> None:
    (first, one), (second, two) = process(path), process(path)
    assert (take_all(first, 10), take_all(second, 12)) == (10, 12)
    one.tell({})
    two.tell({})
    assert take_all(second) == BURST - 22
    two.tell({})
    one.tell({})
    assert take_all(first) == 0


def test_what_could_not_be_told_is_told_later(path: Path) -> None:
    budget, shared = process(path)
    take_all(budget, 9)
    shared.not_said(shared.say())
    shared.tell({})
    shared.tell({})
    assert take_all(process(path)[0]) == BURST - 9
    assert take_all(budget) == BURST - 9


def test_a_host_that_asked_to_be_left_alone_is_left_alone_by_the_next_process(path: Path) -> None:
    budget, shared = process(path)
    now = time.monotonic()
    budget.close(*HOST, now, now + 3_600.0)
    shared.tell({})
    assert take_all(process(path, WALL + 3_500.0)[0]) == 0
    # Nothing else was asked for, and nothing is left to keep.
    assert take_all(process(path, WALL + 3_700.0)[0]) == BURST


@pytest.mark.parametrize("wall", [0.0, WALL - 40_000_000.0])
def test_a_clock_that_was_set_back_or_is_not_set_gives_nothing_away(
    path: Path, wall: float
) -> None:
    budget, shared = process(path)
    take_all(budget)
    now = time.monotonic()
    budget.close("home", "y.test", now, now + 3_600.0)
    shared.tell({})
    budget, _ = process(path, wall)
    assert take_all(budget) == 0
    assert not budget.take("home", "y.test", time.monotonic() + 3_500.0)
    assert budget.take("home", "y.test", time.monotonic() + 7_300.0)


@pytest.mark.parametrize("call", ["posix_fallocate", "pwrite", "ftruncate"])
@pytest.mark.parametrize("grows", [True, False])
def test_who_is_killed_while_it_writes_leaves_one_of_both_states(
    path: Path, call: str, grows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget, shared = process(path)
    take_all(budget, 9)
    shared.tell({})
    later, other = process(path, WALL + 1.0)
    take_all(later, 2)
    if grows:
        for number in range(30):
            later.take("home", f"{number}.test", time.monotonic())
    else:
        path.write_bytes(path.read_bytes() + b" " * 2_000)
    real = getattr(os, call)

    def killed(*arguments: object) -> None:
        # What the kernel was asked for it does; the process does no more.
        real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, call, killed)
        with pytest.raises(KeyboardInterrupt):
            other.tell({})
    assert take_all(process(path, WALL + 1.0)[0]) <= BURST - 9 + 1


def test_without_room_what_was_there_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budget, shared = process(path)
    take_all(budget, 9)
    shared.tell({})
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    take_all(budget, 3)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match="No space"):
            shared.tell({})
    assert path.read_bytes() == before
    shared.tell({})
    assert take_all(process(path)[0]) == BURST - 12


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[]", b'{"buckets": 1}', b"null", b"[" * 99_999]
)
def test_a_damaged_file_is_begun_anew(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    budget, shared = process(path)
    assert take_all(budget) == BURST
    shared.tell({})
    assert json.loads(path.read_bytes())["buckets"][0]["tokens"] == 0.0


def test_whatever_is_in_the_file_a_host_is_asked_again_within_a_day_or_two(path: Path) -> None:
    path.write_text(
        '{"buckets": [{"vantage": "home", "host": "x.test", "tokens": -1e300, '
        '"closed_seconds": 1e300, "wall": 1e18}], "spent": {}}'
    )
    budget, _ = process(path)
    assert take_all(budget) == 0
    assert budget.take(*HOST, time.monotonic() + 1.1 * 86_400.0)


def test_the_daemon_counts_what_commands_have_spent_once(path: Path) -> None:
    process(path)[1].tell({"home": 1_000})
    process(path)[1].tell({"home": 500, "abroad": 7})
    budget = HostBudget()
    daemon = SharedBudget(path, budget, wall=lambda: WALL)
    heard = daemon.exchange({}).spent
    assert {vantage: account.used for vantage, account in heard.items()} == {
        "home": 1_500,
        "abroad": 7,
    }
    assert daemon.exchange({}).spent == {}


def test_what_was_spent_long_ago_is_not_counted(path: Path) -> None:
    process(path)[1].tell({"home": 1_000})
    daemon = SharedBudget(path, HostBudget(), wall=lambda: WALL + 40 * 86_400.0)
    assert daemon.exchange({}).spent["home"].used == 0


def test_it_is_private_and_not_followed_elsewhere(path: Path, tmp_path: Path) -> None:
    process(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        process(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_stopped_process_with_the_lock_stops_nobody(path: Path) -> None:
    budget, shared = process(path)
    take_all(budget, 5)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); "
            "print('held', flush=True); sys.stdin.read()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError):
            shared.tell({})
    finally:
        holder.communicate(b"")
    shared.tell({})
    assert take_all(process(path)[0]) == BURST - 5


def test_without_a_history_nothing_is_kept(tmp_path: Path) -> None:
    shared = SharedBudget.of_command(StoreConfig(path=None), HostBudget())
    shared.tell({"home": 1_000})
    assert shared.exchange({}) == Shared()
    assert list(tmp_path.iterdir()) == []


def test_a_command_looks_where_the_daemon_writes(tmp_path: Path) -> None:
    config = StoreConfig(path=str(tmp_path / "deep" / "mine.db"))
    daemon, command = HostBudget(), HostBudget()
    take_all(daemon, 11)
    of_daemon = SharedBudget.of_daemon(config, daemon)
    of_daemon.exchange(of_daemon.say())
    SharedBudget.of_command(config, command).tell({})
    assert take_all(command) == BURST - 11
    assert [f.name for f in (tmp_path / "deep").iterdir()] == ["mine.db.asked"]


@given(
    st.lists(
        st.tuples(st.floats(0.0, 3_000.0), st.integers(0, 40), st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_no_hour_has_more_whoever_asks(lives: list[tuple[float, int, bool]]) -> None:
    """Processes that come one after the other, each of which has told what it asked."""
    kept: tuple[KeptBucket, ...] = ()
    wall, made = WALL, []
    budget, offset = HostBudget(), 0.0
    for gap, wanted, restarts in lives:
        wall += gap
        if restarts:
            # Another process has another monotonic clock.
            budget, offset = HostBudget(), offset + 12_345.0
        kept = after_asking(kept, {}, wall=wall)
        budget.heard(kept, wall - offset)
        taken = sum(budget.take(*HOST, wall - offset) for _ in range(wanted))
        made += [wall] * taken
        kept = after_asking(kept, budget.untold(wall - offset), wall=wall)
    for start in made:
        in_hour = sum(start <= at < start + 3_600.0 for at in made)
        assert in_hour <= BURST + LEGS_PER_HOUR


def test_full_buckets_are_not_kept() -> None:
    kept = after_asking((), {HOST: Asked(legs=3)}, wall=WALL)
    assert [one.tokens for one in kept] == [BURST - 3]
    assert after_asking(kept, {}, wall=WALL + 3_600.0) == ()


@pytest.mark.parametrize("kind", ["hard link", "pipe"])
def test_only_a_file_of_its_own_is_written_to(path: Path, tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    precious.chmod(0o644)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.hardlink_to(precious)
    with pytest.raises(OSError, match="no regular file"):
        SharedBudget(path, HostBudget()).tell({})
    assert precious.read_text() == "mine"
