"""What the box is told is what the scenario says."""

from __future__ import annotations

import functools
from pathlib import Path
from random import Random

import pytest

from lab.box import rules as box
from lab.net import WORLD_ADDRESS
from lab.scenario.setting import IMPOSTORS, PACE, changed_world, gone, settings, world_of
from lab.scenario.stacks import fingerprints
from lab.scenario.wire import Places, changed_line, line_for, rules_for
from lab.world.spec import WorldSpec
from probe.config import load
from scenarios import model
from scenarios.lines import DSL, FIBRE, LINES, MOBILE, SLOW_MOBILE
from scenarios.model import Range, Restricted, Scenario, Whom, exactly
from scenarios.table import BY_ID, EVERY_ONE
from tests.every import for_every

ZONE = {
    "x.com": ("198.18.1.10", "198.18.1.11", "2001:2::10", "2001:2::11"),
    "mirror.domestic.example": ("198.18.2.10", "2001:2:0:1::10"),
}
PLACES = Places(
    zone=ZONE, impostors=IMPOSTORS, fingerprints=lambda _: (), resolvers=("9.9.9.9", "8.8.8.8")
)


FINGERPRINTS: dict[model.Stack, tuple[str, ...]] = {
    model.Stack.ANY: (),
    model.Stack.PROBE: ("0" * 32,),
    model.Stack.OTHER: ("1" * 32,),
}


@functools.cache
def whole_world() -> WorldSpec:
    """The world of the shipped configuration."""
    return world_of(load(None, {}))


def rules(whom: Whom, *effects: model.Effect) -> tuple[box.Rule, ...]:
    return rules_for((Restricted(whom=whom, effects=effects),), PLACES)


def test_a_policer_by_name_keeps_its_numbers_and_its_memory() -> None:
    (rule,) = rules(
        Whom(names=(".x.com",), lasting=True),
        model.Policed(
            rate_bits_per_second=exactly(140_000),
            burst_bytes=exactly(8_192),
            scope=model.Scope.ADDRESS,
        ),
    )
    assert rule.action == box.Police(rate_bits_per_second=140_000, burst_bytes=8_192)
    assert rule.match.names == (".x.com",)
    assert rule.match.addresses == ()
    assert rule.scope is box.Scope.ADDRESS
    assert rule.memory is box.Memory.ADDRESS


@pytest.mark.parametrize(
    ("whom", "addresses"),
    [
        (Whom(hosts=("x.com",)), ZONE["x.com"]),
        (Whom(hosts=("x.com",), edges=1), ("198.18.1.10", "2001:2::10")),
        (Whom(hosts=("*",)), ()),
        (Whom(hosts=("*",), but_hosts=("mirror.domestic.example",)), ZONE["x.com"]),
    ],
)
def test_hosts_become_their_addresses(whom: Whom, addresses: tuple[str, ...]) -> None:
    (rule,) = rules(whom, model.Silent())
    assert rule.match.addresses == addresses


def test_a_delay_is_half_on_each_way() -> None:
    (rule,) = rules(Whom(), model.Delayed(round_trip_seconds=exactly(0.3)))
    assert rule.action == box.Delay(seconds=0.15)
    assert rule.reach is box.Reach.BOTH


def test_a_lie_of_the_host_s_resolver_alone_leaves_the_others_honest() -> None:
    (rule,) = rules(
        Whom(names=(".x.com",)),
        model.DnsForged(lie=model.DnsLie.NXDOMAIN, resolvers=model.Resolvers.OWN),
    )
    assert rule.match.addresses == (WORLD_ADDRESS,)
    assert rule.action == box.ForgeDns(nxdomain=True)
    (others,) = rules(
        Whom(), model.DnsForged(lie=model.DnsLie.NOTHING, resolvers=model.Resolvers.OTHERS)
    )
    assert others.match.addresses == PLACES.resolvers
    (everywhere,) = rules(Whom(names=(".x.com",)), model.DnsForged(lie=model.DnsLie.BESIDE))
    assert everywhere.match.addresses == ()
    assert isinstance(everywhere.action, box.ForgeDns)
    assert everywhere.action.beside


def test_effects_act_in_their_order_under_names_of_their_own() -> None:
    made = rules(
        Whom(),
        model.Delayed(round_trip_seconds=exactly(0.3)),
        model.Lossy(probability=exactly(0.1)),
    )
    assert [rule.name for rule in made] == ["0-delay", "1-lose"]


