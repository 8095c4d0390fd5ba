"""A line that is slow is not one that is dead: what our own deadline cut had come from somebody."""

from __future__ import annotations

import pytest

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import Leg
from probe.model.verdict import State
from tests.verdict.country import WELL, Country, Done, about_x, facts

# No read ends within its deadline: 64 KiB take a minute and more.
CRAWLING = 1_000.0
INSIDE = ("university",)


@pytest.mark.parametrize("calm", [0, 1, 2, 24])
@pytest.mark.parametrize("domestic", [False, True])
def test_a_line_on_which_every_read_is_cut_is_not_offline(calm: int, domestic: bool) -> None:
    inside = INSIDE if domestic else ()
    controls = ("debian", "jquery", "kernel", *inside)
    country = Country(controls=controls, about=about_x(controls=facts(controls[:3], inside)))
    if calm:
        country.run(calm)
    country.verdicts.clear()

    def act(leg: Leg, address: str) -> Done:
        return Done() if leg.owner in inside else Done(transfer=CRAWLING)

    country.act = act
    country.run(8)
    states = {verdict.state for verdict in country.verdicts}
    assert State.OFFLINE not in states
    assert "no_healthy_control" not in {verdict.reason for verdict in country.verdicts}
    assert not any(verdict.restricted for verdict in country.verdicts)
    if calm == 24 and not domestic:
        assert country.verdicts[-1].state is State.DEGRADED


def test_controls_that_were_cut_are_counted_as_slow() -> None:
    country = Country()
    country.run(24)
    country.act = lambda leg, address: (
        Done(transfer=CRAWLING) if leg.role is LegRole.CONTROL else Done()
    )
    verdict = country.run(1)
    assert verdict.state is State.OK
    assert "1 of 2 controls is fine, 1 too slow to end in time" in verdict.sentence
    assert country.run(1, RoundKind.LIGHT).state is State.OK


@pytest.mark.parametrize(
    ("inside", "slower_inside", "said"),
    [
        ((), 1.0, "this line is"),
        (INSIDE, 20.0, "this line is"),
        (INSIDE, 1.0, "1 inside the country is as fast as usual"),
        (("college", *INSIDE), 1.0, "2 inside the country are as fast as usual"),
    ],
)
def test_a_slow_way_abroad_is_no_slow_line_where_a_site_inside_is_read_as_fast_as_usual(
    inside: tuple[str, ...], slower_inside: float, said: str
) -> None:
    controls = ("debian", "jquery", "kernel", *inside)
    country = Country(controls=controls, about=about_x(controls=facts(controls[:3], inside)))
    country.run(60)
    country.act = lambda leg, address: Done(transfer=slower_inside if leg.owner in inside else 20.0)
    country.run(40)
    slow = [v.sentence for v in country.verdicts if v.state is State.DEGRADED]
    assert said in slow[-1]
    # What was read inside before it began says nothing of the line as it is.
    assert "inside the country" not in slow[0]
    assert all(("sites abroad are" in one) is ("inside the country" in one) for one in slow)
    assert not any(verdict.restricted for verdict in country.verdicts)


def test_a_site_inside_that_answers_no_more_says_nothing_of_the_line() -> None:
    controls = ("debian", "jquery", "kernel", *INSIDE)
    country = Country(controls=controls, about=about_x(controls=facts(controls[:3], INSIDE)))
    country.run(60)
    gone = Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error"))
    country.act = lambda leg, address: WELL if leg.owner in INSIDE else Done(transfer=20.0)
    country.run(40)
    assert "inside the country is as fast" in country.verdicts[-1].sentence
    country.act = lambda leg, address: gone if leg.owner in INSIDE else Done(transfer=20.0)
    country.run(12)
    said = [v.sentence for v in country.verdicts if v.state is State.DEGRADED][-1]
    assert "inside the country" not in said
