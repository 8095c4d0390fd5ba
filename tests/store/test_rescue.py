"""What the history does not take until the daemon is stopped goes to a file of its own."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from probe.commands.wipe import stored_files
from probe.store import files
from probe.store.history import History
from tests.store.rounds import stored
from tests.store.test_writer import a_store, keep, wait_for

ROUNDS = [stored(number) for number in range(5)]


def folder(path: Path) -> None:
    path.mkdir(parents=True)


def pipe(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)


def others(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.commit()
    connection.close()


def no_folder(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")


HELD: dict[str, tuple[Callable[[Path], None], str, bool]] = {
    # What has the name, what is said of it, and whether anything can be written beside it.
    "a folder": (folder, "foreign", True),
    "a pipe": (pipe, "foreign", True),
    "another program's database": (others, "foreign", True),
    "a file instead of its folder": (no_folder, "io", False),
}


def rescued(where: Path) -> Path:
    (found,) = where.glob("*.rescued-*")
    return found


def has_all(file: Path) -> bool:
    with History(file) as history:
        assert history.load("learnt") == b"minutes"
        assert sum(span.rounds for span in history.verdict_spans()) == len(ROUNDS)
        return list(history.rounds()) == ROUNDS


def kind(file: Path) -> tuple[int, int, bytes]:
    found = file.lstat()
    return found.st_mode, found.st_ino, file.read_bytes() if file.is_file() else b""


@pytest.mark.parametrize("name", HELD)
def test_what_waits_when_it_is_stopped_is_kept_beside_it(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make, trouble, beside = HELD[name]
    path = tmp_path / "here" / "h"
    make(path)
    before = {one: kind(one) for one in tmp_path.rglob("*")}
    store = a_store(path)
    keep(store, *ROUNDS)
    store.save("learnt", b"minutes")
    wait_for(lambda: store.health().queued == len(ROUNDS))
    wait_for(lambda: store.health().trouble == trouble)
    with caplog.at_level(logging.ERROR):
        assert store.close(20), "nothing was lost"
    where = path.parent if beside else Path(os.environ["STATE_DIRECTORY"])
    file = rescued(where)
    assert file.stat().st_mode & 0o777 == 0o600
    assert has_all(file)
    (said,) = [one.getMessage() for one in caplog.records if "own" in one.getMessage()]
    assert "5 records" in said
    assert file.name.endswith(said.partition("ends in ")[2].partition(";")[0])
    assert ("beside it" if beside else "auto") in said
    assert str(tmp_path) not in said
    # What had the name is as it was, and nothing else was left, but for the lock beside it.
    ours = {file, files.lock_of(path)}
    assert {one: kind(one) for one in tmp_path.rglob("*") if one not in ours} == before
    assert file in stored_files([] if beside else [where], [path] if beside else []).files


def test_the_next_start_leaves_it_and_it_can_take_the_historys_place(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.mkdir()
    for _ in range(2):
        store = a_store(path)
        keep(store, *ROUNDS)
        store.save("learnt", b"minutes")
        assert store.close(20)
    first, second = sorted(tmp_path.glob("h.rescued-*"))
    assert has_all(first)
    assert has_all(second), "each stop has a file of its own"
    path.rmdir()
    before = first.read_bytes()
    store = a_store(path)
    assert store.load("learnt") is None
    keep(store, stored(7))
    assert store.close(20)
    assert first.read_bytes() == before
    with History(path) as history:
        assert list(history.rounds()) == [stored(7)]
    for file in files.companions(path):
        file.unlink(missing_ok=True)
    second.replace(path)
    store = a_store(path)
    assert store.load("learnt") == b"minutes"
    keep(store, stored(8))
    assert store.close(20)
    with History(path) as history:
        assert list(history.rounds()) == [*ROUNDS, stored(8)]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_where_there_are_no_locks(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    store = a_store(tmp_path / "h")
    keep(store, *ROUNDS)
    store.save("learnt", b"minutes")
    assert store.close(20)
    assert has_all(rescued(tmp_path))


def test_a_program_that_holds_the_file_is_not_waited_for_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a daemon takes seconds."""
    monkeypatch.setattr("probe.store.database.BUSY_SECONDS", 600.0)
    path = tmp_path / "h"
    first, *others = ROUNDS
    store = a_store(path, batch=3_600.0)
    keep(store, first)
    wait_for(lambda: store.health().committed_rounds == 1)
    keep(store, *others)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    assert store.close(60)
    other.close()
    for file, rounds in ((path, [first]), (rescued(tmp_path), others)):
        with History(file) as history:
            assert list(history.rounds()) == rounds


def test_what_is_damaged_just_before_the_end_is_set_aside_and_a_new_one_has_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "h"
    store = a_store(path, batch=3_600.0)
    first, *others = ROUNDS
    keep(store, first)
    wait_for(lambda: store.health().committed_rounds == 1)
    keep(store, *others)
    # It looks whole, and only what is written finds that it is not.
    other = sqlite3.connect(path)
    other.execute("DROP TABLE bodies")
    other.close()
    assert store.close(20)
    assert list(tmp_path.glob("h.corrupt-*"))
    assert not list(tmp_path.glob("h.rescued-*"))
    with History(path) as history:
        assert list(history.rounds()) == others


def test_a_rescue_that_fails_leaves_nothing_and_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, here for SQLite's pages."""
    path = tmp_path / "h"
    path.mkdir()

    def full(_: Path) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("probe.store.rescue.open_new", full)
    with ExitStack() as stack:
        store = a_store(path)
        stack.callback(store.close, 20)
        keep(store, *ROUNDS)
        wait_for(lambda: store.health().queued == len(ROUNDS))
        assert store.close(20) is False
    assert [one.name for one in tmp_path.iterdir()] == ["h"]
    assert not list(Path(os.environ["STATE_DIRECTORY"]).iterdir())
