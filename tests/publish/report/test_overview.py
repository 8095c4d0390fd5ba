"""Thirty vantages are one picture of a platform, and each by itself is folded below it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.identity import Role, Vantage
from probe.model.verdict import State
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.report.overview import FOLD_ABOVE, HEIGHT, Overview, overview
from probe.publish.report.render import render_html
from probe.publish.report.report_parts import Gathered, Setting, StateSpan
from probe.publish.report.times import TimeWriter
from synth.event import ONSET
from tests.publish.report.test_every_sentence import event
from tests.publish.report.test_sentences import END, SETTING, UNTIL

START = event().window.start


def many(
    states: Sequence[State | None], roles: list[Role] | None = None
) -> tuple[Gathered, Setting]:
    """As many vantages as there are states: from the onset to its end each is so, and fine before
    and after; ``None``: nothing is known of it at all."""
    seen = event().slots["home", "x"]
    slots, vantages = {}, {}
    for number, state in enumerate(states):
        name = f"v{number:02}"
        role = Role.INSIDE if roles is None else roles[number]
        vantages[name] = Vantage(name=name, country="TR", asn=64_496 + number, role=role)
        spans = (
            ()
            if state is None
            else tuple(
                StateSpan(state=s, start=a, end=b)
                for s, a, b in (
                    (State.OK, START, ONSET), (state, ONSET, UNTIL), (State.OK, UNTIL, END)
                )
            )
        )  # fmt: skip
        slots[name, "x"] = replace(seen, spans=spans, episodes=())
    return replace(event(), slots=slots), replace(SETTING, vantages=vantages)


def drawn(states: Sequence[State | None]) -> Overview:
    found = overview(*many(states), "x")
    assert found is not None
    return found


HIT: list[State | None] = [State.THROTTLED] * 12
CALM: list[State | None] = [State.OK] * 17


def test_how_many_saw_what_is_said_and_drawn() -> None:
    found = drawn([*HIT, *CALM, None])
    assert "How many of 30 vantages inside saw what" in found.text
    assert "throttled or blocked at 12 of them at the same time" in found.text
    (hit,) = [block for block in found.blocks if block.state == "throttled"]
    assert hit.height == pytest.approx(HEIGHT * 12 / 30, abs=0.02)
    assert hit.top == 0.0
    whole = END - START
    assert hit.left == pytest.approx(100.0 * (ONSET - START) / whole, abs=0.5)
    assert hit.width == pytest.approx(100.0 * (UNTIL - ONSET) / whole, abs=0.5)


@given(st.lists(st.sampled_from([*State, None]), min_size=FOLD_ABOVE + 1, max_size=40))
def test_each_vantage_has_its_part_at_each_moment(states: list[State | None]) -> None:
    columns: defaultdict[float, float] = defaultdict(float)
    unit = HEIGHT / len(states)
    for block in drawn(states).blocks:
        columns[block.left] += block.height
        assert block.top + block.height <= HEIGHT + 0.2
        count = sum(one == block.state for one in states)
        if block.state != State.OK:
            assert block.height == pytest.approx(count * unit, abs=0.02)
    known = sum(one is not None for one in states)
    for height in columns.values():
        assert height == pytest.approx(known * unit, abs=0.2)


def test_few_are_shown_each() -> None:
    gathered, setting = many([State.OK] * FOLD_ABOVE)
    assert overview(gathered, setting, "x") is None
    assert "<details" not in render_html(gathered, setting, TimeWriter(), version="1")


def test_references_are_no_part_of_what_is_so_inside() -> None:
    roles = [Role.INSIDE] * 8 + [Role.REFERENCE] * 2
    states: list[State] = [State.OK] * 8 + [State.BLOCKED] * 2
    found = overview(*many(states, roles), "x")
    assert found is not None
    assert "How many of 8 vantages inside" in found.text
    assert "blocked at 0 of them" in found.text
    assert found.folded == "Each of the 10 vantages by itself"


@pytest.mark.parametrize("language", OFFERED)
def test_a_page_of_thirty_unfolds_to_each(language: str) -> None:
    gathered, setting = many([*HIT, *CALM, None])
    page = render_html(gathered, setting, TimeWriter(), version="1", tongue=Tongue(language))
    head, *folded = re.split("<details>", page)
    assert "v29" not in re.sub(r"<style>.*?</style>|<table.*?</table>", "", head, flags=re.DOTALL)
    assert len(folded) == 2
    for part in folded:
        inside, _, _ = part.partition("</details>")
        assert all(f"v{number:02}" in inside for number in (0, 29))
    assert page.count("<details>") == page.count("</details>")
    if language != ENGLISH:
        assert "vantages by itself" not in page
    # A picture of a few hundred columns at most, however many there are.
    picture = re.search(r'class="overview".*?</svg>', page, re.DOTALL)
    assert picture is not None
    assert picture[0].count("<rect") < 40
