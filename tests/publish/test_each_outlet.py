"""TCP by QUIC: what is said where one of them is so and the other so, by every outlet."""

from __future__ import annotations

import csv
import html
import io
import json

import pytest
from msgspec.structs import replace
from rich.console import Console

from probe.model.identity import Vantage
from probe.model.stored import StoredRound
from probe.model.verdict import AILING, Method, State, TransportFinding, Verdict
from probe.nation.local import sight_of
from probe.outlets.events import RoundJudged
from probe.publish.export.export_csv import csv_lines
from probe.publish.export.export_jsonl import jsonl_lines
from probe.publish.export.export_ooni import ooni_lines
from probe.publish.latest.board import Board
from probe.publish.report.gather import gather, window
from probe.publish.report.report_parts import Setting
from probe.publish.report.story import Story, tell
from probe.publish.report.times import TimeWriter
from probe.publish.terminal.explanation import explain
from probe.publish.web.landing_page import render_page
from probe.verdict.remembered.memory import Memory
from probe.verdict.transports import SILENT_FOR_ALL, joined
from synth.shape import NOW, config, full_round, verdict_of

QUIC = "quic"
TCP_WORDS, QUIC_WORDS = "X: it is so over TCP.", "X over QUIC: it is so over QUIC."
WELL = "Browsers and apps fall back to TCP, over which nothing was found wrong."
ILL = "Browsers and apps fall back to TCP, and meet what is said of it here."
OPEN = "Browsers and apps fall back to TCP, of which nothing is proven now."
SPARED = "Whoever uses that is spared."
PROVEN = (State.THROTTLED, State.BLOCKED, State.IMPAIRED)
PROGRAMS = (WELL, ILL, OPEN, SPARED)


def over_quic(state: State, *, method: Method | None = None, reason: str = "") -> TransportFinding:
    return TransportFinding(
        transport=QUIC,
        state=state,
        rule_id="some.rule",
        sentence=QUIC_WORDS,
        at=NOW,
        since=NOW - 300.0,
        reason=reason,
        provisional=state is State.UNKNOWN,
        method=method,
        e_value=30_000.0 if state in PROVEN else None,
        holds_seconds=1_500.0,
    )


def of_both(tcp: State, quic: TransportFinding, method: Method | None = None) -> StoredRound:
    observed = replace(full_round(config(), "x"), started_at=NOW - 10.0)
    verdict = replace(verdict_of(observed, tcp, sentence=TCP_WORDS), method=method)
    return StoredRound(observed=observed, verdict=joined(verdict, [quic]))


def adds(tcp: State, quic: State) -> str:
    """What the sentence must add to TCP's, and nothing more."""
    if quic is State.WITHHELD:
        return f" {QUIC_WORDS}"
    if quic in AILING:
        return f" {QUIC_WORDS} {WELL if tcp is State.OK else ILL if tcp in AILING else OPEN}"
    if quic is State.UNKNOWN:
        return f" {QUIC_WORDS}"
    return f" {QUIC_WORDS} {SPARED}" if quic is State.OK and tcp in PROVEN else ""


@pytest.mark.parametrize("quic", list(State))
@pytest.mark.parametrize("tcp", list(State))
def test_the_sentence_says_what_each_is_and_what_programs_do(tcp: State, quic: State) -> None:
    said = of_both(tcp, over_quic(quic)).verdict
    assert said.state is tcp
    assert said.sentence == f"{TCP_WORDS}{adds(tcp, quic)}"
    assert sum(words in said.sentence for words in PROGRAMS) <= 1


@pytest.mark.parametrize("tcp", list(State))
def test_where_a_name_leads_is_said_once(tcp: State) -> None:
    assert of_both(tcp, over_quic(State.BLOCKED, method=Method.DNS)).verdict.sentence == TCP_WORDS


def test_whoever_is_led_astray_is_not_spared() -> None:
    said = of_both(State.BLOCKED, over_quic(State.OK), Method.DNS).verdict.sentence
    assert SPARED not in said
    assert SPARED in of_both(State.BLOCKED, over_quic(State.OK), Method.TLS).verdict.sentence


