"""What a disk can do to the history: measuring goes on, and what can be saved is."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.store import migrations
from probe.store.history import History
from probe.store.migrations import MIGRATIONS
from probe.store.writer import Store
from tests.store.rounds import stored
from tests.store.test_writer import a_store, keep, wait_for

# More for whoever has the time: KILLS=100 takes a minute or two.
KILLS = int(os.environ.get("KILLS", "8"))


def test_a_damaged_head_is_set_aside_and_a_new_file_begun(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_bytes(b"this is no database, and has been one" * 1_000)
    store = a_store(path)
    keep(store, stored(0))
    wait_for(lambda: store.health().committed_rounds == 1)
    assert store.health().set_aside == 1
    store.close(20)
    (aside,) = tmp_path.glob("h.corrupt-*")
    assert aside.read_bytes().startswith(b"this is no database")
    with History(path) as history:
        assert list(history.rounds()) == [stored(0)]


def test_a_newer_file_is_set_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / "h"
    a_store(path).close(20)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    store = a_store(path)
    keep(store, stored(0))
    assert store.close(20)
    assert len(list(tmp_path.glob("h.newer-*"))) == 1


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "h"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    store = a_store(path)
    keep(store, stored(0))
    wait_for(lambda: store.health().trouble == "foreign")
    store.close(20)
    assert path.read_bytes() == before


def test_a_second_daemon_does_not_write(tmp_path: Path) -> None:
    first, second = a_store(tmp_path / "h"), a_store(tmp_path / "h")
    assert (first.health().trouble, second.health().trouble) == (None, "busy")
    for store in (first, second):
        keep(store, stored(1))
    # What it has in memory could not be written, and it does not say that it was.
    assert second.close(20) is False
    assert first.close(20)


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.write_text("a file where the folder should be")
    store = a_store(folder / "h")
    keep(store, stored(0), stored(1))
    wait_for(lambda: store.health().trouble is not None and store.health().queued == 2)
    folder.unlink()
    assert store.close(20)
    with History(folder / "h") as history:
        assert list(history.rounds()) == [stored(0), stored(1)]


@pytest.mark.parametrize("steps", range(len(MIGRATIONS)))
def test_a_file_of_every_older_schema_is_led_forward(steps: int, tmp_path: Path) -> None:
    path = tmp_path / "h"
    connection = sqlite3.connect(path, isolation_level=None)
    migrations.migrate(connection, MIGRATIONS[:steps])
    if steps:
        connection.execute("INSERT INTO state VALUES ('engine', 1.0, x'6f6c64')")
    connection.close()
    store = a_store(path)
    assert store.load("engine") == (b"old" if steps else None)
    keep(store, stored(0))
    assert store.close(20)
    assert store.health().set_aside == 0
    with History(path) as history:
        assert list(history.rounds()) == [stored(0)]


WRITER = """
import sys
from pathlib import Path
from probe.config.schema import Seconds, StoreConfig
from probe.store.writer import Store
from tests.store.rounds import stored

def acknowledged(ids):
    sys.stdout.write("".join(f"{i}\\n" for i in ids))
    sys.stdout.flush()

store = Store.open(StoreConfig(path=sys.argv[1], batch=Seconds(0.0)), acknowledged=acknowledged)
number = int(sys.argv[2])
while True:
    one = stored(number)
    store.round_finished(one.observed, one.verdict)
    number += 1
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "h", set[str]()
    for turn in range(KILLS):
        out = tmp_path / f"out-{turn}"
        with out.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), str(turn * 100_000)],
                stdout=told,
                cwd=Path(__file__).parent.parent.parent,
            )
        until = time.monotonic() + 60.0
        while not out.stat().st_size:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(random.uniform(0.0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
        acknowledged |= {line for line in out.read_text().splitlines() if len(line) == 32}
    assert len(acknowledged) > KILLS
    with History(path) as history:
        assert acknowledged <= {r.observed.id for r in history.rounds()}
        assert history.unreadable == 0
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_damaged_verdict_costs_that_one_and_stops_nothing(tmp_path: Path) -> None:
    """SQLite has no checksums: what it gives may be any bytes."""
    path = tmp_path / "h"
    store = a_store(path)
    keep(store, stored(0))
    assert store.close(20)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE spans SET last = substr(last, 1, length(last) / 2)")
    connection.close()
    with History(path) as history:
        assert list(history.verdict_spans()) == []
    again = a_store(path)
    keep(again, stored(1))
    wait_for(lambda: again.health().committed_rounds == 1)
    assert again.health().trouble is None
    assert again.close(20)
    with History(path) as history:
        assert list(history.rounds()) == [stored(0), stored(1)]
        assert len(list(history.verdict_spans())) == 1


def test_what_was_kept_is_not_lost_when_the_file_is_read_late(tmp_path: Path) -> None:
    """Another process holds the file at the start: weeks were kept, against minutes since."""
    path = tmp_path / "h"
    first = a_store(path)
    first.save("used", b"2700")
    first.save("learnt", b"weeks")
    first.save("other", b"old", now=True)
    wait_for(lambda: not first.health().queued)
    second = Store.open(StoreConfig(path=str(path), batch=Seconds(0.0)))
    assert second.health().trouble == "busy"
    second.save("used", b"3")
    second.save("learnt", b"minutes")
    second.save("new", b"new", now=True)
    assert first.close(20)
    keep(second, stored(0))
    wait_for(lambda: second.health().committed_rounds == 1)
    assert second.load("used") == second.take("used") == b"2700"
    assert second.take("used") is None
    assert second.take("other") == b"old"
    second.save("used", b"2703")
    assert second.close(20)
    with History(path) as history:
        kept = {key: history.load(key) for key in ("used", "learnt", "other", "new")}
    assert kept == {"used": b"2703", "learnt": b"weeks", "other": b"old", "new": b"new"}


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_told(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", no_locks)
        store = a_store(tmp_path / "h")
        keep(store, stored(0))
        wait_for(lambda: store.health().trouble == "no_locks")
        assert "its file system has no locks" in caplog.text
    # It is another disk now.
    wait_for(lambda: store.health().committed_rounds == 1)
    assert store.health().trouble is None
    store.close(20)
