"""How well the law of a throttle is found, over drawn parameters, lines and mechanisms.

``python -m benchmarks.laws [--runs N] [--seed S]``: N runs of each mechanism and line in the world
of numbers. Right is a law whose every number is within 10 % of what was set (packets: exactly in
the interval, of three at most), and whose reach is right or not said.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import exp, log
from random import Random
from statistics import median

from msgspec import Struct

from probe.config import load
from probe.model.law import Law, LawEffect, Reach, Unit
from probe.verdict.words.words_law import law_words
from scenarios.model import CutOff, Effect, Policed, Scope, Shaped, exactly
from synth.law_play import play_law
from synth.lines import CABLE, DSL, FIBRE, MOBILE

KIB = 1_024
BITS = 8
NEAR = 0.1
# Payload as what its packets have.
PER_BYTE = 1_500 / 1_448
LINES = (FIBRE, CABLE, DSL, MOBILE)


class Set(Struct, frozen=True):
    """What somebody set: the effects, and what is right to say of them."""

    effects: tuple[Effect, ...]
    right: Callable[[Law], bool]


def _between(random: Random, least: float, most: float) -> float:
    return exp(random.uniform(log(least), log(most)))


def _near(found: float, true: float) -> bool:
    return abs(found / true - 1.0) <= NEAR


def packets(random: Random) -> Set:
    """Silence after so many packets in either direction."""
    count = random.randint(22, 60)

    def right(law: Law) -> bool:
        spans = [one.span for one in law.after if one.unit is Unit.PACKETS]
        alone = not {one.unit for one in law.after} & {Unit.BYTES, Unit.SECONDS}
        return (
            law.effect is LawEffect.ENDS
            and alone
            and any(s.low <= count <= s.high and s.high - s.low <= 2 for s in spans)
        )

    return Set((CutOff(after_packets=exactly(count)),), right)


def cut(random: Random) -> Set:
    """Silence after so many bytes."""
    size = _between(random, 16e3, 60e3)

    def right(law: Law) -> bool:
        sure = law.certain
        return (
            law.effect is LawEffect.ENDS
            and sure is not None
            and sure.unit is Unit.BYTES
            and _near(sure.span.middle, size * PER_BYTE)
        )

    return Set((CutOff(after_bytes=exactly(size)),), right)


def dies(random: Random) -> Set:
    """Slowed from the start, and silent after some seconds (Iran, April 2026)."""
    seconds = _between(random, 5.0, 12.0)

    def right(law: Law) -> bool:
        sure = law.certain
        return (
            law.effect is LawEffect.ENDS
            and sure is not None
            and sure.unit is Unit.SECONDS
            and _near(sure.span.middle, seconds)
        )

    slow = Policed(rate_bits_per_second=exactly(128e3), burst_bytes=exactly(16_384))
    return Set((slow, CutOff(after_seconds=exactly(seconds))), right)


def bucket(scope: Scope) -> Callable[[Random], Set]:
    """A rate after a bucket, for each connection or for all to an address."""

    def drawn(random: Random) -> Set:
        size = _between(random, 32 * KIB, 512 * KIB)
        rate = _between(random, 96e3, 512e3)
        reach = Reach.CONNECTION if scope is Scope.FLOW else Reach.TOGETHER

        def right(law: Law) -> bool:
            sure, speed = law.certain, law.bytes_per_second
            return (
                law.effect is LawEffect.SLOWS
                and speed is not None
                and _near(speed.middle, rate / BITS)
                and sure is not None
                and sure.unit is Unit.BYTES
                and _near(sure.span.middle, size)
                and law.reach in (reach, None)
            )

        effect = Policed(rate_bits_per_second=exactly(rate), burst_bytes=exactly(size), scope=scope)
        return Set((effect,), right)

    return drawn


def shaped(random: Random) -> Set:
    """A queue from the start."""
    rate = _between(random, 64e3, 512e3)

    def right(law: Law) -> bool:
        speed = law.bytes_per_second
        return law.from_start and speed is not None and _near(speed.middle, rate / BITS)

    effect = Shaped(rate_bits_per_second=exactly(rate), queue_bytes=exactly(128 * KIB))
    return Set((effect,), right)


MECHANISMS: dict[str, Callable[[Random], Set]] = {
    "packets": packets,
    "bytes": cut,
    "seconds": dies,
    "bucket, each": bucket(Scope.FLOW),
    "bucket, all": bucket(Scope.ADDRESS),
    "shaper": shaped,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=MECHANISMS)
    parser.add_argument("--wrong", action="store_true", help="print what was said wrongly")
    asked = parser.parse_args()
    config = load(None, {})
    print("| law | line | right | experiments | MB |")
    print("| --- | --- | --- | --- | --- |")
    every = [0, 0]
    for name, drawn in MECHANISMS.items():
        if asked.only not in (None, name):
            continue
        for line in LINES:
            right, counts, sizes = 0, [], []
            for run in range(asked.runs):
                random = Random(f"{asked.seed}/{name}/{line.name}/{run}")
                was = drawn(random)
                played = play_law(config, was.effects, line, seed=random.getrandbits(32))
                good = played.law is not None and was.right(played.law)
                right += good
                counts.append(played.experiments)
                sizes.append(played.bytes / 1e6)
                if asked.wrong and not good:
                    said = "nothing" if played.law is None else law_words(played.law)
                    print(f"  {was.effects}: {said}")
            every = [every[0] + right, every[1] + asked.runs]
            print(
                f"| {name} | {line.name} | {right} of {asked.runs} | {median(counts):.0f} "
                f"| {median(sizes):.1f} |",
                flush=True,
            )
    print(f"| all | | {every[0]} of {every[1]} ({every[0] / every[1]:.0%}) | | |")


if __name__ == "__main__":
    main()
