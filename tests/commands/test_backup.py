"""A backup has every round that was acknowledged, while the daemon goes on writing."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli import main
from probe.store.history import History
from tests.store.rounds import stored
from tests.store.test_writer import a_store, keep, wait_for

ROUNDS = [stored(n) for n in range(16)]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["backup", *map(str, arguments)])


def rounds(path: Path) -> int:
    with History(path) as history:
        return len(list(history.rounds()))


def test_a_backup_is_whole_while_the_daemon_runs_and_cp_is_not(tmp_path: Path) -> None:
    path, copy, naive = tmp_path / "h", tmp_path / "copy", tmp_path / "naive"
    store = a_store(path)
    keep(store, *ROUNDS)
    wait_for(lambda: store.health().committed_rounds == 16)
    result = run("--history", path, copy)
    assert result.exit_code == 0, result.output
    assert "16 rounds" in result.output
    shutil.copy(path, naive)
    with sqlite3.connect(naive) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        assert tables == 0 or connection.execute("SELECT count(*) FROM rounds").fetchone()[0] < 16
    connection.close()
    with History(copy) as history:
        assert list(history.rounds()) == ROUNDS
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sorted(f.name for f in tmp_path.glob("*copy*")) == ["copy"]
    # The daemon was not disturbed, and the next backup replaces this one.
    keep(store, stored(16))
    wait_for(lambda: store.health().committed_rounds == 17)
    assert run("--history", path, copy).exit_code == 0
    assert rounds(copy) == 17
    assert store.close(20)


def test_a_backup_is_a_history_to_go_on_with(tmp_path: Path) -> None:
    store = a_store(tmp_path / "h")
    keep(store, *ROUNDS)
    store.save("engine", b"learnt")
    assert store.close(20)
    assert run("--history", tmp_path / "h", tmp_path / "copy").exit_code == 0
    store = a_store(tmp_path / "copy")
    assert store.load("engine") == b"learnt"
    keep(store, stored(16))
    assert store.close(20)
    assert rounds(tmp_path / "copy") == 17


def test_backups_beside_a_busy_writer_are_all_whole(tmp_path: Path) -> None:
    path, over = tmp_path / "h", threading.Event()
    store = a_store(path)
    keep(store, ROUNDS[0])
    wait_for(lambda: store.health().committed_rounds == 1)

    def write() -> None:
        for number in range(1, 150):
            if over.wait(0.005):
                return
            keep(store, stored(number))

    writer = threading.Thread(target=write)
    writer.start()
    last = 0
    for number in range(4):
        acknowledged = store.health().committed_rounds
        copy = tmp_path / f"copy-{number}"
        assert run("--history", path, copy).exit_code == 0
        assert acknowledged <= rounds(copy)
        assert last <= rounds(copy)
        last = rounds(copy)
    over.set()
    writer.join()
    assert store.close(20)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("h", "is the history itself"),
        ("notes.txt", "is no history and is not replaced"),
        ("link", "a link, a folder or a device"),
        ("folder", "a link, a folder or a device"),
        ("none/copy", "cannot write"),
    ],
)
def test_what_is_no_backup_is_not_replaced(tmp_path: Path, target: str, words: str) -> None:
    assert a_store(tmp_path / "h").close(20)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "link").symlink_to("notes.txt")
    (tmp_path / "folder").mkdir()

    def found() -> dict[str, bytes]:
        names = ("h", "notes.txt", "link")
        others = {f.name for f in tmp_path.iterdir()} - {"h-wal", "h-shm"}
        return {name: (tmp_path / name).read_bytes() for name in names} | dict.fromkeys(others, b"")

    before = found()
    result = run("--history", tmp_path / "h", tmp_path / target)
    assert result.exit_code == 1
    assert words in result.output
    assert found() == before


@pytest.mark.parametrize("runs", [True, False], ids=["while it runs", "after it was killed"])
def test_a_history_that_a_daemon_wrote_is_no_earlier_backup(tmp_path: Path, runs: bool) -> None:
    assert a_store(tmp_path / "other").close(20)
    store = a_store(tmp_path / "h", batch=0.0)
    keep(store, *ROUNDS)
    wait_for(lambda: store.health().committed_rounds == len(ROUNDS))
    target = tmp_path / "h"
    if not runs:
        # As a daemon that was killed leaves it: what was written lately is in the log alone.
        target = tmp_path / "killed"
        for end in ("", "-wal"):
            target.with_name(target.name + end).write_bytes((tmp_path / f"h{end}").read_bytes())
    before = target.read_bytes()
    result = run("--history", tmp_path / "other", target)
    assert result.exit_code == 1
    assert "is a daemon's history; give another name" in result.output
    assert target.read_bytes() == before
    assert store.close(20)
    assert rounds(target) == len(ROUNDS)


def test_without_a_history_that_is_said(tmp_path: Path) -> None:
    result = run("--history", tmp_path / "h", tmp_path / "copy")
    assert result.exit_code == 1
    assert "there is no history at" in result.output
    assert list(tmp_path.iterdir()) == []
