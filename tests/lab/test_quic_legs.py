"""Legs over QUIC through a box that reads names: what is dropped or slowed is seen as that."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from lab.box.rules import Match, Protocol, Rule, Shape, Silence
from lab.box.spec import BoxSpec
from lab.lab import Lab
from lab.quic_legs import configured
from lab.world.build import world_for
from probe.model.identity import LegRole, Phase
from probe.model.observation import LegObservation
from probe.observe.goodput import goodput

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab"), pytest.mark.timeout(240)]
NAMES = (".facebook.com", ".fbcdn.net", "facebook.com")
BY_NAME = Match(names=NAMES, protocols=(Protocol.QUIC,))
Legs = dict[tuple[str, str, str], LegObservation]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    pytest.importorskip("aioquic")
    with Lab(replace(world_for(configured()), quic=True), path=BoxSpec()) as made:
        yield made


def measured(lab: Lab, *rules: Rule) -> Legs:
    """The legs by transport, role and target."""
    with lab.control() as box:
        box.set_rules(list(rules))
        box.forget()
    argv = [sys.executable, "-m", "lab.quic_legs", str(lab.ca_file)]
    made = lab.exec([*argv, str(lab.folder / "spec.json"), "facebook"], timeout_seconds=120.0)
    assert made.returncode == 0, made.stderr
    found = msgspec.json.decode(made.stdout.encode(), type=list[LegObservation])
    return {(one.leg.prober, one.leg.role.value, one.leg.target): one for one in found}


def of(legs: Legs, prober: str, *roles: LegRole) -> list[LegObservation]:
    return [one for (who, role, _), one in legs.items() if who == prober and role in roles]


def failed_in(legs: list[LegObservation]) -> set[tuple[Phase, str]]:
    return {(one.failure.phase, one.failure.reason) for one in legs if one.failure is not None}


OTHERS = (LegRole.SWAP, LegRole.CONTROL)
EVERY = (LegRole.TARGET, *OTHERS)


def test_all_is_well_over_both(lab: Lab) -> None:
    legs = measured(lab)
    assert {one.leg.role for one in of(legs, "quic", *EVERY)} == set(EVERY)
    assert failed_in(list(legs.values())) == set()
    assert all(one.connect_rtt_seconds for one in of(legs, "quic", *EVERY))
    assert goodput(legs["quic", "target", "object"]) is not None
    assert goodput(legs["quic", "control", "object"]) is not None


def test_a_name_that_is_dropped_over_quic(lab: Lab) -> None:
    """The packet without a name is answered, and so is a neutral name at the same address."""
    legs = measured(lab, Rule(name="quic", action=Silence(), match=BY_NAME))
    targets = of(legs, "quic", LegRole.TARGET)
    assert failed_in(targets) == {(Phase.TLS, "generic_timeout_error")}
    assert all(one.failure and one.connect_rtt_seconds for one in targets)
    assert failed_in(of(legs, "quic", *OTHERS)) == set()
    assert failed_in(of(legs, "tcp", *EVERY)) == set()


def test_udp_that_does_not_pass_at_all(lab: Lab) -> None:
    every = Match(protocols=(Protocol.UDP,), ports=(443,))
    legs = measured(lab, Rule(name="udp", action=Silence(), match=every))
    over = of(legs, "quic", *EVERY)
    assert len(over) == len([one for one in over if one.failure is not None])
    assert failed_in(over) == {(Phase.CONNECT, "generic_timeout_error")}
    assert failed_in(of(legs, "tcp", *EVERY)) == set()


def test_what_is_slowed_over_quic_is_not_over_tcp(lab: Lab) -> None:
    """512 kbit/s, as in Russia in 2024."""
    action = Shape(rate_bits_per_second=512_000, queue_bytes=64_000)
    legs = measured(lab, Rule(name="quic", action=action, match=BY_NAME))
    slow, fast = (goodput(legs[who, "target", "object"]) for who in ("quic", "tcp"))
    beside = goodput(legs["quic", "control", "object"])
    assert slow is not None
    assert fast is not None
    assert beside is not None
    assert slow == pytest.approx(64_000, rel=0.35)
    assert beside > 3 * slow
    assert fast > 3 * slow
