"""Which of what is slow is tested: not a handshake that waited for a timer, while a read tells."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.identity import Compares, LegRole, RoundKind
from probe.model.observation import Leg, TcpInfo
from probe.model.verdict import State, Trigger
from probe.observe.effort import Measure
from probe.observe.gaps import repeated
from probe.verdict.thresholds import DEFAULT
from tests.verdict.country import ADDRESSES, WELL, Act, Country, Done
from tests.verdict.test_gaps import observed

LIGHT_TIMES = 30.0
"""A second beside a handshake of 30 ms."""


def of_the_platform(page: Done, read: Done) -> Act:
    """What is done to its handshakes, and to its reads."""

    def act(leg: Leg, address: str) -> Done:
        if leg.role is not LegRole.TARGET:
            return WELL
        return read if leg.compares is Compares.GOODPUT else page

    return act


SYN_LOST = Done(handshake=LIGHT_TIMES, lost=1)
SLOW_HELLO = Done(handshake=LIGHT_TIMES, lost=0)
SLOW_READ = Done(transfer=8.0, lost=6)


@pytest.mark.parametrize(
    ("page", "read", "tested"),
    [
        (SYN_LOST, SLOW_READ, ("object", Measure.TRANSFER)),
        (SLOW_HELLO, SLOW_READ, ("page", Measure.HANDSHAKE)),
        (SYN_LOST, WELL, ("page", Measure.HANDSHAKE)),
    ],
    ids=["a packet was lost", "none was", "there is nothing else"],
)
def test_a_handshake_that_waited_for_a_timer_keeps_no_read_from_being_tested(
    page: Done, read: Done, tested: tuple[str, Measure]
) -> None:
    country = Country(addresses=ADDRESSES, swaps=False)
    country.run(24)
    country.act, country.spent = of_the_platform(page, read), True
    country.run(1)
    suspicion = country.memory.platform("x").episode
    assert suspicion is not None
    assert (suspicion.target, suspicion.measure) == tested


def test_nor_does_it_take_the_place_of_a_read_that_is_under_test() -> None:
    country = Country(addresses=ADDRESSES, swaps=False)
    country.run(24)
    country.spent = True
    for page in (WELL, SYN_LOST, SYN_LOST):
        country.act = of_the_platform(page, SLOW_READ)
        country.run(1)
        suspicion = country.memory.platform("x").episode
        assert suspicion is not None
        assert suspicion.measure is Measure.TRANSFER


def all_names_delayed(*, swaps: float) -> Act:
    """A greeting takes five times as long under every name, and reads of the object twenty. The
    swap of the page is as slow as ``swaps`` says: what tells nothing is slow as well."""

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        if leg.role is LegRole.SWAP:
            return WELL if leg.target == "object" else Done(handshake=swaps)
        return Done(handshake=5.0, transfer=20.0)

    return act


def test_a_handshake_is_rather_tested_where_nothing_is_read() -> None:
    for seed in range(8):
        country = Country(seed, addresses=ADDRESSES)
        country.run(24)
        country.act, country.spent = all_names_delayed(swaps=1.0), True
        country.run(1, RoundKind.LIGHT)
        suspicion = country.memory.platform("x").episode
        assert suspicion is not None
        assert (suspicion.target, suspicion.measure) == ("page", Measure.HANDSHAKE)


@pytest.mark.parametrize(
    ("swaps", "held"),
    [(5.0, "object"), (1.0, "page")],
    ids=["its swap is silent: what is slower tells", "its swap has told"],
)
def test_evidence_that_does_not_tell_why_gives_way_to_what_can(swaps: float, held: str) -> None:
    country = Country(addresses=ADDRESSES)
    country.run(24)
    country.act = all_names_delayed(swaps=swaps)
    country.run(1, RoundKind.LIGHT)
    holder = country.memory.platform("x").holder
    assert holder is not None
    assert holder.target == "page"
    assert holder.e_value >= DEFAULT.evidence
    said = country.run(2)
    assert (said.state, said.trigger, said.target) == (State.THROTTLED, Trigger.NAME, held)


@pytest.mark.parametrize(
    ("tcp", "said"),
    [
        (None, False),
        (TcpInfo(rtt_seconds=0.02), False),
        (TcpInfo(rtt_seconds=0.02, out_of_order=0, retransmits=0), False),
        (TcpInfo(rtt_seconds=0.02, retransmits=1), True),
        (TcpInfo(rtt_seconds=0.02, out_of_order=1), True),
    ],
)
def test_what_was_sent_again_is_known_from_the_kernel(tcp: TcpInfo | None, *, said: bool) -> None:
    assert repeated(replace(observed(0), tcp=tcp)) is said
