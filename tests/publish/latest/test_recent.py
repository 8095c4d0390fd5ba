"""The last week's spans: from the history, then live, then forgotten."""

from __future__ import annotations

from pathlib import Path

import msgspec

from probe.config.schema import StoreConfig
from probe.model.failure import Failure
from probe.model.identity import Phase
from probe.model.stored import VerdictSpan
from probe.model.verdict import State, Verdict
from probe.publish.latest.board import Board
from probe.publish.latest.recent import KEPT_SECONDS, Recent, stored_spans
from probe.publish.report.report_parts import StateSpan
from probe.publish.web.landing_page import render_page
from synth.shape import NOW, config, full_round, verdict_of
from tests.publish.web.markup import Markup, is_self_contained

HOSTILE = "<script>alert(1)</script><img src=x>&amp;"
OBSERVED = full_round(config())


def span(state: State, start: float, end: float) -> VerdictSpan:
    verdict = msgspec.structs.replace(verdict_of(OBSERVED, state), at=start, since=start)
    return VerdictSpan(
        vantage=OBSERVED.vantage,
        platform=OBSERVED.platform,
        state=state,
        started_at=start,
        ended_at=end,
        rounds=3,
        first=verdict,
        last=msgspec.structs.replace(verdict, at=end),
    )


def live(state: State, at: float, since: float | None = None) -> Verdict:
    return msgspec.structs.replace(
        verdict_of(OBSERVED, state), at=at, since=at if since is None else since
    )


SLOT = (OBSERVED.vantage, OBSERVED.platform)


def test_live_verdicts_go_on_where_the_history_ended() -> None:
    recent = Recent()
    recent.remember([span(State.OK, 1e6, 1e6 + 5_000.0)])
    recent.add(live(State.OK, 1e6 + 5_700.0))
    recent.add(live(State.OK, 1e6 + 6_400.0))
    recent.add(live(State.THROTTLED, 1e6 + 7_000.0, 1e6 + 6_500.0))
    assert recent.at(1e6 + 7_100.0)[SLOT] == (
        StateSpan(state=State.OK, start=1e6, end=1e6 + 6_500.0),
        StateSpan(state=State.THROTTLED, start=1e6 + 6_500.0, end=1e6 + 7_100.0),
    )


def test_what_is_older_than_a_week_is_forgotten() -> None:
    recent = Recent()
    for number in range(4_000):
        state = State.OK if number % 2 else State.UNKNOWN
        recent.add(live(state, 1e6 + number * 300.0))
    now = 1e6 + 4_000 * 300.0
    kept = recent.at(now)[SLOT]
    assert kept[0].end >= now - KEPT_SECONDS - 300.0
    assert len(kept) <= KEPT_SECONDS / 300.0 + 10


def test_a_clock_that_was_set_back_leaves_no_future() -> None:
    recent = Recent()
    recent.add(live(State.OK, 9e6))
    recent.add(live(State.OK, 1e6))
    assert recent.at(1e6 + 60.0)[SLOT] == (StateSpan(state=State.OK, start=1e6, end=1e6 + 60.0),)


def test_no_history_is_nothing(tmp_path: Path) -> None:
    assert stored_spans(StoreConfig(path=str(tmp_path / "none"))) == ()
    (tmp_path / "broken").write_bytes(b"no database" * 100)
    assert stored_spans(StoreConfig(path=str(tmp_path / "broken"))) == ()
    assert stored_spans(StoreConfig(path=None)) == ()


def test_the_page_shows_the_strips_of_a_day_and_a_week() -> None:
    board = Board(config(), wall=lambda: NOW)
    board.remember(
        [
            span(State.OK, NOW - 500_000.0, NOW - 50_000.0),
            span(State.THROTTLED, NOW - 50_000.0, NOW - 20_000.0),
        ]
    )
    markup = is_self_contained_page(board)
    html = render_page(board.snapshot(), "1.2.3")
    assert html.count('class="p-throttled"') == 1 + 2
    assert "throttled 8 h 32 min" in html
    assert markup.tags.count("svg") > 8 * 3


def test_the_last_failure_of_a_platform_is_told() -> None:
    of = config()
    board = Board(of, wall=lambda: NOW + 120.0)
    failure = Failure(phase=Phase.TLS, reason="connection_reset")
    observed = full_round(of, failure=failure)
    board.round_finished(observed, verdict_of(observed, State.UNKNOWN))
    html = render_page(board.snapshot(), "1")
    assert "the connection was reset in the TLS handshake, 2 min ago" in html


def test_hostile_words_are_text_on_the_page() -> None:
    board = Board(config(), wall=lambda: NOW)
    board.round_finished(OBSERVED, verdict_of(OBSERVED, sentence=HOSTILE))
    assert HOSTILE in is_self_contained_page(board).text


def is_self_contained_page(board: Board) -> Markup:
    html = render_page(board.snapshot(), "1.2.3")
    # Its links lead to itself.
    for path in ("/metrics", "/-/healthy", "/-/ready", "/probe"):
        html = html.replace(f'href="{path}', 'href="#')
    return is_self_contained(html.replace('href="#?target=x"', "").replace('href="#"', ""))
