"""Packets of all sites abroad are lost: the line is said to lose them, steadily, and nobody is
accused. Of a platform alone, or of a line that loses as good ones do, that is not said."""

from __future__ import annotations

from collections import Counter

import pytest

from probe.config import load
from probe.config.handful import Handful, filled, with_handful
from probe.model.verdict import State, Verdict
from scenarios.lines import LINES
from scenarios.model import (
    DOMESTIC_HOST,
    EVERY,
    Effect,
    Expectation,
    Lossy,
    Policed,
    Restricted,
    Said,
    Scenario,
    Whom,
    exactly,
)
from scenarios.rows import Row
from scenarios.throttling import X_HOSTS
from synth.play import Play

CONFIG = load(None, {})
ABROAD = Whom(hosts=(EVERY,), but_hosts=(DOMESTIC_HOST,))
ROUNDS = 14


def lossy(share: float) -> Effect:
    return Lossy(probability=exactly(share))


def played(whom: Whom, effect: Effect, *, born: bool, seed: int) -> list[Verdict]:
    """What was said of X while it lasted."""
    scenario = Scenario(
        id="lossy-line",
        name="packets are lost",
        rows=(Row.CONGESTED,),
        source="",
        platforms=("x",),
        alternatives=((Restricted(whom=whom, effects=(effect,)),),),
        expect=(Expectation(said=(Said(state=State.DEGRADED),), within_rounds=3),),
        lasts_rounds=ROUNDS,
        to_the_end=True,
        domestic=True,
    )
    config = with_handful(CONFIG, filled(Handful(f"{seed:032x}"), CONFIG.pool))
    play = Play(config, scenario, LINES["fibre"], seed=seed)
    if born:
        play.born(ROUNDS)
    else:
        play.run()
    return [one.verdict for one in play.moments["home", "x"] if one.phase == "during"]


@pytest.mark.parametrize("born", [False, True], ids=["calm-before", "born-into-it"])
@pytest.mark.parametrize("loss", [0.1, 0.25])
def test_it_is_said_of_the_line(loss: float, born: bool) -> None:
    said = played(ABROAD, lossy(loss), born=born, seed=int(100 * loss))
    assert not any(one.restricted or one.state is State.IMPAIRED for one in said)
    late = Counter(one.reason for one in said[-len(said) // 4 :])
    # A handshake of which every packet is lost is a failure, now and then.
    assert late["line_lossy"] >= 0.6 * late.total(), late
    assert late.keys() <= {"line_lossy", "failure_suspected", "target_failing"}, late


@pytest.mark.parametrize(("whom", "loss"), [(Whom(hosts=X_HOSTS), 0.1), (ABROAD, 0.005)])
def test_it_is_not_said_of_one_platform_or_of_a_good_line(whom: Whom, loss: float) -> None:
    said = played(whom, lossy(loss), born=False, seed=3)
    assert "line_lossy" not in {one.reason for one in said}


@pytest.mark.parametrize(("born", "reason"), [(False, "line_slow"), (True, "slower_than_anywhere")])
def test_a_policer_of_everything_abroad_is_told_by_its_rates(*, born: bool, reason: str) -> None:
    """It drops packets as well."""
    policer = Policed(rate_bits_per_second=exactly(100e3), burst_bytes=exactly(4_500))
    said = [one.reason for one in played(ABROAD, policer, born=born, seed=0)]
    assert reason in said
    assert "line_lossy" not in said[said.index(reason) :]
