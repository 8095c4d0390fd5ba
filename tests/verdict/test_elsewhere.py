"""Reference vantages are weighed: one that is broken or lies neither convicts nor acquits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.verdict import State, Verdict
from probe.verdict.ladder.facts import SLOW_OUTSIDE, Elsewhere, elsewhere

FINE, SLOW, FAILING = Elsewhere.FINE, Elsewhere.SLOW, Elsewhere.FAILING
SAID = {
    FINE: (State.OK, ""),
    SLOW: (State.UNKNOWN, SLOW_OUTSIDE),
    FAILING: (State.DOWN, "server_error"),
    Elsewhere.NOBODY_LOOKED: (State.OFFLINE, ""),
}


def together(*news: Elsewhere) -> Elsewhere:
    return elsewhere(
        Verdict(
            vantage=f"abroad-{number}",
            platform="x",
            state=SAID[one][0],
            reason=SAID[one][1],
            rule_id="test",
            sentence="",
            at=0.0,
            since=0.0,
        )
        for number, one in enumerate(news)
    )


@pytest.mark.parametrize(
    ("news", "means"),
    [
        ((), Elsewhere.NOBODY_LOOKED),
        ((FINE,), FINE),
        ((SLOW,), SLOW),
        ((FAILING,), FAILING),
        ((FINE, FAILING), Elsewhere.NOBODY_LOOKED),
        ((FINE, SLOW), Elsewhere.NOBODY_LOOKED),
        ((FINE, FINE, FAILING), FINE),
        ((FINE, FAILING, FAILING), FAILING),
        ((FINE, FINE, SLOW, FAILING), Elsewhere.NOBODY_LOOKED),
        ((FINE, SLOW, SLOW, FAILING), SLOW),
        ((SLOW, FAILING), FAILING),
    ],
)
def test_what_several_say(news: tuple[Elsewhere, ...], means: Elsewhere) -> None:
    assert together(*news) is means


@given(st.lists(st.sampled_from(list(Elsewhere)), max_size=9), st.sampled_from(list(Elsewhere)))
def test_one_alone_turns_nothing_round(news: list[Elsewhere], liar: Elsewhere) -> None:
    """Whatever one more says: what was fine is not failing, and what failed is not fine."""
    before, after = together(*news), together(*news, liar)
    if before is FINE:
        assert after in (FINE, Elsewhere.NOBODY_LOOKED)
    if before in (SLOW, FAILING):
        assert after is not FINE
    assert together(*reversed(news)) is before
    silent = [one for one in news if one is not Elsewhere.NOBODY_LOOKED]
    assert together(*silent) is before
