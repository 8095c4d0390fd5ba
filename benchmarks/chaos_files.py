"""What somebody may do to the history's file while the daemon writes to it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

from probe.store.database import open_reader
from probe.store.history import History, HistoryError

ENDS = ("", "-wal", "-shm")


def rounds_in(path: Path) -> set[str]:
    """The rounds that can be read in a file, which is a history or anything else."""
    try:
        with History(path) as history:
            return {stored.observed.id for stored in history.rounds()}
    except (HistoryError, sqlite3.Error, OSError):
        return set()


def everywhere(folder: Path) -> set[str]:
    """The rounds in all files below ``folder``."""
    found: set[str] = set()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink() and not file.name.endswith(ENDS[1:]):
            found |= rounds_in(file)
    return found


class Files:
    """``folder`` holds the history's folder and whatever was taken out of it. An act on the file is
    drawn by ``random``; ``destroyed`` are the rounds in files that an act has destroyed."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.folder = folder
        self.path = folder / "state" / "history.sqlite3"
        self.destroyed: set[str] = set()
        self._random = random
        self._count = 0
        self.acts: tuple[Callable[[], None], ...] = (
            self.remove,
            self.remove_all,
            self.remove_log,
            self.remove_index,
            self.move,
            self.move_whole,
            self.replace_by_foreign,
            self.replace_by_garbage,
            self.replace_by_copy,
            self.empty,
            self.damage,
            self.write_into,
            self.lead_elsewhere,
            self.make_folder,
        )

    def act(self) -> str:
        """Do one of them; its name."""
        self.heal()
        one = self._random.choice(self.acts)
        one()
        return one.__name__

    def heal(self) -> None:
        """Take away what the daemon must not touch."""
        if self.path.is_dir() and not self.path.is_symlink():
            self.path.rmdir()
        elif self.path.exists() and not rounds_in(self.path) and self._foreign():
            self.path.unlink()

    def remove(self) -> None:
        """The file alone."""
        self._destroy()
        self.path.unlink(missing_ok=True)

    def remove_all(self) -> None:
        """The folder."""
        if self.path.parent.is_symlink():
            return
        for file in self.path.parent.rglob("*"):
            self.destroyed |= rounds_in(file)
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def remove_log(self) -> None:
        """SQLite's log, which has what was written lately: the daemon still has it open."""
        self._end("-wal").unlink(missing_ok=True)

    def remove_index(self) -> None:
        """SQLite's index of its log."""
        self._end("-shm").unlink(missing_ok=True)

    def move(self) -> None:
        """The file alone: what is in the log is to follow it."""
        if self.path.exists():
            self.path.rename(self._aside())

    def move_whole(self) -> None:
        """The file and its companions."""
        to = self._aside()
        for end in ENDS:
            if self._end(end).exists():
                self._end(end).rename(to.with_name(to.name + end))

    def replace_by_foreign(self) -> None:
        """Another program's database, under the same name."""
        self.move()
        self.path.parent.mkdir(exist_ok=True)
        connection = sqlite3.connect(self.path.with_name("foreign"))
        connection.execute("CREATE TABLE IF NOT EXISTS theirs (what)")
        connection.commit()
        connection.close()
        self.path.with_name("foreign").rename(self.path)

    def replace_by_garbage(self) -> None:
        """What is no database."""
        self.move()
        self.path.parent.mkdir(exist_ok=True)
        other = self.path.with_name("garbage")
        other.write_bytes(self._random.randbytes(self._random.randrange(1, 20_000)))
        other.rename(self.path)

    def replace_by_copy(self) -> None:
        """A whole copy of the file as it is."""
        if not self.path.is_file():
            return
        other = self.path.with_name("copy")
        try:
            source = open_reader(self.path)
        except Exception:
            return  # no history is there just now
        target = sqlite3.connect(other)
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        source.close()
        target.close()
        other.replace(self.path)

    def empty(self) -> None:
        """``> history.sqlite3``."""
        self._destroy()
        if self.path.is_file():
            self.path.open("wb").close()

    def damage(self) -> None:
        """A page in the midst of it."""
        self._destroy()
        if self.path.is_file() and (size := self.path.stat().st_size):
            with self.path.open("r+b") as file:
                file.seek(self._random.randrange(size))
                file.write(self._random.randbytes(4_096))

    def write_into(self) -> None:
        """Another program's table, in our file."""
        if not self.path.is_file():
            return
        try:
            connection = sqlite3.connect(self.path, timeout=0.1)
            connection.execute("CREATE TABLE IF NOT EXISTS theirs (what)")
            connection.execute("INSERT INTO theirs VALUES (1)")
            connection.commit()
            connection.close()
        except sqlite3.Error:
            return  # no database is there just now

    def lead_elsewhere(self) -> None:
        """A link in place of the folder, which is elsewhere now."""
        folder = self.path.parent
        if folder.is_dir() and not folder.is_symlink():
            to = self._aside()
            folder.rename(to)
            folder.symlink_to(to)

    def make_folder(self) -> None:
        """A folder where the file should be."""
        self.move()
        self.path.mkdir(parents=True, exist_ok=True)

    def _destroy(self) -> None:
        self.destroyed |= rounds_in(self.path)

    def _foreign(self) -> bool:
        try:
            connection = sqlite3.connect(self.path)
            found = connection.execute("SELECT name FROM sqlite_master").fetchall()
            connection.close()
        except sqlite3.Error:
            return False
        return found == [("theirs",)]

    def _end(self, end: str) -> Path:
        return self.path.with_name(self.path.name + end)

    def _aside(self) -> Path:
        self._count += 1
        return self.folder / f"elsewhere-{self._count}"
