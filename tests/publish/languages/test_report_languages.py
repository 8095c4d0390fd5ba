"""A report says in every language what it says in English, or marks what it leaves in English."""

from __future__ import annotations

import re
from itertools import product

import pytest

from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.report.render import render_html, render_svg
from probe.publish.report.story import Story
from tests.publish.report.test_report import CLOCK, SETTING, event, gathered
from tests.publish.report.test_sentences import CELLS, at_home, story

LANGUAGES = [code for code in OFFERED if code != ENGLISH]
RUSSIAN = Tongue("ru")


def texts(told: Story) -> list[str]:
    tiles = [text for tile in told.tiles for text in (tile.number, tile.of)]
    return [told.headline, *told.sentences, *tiles]


@pytest.mark.parametrize("target", CELLS)
def test_every_sentence_of_the_matrix_of_states(target: str) -> None:
    cells = [(target, swap, control, "fine", "fine") for swap, control in product(CELLS, CELLS)]
    cells += [(target, "fine", "fine", *others) for others in product(CELLS, CELLS)]
    unread = {
        text
        for home, swap, control, other, reference in cells
        for text in texts(story(at_home(home, swap, control), other, reference))
        if RUSSIAN.plain(text) == text and re.search("[A-Za-z]{2}", text)
    }
    assert not unread


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_a_report_stays_english(language: str) -> None:
    html = render_html(
        gathered(event()),
        SETTING,
        CLOCK,
        version="1.2.3",
        made_at=1_768_900_000.0,
        tongue=Tongue(language),
    )
    direction = "rtl" if OFFERED[language].right_to_left else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in html
    # The sentence that names what somebody said of a verdict by hand, in this test's history.
    by_hand = [
        text
        for text in re.findall(r'<span lang="en" dir="ltr">(.*?)</span>', html)
        if "by more than chance explains" not in text and "sets it off: another" not in text
    ]
    assert not by_hand


def test_the_plot_by_itself() -> None:
    svg = render_svg(gathered(event()), SETTING, CLOCK, Tongue("ru"))
    assert "контрольные сайты" in svg
    assert "controls" not in svg
