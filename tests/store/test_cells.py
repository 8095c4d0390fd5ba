"""Values that outlive a restart: each taken up once, whenever the file can be read."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.model.finding import Incident
from probe.schedule.data_spent import DataSpent
from probe.store.cells import Cell, Keeps, count_cell, json_cell, packed_cell, word_cell
from probe.store.history import History
from probe.store.writer import Store
from probe.verdict.remembered.memory import Memory
from tests.store.rounds import stored
from tests.store.test_writer import wait_for

ACCOUNT = DataSpent(clock=7.0, spent=((0, 2_700),), wall=1.0)
# Every cell that the product has, with a value, and the form in which it was always stored.
CELLS: list[tuple[Callable[[Keeps], Cell[Any]], Any, bytes]] = [
    (
        lambda keeps: json_cell(keeps, "data_budget", dict[str, DataSpent]),
        {"home": ACCOUNT},
        b'{"home":{"clock":7.0,"spent":[[0,2700]],"wall":1.0}}',
    ),
    (lambda keeps: json_cell(keeps, "open-incidents", tuple[Incident, ...]), (), b"[]"),
    (lambda keeps: json_cell(keeps, "outside", dict[str, float]), {"k": 1.5}, b'{"k":1.5}'),
    (lambda keeps: word_cell(keeps, "forward/instance"), "00aabbccdd", b"00aabbccdd"),
    (lambda keeps: count_cell(keeps, "forward/cursor"), 41, b"41"),
]


class Shelf:
    """A store whose file can be read, or cannot yet."""

    def __init__(self, kept: dict[str, bytes] | None = None) -> None:
        self.state = dict(kept or {})
        self.left = dict(kept or {})

    def load(self, key: str) -> bytes | None:
        return self.state.get(key)

    def take(self, key: str) -> bytes | None:
        return self.left.pop(key, None)

    def save(self, key: str, blob: bytes, *, now: bool = False) -> None:
        self.state[key] = blob


@pytest.mark.parametrize(("made", "value", "blob"), CELLS)
def test_the_stored_form_of_each_is_the_one_it_always_had(
    made: Callable[[Keeps], Cell[Any]], value: Any, blob: bytes
) -> None:
    shelf = Shelf()
    made(shelf).put(value)
    assert list(shelf.state.values()) == [blob]
    assert made(Shelf(shelf.state)).take() == value


@pytest.mark.parametrize(
    "made", [*(cell[0] for cell in CELLS), lambda keeps: packed_cell(keeps, "m", Memory)]
)
@given(blob=st.one_of(st.binary(max_size=40), st.binary(max_size=40).map(zlib.compress)))
def test_what_cannot_be_read_is_none_and_said(
    made: Callable[[Keeps], Cell[Any]], blob: bytes
) -> None:
    shelf = Shelf()
    cell = made(shelf)
    shelf.state = shelf.left = dict.fromkeys(
        ("data_budget", "open-incidents", "outside", "forward/instance", "forward/cursor", "m"),
        blob,
    )
    taken = cell.take()
    assert cell.unreadable is (taken is None)


def test_it_is_taken_up_once_and_an_owner_after_it_goes_on() -> None:
    shelf = Shelf({"forward/cursor": b"41"})
    first = count_cell(shelf, "forward/cursor")
    assert (first.take(), first.take()) == (41, None)
    first.put(42)
    assert first.take() is None
    second = count_cell(shelf, "forward/cursor")
    assert (second.take(), second.take()) == (42, None)


def test_what_is_found_late_is_taken_up_late(tmp_path: Path) -> None:
    """Another process holds the file at the start: each cell gets what was left, once."""
    path = tmp_path / "h"
    config = StoreConfig(path=str(path), batch=Seconds(0.0))
    first = Store.open(config)
    count_cell(first, "touched").put(2_700)
    count_cell(first, "untouched").put(5, now=True)
    wait_for(lambda: not first.health().queued)
    second = Store.open(config)
    assert second.health().trouble == "busy"
    touched, untouched = count_cell(second, "touched"), count_cell(second, "untouched")
    assert (touched.take(), untouched.take()) == (None, None)
    touched.put(3, now=True)
    assert touched.take() is None
    assert first.close(20)
    one = stored(0)
    second.round_finished(one.observed, one.verdict)
    second.flush()
    wait_for(lambda: second.health().committed_rounds == 1)
    assert (touched.take(), untouched.take()) == (2_700, 5)
    assert (touched.take(), untouched.take()) == (None, None)
    touched.put(2_703)
    assert second.close(20)
    with History(path) as history:
        assert (history.load("touched"), history.load("untouched")) == (b"2703", b"5")
