"""The law of a throttle, out of the reads of its experiments. Pure.

For each unit that a throttle may count, every read that met it leaves an interval, and every read
that did not a least value. A unit for which they have no value in common is not what is counted;
what is left is what is said, and that two are left is said as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from probe.model.law import Amount, Between, Law, LawEffect, Reach, Trial, TriedRead, Unit
from probe.observe.tried_read import START_BYTES

# Reads of one connection at a time, from its beginning.
ALONE = frozenset({Trial.LONG, Trial.SEGMENTS, Trial.WAIT})
LEAST_MET = 2
# The ends of intervals that have a value in common may differ by so much. Who counts bytes may
# count headers or not, which small segments have more of; what became slow is less sharp than what
# stopped, and when is less sharp than after what.
LOOSE = {LawEffect.ENDS: 1.08, LawEffect.SLOWS: 1.12}
LOOSE_SECONDS = 1.1
# Nobody is known to count less time than that; the reads of a quick line all end within it.
LEAST_SECONDS = 1.0
EXACT = frozenset({Unit.PACKETS, Unit.PACKETS_DOWN})
# Two at once have this many times the rate of one, or more, if each is counted by itself.
APART = 1.6
TOGETHER = 1.35
# Rates agree that differ by no more than this factor.
AGREE = 1.1
# So much slower a read may be and still show where it became slow.
WITHIN = 1.2
# A small read passed if it was so many times as fast as the rate of those that met it.
PASSED_TIMES = 3.0


def law_of(reads: Sequence[TriedRead]) -> Law | None:
    """What ``reads`` leave open; ``None``: fewer than two of one connection met anything."""
    alone = [one for one in reads if one.trial in ALONE]
    met = [one for one in alone if one.met]
    if len(met) < LEAST_MET:
        return None
    ends = sum(one.stopped for one in met) * 2 > len(met)
    effect = LawEffect.ENDS if ends else LawEffect.SLOWS
    met = [one for one in met if one.stopped is ends]
    if len(met) < LEAST_MET:
        return None
    rate = None if ends else rate_of(met)
    from_start = not ends and all(_began_slow(one) for one in met)
    after = () if from_start else _after(_at(rate, met), _clear(rate, alone), effect)
    law = Law(
        effect=effect,
        reads=len(reads),
        at=max(one.at for one in reads),
        after=after,
        from_start=from_start,
        bytes_per_second=rate,
    )
    small, afresh = _small(law, reads)
    return Law(
        effect=effect,
        reads=law.reads,
        at=law.at,
        after=after,
        from_start=from_start,
        bytes_per_second=law.bytes_per_second,
        reach=_reach(law, reads),
        afresh=afresh,
        stays_seconds=_stays(law, reads) if afresh is False else None,
        small_pass=small,
    )


def _at(rate: Between | None, met: Sequence[TriedRead]) -> Sequence[TriedRead]:
    """Those that went on at ``rate``, if there are two: what lost more shows a slope too low, and
    so a bucket too large."""
    if rate is None:
        return met
    able = [one for one in met if one.rate is not None and one.rate.high * WITHIN >= rate.high]
    return able if len(able) >= LEAST_MET else met


def _clear(rate: Between | None, alone: Sequence[TriedRead]) -> Sequence[TriedRead]:
    """Those that met nothing: neither did they stop, nor was any long part of them slow."""
    unmet = [one for one in alone if one.whole and not one.met]
    if rate is None:
        return unmet
    return [one for one in unmet if one.rate is None or one.rate.low > PASSED_TIMES * rate.high]


def _began_slow(read: TriedRead) -> bool:
    span = read.of(Unit.BYTES)
    return span is not None and span.low <= START_BYTES


def _after(
    met: Sequence[TriedRead], unmet: Sequence[TriedRead], effect: LawEffect
) -> tuple[Amount, ...]:
    found = [(unit, _common(unit, met, unmet, effect)) for unit in Unit]
    return tuple(Amount(unit, span) for unit, span in found if span is not None)


def _common(
    unit: Unit, met: Sequence[TriedRead], unmet: Sequence[TriedRead], effect: LawEffect
) -> Between | None:
    """What the reads leave of a unit; ``None``: nothing, or it was not counted."""
    spans = [one.of(unit) for one in met]
    known = [span for span in spans if span is not None]
    if len(known) < len(spans):
        return None
    low, high = max(span.low for span in known), min(span.high for span in known)
    passed = [span.low for one in unmet if (span := one.of(unit)) is not None]
    loose = LOOSE_SECONDS if unit is Unit.SECONDS else LOOSE[effect]
    if unit in EXACT and effect is LawEffect.ENDS:
        loose = 1.0
    if max((low, *passed)) > high * loose:
        return None
    if unit is Unit.SECONDS and high < LEAST_SECONDS:
        return None
    return Between(min(low, high), max(low, high))


def rate_of(met: Sequence[TriedRead]) -> Between | None:
    """At which rate reads went on: from the second fastest to the fastest, if these agree, since
    losses make a read slower than it is let be and nothing makes it faster; else all of them."""
    rates = sorted(one.rate.middle for one in met if one.rate is not None)
    if not rates:
        return None
    agree = len(rates) > 1 and rates[-1] <= AGREE * rates[-2]
    return Between(rates[-2] if agree else rates[0], rates[-1])


def _reach(law: Law, reads: Sequence[TriedRead]) -> Reach | None:
    for pair in _experiments(reads, Trial.PAIR):
        if len(pair) < 2 or not all(one.met for one in pair):
            continue
        times = _times_rate(law, pair) if law.effect is LawEffect.SLOWS else _times_count(law, pair)
        if times is not None and times >= APART:
            return Reach.CONNECTION
        if times is not None and times <= TOGETHER:
            return Reach.TOGETHER
    return None


def _times_rate(law: Law, pair: Sequence[TriedRead]) -> float | None:
    """How many times the rate of one both have together."""
    rates = [one.rate.middle for one in pair if one.rate is not None]
    if law.bytes_per_second is None or len(rates) < len(pair):
        return None
    return sum(rates) / law.bytes_per_second.middle


def _times_count(law: Law, pair: Sequence[TriedRead]) -> float | None:
    """How many times what one is let have both had together."""
    for one in law.after:
        spans = [read.of(one.unit) for read in pair]
        if one.unit is not Unit.SECONDS and all(span is not None for span in spans):
            return sum(span.middle for span in spans if span is not None) / one.span.middle
    return None


def _experiments(reads: Iterable[TriedRead], trial: Trial) -> list[list[TriedRead]]:
    """The reads of each experiment of a kind, the latest first."""
    found: dict[float, list[TriedRead]] = {}
    for one in reads:
        if one.trial is trial:
            found.setdefault(one.at, []).append(one)
    return [sorted(found[at], key=lambda one: one.place) for at in sorted(found, reverse=True)]


def passes(law: Law, read: TriedRead) -> bool:
    """It met nothing: whole, and as fast as what does not."""
    if not read.whole or read.stopped:
        return False
    if law.bytes_per_second is None:
        return True
    return read.pace >= PASSED_TIMES * law.bytes_per_second.high


def _small(law: Law, reads: Sequence[TriedRead]) -> tuple[bool | None, bool | None]:
    """Whether many small reads pass, and whether a new connection is let through like the first."""
    for small in _experiments(reads, Trial.SMALL):
        if len(small) < 2 or small[0].place != 0 or not passes(law, small[0]):
            continue
        together = all(passes(law, one) for one in small[1:])
        return together, together
    return None, None


def _stays(law: Law, reads: Sequence[TriedRead]) -> Between | None:
    """For how long what a connection met is held against the next one."""
    low, high = 0.0, None
    for one in (read for made in _experiments(reads, Trial.PAUSE) for read in made):
        if not one.pause_seconds:
            continue
        if passes(law, one):
            high = one.pause_seconds if high is None else min(high, one.pause_seconds)
        else:
            low = max(low, one.pause_seconds)
    if high is None:
        high = _apart(reads)
    return None if high is None or (not low and not high) else Between(min(low, high), high)


def _apart(reads: Sequence[TriedRead]) -> float | None:
    """The least time between two experiments of which the later one began as the first."""
    times = sorted({one.at for one in reads if one.trial in ALONE})
    return min((after - before for before, after in pairwise(times)), default=None)
