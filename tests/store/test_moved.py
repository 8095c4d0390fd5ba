"""The file is deleted, moved, replaced, written over or reached by another name while it is written
to: that is noticed and said, nothing is lost that can be kept, and nobody else's file is harmed."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.store.history import History
from probe.store.writer import Store
from tests.store.rounds import stored
from tests.store.test_writer import a_store, keep, wait_for

BEFORE, AFTER = range(5), range(5, 10)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.store.writer.LOOK_SECONDS", 0.05)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "h"


def give(store: Store, numbers: range) -> None:
    """Rounds, until the disk is said to have them."""
    before = store.health().committed_rounds
    keep(store, *(stored(n) for n in numbers))
    store.flush()
    wait_for(lambda: store.health().committed_rounds == before + len(numbers))


def numbers(path: Path) -> set[int]:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with History(path) as history:
        found = [int(r.observed.id, 16) for r in history.rounds()]
        assert history.unreadable == 0
        spans = list(history.verdict_spans())
    assert len(found) == len(set(found))
    assert sum(span.rounds for span in spans) >= len(found)
    return set(found)


def anywhere(folder: Path) -> set[int]:
    """The rounds in all files of the folder that are histories."""
    found: set[int] = set()
    for file in folder.rglob("*"):
        if file.is_file() and file.read_bytes()[:6] == b"SQLite" and "-" not in file.name:
            found |= numbers(file)
    return found


def copied(path: Path) -> Path:
    """A whole copy, as a backup is."""
    copy = path.parent.parent / "copy"
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    source.backup(target)
    target.execute("PRAGMA journal_mode = DELETE")
    source.close()
    target.close()
    return copy


def all_away(path: Path) -> None:
    for file in list(path.parent.iterdir()):
        file.unlink()


def moved_whole(path: Path) -> None:
    (path.parent / "old").mkdir()
    for name in ("h", "h-wal", "h-shm"):
        (path.parent / name).rename(path.parent / "old" / name)


def overwritten(path: Path) -> None:
    path.write_bytes((path.parent.parent / "copy").read_bytes())


def replaced(path: Path) -> None:
    shutil.copy(path.parent.parent / "copy", path.parent / "new")
    (path.parent / "new").replace(path)


def emptied(path: Path) -> None:
    path.unlink()
    path.touch()


def without(*ends: str) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        for end in ends:
            path.with_name(path.name + end).unlink()

    return do


HARMS: dict[str, tuple[Callable[[Path], object], bool, int]] = {
    # What somebody does, whether all rounds of before are still somewhere, files lost.
    "file deleted": (Path.unlink, False, 1),
    "all files deleted": (all_away, False, 1),
    "folder deleted": (lambda p: shutil.rmtree(p.parent), False, 1),
    "file moved": (lambda p: p.rename(p.with_name("elsewhere")), True, 1),
    "all files moved": (moved_whole, True, 1),
    "folder moved": (lambda p: p.parent.rename(p.parent.with_name("away")), True, 1),
    "replaced by a copy": (replaced, True, 1),
    "replaced by an empty file": (emptied, False, 1),
    "truncated": (lambda p: os.truncate(p, 0), False, 0),
    "cut in half": (lambda p: os.truncate(p, p.stat().st_size // 2), False, 0),
    "overwritten by a copy": (overwritten, True, 0),
    "log deleted": (without("-wal"), True, 0),
    "index deleted": (without("-shm"), True, 0),
    "log and index deleted": (without("-wal", "-shm"), True, 0),
    "lock deleted": (without(".lock"), True, 0),
    "touched": (lambda p: os.utime(p, (1, 1)), True, 0),
    "made unreadable": (lambda p: p.chmod(0), True, 0),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_comes_after_is_found_and_what_was_is_kept(
    path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    do, kept, lost = HARMS[harm]
    store = a_store(path)
    store.save("engine", b"learnt")
    give(store, BEFORE)
    copied(path)
    with caplog.at_level(logging.WARNING):
        do(path)
        give(store, AFTER)
    assert store.health().trouble is None
    assert store.health().lost == lost
    assert store.close(20)
    assert set(AFTER) <= numbers(path)
    assert anywhere(path.parent.parent) >= ({*BEFORE, *AFTER} if kept else set(AFTER))
    with History(path) as history:
        assert history.load("engine") == b"learnt"
    said = [r.getMessage() for r in caplog.records if "the history's file" in r.getMessage()]
    assert len(said) == (harm not in ("lock deleted", "made unreadable"))
    again = a_store(path)
    give(again, range(10, 12))
    assert again.close(20)
    assert {*AFTER, 10, 11} <= numbers(path)


@pytest.mark.parametrize("harm", ["file deleted", "file moved", "folder deleted"])
def test_it_is_noticed_without_a_round(path: Path, harm: str) -> None:
    store = a_store(path, batch=3_600.0)
    give(store, BEFORE)
    HARMS[harm][0](path)
    wait_for(lambda: store.health().lost == 1)
    wait_for(path.exists)
    assert store.close(20)


def test_what_waits_goes_to_the_new_file(path: Path) -> None:
    store = a_store(path, batch=3_600.0)
    give(store, BEFORE)
    keep(store, *(stored(n) for n in AFTER))
    wait_for(lambda: store.health().queued == len(AFTER))
    path.unlink()
    wait_for(lambda: store.health().committed_rounds == len(BEFORE) + len(AFTER))
    assert store.close(20)
    assert numbers(path) == set(AFTER)


def test_a_file_of_others_in_its_place_is_left_alone(path: Path) -> None:
    """And the log of the one that was there is not read with it."""
    store = a_store(path)
    give(store, BEFORE)
    other = path.with_name("other")
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE theirs (a)")
    connection.execute("INSERT INTO theirs VALUES (1)")
    connection.commit()
    connection.close()
    theirs = other.read_bytes()
    other.replace(path)
    wait_for(lambda: store.health().trouble == "foreign")
    keep(store, *(stored(n) for n in AFTER))
    wait_for(lambda: store.health().queued == len(AFTER))
    assert path.read_bytes() == theirs
    path.unlink()
    assert store.close(20)
    assert numbers(path) == set(AFTER)


@pytest.mark.parametrize("link", ["symlink", "hard link", "link to the folder"])
def test_another_name_is_the_same_file(path: Path, link: str) -> None:
    """A second daemon by another name waits, and harms nothing."""
    first = a_store(path)
    give(first, BEFORE)
    other = path.parent.parent / "other"
    if link == "symlink":
        other.symlink_to(path)
    elif link == "hard link":
        other.hardlink_to(path)
    else:
        other.symlink_to(path.parent)
        other /= "h"
    second = a_store(other)
    assert second.health().trouble == "busy"
    keep(second, *(stored(n) for n in AFTER))
    assert second.health().set_aside == first.health().set_aside == 0
    give(first, range(20, 22))
    assert first.close(20)
    second.flush()
    assert second.close(20)
    if link != "hard link":
        assert numbers(path) == {*BEFORE, *AFTER, 20, 21}
    assert not list(path.parent.glob("*.corrupt-*"))


def test_a_damaged_file_behind_a_link_is_set_aside_and_the_link_stays(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    link = path.parent.parent / "link"
    link.symlink_to(path)
    store = a_store(link)
    give(store, BEFORE)
    assert store.close(20)
    assert link.is_symlink()
    assert numbers(path) == set(BEFORE)
    assert len(list(path.parent.glob("h.corrupt-*"))) == 1


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_what_is_no_file_is_no_history(tmp_path: Path, kind: str) -> None:
    """It is neither renamed nor written to."""
    path = tmp_path / "h"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        from tests.commands.test_output import device

        device(path)
    before = path.lstat()
    store = a_store(path)
    assert store.health().trouble == "foreign"
    keep(store, stored(0))
    assert store.close(20) is False
    assert (path.lstat().st_mode, path.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert [f.name for f in tmp_path.iterdir()] == ["h"]


def test_what_is_moved_while_the_disk_is_full_takes_its_log_along(
    path: Path, tmp_path: Path
) -> None:
    store = a_store(path)
    give(store, BEFORE)
    keeper = store._keeper
    assert keeper is not None
    assert keeper._connection is not None
    (pages,) = keeper._connection.execute("PRAGMA page_count").fetchone()
    keeper._connection.execute(f"PRAGMA max_page_count = {pages}")
    keep(store, *(stored(n) for n in range(5, 200)))
    store.flush()
    wait_for(lambda: store.health().trouble == "full")
    path.rename(tmp_path / "elsewhere")
    wait_for(lambda: store.health().lost == 1)
    wait_for(lambda: store.health().committed_rounds == 200)
    store.close(20)
    assert numbers(tmp_path / "elsewhere") == set(BEFORE)
    assert numbers(path) == set(range(5, 200))
