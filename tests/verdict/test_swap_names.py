"""A range of addresses with a list of exceptions is told from the platform's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.failure import Failure
from probe.model.identity import Fame, Family, LegRole, Phase
from probe.model.observation import Leg
from probe.model.verdict import RESTRICTED, Trigger
from probe.observe.effort import Measure
from probe.verdict.basis.swap_names import NamesMet
from probe.verdict.remembered.memory import OpenSuspicion
from probe.verdict.suspected.open_suspicion import trigger
from tests.verdict.country import WELL, Act, Country, Done

SLOW = Done(transfer=9.0)
CUT = Done(fails=Failure(phase=Phase.TLS, reason="connection_reset"))
FAMES = (Fame.FAMOUS, Fame.OBSCURE)
SUSPICION = OpenSuspicion(
    target="object", measure=Measure.TRANSFER, family=Family.IPV4, onset_at=1.0, last_at=1.0
)


def met(done: Done, *fames: Fame) -> Act:
    """``done`` to the platform's own name, and to a swap under names of these kinds; that of
    ordinary rounds is an obscure one."""

    def act(leg: Leg, at: str) -> Done:
        if leg.role is LegRole.TARGET:
            return done
        return done if leg.role is LegRole.SWAP and (leg.fame or Fame.OBSCURE) in fames else WELL

    return act


@pytest.mark.parametrize("done", [SLOW, CUT])
@pytest.mark.parametrize(
    ("fames", "may"),
    [
        ((), {Trigger.NAME}),
        ((Fame.OBSCURE,), {Trigger.RANGE}),
        # Nothing but a look from outside rules out the servers' own trouble then.
        (FAMES, set()),
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_sets_it_off(
    done: Done, fames: tuple[Fame, ...], may: set[Trigger], seed: int
) -> None:
    country = Country(seed)
    country.run(30)
    country.act = met(done, *fames)
    country.run(6)
    said = {one.trigger for one in country.verdicts if one.state in RESTRICTED}
    assert said == may


@given(
    st.lists(st.tuples(st.sampled_from(Fame), st.sampled_from([True, False, None])), max_size=12),
    st.sampled_from([Basis.SWAP, Basis.DECOY, Basis.REFERENCE, Basis.PLATFORMS]),
    st.builds(
        dict,
        swap_slow=st.integers(0, 4),
        swap_fast=st.integers(0, 4),
        clean_slow=st.booleans(),
        clean_fast=st.booleans(),
        decoy_slow=st.integers(0, 3),
    ),
)
def test_never_the_name_while_an_obscure_one_is_hit_too(
    bursts: list[tuple[Fame, bool | None]], rests_on: Basis, more: dict[str, int]
) -> None:
    names = NamesMet()
    for fame, slow in bursts:
        names = names.after(fame, slow=slow)
    said = trigger(replace(SUSPICION, names=names, **more), rests_on)
    told = [slow for fame, slow in bursts if fame is Fame.OBSCURE and slow is not None]
    famous = [slow for fame, slow in bursts if fame is Fame.FAMOUS and slow is not None]
    if sum(told) * 2 > len(told):
        assert said is not Trigger.NAME
        assert said is not Trigger.ADDRESS or sum(famous) * 2 > len(famous)
    else:
        assert said is not Trigger.RANGE
    if said is Trigger.RANGE:
        assert sum(told) >= 2
        assert sum(famous) * 2 < len(famous)


@given(st.lists(st.booleans(), max_size=12))
def test_what_the_next_burst_says(hit: list[bool]) -> None:
    """Obscure names first, and famous ones only where those are hit, by bursts that bet."""
    names = NamesMet()
    for slow in hit:
        fame = names.next_fame
        assert fame in FAMES
        assert fame is Fame.OBSCURE or names.obscure_hit
        assert names.bets(fame) is not (fame is Fame.OBSCURE and names.obscure_hit)
        names = names.after(fame, slow=slow)
    # Where it is always so, it is known after four.
    names = NamesMet()
    for _ in range(4):
        names = names.after(names.next_fame, slow=names.next_fame is Fame.OBSCURE)
    assert names.spares_names
