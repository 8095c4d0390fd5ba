"""Which experiment is next, if the law of a throttle is not known whole. Pure.

| what is not known | the experiment |
| --- | --- |
| when it begins, and what then | a long read, four times as long until it is met; twice |
| whether bytes or packets are counted | one of small segments: more packets for the same bytes |
| whether seconds are | one after a wait |
| whether two connections are counted together | a pair at once |
| whether a new connection begins afresh, whether small reads pass | several small ones in turn |
| for how long it stays | one more after a pause |
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from probe.model.law import Amount, Experiment, Law, LawEffect, Trial, TriedRead, Unit
from probe.observe.tried_read import START_BYTES
from probe.verdict.law.law_found import AGREE, law_of

DAY_SECONDS = 86_400.0
"""What was found is found anew after a day, and no more than that is spent in one."""
MOST_DAY_BYTES = 8 * 1_048_576
LEG_BYTES = 12_000
"""A handshake with a certificate, and all else that is not the body."""
GROWS = 4
MOST_GROWN = 16
MOST_READ_BYTES = 4 * 1_048_576
MOST_TRIES = {Trial.LONG: 6, Trial.SEGMENTS: 2, Trial.WAIT: 2, Trial.PAIR: 2, Trial.SMALL: 2}
SMALL_SEGMENT = 536
"""What every host takes (RFC 9293, 3.7.1)."""
LEAST_WAIT, MOST_WAIT = 2.0, 4.0
SMALL_READS = 6
LEAST_SMALL_BYTES = 1_024
HANDSHAKE_BYTES = 6_000.0
PAUSES = (30.0, 120.0)
SMALL_SECONDS = 10.0
"""For so long a small read is waited for: what is slow is seen to be by then."""
SLOW_SECONDS = 12.0
"""For so long a read goes on at the rate, if that is known."""


def next_experiment(
    reads: Sequence[TriedRead], *, first_bytes: int, spent_bytes: int, over: str = ""
) -> Experiment | None:
    """What to try now; ``None``: nothing more. ``reads``: those of the last day of this platform.
    ``first_bytes``: of the first read. ``spent_bytes``: what experiments from this vantage have
    taken in the last day. ``over``: the prober that makes them (empty: TCP)."""
    law = law_of(reads)
    found = _long(reads, first_bytes) if law is None or _wide(law) else None
    if found is None and law is not None:
        found = _of_law(law, reads, first_bytes, over)
    if found is None:
        return None
    most = found.most_bytes + found.reads * LEG_BYTES
    return found if spent_bytes + most <= MOST_DAY_BYTES else None


def _tries(reads: Sequence[TriedRead], trial: Trial) -> int:
    return len({one.at for one in reads if one.trial is trial})


def _may(reads: Sequence[TriedRead], trial: Trial) -> bool:
    return _tries(reads, trial) < MOST_TRIES[trial]


def _wide(law: Law) -> bool:
    rate = law.bytes_per_second
    return law.effect is LawEffect.SLOWS and (rate is None or rate.high > AGREE * rate.low)


def _long(reads: Sequence[TriedRead], first_bytes: int) -> Experiment | None:
    made = [one for one in reads if one.trial is Trial.LONG]
    if not _may(reads, Trial.LONG):
        return None
    if not made:
        return Experiment(trial=Trial.LONG, read_bytes=first_bytes)
    last = max(made, key=lambda one: one.at)
    if last.met:
        return Experiment(trial=Trial.LONG, read_bytes=_enough(last))
    if not last.whole:
        return Experiment(trial=Trial.LONG, read_bytes=first_bytes)
    sizes = [one.body_bytes for one in made if one.whole and not one.met]
    longer = GROWS * max(sizes)
    # What is not met by then is not this throttle any more; or the object has no more bytes.
    if longer > min(MOST_READ_BYTES, MOST_GROWN * first_bytes) or len(set(sizes)) < len(sizes):
        return None
    return Experiment(trial=Trial.LONG, read_bytes=longer)


def _enough(met: TriedRead) -> int:
    """So many bytes that the rate is read for long enough, no more than what is needed."""
    size = max(met.body_bytes, LEAST_SMALL_BYTES)
    if met.stopped:
        return min(MOST_READ_BYTES, size + 65_536)
    if met.rate is None:
        return min(MOST_READ_BYTES, 2 * size)
    passed = met.of(Unit.BYTES)
    before = 0.0 if passed is None else passed.high
    return int(min(MOST_READ_BYTES, max(32_768.0, before + SLOW_SECONDS * met.rate.high)))


def _of_law(law: Law, reads: Sequence[TriedRead], first_bytes: int, over: str) -> Experiment | None:
    size = max((_enough(one) for one in reads if one.trial is Trial.LONG and one.met), default=0)
    size = size or first_bytes
    units = {one.unit for one in law.after}
    packets = units & {Unit.PACKETS, Unit.PACKETS_DOWN}
    # Over QUIC small datagrams are had by credit, one for each round trip: that is a rate itself.
    small = not over or law.effect is LawEffect.ENDS
    if packets and Unit.BYTES in units and small and _may(reads, Trial.SEGMENTS):
        return Experiment(trial=Trial.SEGMENTS, read_bytes=size, segment_bytes=SMALL_SEGMENT)
    if Unit.SECONDS in units and len(units) > 1 and _may(reads, Trial.WAIT):
        return Experiment(trial=Trial.WAIT, read_bytes=size, wait_seconds=_wait(law))
    if units == {Unit.SECONDS}:
        return None  # how many read meanwhile makes no difference
    if law.reach is None and _may(reads, Trial.PAIR):
        return Experiment(trial=Trial.PAIR, read_bytes=size, reads=2, at_once=True)
    size = _small_bytes(law, reads)
    if law.afresh is None and size and _may(reads, Trial.SMALL):
        return _in_turn(Trial.SMALL, size)
    if law.afresh is False:
        return _pause(law, reads, size)
    return None


def _in_turn(trial: Trial, size: int) -> Experiment:
    return Experiment(
        trial=trial, read_bytes=size, reads=SMALL_READS, deadline_seconds=SMALL_SECONDS
    )


def _wait(law: Law) -> float:
    seconds = next((one for one in law.after if one.unit is Unit.SECONDS), None)
    took = 0.0 if seconds is None else seconds.span.middle
    return min(MOST_WAIT, max(LEAST_WAIT, 0.6 * took))


def _small_bytes(law: Law, reads: Sequence[TriedRead]) -> int:
    """A third of what one connection is let have; 0: that is too little to tell, or not known."""
    if law.from_start:
        return 0
    stopped = [one.body_bytes for one in reads if one.trial is Trial.LONG and one.stopped]
    if stopped:
        size = min(stopped) // 3
        return size if size >= LEAST_SMALL_BYTES else 0
    passed: Amount | None = next((one for one in law.after if one.unit is Unit.BYTES), None)
    if passed is None:
        return 0
    body = passed.span.low - HANDSHAKE_BYTES
    return int(body // 3) if body >= START_BYTES else 0


def _pause(law: Law, reads: Sequence[TriedRead], small: int) -> Experiment | None:
    tried = {one.pause_seconds for one in reads if one.trial is Trial.PAUSE and one.pause_seconds}
    short = law.stays_seconds is not None and law.stays_seconds.high <= PAUSES[0]
    for seconds in PAUSES:
        if seconds not in tried and not short and small:
            return replace(_in_turn(Trial.PAUSE, small), pause_seconds=seconds)
    return None
