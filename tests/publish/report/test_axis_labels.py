"""No label of an axis lies on another or is cut off, at any time, in any span and language."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.publish.languages.offered import OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.report.axis_labels import (
    OVER,
    ROOMS,
    AxisLabel,
    Tick,
    axis_labels,
    box,
    plot_labels,
    text_width,
)
from probe.publish.report.plot import marks
from probe.publish.report.times import TimeWriter
from probe.publish.templates import style

MONDAY = 1_769_385_600.0  # 26 January 2026, 00:00 UTC
DAY = 86_400.0
# What a page, a report and the hub's pages are of: a demo's minutes to two years.
SPANS = (600.0, 3 * 3_600.0, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 365 * DAY, 730 * DAY)
# Which labels a layout shows, and its strip: the narrowest that it has, and wider ones.
SHOWN = {"narrow": {""}, "middle": {"", "far"}, "wide": {"", "far", "wide"}}


def seen(labels: list[AxisLabel], layout: str) -> list[AxisLabel]:
    return [label for label in labels if label.layouts in SHOWN[layout]]


def apart(labels: list[AxisLabel], strip: float, font: float) -> bool:
    """Nothing lies on anything else, nor reaches over the strip's ends."""
    boxes = [box(one.at / 100 * strip, text_width(one.text, font), one.anchor) for one in labels]
    edges = [-OVER, *(edge for one in boxes for edge in one), strip + OVER]
    return all(left <= right + 1e-6 for left, right in pairwise(edges))


@given(
    end=st.floats(MONDAY, MONDAY + 400 * DAY),
    span=st.sampled_from(SPANS),
    room=st.sampled_from(sorted(ROOMS)),
    code=st.sampled_from(["en", "ru", "fa"]),
    wider=st.floats(1.0, 4.0),
)
@example(end=1_798_573_536.0, span=365.0 * DAY, room="page", code="fa", wider=1.0)
def test_none_lies_on_another_or_is_cut_off(
    end: float, span: float, room: str, code: str, wider: float
) -> None:
    given_room = ROOMS[room]
    ticks = marks(end - span, end, TimeWriter())
    labels = axis_labels(ticks, given_room, Tongue(code).plain)
    for layout in SHOWN:
        shown = seen(labels, layout)
        assert apart(shown, getattr(given_room, layout) * wider, given_room.font), (layout, shown)
        widest = max(text_width(one.text, given_room.font) for one in labels)
        least = 2 if 4 * widest < getattr(given_room, layout) else 1
        assert len(shown) >= min(least, len(ticks)), (layout, shown)


@pytest.mark.parametrize(
    ("hours", "wide", "narrow"),
    [
        # At midnight the first label has no room at the left, and is left out; so is the last.
        (0.0, "Tue 20,Wed 21,Thu 22,Fri 23,Sat 24,Sun 25", "Tue 20,Thu 22,Sat 24"),
        (23.5, "Wed 21,Thu 22,Fri 23,Sat 24,Sun 25,Mon 26", "Wed 21,Fri 23,Sun 25"),
        (12.0, "Tue 20,Wed 21,Thu 22,Fri 23,Sat 24,Sun 25,Mon 26", "Tue 20,Thu 22,Sat 24,Mon 26"),
    ],
)
def test_a_first_or_last_that_would_be_moved_onto_another_is_left_out(
    hours: float, wide: str, narrow: str
) -> None:
    end = MONDAY + hours * 3_600.0
    labels = axis_labels(marks(end - 7 * DAY, end, TimeWriter()), ROOMS["page"])
    assert {layout: ",".join(one.text for one in seen(labels, layout)) for layout in SHOWN} == {
        "wide": wide,
        "middle": wide,
        "narrow": narrow,
    }


def test_what_isolates_a_number_takes_no_room() -> None:
    said = Tongue("fa").plain("03:00")
    assert len(said) > len("03:00")
    assert text_width(said, 11.0) == pytest.approx(text_width("03:00", 11.0))


@pytest.mark.parametrize("code", sorted(OFFERED))
def test_a_plot_has_room_for_its_labels_in_every_language(code: str) -> None:
    ticks = [Tick(78.0 + 86.0 * i, f"2{i} January 12:00"[:6] + " 12:00") for i in range(8)]
    labels = plot_labels(ticks, 720.0, 13.0, Tongue(code).plain)
    boxes = [box(one.at, text_width(one.text, 13.0), one.anchor) for one in labels]
    assert len(labels) >= 4
    assert all(a[1] < b[0] for a, b in pairwise(boxes))
    assert boxes[-1][1] <= 720.0


def test_the_style_sheets_have_the_layouts() -> None:
    """What is hidden where is written in the style sheets; which labels that are, in the table."""
    for room, sheets in (("page", ("page.css",)), ("report", ("report.css",))):
        css = style(*sheets)
        assert re.search(
            r"@media \(max-width: 4[04]rem\) \{.*\.far \{ display: none; \}", css, re.S
        )
        assert f".axis text {{ fill: var(--soft); font-size: {ROOMS[room].font:.0f}px; }}" in css
    assert "@media (max-width: 66rem) { .wide { display: none; } }" in style("report.css")
    # The page has no wide layout of its own, so its labels may not need one.
    assert ROOMS["page"].wide == ROOMS["page"].middle
