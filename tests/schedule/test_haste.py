"""Who reads in every round, and who is looked at at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.verdict import SUSPECTED, UNPROVEN, State, Verdict
from probe.schedule.haste import APART_SHARE, NEWS_EVIDENCE, TABLE, Haste, HasteOf
from probe.verdict.ladder.facts import Suspicion
from probe.verdict.ladder.ladder import RULES

LIGHT = 300.0
OTHERS = ("facebook", "youtube")


def said(
    platform: str = "x",
    state: State = State.UNKNOWN,
    reason: str = "suspected",
    e_value: float | None = None,
    vantage: str = "home",
) -> Verdict:
    return Verdict(
        vantage=vantage,
        platform=platform,
        state=state,
        reason=reason,
        rule_id="",
        sentence="",
        at=0.0,
        since=0.0,
        e_value=e_value,
    )


def hear(haste: Haste, verdict: Verdict, now: float, *, light: bool = False) -> None:
    haste.judged(verdict, now, light=light)


def after_a_calm_round_of_all() -> Haste:
    haste = Haste()
    for platform in ("x", *OTHERS):
        haste.looked("home", platform, 0.0)
        hear(haste, said(platform, State.OK, ""), 3.0)
    return haste


@pytest.mark.parametrize(
    ("verdict", "news"),
    [
        (said(state=State.OK, reason=""), False),
        (said(state=State.DOWN, reason="server_error"), False),
        (said(), False),
        (said(e_value=0.9 * NEWS_EVIDENCE), False),
        (said(e_value=NEWS_EVIDENCE), True),
        (said(reason="failure_suspected", e_value=NEWS_EVIDENCE), True),
        (said(state=State.IMPAIRED, reason=""), True),
        (said(state=State.THROTTLED, reason=""), True),
        (said(state=State.BLOCKED, reason=""), True),
        (said(e_value=NEWS_EVIDENCE, vantage="away"), False),
    ],
)
def test_what_is_borne_out_of_one_platform_sends_for_the_others(
    verdict: Verdict, *, news: bool
) -> None:
    haste = after_a_calm_round_of_all()
    hear(haste, verdict, 60.0)
    for platform in OTHERS:
        assert haste.at_once("home", platform, 61.0, LIGHT) is news
        assert haste.of("home", platform, 61.0, LIGHT) is news
    assert not haste.at_once("home", "x", 61.0, LIGHT)


def test_each_is_looked_at_once_and_not_when_it_may_not_be() -> None:
    haste = after_a_calm_round_of_all()
    hear(haste, said(e_value=NEWS_EVIDENCE), 60.0)
    # Whether or not the data budget permits it.
    haste.looked("home", "facebook", 61.0)
    assert not haste.at_once("home", "facebook", 62.0, LIGHT)
    assert haste.at_once("home", "youtube", 62.0, LIGHT)
    hear(haste, said("youtube", State.OK, ""), 70.0)
    assert not haste.at_once("home", "youtube", 71.0, LIGHT)
    # More evidence of the same, and the proof of it, is no news.
    hear(haste, said(e_value=50.0 * NEWS_EVIDENCE), 80.0)
    hear(haste, said(state=State.THROTTLED, reason=""), 90.0)
    assert not haste.at_once("home", "youtube", 91.0, LIGHT)


def test_news_grows_old() -> None:
    haste = after_a_calm_round_of_all()
    hear(haste, said(e_value=NEWS_EVIDENCE), 60.0)
    assert haste.at_once("home", "youtube", 60.0 + 1.9 * LIGHT, LIGHT)
    assert not haste.at_once("home", "youtube", 60.0 + 2.1 * LIGHT, LIGHT)


def test_who_was_never_looked_at_has_its_first_round_before_it() -> None:
    haste = Haste()
    hear(haste, said(e_value=NEWS_EVIDENCE), 60.0)
    assert not haste.at_once("home", "youtube", 61.0, LIGHT)


def test_who_is_suspected_has_a_pace_of_its_own() -> None:
    haste = after_a_calm_round_of_all()
    hear(haste, said("youtube"), 50.0)
    hear(haste, said(e_value=NEWS_EVIDENCE), 60.0)
    assert not haste.at_once("home", "youtube", 61.0, LIGHT)
    assert haste.of("home", "youtube", 61.0, LIGHT)


@pytest.mark.parametrize(
    "reason", ["suspected", "failure_suspected", "one_edge_slow", "slow_unproven"]
)
def test_a_light_round_that_leaves_a_suspicion_behind_is_followed_by_a_read_at_once(
    reason: str,
) -> None:
    haste = after_a_calm_round_of_all()
    hear(haste, said(reason="suspected"), 60.0, light=True)
    hear(haste, said(reason=reason), 70.0)
    assert haste.at_once("home", "x", 71.0, LIGHT)
    assert haste.of("home", "x", 71.0, LIGHT)
    haste.looked("home", "x", 72.0)
    assert not haste.at_once("home", "x", 73.0, LIGHT)
    # Once: what goes on is looked at in its turn.
    hear(haste, said(), 80.0)
    hear(haste, said(), 380.0, light=True)
    assert not haste.at_once("home", "x", 381.0, LIGHT)


def test_what_its_bursts_do_not_bear_out_is_not_read_at_once() -> None:
    haste = after_a_calm_round_of_all()
    hear(haste, said(), 60.0, light=True)
    hear(haste, said(state=State.OK, reason=""), 70.0)
    assert not haste.at_once("home", "x", 71.0, LIGHT)


def test_a_read_that_is_suspicious_is_followed_in_its_turn() -> None:
    haste = after_a_calm_round_of_all()
    hear(haste, said(), 60.0)
    assert not haste.at_once("home", "x", 61.0, LIGHT)


def test_what_cannot_be_proven_is_said_for_reasons_that_there_are() -> None:
    assert {rule.reason for rule in RULES} | {s.value for s in Suspicion} >= UNPROVEN - SUSPECTED


def test_what_is_borne_out_has_its_second_round_when_another_is_proven() -> None:
    haste = after_a_calm_round_of_all()
    haste.looked("home", "x", 100.0)
    hear(haste, said(e_value=NEWS_EVIDENCE), 130.0)
    haste.looked("home", "youtube", 131.0)
    hear(haste, said("youtube"), 140.0)
    assert not haste.at_once("home", "x", 190.0, LIGHT)
    hear(haste, said("facebook", State.THROTTLED, ""), 141.0)
    assert not haste.at_once("home", "x", 145.0, LIGHT), "one passing trouble would meet both"
    assert haste.at_once("home", "x", 161.0, LIGHT)
    assert not haste.at_once("home", "youtube", 200.0, LIGHT), "its evidence is none"
    haste.looked("home", "x", 161.0)
    assert not haste.at_once("home", "x", 300.0, LIGHT)
    # More of the same proof is none, another platform's is.
    hear(haste, said("facebook", State.THROTTLED, ""), 300.0)
    assert not haste.at_once("home", "x", 301.0, LIGHT)
    hear(haste, said("instagram", State.IMPAIRED, ""), 302.0)
    assert haste.at_once("home", "x", 303.0, LIGHT)


EVENTS = st.lists(
    st.tuples(
        st.floats(0.0, LIGHT),
        st.sampled_from(("x", *OTHERS)),
        st.sampled_from(
            (
                (State.OK, ""),
                (State.UNKNOWN, "suspected"),
                (State.UNKNOWN, "slow_unproven"),
                (State.IMPAIRED, ""),
                (State.THROTTLED, ""),
                (State.OFFLINE, ""),
            )
        ),
        st.sampled_from((None, 1.0, NEWS_EVIDENCE)),
        st.booleans(),
    ),
    max_size=12,
)


@given(EVENTS)
def test_haste_ends_by_itself_and_an_untouched_vantage_has_none(
    events: list[tuple[float, str, tuple[State, str], float | None, bool]],
) -> None:
    haste, now = after_a_calm_round_of_all(), 10.0
    for wait, platform, (state, reason), e_value, light in events:
        now += wait
        haste.looked("home", platform, now)
        hear(haste, said(platform, state, reason, e_value), now, light=light)
    longest = max(row.intervals for row in TABLE) * LIGHT
    for platform in ("x", *OTHERS):
        assert not haste.of("away", platform, now, LIGHT)
        assert not haste.at_once("away", platform, now, LIGHT)
        assert not haste.of("home", platform, now + longest, LIGHT)
        # Who was sent for is so once: what it is told by is not what sent for it.
        haste.looked("home", platform, now + longest)
        assert not haste.at_once("home", platform, now + longest, LIGHT)


@pytest.mark.parametrize(
    ("standing", "verdicts"),
    [
        (HasteOf.SUSPECTED, [said()]),
        (HasteOf.IMPAIRED, [said(state=State.IMPAIRED, reason="")]),
        (HasteOf.BESIDE, [said("youtube", e_value=NEWS_EVIDENCE)]),
    ],
)
def test_each_row_reads_for_as_long_as_it_says(standing: HasteOf, verdicts: list[Verdict]) -> None:
    haste = after_a_calm_round_of_all()
    for verdict in verdicts:
        hear(haste, verdict, 60.0)
    (row,) = [row for row in TABLE if row.standing is standing]
    assert haste.of("home", "x", 60.0 + 0.99 * row.intervals * LIGHT, LIGHT)
    assert not haste.of("home", "x", 60.0 + 1.01 * row.intervals * LIGHT, LIGHT)


def test_rounds_that_somebody_asked_for_are_made_a_while_apart_and_end() -> None:
    haste = after_a_calm_round_of_all()
    haste.wished("home", "x", 2, 100.0)
    assert haste.at_once("home", "x", 100.0, LIGHT)
    assert haste.of("home", "x", 100.0, LIGHT)
    assert not haste.at_once("home", "facebook", 100.0, LIGHT)
    haste.looked("home", "x", 101.0)
    assert not haste.at_once("home", "x", 102.0, LIGHT), "two at once are one look"
    assert haste.at_once("home", "x", 101.0 + APART_SHARE * LIGHT, LIGHT)
    haste.looked("home", "x", 101.0 + APART_SHARE * LIGHT)
    assert not haste.at_once("home", "x", 101.0 + 3 * APART_SHARE * LIGHT, LIGHT)
    # What no budget allowed is not made up for.
    haste.wished("home", "x", 6, 1_000.0)
    assert not haste.at_once("home", "x", 1_000.0 + 3.1 * LIGHT, LIGHT)
    assert not haste.of("home", "x", 1_000.0 + 3.1 * LIGHT, LIGHT)


def test_the_table_is_in_the_documents() -> None:
    page = (Path(__file__).parents[2] / "docs" / "suspicion.md").read_text()
    for row in TABLE:
        assert f"| `{row.standing}` | {row.since} | {row.intervals:g} | {row.at_once} |" in page
    assert {row.standing for row in TABLE} == set(HasteOf)
