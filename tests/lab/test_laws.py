"""A law that a box has is found with real packets, by the experiments of the product."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from lab.box.rules import Action, CutOff, Match, Police, Protocol, Rule
from lab.box.spec import BoxSpec
from lab.lab import Lab
from lab.law_reads import HOST, LawRead
from lab.small import CONFIG
from lab.world.build import world_for
from probe.model.law import Law, LawEffect, Reach, Unit
from tests.again import undisturbed

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab"), pytest.mark.timeout(240)]
KIB = 1_024


QUIC = (Protocol.QUIC,)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    pytest.importorskip("aioquic")
    with Lab(replace(world_for(CONFIG), quic=True), path=BoxSpec()) as made:
        yield made


def law_of(
    lab: Lab,
    *actions: Action,
    first_bytes: int,
    seconds: float,
    over: str = "",
) -> Law:
    """What is found where connections to the host's addresses meet ``actions``, each by itself: all
    of them, or those over ``quic``."""
    spec = msgspec.json.decode((lab.folder / "spec.json").read_bytes())
    where = tuple(spec["zone"][HOST])
    match = Match(addresses=where, protocols=QUIC if over else ())
    with lab.control() as box:
        box.set_rules(
            [
                Rule(name=f"law{number}", action=action, match=match)
                for number, action in enumerate(actions)
            ]
        )
        box.forget()
    argv = [sys.executable, "-m", "lab.law_reads", str(lab.ca_file)]
    argv += [str(lab.folder / "spec.json"), str(first_bytes), str(seconds), over]
    made = lab.exec(argv, timeout_seconds=200.0)
    assert made.returncode == 0, made.stderr
    found = msgspec.json.decode(made.stdout.encode(), type=LawRead)
    assert found.law is not None, found.reads
    return found.law


def ends_after_25_packets(law: Law, *, widest: int) -> None:
    """Each connection for itself, told from bytes, within an interval of so many packets."""
    assert law.effect is LawEffect.ENDS
    units = {one.unit: one.span for one in law.after}
    assert Unit.BYTES not in units
    assert units[Unit.PACKETS].low <= 25 <= units[Unit.PACKETS].high
    assert units[Unit.PACKETS].high - units[Unit.PACKETS].low <= widest
    assert law.reach is Reach.CONNECTION
    assert law.small_pass


def ends_after_two_and_a_half_seconds(law: Law) -> None:
    assert law.effect is LawEffect.ENDS
    assert law.certain is not None
    assert law.certain.unit is Unit.SECONDS
    assert law.certain.span.middle == pytest.approx(2.5, rel=0.1)


@undisturbed
def test_25_packets_in_either_direction(lab: Lab) -> None:
    """Russia, since June 2025 (hyperion-cs/dpi-checkers, "l4-25"; net4people/bbs#490)."""
    law = law_of(lab, CutOff(after_packets=25), first_bytes=131_072, seconds=2.0)
    ends_after_25_packets(law, widest=2)


@undisturbed
def test_a_connection_dies_after_some_seconds(lab: Lab) -> None:
    """Iran, April 2026, there after 7.2 s (MasterHttpRelayVPN-RUST#320)."""
    slow = Police(rate_bits_per_second=256_000, burst_bytes=32 * KIB)
    law = law_of(lab, slow, CutOff(after_seconds=2.5), first_bytes=262_144, seconds=5.0)
    ends_after_two_and_a_half_seconds(law)


@undisturbed
def test_a_rate_after_a_bucket_of_each_connection(lab: Lab) -> None:
    """Iran, May 2026, where 5 MiB crawl and 256 KiB pass (net4people/bbs#586)."""
    action = Police(rate_bits_per_second=512_000, burst_bytes=256 * KIB)
    law = law_of(lab, action, first_bytes=524_288, seconds=4.5)
    assert law.effect is LawEffect.SLOWS
    assert law.bytes_per_second is not None
    assert law.bytes_per_second.middle == pytest.approx(64_000, rel=0.1)
    assert law.certain is not None
    assert law.certain.unit is Unit.BYTES
    assert law.certain.span.middle == pytest.approx(256 * KIB, rel=0.1)
    assert law.reach is Reach.CONNECTION
    assert law.afresh


@undisturbed
def test_25_datagrams_in_either_direction_over_quic(lab: Lab) -> None:
    """As over TCP, on UDP alone: bytes are told from datagrams by small credits."""
    law = law_of(lab, CutOff(after_packets=25), first_bytes=131_072, seconds=2.0, over="quic")
    ends_after_25_packets(law, widest=3)


@undisturbed
def test_a_flow_over_quic_dies_after_some_seconds(lab: Lab) -> None:
    slow = Police(rate_bits_per_second=256_000, burst_bytes=32 * KIB)
    law = law_of(
        lab, slow, CutOff(after_seconds=2.5), first_bytes=262_144, seconds=5.0, over="quic"
    )
    ends_after_two_and_a_half_seconds(law)


@undisturbed
def test_a_rate_after_a_bucket_of_each_flow_over_quic(lab: Lab) -> None:
    action = Police(rate_bits_per_second=512_000, burst_bytes=256 * KIB)
    law = law_of(lab, action, first_bytes=524_288, seconds=4.5, over="quic")
    assert law.effect is LawEffect.SLOWS
    assert law.bytes_per_second is not None
    assert law.bytes_per_second.middle == pytest.approx(64_000, rel=0.1)
    assert Unit.BYTES in {one.unit for one in law.after}
    assert law.reach is Reach.CONNECTION
    assert law.afresh
