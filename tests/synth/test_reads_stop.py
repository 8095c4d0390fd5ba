"""What anybody abroad sends is cut after some bytes, packets or seconds: the line is said to do so,
whether it began before the first round or after a calm day; never ``ok``, and nobody is accused."""

from __future__ import annotations

import pytest

from probe.config import load
from probe.config.handful import Handful, filled, with_handful
from probe.model.verdict import State, Verdict
from scenarios.lines import LINES
from scenarios.model import (
    DOMESTIC_HOST,
    EVERY,
    CutOff,
    Effect,
    Expectation,
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
KIB = 1_024
CUTS: dict[str, Effect] = {
    "silence-16k": CutOff(after_bytes=exactly(16 * KIB)),
    "reset-16k": CutOff(after_bytes=exactly(16 * KIB), resets=True),
    "silence-48k": CutOff(after_bytes=exactly(48 * KIB)),
    "reset-40k": CutOff(after_bytes=exactly(40 * KIB), resets=True),
    "packets-25": CutOff(after_packets=exactly(25)),
}
LATEST = 12
"""Rounds, light ones as well, until it is said: half of the operators must have been read since,
two or so in each third round."""

READ = 3
"""By so many rounds one has read."""
BETWEEN_READS = 3
"""Until the next one has read of another operator."""


def played(whom: Whom, effect: Effect, *, born: bool, domestic: bool, seed: int) -> list[Verdict]:
    """What ordinary rounds said of X while it lasted."""
    scenario = Scenario(
        id="reads-stop",
        name="reads stop",
        rows=(Row.CUT_OFF,),
        source="",
        platforms=("x",),
        alternatives=((Restricted(whom=whom, effects=(effect,)),),),
        expect=(Expectation(said=(Said(state=State.DEGRADED),), within_rounds=3),),
        lasts_rounds=10,
        to_the_end=True,
        domestic=domestic,
    )
    config = with_handful(CONFIG, filled(Handful(f"{seed:032x}"), CONFIG.pool))
    play = Play(config, scenario, LINES["fibre"], seed=seed)
    if born:
        play.born(8)
    else:
        play.run()
    return [one.verdict for one in play.moments["home", "x"] if one.phase == "during"]


@pytest.mark.parametrize("domestic", [False, True], ids=["no-control-inside", "control-inside"])
@pytest.mark.parametrize("born", [False, True], ids=["calm-before", "born-into-it"])
@pytest.mark.parametrize("cut", CUTS)
def test_the_line_is_said_to_stop_reads(cut: str, born: bool, domestic: bool) -> None:
    whom = Whom(hosts=(EVERY,), but_hosts=(DOMESTIC_HOST,) if domestic else ())
    said = played(whom, CUTS[cut], born=born, domestic=domestic, seed=len(cut))
    assert {(one.state, one.reason) for one in said[LATEST:]} == {(State.DEGRADED, "reads_stop")}
    assert not any(one.restricted or one.state is State.IMPAIRED for one in said)
    assert not any(one.state is State.OK for one in said[READ:])
    assert {one.factor for one in said[LATEST:]} == {None}
    inside = "inside the country is read whole" in said[-1].sentence
    assert domestic or not inside


@pytest.mark.parametrize("cut", CUTS)
def test_of_a_platform_alone_that_is_not_said(cut: str) -> None:
    said = played(Whom(hosts=X_HOSTS), CUTS[cut], born=False, domestic=False, seed=len(cut))
    assert "reads_stop" not in {one.reason for one in said}
    assert said[-1].state in {State.THROTTLED, State.BLOCKED, State.IMPAIRED}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("hit", [2, 3])
@pytest.mark.parametrize("cut", CUTS)
def test_nor_where_half_of_the_operators_are_cut_with_it(cut: str, hit: int, seed: int) -> None:
    """Nobody may hide a cut of a platform by cutting some other networks alike."""
    handful = filled(Handful(f"{seed:032x}"), CONFIG.pool)
    drawn = with_handful(CONFIG, handful).controls
    operators = sorted({one.operator for one in drawn if one.scope == "foreign"})
    sites = [h for one in drawn if one.operator in operators[:hit] for h in one.hosts]
    assert 2 * hit <= len(operators)
    whom = Whom(hosts=(*X_HOSTS, *sites))
    said = played(whom, CUTS[cut], born=False, domestic=False, seed=seed)
    assert sum(one.reason == "reads_stop" for one in said) <= BETWEEN_READS
    assert not any(one.state is State.OK for one in said[READ:])
