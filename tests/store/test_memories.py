"""What is normal, and what is suspected, survive a restart."""

from __future__ import annotations

import pytest

from probe.model.identity import LegRole
from probe.model.verdict import State
from probe.store.memories import EVERY_SECONDS, Memories
from probe.verdict.remembered.memory import MEMORY_VERSION, Memory
from tests.verdict.country import WELL, Country, Done


class Shelf:
    """Keeps blobs, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.late: dict[str, bytes] = {}
        self.saves = 0

    def load(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def take(self, key: str) -> bytes | None:
        return self.late.pop(key, None)

    def save(self, key: str, blob: bytes, *, now: bool = False) -> None:
        self.kept[key] = blob
        self.saves += 1


def test_a_restart_forgets_nothing() -> None:
    shelf = Shelf()
    country = Country()
    country.run(24)
    country.act = lambda leg, at: Done(transfer=12.0) if leg.role is LegRole.TARGET else WELL
    country.run(1)
    before = Memories(shelf, lambda: 0.0)
    before.put("home", country.memory)
    before.flush()
    country.memory = Memories(shelf, lambda: 0.0).of("home")
    assert country.run(2).state is State.THROTTLED


def test_levels_are_written_seldom_and_suspicions_at_once() -> None:
    shelf, now = Shelf(), 0.0
    memories = Memories(shelf, lambda: now)
    country = Country()
    for _ in range(10):
        country.run(1)
        memories.put("home", country.memory)
    assert shelf.saves == 1
    now += EVERY_SECONDS
    memories.put("home", country.memory)
    assert shelf.saves == 2
    country.run(30)
    memories.put("home", country.memory)
    country.act = lambda leg, at: Done(transfer=12.0) if leg.role is LegRole.TARGET else WELL
    country.run(1)
    memories.put("home", country.memory)
    assert shelf.saves == 3


@pytest.mark.parametrize("broken", [b"", b"junk", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_cannot_be_read_is_learnt_anew(broken: bytes) -> None:
    shelf = Shelf()
    shelf.kept["verdict-memory/home"] = broken
    assert Memories(shelf, lambda: 0.0).of("home") == Memory()


def test_another_versions_memory_is_learnt_anew() -> None:
    shelf = Shelf()
    before = Memories(shelf, lambda: 0.0)
    before.put("home", Memory(version=MEMORY_VERSION + 1, line_rounds=3))
    assert Memories(shelf, lambda: 0.0).of("home") == Memory()


def test_what_is_read_late_takes_the_place_of_what_was_learnt_since() -> None:
    shelf, country = Shelf(), Country()
    country.run(24)
    before = Memories(shelf, lambda: 0.0)
    before.put("home", country.memory)
    late = Shelf()
    memories = Memories(late, lambda: 0.0)
    other = Country(2)
    other.run(1)
    memories.put("home", other.memory)
    assert memories.of("home") == other.memory
    late.late = dict(shelf.kept)
    assert memories.of("home") == country.memory
    memories.put("home", other.memory)
    assert memories.of("home") == other.memory
