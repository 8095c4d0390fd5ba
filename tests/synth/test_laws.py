"""A law that somebody set is found again, in the world of numbers."""

from __future__ import annotations

import pytest

from probe.config import load
from probe.model.law import LawEffect, Reach, Unit
from probe.verdict.law.next_experiment import MOST_DAY_BYTES
from scenarios.model import CutOff, Effect, Policed, Scope, Shaped, exactly
from synth.law_play import play_law
from synth.lines import DSL, FIBRE

KIB = 1_024
CONFIG = load(None, {})


def test_25_packets_in_either_direction() -> None:
    found = play_law(CONFIG, [CutOff(after_packets=exactly(25))], FIBRE, seed=1).law
    assert found is not None
    assert found.effect is LawEffect.ENDS
    assert Unit.BYTES not in {one.unit for one in found.after}
    (both,) = [one.span for one in found.after if one.unit is Unit.PACKETS]
    assert both.low <= 25 <= both.high
    assert both.high - both.low <= 2
    assert found.reach is Reach.CONNECTION
    assert found.small_pass


@pytest.mark.parametrize("scope", [Scope.FLOW, Scope.ADDRESS])
def test_a_rate_after_a_bucket(scope: Scope) -> None:
    effect = Policed(
        rate_bits_per_second=exactly(128e3), burst_bytes=exactly(256 * KIB), scope=scope
    )
    played = play_law(CONFIG, [effect], DSL, seed=2)
    found = played.law
    assert found is not None
    assert found.bytes_per_second is not None
    assert found.bytes_per_second.middle == pytest.approx(16_000, rel=0.1)
    assert found.certain is not None
    assert found.certain.unit is Unit.BYTES
    assert found.certain.span.middle == pytest.approx(256 * KIB, rel=0.1)
    flow = scope is Scope.FLOW
    assert found.reach is (Reach.CONNECTION if flow else Reach.TOGETHER)
    assert found.afresh is flow
    assert played.bytes <= MOST_DAY_BYTES


@pytest.mark.parametrize(
    "effect",
    [
        Policed(rate_bits_per_second=exactly(128e3), burst_bytes=exactly(4_500)),
        Shaped(rate_bits_per_second=exactly(128e3), queue_bytes=exactly(64 * KIB)),
    ],
)
def test_a_rate_from_the_start(effect: Effect) -> None:
    found = play_law(CONFIG, [effect], FIBRE, seed=3).law
    assert found is not None
    assert found.from_start
    assert not found.after
    assert found.bytes_per_second is not None
    assert found.bytes_per_second.middle == pytest.approx(16_000, rel=0.1)


def test_seconds_are_told_from_bytes_by_a_wait() -> None:
    slow = Policed(rate_bits_per_second=exactly(128e3), burst_bytes=exactly(16_384))
    found = play_law(CONFIG, [slow, CutOff(after_seconds=exactly(7.2))], FIBRE, seed=5).law
    assert found is not None
    assert found.effect is LawEffect.ENDS
    assert found.certain is not None
    assert found.certain.unit is Unit.SECONDS
    assert found.certain.span.middle == pytest.approx(7.2, rel=0.1)


def test_nothing_is_made_of_nothing() -> None:
    lossless = Policed(rate_bits_per_second=exactly(1e9), burst_bytes=exactly(1e9))
    played = play_law(CONFIG, [lossless], DSL, seed=4)
    assert played.law is None
    assert played.experiments <= 3
