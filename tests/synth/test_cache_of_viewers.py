"""The cache that YouTube's viewers are sent to has a sentence of its own, from its own numbers."""

from __future__ import annotations

import pytest

from probe.config import load
from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.model.verdict import Verdict
from probe.observe.goodput import handshake_seconds
from probe.publish.terminal.explanation import conclusion
from probe.verdict.words.words_cache import cache_words
from probe.verdict.words.words_numbers import seconds
from scenarios.model import CutOff, Delayed, Effect, Policed, Reset, Restricted, Whom, exactly
from synth.drive import Daemon, Said
from synth.edges import CALM
from synth.lines import FIBRE
from synth.rot import Rot, struck
from synth.world import World

CONFIG = load(None, {})
YOUTUBE = next(one for one in CONFIG.platforms if one.name == "youtube")
CACHE = "rr1.example-city1.googlevideo.com"
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
SLOW: Effect = Policed(rate_bits_per_second=exactly(12_000), burst_bytes=exactly(1_500))
FAR: Effect = Delayed(round_trip_seconds=exactly(0.4))


def played(whom: Whom | None, *effects: Effect, rotten: bool = False) -> list[Said]:
    """An hour of calm, and half an hour in which something is done."""
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("youtube",))
    said = list(daemon.run(BEGIN + HOUR))
    if whom is not None:
        world.restrict([Restricted(whom=whom, effects=effects)])
    if rotten:
        world.rotten = struck([YOUTUBE], Rot.OTHER_CERTIFICATE)
    began = daemon.now
    said += daemon.run(began + HOUR / 2)
    return [one for one in said if one.observed.started_at >= began or whom is None]


def sentence(verdict: Verdict) -> str:
    assert verdict.viewers_cache is not None
    words = cache_words(verdict.viewers_cache)
    assert words in conclusion(verdict)
    return words


def test_it_is_said_whenever_it_was_measured_and_by_its_own_numbers() -> None:
    measured: RoundObservation | None = None
    told = 0
    for one in played(None):
        if one.observed.burst is None:
            measured = one.observed
        found = one.verdict.viewers_cache
        assert measured is not None
        legs = [x for x in measured.by_role(LegRole.TARGET) if x.leg.target == "cache"]
        if found is None:
            continue
        told += 1
        (leg,) = legs
        assert found.at == measured.started_at
        assert found.seconds == handshake_seconds(leg)
        assert "is no slower than it was here: its handshake takes" in sentence(one.verdict)
        assert "Nothing was read from it" in sentence(one.verdict)
        if found.swap_seconds is not None:
            assert f"{seconds(found.swap_seconds)} under a neutral name" in sentence(one.verdict)
    assert told > 10


@pytest.mark.parametrize(
    ("whom", "effect", "words"),
    [
        # The name is slowed everywhere, and everywhere but at the cache.
        (Whom(names=(".googlevideo.com",)), SLOW, "is slowed: its handshake takes"),
        (
            Whom(names=(".googlevideo.com",), but_hosts=(CACHE,)),
            SLOW,
            "is no slower than it was here",
        ),
        (Whom(names=(CACHE,)), FAR, "is slowed: its handshake takes"),
        (
            Whom(names=(CACHE,)),
            Reset(),
            "fails while other sites are fine: connection_reset in tls",
        ),
        # What is cut after some bytes lets handshakes pass, and more is not claimed.
        (
            Whom(names=(".googlevideo.com",)),
            CutOff(after_bytes=exactly(16_384)),
            "Nothing was read from it, so no more is known.",
        ),
    ],
)
def test_it_is_told_apart_from_the_rest(whom: Whom, effect: Effect, words: str) -> None:
    last = played(whom, effect)[-1].verdict
    assert words in sentence(last)


def test_nothing_is_said_of_what_a_stranger_answered() -> None:
    said = played(Whom(names=("nobody.example",)), Reset(), rotten=True)
    assert all(one.verdict.viewers_cache is None for one in said)


def test_only_what_is_declared_as_one_has_the_sentence() -> None:
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("x",))
    assert all(one.verdict.viewers_cache is None for one in daemon.run(BEGIN + HOUR))
