"""What a daemon has drawn outlives it, and what is damaged is drawn anew."""

from __future__ import annotations

from probe.config import load
from probe.config.handful import SITES
from probe.daemon.control_draw import DRAWN, ControlDraw

CONFIG = load(None, {})


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.cells: dict[str, bytes] = {}
        self.later: dict[str, bytes] = {}

    def load(self, key: str) -> bytes | None:
        return self.cells.get(key)

    def take(self, key: str) -> bytes | None:
        return self.later.pop(key, None)

    def save(self, key: str, blob: bytes, *, now: bool = False) -> None:
        self.cells[key] = blob


def test_a_restart_keeps_the_handful() -> None:
    store = Kept()
    first = ControlDraw(store).drawn(CONFIG)
    assert len(first.controls) == SITES
    assert ControlDraw(store).drawn(CONFIG).controls == first.controls
    assert ControlDraw(Kept()).drawn(CONFIG).controls != first.controls


def test_what_is_found_late_is_taken_up() -> None:
    earlier, store = Kept(), Kept()
    first = ControlDraw(earlier).drawn(CONFIG)
    draw = ControlDraw(store)
    assert draw.drawn(CONFIG).controls != first.controls
    store.later[DRAWN] = earlier.cells[DRAWN]
    assert draw.drawn(CONFIG).controls == first.controls
    assert ControlDraw(store).drawn(CONFIG).controls == first.controls


def test_what_is_damaged_is_drawn_anew() -> None:
    for damaged in (b"", b"{}", b'{"secret": "x"}', b'{"secret": "zz", "chosen": []}', b"\xff"):
        store = Kept()
        store.cells[DRAWN] = damaged
        assert len(ControlDraw(store).drawn(CONFIG).controls) == SITES


def test_what_failed_is_replaced_for_good() -> None:
    store = Kept()
    draw = ControlDraw(store)
    before = draw.drawn(CONFIG).controls
    assert not draw.retire(["nobody"])
    assert draw.retire([before[0].name])
    after = draw.drawn(CONFIG).controls
    assert before[0] not in after
    assert len(after) == SITES
    assert ControlDraw(store).drawn(CONFIG).controls == after


def test_named_controls_are_left_alone() -> None:
    named = load(None, {"THROTTLEWATCH_CONTROLS": "control-debian,control-ubuntu,control-kernel"})
    store = Kept()
    assert ControlDraw(store).drawn(named) is named
    assert store.cells == {}