@pytest.mark.parametrize("quic", list(State))
def test_the_log_has_a_line_when_what_is_said_of_it_changes(quic: State) -> None:
    calm, now = (of_both(State.OK, over_quic(one)) for one in (State.OK, quic))

    def changed(before: Verdict, after: Verdict) -> bool:
        event = RoundJudged(observed=now.observed, verdict=after, before=before, memory=Memory())
        return event.changed

    told = calm.verdict.sentence != now.verdict.sentence
    assert changed(calm.verdict, now.verdict) is told
    assert changed(now.verdict, calm.verdict) is told


@pytest.mark.parametrize("quic", [State.OK, State.BLOCKED, State.THROTTLED, State.IMPAIRED])
@pytest.mark.parametrize("tcp", [State.OK, State.BLOCKED, State.UNKNOWN])
def test_every_outlet_tells_it(tcp: State, quic: State) -> None:
    stored = of_both(tcp, over_quic(quic))
    board = Board(config(), wall=lambda: NOW)
    board.round_finished(stored.observed, stored.verdict)
    page = html.unescape(render_page(board.snapshot(), "1"))
    assert stored.verdict.sentence in page

    out = io.StringIO()
    explain(Console(file=out, width=400), [stored])
    assert f"over quic: {quic}" in out.getvalue()
    assert QUIC_WORDS in out.getvalue()

    places = {"default": Vantage(name="default", country="PK", asn=64_500)}
    rows = list(csv.DictReader(io.StringIO(b"".join(csv_lines([stored], places)).decode())))
    assert {(row["verdict_state"], row["quic_state"]) for row in rows} == {(tcp, quic)}
    (whole,) = map(json.loads, jsonl_lines([stored]))
    (kept,) = whole["verdict"]["over"]
    assert (kept["transport"], kept["state"], kept["sentence"]) == (QUIC, quic, QUIC_WORDS)
    for line in ooni_lines([stored], places):
        notes = json.loads(line)["annotations"]
        assert notes["throttlewatch_verdict"] == tcp
        assert notes["throttlewatch_verdict_over_quic"] == quic

    slot = ("default", "x")
    sight = sight_of(NOW, places.values(), {slot: stored.verdict}, {})
    assert {r.transport: r.state for r in sight.readings} == {"": tcp, QUIC: quic}


def reported(tcp: State, quic: TransportFinding) -> Story:
    stored = of_both(tcp, quic)
    place = Vantage(name="default", country="PK", asn=64_500)
    setting = Setting(country="PK", vantages={"default": place}, titles={"x": "X"})
    return tell(gather([stored], window(NOW - 900.0, NOW + 900.0)), setting, TimeWriter())


@pytest.mark.parametrize("quic", list(State))
@pytest.mark.parametrize("tcp", [State.OK, State.BLOCKED, State.UNKNOWN])
def test_a_report_tells_what_was_proven_over_it(tcp: State, quic: State) -> None:
    story = reported(tcp, over_quic(quic))
    told = [sentence for sentence in story.sentences if "Over QUIC" in sentence]
    assert bool(told) is (quic in PROVEN)
    for sentence in told:
        assert sentence.startswith("Over QUIC X was ")
        assert "at 1 vantage inside" in sentence
        assert "to which browsers and apps fall back" in sentence
    if tcp is State.OK:
        only = " over TCP" if quic in PROVEN else ""
        assert f"No throttling or blocking seen{only} " in story.headline
        assert any(f"found throttled or blocked{only}. " in one for one in story.sentences)


def test_a_report_does_not_tell_what_is_no_matter_of_it() -> None:
    for one in (
        over_quic(State.BLOCKED, method=Method.DNS),
        over_quic(State.OFFLINE, reason=SILENT_FOR_ALL),
    ):
        assert not any("QUIC" in sentence for sentence in reported(State.OK, one).sentences)