@for_every(EVERY_ONE, lambda scenario: scenario.id)
def test_every_scenario_of_the_table_can_be_told_to_box_and_world(scenario: Scenario) -> None:
    spec = whole_world()
    zone = {**spec.zone, model.DOMESTIC_HOST: ("198.18.99.10",)}
    places = Places(zone=zone, impostors=IMPOSTORS, fingerprints=FINGERPRINTS.__getitem__)
    for seed in range(3):
        happens = scenario.drawn(Random(seed)).happens
        line = line_for(LINES[scenario.lines[0]], Random(seed))
        done = (
            bool(rules_for(happens, places)),
            changed_line(line, happens, Random(seed)) != line,
            changed_world(spec, happens) != spec,
            bool(gone(happens, places)),
            any(
                isinstance(each, model.CrossTraffic | model.ClockStepped | model.HostBusy)
                for each in happens
            ),
        )
        # Something comes of it, or nothing was to happen.
        assert any(done) is bool(happens)


@for_every(EVERY_ONE, lambda scenario: scenario.id)
def test_what_is_measured_over_quic_the_scenario_says_and_not_the_machine(
    scenario: Scenario,
) -> None:
    assert settings(scenario, PACE, Path("platforms"))["quic"] is scenario.quic


@pytest.mark.parametrize("kind", LINES.values(), ids=lambda kind: kind.name)
def test_a_line_has_the_round_trip_of_its_kind(kind: model.LineKind) -> None:
    line = line_for(kind, Random(1))
    assert line.down.delay_seconds + line.up.delay_seconds == kind.round_trip_seconds
    assert (line.down.rate_bits_per_second is None) is bool(kind.down_trace)


def test_a_worse_line_keeps_what_is_not_said() -> None:
    before = line_for(MOBILE, Random(1))
    after = changed_line(
        before,
        (model.LineWorsens(down_bits_per_second=exactly(500_000), loss=Range(0.05, 0.05)),),
        Random(1),
    )
    assert after.down.rate_bits_per_second == 500_000
    assert after.down.trace == ()
    assert after.up.rate_bits_per_second == MOBILE.up_bits_per_second
    assert after.up.loss == after.down.loss == 0.05
    assert after.down.delay_seconds == before.down.delay_seconds


def test_a_line_can_become_another() -> None:
    after = changed_line(
        line_for(FIBRE, Random(1)), (model.LineBecomes(kind=SLOW_MOBILE),), Random(1)
    )
    assert after.down.delay_seconds * 2 == SLOW_MOBILE.round_trip_seconds
    assert DSL.round_trip_seconds > FIBRE.round_trip_seconds


def test_servers_answer_otherwise_at_their_own_hosts_only() -> None:
    spec = whole_world()
    after = changed_world(spec, BY_ID["refused-403"].drawn(Random(1)).happens)
    status = {
        host: {made.status for made in paths.values()}
        for site in after.sites
        for host, paths in site.objects.items()
    }
    assert status["x.com"] == {403}
    assert status["deb.debian.org"] == {200}


def test_what_leaks_is_met_by_its_share_and_when_the_box_has_reacted() -> None:
    whom = Whom(names=(".x.com",), over=model.Over.QUIC)
    (at_once,) = rules(whom, model.Leaky(share=exactly(0.3)))
    assert at_once.action == box.DropHello()
    assert (at_once.share, at_once.memory) == (0.3, box.Memory.FLOW)
    late = model.Leaky(share=exactly(1.0), reacts_seconds=(0.1, 0.2), residual=exactly(180.0))
    (residual,) = rules(whom, late)
    assert residual.action == box.Silence()
    assert residual.reach is box.Reach.UP
    assert residual.reacts_seconds == (0.1, 0.2)
    assert (residual.memory, residual.remembers_seconds) == (box.Memory.PORT, 180.0)


def test_a_hello_of_any_name_is_dropped_as_a_hello() -> None:
    """QUIC's version as such: the packet without a name has none."""
    (rule,) = rules(Whom(hosts=("*",), over=model.Over.QUIC), model.HelloDropped())
    assert rule.match.reads_hello
    assert rule.match.has_name("example.org")
    assert rule.match.protocols == (box.Protocol.QUIC,)


def test_fingerprints_of_the_probe_and_of_another_stack_differ() -> None:
    assert fingerprints(model.Stack.ANY) == ()
    probe, other = fingerprints(model.Stack.PROBE), fingerprints(model.Stack.OTHER)
    assert probe
    assert other
    assert not set(probe) & set(other)
