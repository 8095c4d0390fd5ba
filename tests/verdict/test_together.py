"""A name with one address: what happens to platforms of other operators in the same minutes tells
a restriction from the trouble of one edge."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.model.basis import Basis
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase, RoundKind
from probe.model.observation import Leg
from probe.model.verdict import Method, State
from probe.observe.effort import Measure
from probe.verdict.basis.together import together
from probe.verdict.burst.bets import Wealth
from probe.verdict.remembered.memory import OpenSuspicion, PlatformMemory, Proven
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import Effect, restriction
from synth.lines import CABLE
from synth.world import World
from tests.verdict.country import ADDRESSES, INTERVAL, WELL, Act, Country, Done, about_x

SLOW = Done(transfer=12.0)
RESET = Failure(phase=Phase.TLS, reason="connection_reset")
OPERATORS = {"x": "X Corp.", "y": "Y Inc.", "sister": "X Corp."}
BEGIN = 1_699_920_000.0


def slow(leg: Leg, address: str) -> Done:
    return WELL if leg.role is LegRole.CONTROL else SLOW


def proven(
    onset_at: float,
    basis: Basis = Basis.ADDRESSES,
    *,
    state: State = State.THROTTLED,
    measure: Measure = Measure.TRANSFER,
    failure: str = "",
    way_clear: bool = False,
) -> PlatformMemory:
    blocked = state is State.BLOCKED
    return PlatformMemory(
        proven=Proven(
            state=state,
            target="object",
            measure=measure,
            family=Family.IPV4,
            onset_at=onset_at,
            basis=basis,
            e_value=1e6,
            method=Method.TLS if blocked else None,
            failure=failure,
            way_clear=way_clear,
        )
    )


def ended(onset_at: float) -> PlatformMemory:
    """Proven: its handshakes are reset."""
    return proven(onset_at, state=State.BLOCKED, failure="tls/connection_reset")


def silenced(onset_at: float) -> PlatformMemory:
    """Proven: its handshakes get no answer."""
    return proven(onset_at, state=State.BLOCKED, failure="tls/generic_timeout_error")


def suspected(onset_at: float, evidence: float, *failures: str) -> PlatformMemory:
    wealth = Wealth(evidence, evidence)
    return PlatformMemory(
        episode=OpenSuspicion(
            target="object",
            measure=Measure.TRANSFER,
            family=Family.IPV4,
            onset_at=onset_at,
            last_at=onset_at,
            rounds=2,
            control=wealth,
            by_address={"198.18.9.9": wealth},
            failures=failures * 3,
        )
    )


def reset(leg: Leg, address: str) -> Done:
    return WELL if leg.role is LegRole.CONTROL else Done(fails=RESET)


def country_beside(
    name: str,
    known: PlatformMemory,
    operators: dict[str, str] = OPERATORS,
    act: Act = slow,
) -> Country:
    country = Country(swaps=False, addresses=ADDRESSES[:1], about=about_x(operators=operators))
    country.run(24)
    platforms = {**country.memory.platforms, name: known}
    country.memory = replace(country.memory, platforms=platforms)
    country.act = act
    return country


ONSET = Country().now + 25 * INTERVAL


@pytest.mark.parametrize(
    "known", [proven(ONSET + 600.0), proven(ONSET - 900.0), suspected(ONSET, 50_000.0)]
)
def test_another_operators_platform_is_as_good_as_another_address(known: PlatformMemory) -> None:
    country = country_beside("y", known)
    verdict = country.run(3)
    assert verdict.state is State.THROTTLED
    assert any("platforms of other operators: y." in claim for claim in verdict.may_claim)
    assert any("nobody has looked from outside" in limit for limit in verdict.may_not_claim)


@pytest.mark.parametrize(
    ("act", "known", "alike"),
    [
        (slow, proven(ONSET), True),
        (slow, proven(ONSET, measure=Measure.HANDSHAKE), False),
        (slow, ended(ONSET), False),
        (slow, silenced(ONSET), False),
        (slow, suspected(ONSET, 50_000.0, "tls/connection_reset"), False),
        (reset, ended(ONSET), True),
        (reset, suspected(ONSET, 50_000.0, "tls/connection_reset"), True),
        (reset, suspected(ONSET, 50_000.0, "tls/generic_timeout_error"), False),
        (reset, suspected(ONSET, 50_000.0, "connect/connection_reset"), False),
        (reset, silenced(ONSET), False),
        (reset, proven(ONSET), False),
    ],
)
def test_one_edge_that_is_slow_and_another_that_is_dead_are_no_restriction(
    act: Act, known: PlatformMemory, *, alike: bool
) -> None:
    country = country_beside("y", known, act=act)
    country.run(4)
    assert any(verdict.restricted for verdict in country.verdicts) is alike


@pytest.mark.parametrize(
    ("name", "known", "operators"),
    [
        ("sister", proven(ONSET), OPERATORS),  # the same operator's servers
        ("y", proven(ONSET), {"x": "X Corp."}),  # nobody knows whose
        ("y", proven(ONSET), {"y": "Y Inc."}),
        ("y", proven(ONSET - 3 * 3_600.0), OPERATORS),  # it began at another time
        ("y", proven(ONSET, Basis.DNS), OPERATORS),  # a resolver, not a server
        ("y", proven(ONSET - 1_500.0), OPERATORS),  # so it did
        ("y", suspected(ONSET, 2_000.0), OPERATORS),  # not enough evidence
        ("y", PlatformMemory(), OPERATORS),
    ],
)
def test_nothing_less_is(name: str, known: PlatformMemory, operators: dict[str, str]) -> None:
    country = country_beside(name, known, operators)
    country.run(8)
    assert not any(verdict.restricted for verdict in country.verdicts)


@pytest.mark.parametrize(
    ("mine", "others", "found"),
    [
        # (whether the way of this one is clear, and of each other platform)
        (False, {"y": False}, True),
        # Servers that are slow of themselves leave no mark: two such are chance now and then.
        (True, {"y": False}, False),
        (False, {"y": True}, False),
        (True, {"y": True}, False),
        (False, {"y": True, "why": True}, False),  # both of one operator
        # Three operators' servers are not slow of themselves in the same minutes.
        (True, {"y": True, "z": True}, True),
        (False, {"y": True, "z": False}, True),
    ],
)
def test_what_is_slow_over_clear_ways_needs_a_third_operator(
    mine: bool, others: dict[str, bool], found: bool
) -> None:
    operators = {**OPERATORS, "why": "Y Inc.", "z": "Z Ltd."}
    country = country_beside("y", PlatformMemory(), operators)
    onset = country.now - 4 * INTERVAL
    held = {name: proven(onset, way_clear=clear) for name, clear in others.items()}
    memory = replace(country.memory, platforms={**country.memory.platforms, **held})
    about = about_x(operators=operators)
    said = together(memory, "x", proven(onset, way_clear=mine).proven, about)
    assert said == (tuple(sorted(others)) if found else ())


def test_the_others_do_not_replace_the_platforms_own_evidence() -> None:
    country = country_beside("y", proven(ONSET))
    country.act = lambda leg, address: Done(transfer=1.8) if slow(leg, address) is SLOW else WELL
    country.run(8)
    assert not any(verdict.restricted for verdict in country.verdicts)


@pytest.mark.parametrize(
    ("hit", "found"), [(("x", "facebook"), True), (("facebook", "instagram"), False)]
)
def test_platforms_with_one_address_each_are_found_together(
    hit: tuple[str, ...], *, found: bool
) -> None:
    """Meta's two are one operator's: for them it takes hours."""
    config = load(None, {})
    world = World(config, CABLE, seed=2, edges=EdgeModel(), begin=BEGIN)
    assert [len(world.zone[host]) for host in ("abs.twimg.com", "static.xx.fbcdn.net")] == [1, 1]
    daemon = Daemon(config, world, begin=BEGIN, only=hit)
    assert not any(said.verdict.restricted for said in daemon.run(BEGIN + 43_200.0))
    effect = Effect(factor=10.0, by_name=False)
    world.restrict([restriction(config, name, effect, CABLE, world.distance(name)) for name in hit])
    rounds = dict.fromkeys(hit, 0)
    reached: dict[str, int] = {}
    for said in daemon.run(daemon.now + 7_200.0):
        name = said.observed.platform
        rounds[name] += said.observed.kind is RoundKind.TRANSFER
        if said.verdict.restricted:
            reached.setdefault(name, rounds[name])
    assert (set(reached) == set(hit)) is found
    assert not found or max(reached.values()) <= 4
