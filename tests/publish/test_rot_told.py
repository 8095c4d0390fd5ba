"""That nothing can be read of a target is told wherever a person looks: on the page, by ``explain``
and as a metric, in every language, and for each reason."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from probe.model.object_record import NothingRead, ObjectRecord, Why
from probe.model.verdict import State, Verdict
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import rows
from probe.publish.plain_words import unread_words
from probe.publish.terminal.explanation import conclusion
from probe.publish.web.landing_page import render_page
from synth.shape import NOW, config, full_round, verdict_of

SINCE = NOW - 30 * 3_600.0
TOLD = [
    NothingRead(target="script", since=SINCE, why=why, rotten=rotten, reads=reads)
    for why in Why
    for rotten in (False, True)
    for reads in (False, True)
]


class Text(HTMLParser):
    """What a page says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.text += data


def said(one: NothingRead) -> tuple[Board, Verdict]:
    of = config()
    board = Board(of, wall=lambda: NOW + 60.0)
    observed = full_round(of)
    verdict = replace(verdict_of(observed, State.OK), unread=(one,))
    board.round_finished(observed, verdict)
    return board, verdict


@pytest.mark.parametrize("one", TOLD, ids=lambda one: f"{one.why} {one.rotten} {one.reads}")
def test_the_page_and_explain_say_it(one: NothingRead) -> None:
    board, verdict = said(one)
    words = unread_words(one)
    assert words in Text(render_page(board.snapshot(), "1")).text
    assert words in conclusion(verdict)
    assert ("check --online" in words) is one.rotten
    for language in set(OFFERED) - {ENGLISH}:
        assert Tongue(language).plain(words) != words


@pytest.mark.parametrize("why", Why)
def test_so_does_the_metric_for_platforms_and_controls(why: Why) -> None:
    board, _ = said(TOLD[0])
    record = ObjectRecord()
    for at in (SINCE, NOW - 3_600.0, NOW):
        record = record.after(why, "", at)
    board.objects_seen("default", {"x/script": record, "jquery/object": record})
    found = {
        (labels.get("platform", ""), labels.get("control", "")): (labels["reason"], value)
        for spec, labels, value in rows(board.snapshot(), "1")
        if spec.name == "throttlewatch_target_rotten"
    }
    assert found == {("x", ""): (why.value, 1.0), ("", "jquery"): (why.value, 1.0)}
