from __future__ import annotations

import io
import json

import pytest
from msgspec.structs import replace
from rich.console import Console

from probe.model.failure import REASONS, Failure
from probe.model.identity import Phase
from probe.model.observation import HttpFacts, RoundObservation, SkippedLeg
from probe.model.verdict import State
from probe.publish.plain_words import failure_words, rate_words
from probe.publish.terminal.round_table import render_rounds, to_json
from synth.shape import config, full_round, verdict_of
from tests.every import for_every


def shown(*rounds: RoundObservation, state: State = State.OK, width: int = 80) -> str:
    out = io.StringIO()
    render_rounds(
        Console(file=out, width=width), rounds, [verdict_of(observed, state) for observed in rounds]
    )
    return out.getvalue()


def failing(phase: Phase, reason: str) -> RoundObservation:
    return full_round(config(), failure=Failure(phase=phase, reason=reason))


def test_a_round_is_its_verdict_and_its_legs() -> None:
    lines = shown(full_round(config(), controls=["debian"])).splitlines()
    assert lines[0] == "[ok, under test] X: reachable."
    legs = [line.split() for line in lines[2:]]
    assert legs[1][:8] == ["target", "script", "4", "4.0", "21.0", "43.0", "65.0", "87.0"]
    assert legs[1][-1] == "ok"
    assert [leg[:2] for leg in legs] == [
        ["target", "page"],
        ["target", "script"],
        ["swap", "page"],
        ["swap", "script"],
        ["control", "debian/object"],
    ]


def test_it_fits_80_columns_and_has_no_escapes_when_piped() -> None:
    long = full_round(config(), "youtube", failure=Failure(phase=Phase.TLS, reason="eof_error"))
    for text in (shown(full_round(config())), shown(long)):
        assert max(map(len, text.splitlines())) <= 80
        assert "\x1b" not in text
        assert "…" not in text


def test_what_was_not_measured_is_left_blank() -> None:
    text = shown(failing(Phase.CONNECT, "connection_refused"))
    page = next(line for line in text.splitlines() if line.split()[:2] == ["target", "page"])
    assert page.split() == ["target", "page", "4", "4.0", "21.0!", "failed"]


def test_failures_are_said_in_words() -> None:
    text = shown(failing(Phase.TLS, "connection_reset"), state=State.UNKNOWN)
    assert "[unknown, under test]" in text
    flat = " ".join(text.split())
    assert flat.count("the connection was reset in the TLS handshake") == 1
    assert "target page, target script, swap page, swap script: the connection" in flat
    assert "43.0!" in text
    assert "!: the phase in which a leg failed" in text


@for_every(sorted(REASONS))
def test_every_failure_has_words(reason: str) -> None:
    leg = failing(Phase.TRANSFER, reason).legs[0]
    words = failure_words(leg)
    assert words
    assert "_" not in words


def test_a_refusal_says_its_status() -> None:
    leg = failing(Phase.PROCESSING, "http_unexpected_status_code").legs[0]
    assert failure_words(replace(leg, http=HttpFacts(version="2", status=403))) == (
        "the answer was 403"
    )


def test_legs_that_were_not_made_say_why() -> None:
    base = full_round(config(), controls=["debian"])
    left, *made = base.legs
    text = shown(
        replace(base, legs=tuple(made), skipped=(SkippedLeg(leg=left.leg, reason="no_object"),))
    )
    assert "target x/script: not asked: the object to fetch was not found" in text


def test_a_round_without_any_leg_still_says_its_verdict() -> None:
    text = shown(replace(full_round(config()), legs=()), state=State.UNKNOWN)
    assert text.splitlines() == ["[unknown, under test] X: reachable."]


def test_the_vantage_is_named_when_there_are_several() -> None:
    text = shown(full_round(config(), vantage="home"), full_round(config(), vantage="mobile"))
    assert "[ok, under test] from home X: reachable." in text
    assert "[ok, under test] from mobile X: reachable." in text


def test_json_holds_every_field_with_its_own_name() -> None:
    observed = full_round(config())
    out = json.loads(to_json([observed], [verdict_of(observed)]))
    assert out["verdicts"][0]["state"] == "ok"
    leg = out["rounds"][0]["legs"][0]
    assert leg["leg"]["role"] == "target"
    assert leg["phases"]["tls"] == 0.043
    assert leg["failure"] is None
    assert out["rounds"][0]["dns"][0]["resolver"] == "system"


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.0, "0 B/s"),
        (870.0, "870 B/s"),
        (999.7, "1 kB/s"),
        (16_384.0, "16.4 kB/s"),
        (128_000.0, "128 kB/s"),
        (1_254_000.0, "1.25 MB/s"),
        (2.5e9, "2.5 GB/s"),
    ],
)
def test_rates_have_at_most_three_digits(rate: float, words: str) -> None:
    assert rate_words(rate) == words
