"""Uploads beside what comes down: what is said where one of them is so and the other so."""

from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from probe.model.burst import Burst
from probe.model.finding import Finding, FindingKind, Scope
from probe.model.identity import Compares, LegRole, RoundKind, Vantage
from probe.model.observation import UploadInfo
from probe.model.stored import StoredRound
from probe.model.verdict import AILING, PROVEN, State, TransportFinding, Trigger
from probe.nation.finding_words import sentence
from probe.publish.export.export_csv import csv_lines
from probe.publish.languages.tongue import Tongue
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import Registry
from probe.publish.report.gather import gather, window
from probe.publish.report.report_parts import Setting
from probe.publish.report.story import tell
from probe.publish.report.times import TimeWriter
from probe.publish.terminal.explanation import explain
from probe.verdict.transports import joined
from synth.shape import NOW, config, full_round, verdict_of

DOWN_WORDS = "X: reachable and as fast as a neutral name at the same server."
UP_WORDS = (
    "X for uploads: uploads to it take 12 times as long as normal, while other sites are not "
    "slowed."
)
WELL = "What comes down from it is not: nothing was found wrong there."
ILL = "What comes down from it is told of by itself, by evidence of its own."
OPEN = "Of what comes down from it nothing is proven now."
ONLY_DOWN = "What is slowed or fails is what comes down."
LANGUAGES = ("ar", "fa", "ru", "tr", "ur")


def up(state: State = State.THROTTLED) -> TransportFinding:
    return TransportFinding(
        transport="upload",
        state=state,
        rule_id="throttled.name",
        sentence=UP_WORDS,
        at=NOW,
        since=NOW - 300.0,
        provisional=state is State.UNKNOWN,
        trigger=Trigger.NAME if state in PROVEN else None,
        e_value=30_000.0 if state in PROVEN else None,
        holds_seconds=1_500.0,
        direction="up",
    )


def of_both(down: State, found: TransportFinding) -> StoredRound:
    observed = replace(full_round(config(), "x"), started_at=NOW - 10.0)
    sent = tuple(
        replace(
            leg,
            leg=replace(leg.leg, prober="upload", send_bytes=65_536),
            body_bytes=None,
            upload=UploadInfo(whole_bytes=66_000, acked_bytes=66_000, seconds=0.66),
        )
        for leg in observed.legs
        if leg.leg.role is LegRole.TARGET
    )
    verdict = verdict_of(observed, down, sentence=DOWN_WORDS)
    return StoredRound(observed=replace(observed, beside=sent), verdict=joined(verdict, [found]))


def adds(down: State, found: State) -> str:
    """What the sentence must add to that on what comes down."""
    if found is State.WITHHELD:
        return f" {UP_WORDS}"
    if found in AILING:
        return f" {UP_WORDS} {WELL if down is State.OK else ILL if down in AILING else OPEN}"
    if found is State.UNKNOWN:
        return f" {UP_WORDS}"
    return f" {UP_WORDS} {ONLY_DOWN}" if found is State.OK and down in PROVEN else ""


@pytest.mark.parametrize("found", list(State))
@pytest.mark.parametrize("down", list(State))
def test_the_sentence_says_what_each_direction_is(down: State, found: State) -> None:
    said = of_both(down, up(found)).verdict
    assert said.state is down
    assert said.sentence == f"{DOWN_WORDS}{adds(down, found)}"
    assert "fall back" not in said.sentence


def test_metrics_explain_and_exports_have_it() -> None:
    stored = of_both(State.OK, up())
    board = Board(config(), wall=lambda: NOW)
    board.round_finished(stored.observed, stored.verdict)
    told = [
        sample.labels
        for metric in Registry("1").collector(board.snapshot()).collect()
        for sample in metric.samples
        if sample.name == "throttlewatch_transport_info"
    ]
    assert [(one["transport"], one["direction"], one["state"]) for one in told] == [
        ("upload", "up", "throttled")
    ]

    plan = Burst(target="script", compares=Compares.GOODPUT, read_bytes=65_536, over="upload")
    burst = replace(stored.observed, kind=RoundKind.BURST, legs=(), burst=plan)
    out = io.StringIO()
    explain(Console(file=out, width=400), [stored, replace(stored, observed=burst)])
    assert "for uploads: throttled" in out.getvalue()
    assert "legs in random order for uploads" in out.getvalue()
    assert "99.3 kB/s" in out.getvalue(), "64 KiB in 0.66 s"

    places = {"default": Vantage(name="default", country="PK", asn=64_500)}
    rows = list(csv.DictReader(io.StringIO(b"".join(csv_lines([stored], places)).decode())))
    assert {(r["verdict_state"], r["upload_state"], r["quic_state"]) for r in rows} == {
        ("ok", "throttled", "")
    }


@pytest.mark.parametrize("state", [State.BLOCKED, State.THROTTLED, State.IMPAIRED])
def test_a_report_tells_it_apart_from_what_comes_down(state: State) -> None:
    place = Vantage(name="default", country="PK", asn=64_500)
    setting = Setting(country="PK", vantages={"default": place}, titles={"x": "X"})
    gathered = gather([of_both(State.OK, up(state))], window(NOW - 900.0, NOW + 900.0))
    story = tell(gathered, setting, TimeWriter())
    (told,) = (one for one in story.sentences if "uploads" in one)
    assert told.startswith("In uploads X was ")
    assert told.endswith("That is told apart from what comes down.")
    for language in LANGUAGES:
        assert "uploads" not in Tongue(language).plain(told)


def test_a_nations_finding_says_how_what_comes_down_is() -> None:
    found = Finding(
        country="PK",
        platform="x",
        kind=FindingKind.RESTRICTED,
        at=NOW,
        sentence="",
        transport="upload",
        scope=Scope.NATION,
        affected_asns=(1, 2, 3),
        covered_asns=(1, 2, 3),
        affected_share=1.0,
        tcp_covered=3,
        tcp_affected=0,
    )
    told = sentence(found, "X").sentence
    assert "X for uploads" in told
    assert told.endswith("; what comes down from it is throttled or blocked in 0 of 3 networks.")
    assert "fall back" not in told


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("words", [f"{UP_WORDS} {one}" for one in (WELL, ILL, OPEN, ONLY_DOWN)])
def test_the_catalogs_have_it(language: str, words: str) -> None:
    assert "uploads to it" not in Tongue(language).plain(words)
    assert "comes down" not in Tongue(language).plain(words)
