"""A curtain is told wherever a person looks: page, metrics, `explain`, `now`, report, log."""

from __future__ import annotations

from html import unescape

import pytest
from msgspec.structs import replace

from probe.model.curtain import Curtain, CurtainKind
from probe.model.stored import StoredRound
from probe.model.verdict import Verdict
from probe.outlets.line_watch import LineWatch
from probe.publish.curtain_notes import curtains_of, said_of_lines
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import Registry, encode
from probe.publish.report.gather import gather, window
from probe.publish.report.report_parts import Setting
from probe.publish.report.story import tell
from probe.publish.report.times import TimeWriter
from probe.publish.terminal.answer import answer
from probe.publish.terminal.explanation import conclusion
from probe.publish.web.landing_page import render_page
from probe.verdict.words.words_curtain import curtain
from synth.event import ONSET, TITLES, VANTAGES, history
from synth.shape import NOW, config, full_round, verdict_of

HUNG = Curtain(
    operator="Cloudflare",
    kind=CurtainKind.FROZEN,
    since=NOW - 3_600.0,
    sites=2,
    others=5,
    stopped=16_384,
)
SENTENCE = curtain(HUNG)


def verdict(platform: str = "x", *curtains: Curtain, at: float = NOW) -> Verdict:
    observed = full_round(config(), platform)
    return replace(verdict_of(observed), curtains=curtains, at=at)


def test_what_the_newest_round_of_a_line_saw_holds_for_all_its_platforms() -> None:
    old, new = verdict("x", HUNG, at=NOW - 60.0), verdict("facebook")
    assert curtains_of([old, new, None]) == {"default": ()}
    assert curtains_of([replace(old, at=NOW + 60.0), new]) == {"default": (HUNG,)}
    assert said_of_lines({"home": (HUNG,)}) == [SENTENCE]
    assert said_of_lines({"home": (HUNG,), "office": ()}) == [f"home: {SENTENCE}"]


@pytest.mark.parametrize("hung", [(), (HUNG,)])
def test_the_page_and_the_metrics_tell_it_while_it_hangs(hung: tuple[Curtain, ...]) -> None:
    of = config()
    board = Board(of, wall=lambda: NOW + 60.0)
    observed = full_round(of)
    board.round_finished(observed, replace(verdict_of(observed), curtains=hung))
    page = unescape(render_page(board.snapshot(), "1.2.3"))
    assert (SENTENCE in page) is bool(hung)
    collector = Registry("1.2.3").collector(board.snapshot())
    text = encode(collector, accept="", accept_encoding="").body.decode()
    row = 'curtain_sites{kind="frozen",operator="Cloudflare",vantage="default"} 2.0'
    assert (row in text) is bool(hung)


def test_explain_and_now_tell_it() -> None:
    said = verdict("x", HUNG)
    assert f"on this line: {SENTENCE}" in conclusion(said)
    tested = {"x": [StoredRound(observed=full_round(config()), verdict=said)]}
    assert SENTENCE in answer(tested, {"x": "X"}, normal_of={"x"}).rests_on
    tested["x"][0] = replace(tested["x"][0], verdict=verdict("x"))
    assert SENTENCE not in answer(tested, {"x": "X"}, normal_of={"x"}).rests_on


@pytest.mark.parametrize("event", [None, (ONSET, ONSET + 3_600.0)])
def test_a_report_tells_when_it_hung(event: tuple[float, float] | None) -> None:
    start, end = ONSET - 7_200.0, ONSET + 7_200.0
    place = [one for one in VANTAGES if one.name == "home"]
    rounds = list(history(start, end, vantages=place, platforms=("x",), event=event))
    hung = replace(HUNG, since=ONSET)
    seen = [
        replace(one, verdict=replace(one.verdict, curtains=(hung,)))
        if ONSET <= one.observed.started_at < ONSET + 3_600.0
        else one
        for one in rounds
    ]
    setting = Setting(country="TR", vantages={v.name: v for v in place}, titles=TITLES)
    clock = TimeWriter()

    def words(of: list[StoredRound]) -> str:
        return " ".join(tell(gather(of, window(start, end)), setting, clock).sentences)

    assert SENTENCE not in words(rounds)
    assert words(seen).count(SENTENCE) == 1
    assert f"Seen from {clock.moment(ONSET)} to" in words(seen)


def test_the_log_tells_its_beginning_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = LineWatch(Board(config()))
    for hung in ((), (HUNG,), (HUNG,), (replace(HUNG, others=4),), (), ()):
        watch.hangs("default", hung)
        watch.hangs("elsewhere", ())
    began, ended = caplog.records
    assert "frozen, slow or silent" in began.getMessage()
    assert "well again" in ended.getMessage()
    assert {vars(record)["operator"] for record in caplog.records} == {"Cloudflare"}
