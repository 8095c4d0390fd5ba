"""What a daemon has drawn outlives it, and what is damaged is drawn anew."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from probe.commands.measuring import drawn_now
from probe.config import load
from probe.config.handful import SITES
from probe.config.probers import LEAST_OPERATORS
from probe.daemon.control_draw import (
    DRAWN,
    EVERY_SECONDS,
    MOST_A_WEEK,
    WEEK_SECONDS,
    ControlDraw,
)
from probe.publish.latest.board import Board
from probe.publish.latest.control_health import ControlHealth
from probe.publish.web.landing_page import render_page

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


def test_where_quic_is_judged_controls_speak_it() -> None:
    """Also those of a daemon that drew before; and what a command draws for once."""
    config = load(None, {"THROTTLEWATCH_QUIC": "true"})
    for number in range(12):
        store = Kept()
        store.cells[DRAWN] = json.dumps({"secret": f"{number:032x}"}).encode()
        before = ControlDraw(store).drawn(CONFIG).controls
        for made in (ControlDraw(store).drawn(config), drawn_now(config)):
            able = [one for one in made.controls if any(target.quic for target in one.targets)]
            assert len({one.operator for one in able}) >= LEAST_OPERATORS
        assert set(before) <= set(ControlDraw(store).drawn(config).controls)


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


def test_one_that_stands_there_twice_counts_once() -> None:
    store = Kept()
    name = ControlDraw(store).drawn(CONFIG).controls[0].name
    secret = json.loads(store.cells[DRAWN])["secret"]
    store.cells[DRAWN] = json.dumps({"secret": secret, "chosen": [name] * SITES}).encode()
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


def test_whoever_slows_what_is_drawn_does_not_have_it_drawn_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now, store = 1_800_000_000.0, Kept()
    draw = ControlDraw(store, wall=lambda: now)
    seen, weeks = set[str](), 4
    for _ in range(4 * 7 * weeks):  # whatever is drawn first is slowed next
        controls = draw.drawn(CONFIG).controls
        seen |= {one.name for one in controls}
        draw.retire([controls[0].name])
        now += EVERY_SECONDS
        assert draw.health.replaced <= MOST_A_WEEK
    assert len(seen) <= SITES + MOST_A_WEEK * weeks
    assert draw.health == ControlHealth(replaced=MOST_A_WEEK, held=True)
    assert "somebody may be slowing" in caplog.text
    # Over a restart it is known how many there were; and once all serve, nothing is said.
    again = ControlDraw(store, wall=lambda: now)
    again.drawn(CONFIG)
    assert not again.retire([again.drawn(CONFIG).controls[0].name])
    assert again.health.held
    again.retire([])
    assert again.health == ControlHealth(replaced=MOST_A_WEEK)
    now += WEEK_SECONDS
    assert again.health == ControlHealth()


def test_it_is_on_the_page_while_it_lasts() -> None:
    for health in (ControlHealth(3, held=True), ControlHealth(3)):
        snapshot = replace(Board(CONFIG).snapshot(), drawn=health)
        page = render_page(snapshot, "1")
        assert ("3 controls were replaced in the last week" in page) is health.held


def test_a_history_that_is_lost_has_another_handful_and_no_past() -> None:
    store = Kept()
    draw = ControlDraw(store)
    before = draw.drawn(CONFIG).controls
    draw.retire([before[0].name])
    store.cells.clear()
    fresh = ControlDraw(store)
    assert fresh.drawn(CONFIG).controls != draw.drawn(CONFIG).controls
    assert fresh.health == ControlHealth()


def test_named_controls_are_left_alone() -> None:
    named = load(None, {"THROTTLEWATCH_CONTROLS": "control-debian,control-ubuntu,control-kernel"})
    store = Kept()
    assert ControlDraw(store).drawn(named) is named
    assert store.cells == {}
