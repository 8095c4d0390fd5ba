"""What reads leave open of a throttle's law, and which experiment is next."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.law import (
    Amount,
    Between,
    Law,
    LawEffect,
    Reach,
    Trial,
    TriedRead,
    Unit,
)
from probe.verdict.law.law_found import law_of
from probe.verdict.law.next_experiment import MOST_DAY_BYTES, next_experiment
from probe.verdict.words.words_law import law_words

FIRST = 131_072


def amounts(**of: tuple[float, float]) -> tuple[Amount, ...]:
    return tuple(Amount(Unit(unit), Between(*span)) for unit, span in of.items())


def stopped(at: float, **of: tuple[float, float]) -> TriedRead:
    return TriedRead(
        trial=Trial.LONG,
        at=at,
        place=0,
        reads=1,
        body_bytes=14_000,
        cost_bytes=20_000,
        whole=False,
        stopped=True,
        bends=False,
        after=amounts(**of),
    )


def slowed(at: float, rate: float, **of: tuple[float, float]) -> TriedRead:
    return replace(
        stopped(at, **of),
        body_bytes=FIRST,
        whole=True,
        stopped=False,
        bends=True,
        rate=Between(rate - 100.0, rate + 100.0),
        pace=rate,
    )


def passed(at: float, **of: float) -> TriedRead:
    spans = {unit: (value, value) for unit, value in of.items()}
    return replace(
        stopped(at, **spans), body_bytes=FIRST, whole=True, stopped=False, pace=1e6, rate=None
    )


# Twice stopped at the same place, over connections as fast as each other.
TWICE = (
    stopped(0.0, bytes=(20e3, 21e3), packets=(23, 25), packets_down=(14, 14), seconds=(2.0, 4.0)),
    stopped(1.0, bytes=(20e3, 21e3), packets=(23, 25), packets_down=(14, 14), seconds=(2.0, 4.0)),
)


def also(*more: TriedRead) -> Law:
    found = law_of((*TWICE, *more))
    assert found is not None
    return found


def test_one_read_makes_no_law_nor_do_two_that_meet_nothing() -> None:
    assert law_of(TWICE[:1]) is None
    assert law_of([passed(0.0, bytes=1e5), passed(1.0, bytes=1e5)]) is None


def test_a_unit_is_out_as_soon_as_one_read_contradicts_it() -> None:
    assert {one.unit for one in also().after} == set(Unit)
    small = stopped(
        2.0, bytes=(8e3, 9e3), packets=(24, 26), packets_down=(14, 14), seconds=(2.0, 3.0)
    )
    assert {one.unit for one in also(small).after} == {
        Unit.PACKETS,
        Unit.PACKETS_DOWN,
        Unit.SECONDS,
    }
    late = stopped(
        3.0, bytes=(20e3, 21e3), packets=(23, 25), packets_down=(12, 12), seconds=(6.2, 6.4)
    )
    found = also(small, late)
    assert found.certain == Amount(Unit.PACKETS, Between(24, 25))
    assert "after 24 to 25 packets in either direction, whatever their size" in law_words(found)


def test_a_read_that_met_nothing_is_a_least_value() -> None:
    found = also(passed(2.0, bytes=25e3, packets=20, packets_down=12, seconds=0.1))
    assert Unit.BYTES not in {one.unit for one in found.after}
    assert Unit.PACKETS in {one.unit for one in found.after}


def test_what_agrees_with_nothing_is_said_to_differ() -> None:
    found = law_of(
        [
            stopped(0.0, bytes=(20e3, 21e3), seconds=(0.2, 0.3)),
            stopped(1.0, bytes=(60e3, 61e3), seconds=(5.0, 5.1)),
        ]
    )
    assert found is not None
    assert found.after == ()
    assert "differs from read to read" in law_words(found)


@pytest.mark.parametrize(
    ("rates", "low", "high"),
    [
        # Losses make one slower, nothing makes one faster.
        ((9e3, 15.9e3, 16e3), 15.9e3, 16e3),
        ((9e3, 16e3), 9e3, 16e3),
    ],
)
def test_the_rate_is_that_of_the_fastest_reads_that_agree(
    rates: tuple[float, ...], low: float, high: float
) -> None:
    found = law_of([slowed(float(i), rate, bytes=(2e5, 2.1e5)) for i, rate in enumerate(rates)])
    assert found is not None
    assert found.bytes_per_second == Between(low, high)


def pair(*rates: float) -> list[TriedRead]:
    return [
        replace(slowed(9.0, rate, bytes=(2e5, 2.1e5)), trial=Trial.PAIR, place=i, reads=2)
        for i, rate in enumerate(rates)
    ]


@pytest.mark.parametrize(
    ("rates", "reach"),
    [
        ((16e3, 16e3), Reach.CONNECTION),
        ((8e3, 8e3), Reach.TOGETHER),
        ((12e3, 11.5e3), None),  # neither
        ((16e3,), None),  # the other one came to nothing
    ],
)
def test_two_at_once_tell_who_is_counted_together(
    rates: tuple[float, ...], reach: Reach | None
) -> None:
    alone = [slowed(float(i), 16e3, bytes=(2e5, 2.1e5)) for i in range(2)]
    found = law_of([*alone, *pair(*rates)])
    assert found is not None
    assert found.reach is reach


def small(*paces: float, trial: Trial = Trial.SMALL, pause: float = 0.0) -> list[TriedRead]:
    return [
        replace(
            passed(20.0 + pause, bytes=7e4),
            trial=trial,
            place=i,
            reads=len(paces),
            pace=pace,
            pause_seconds=pause if i == len(paces) - 1 else 0.0,
        )
        for i, pace in enumerate(paces)
    ]


@pytest.mark.parametrize(
    ("paces", "passes"),
    [
        ((1e6, 1e6, 1e6), True),
        ((1e6, 1e6, 16e3), False),
        ((20e3, 20e3, 20e3), None),  # the first one is slow as well: nothing is told
    ],
)
def test_small_reads_in_turn_tell_whether_a_connection_begins_afresh(
    paces: tuple[float, ...], passes: bool | None
) -> None:
    alone = [slowed(float(i), 16e3, bytes=(2e5, 2.1e5)) for i in range(2)]
    found = law_of([*alone, *small(*paces)])
    assert found is not None
    assert (found.small_pass, found.afresh) == (passes, passes)


def test_pauses_bound_for_how_long_it_is_remembered() -> None:
    alone = [slowed(300.0 * i, 16e3, bytes=(2e5, 2.1e5)) for i in range(2)]
    known = [*alone, *small(1e6, 1e6, 16e3)]
    found = law_of([*known, *small(1e6, 16e3, 16e3, trial=Trial.PAUSE, pause=30.0)])
    assert found is not None
    assert found.stays_seconds == Between(30.0, 300.0)
    found = law_of(
        [
            *known,
            *small(1e6, 16e3, 16e3, trial=Trial.PAUSE, pause=30.0),
            *small(1e6, 16e3, 1e6, trial=Trial.PAUSE, pause=240.0),
        ]
    )
    assert found is not None
    assert found.stays_seconds == Between(30.0, 240.0)
    assert "for 30 to 240 s" in law_words(found)


SLOW = tuple(slowed(300.0 * i, 16e3, bytes=(2.6e5, 2.7e5)) for i in range(2))


@pytest.mark.parametrize(
    ("reads", "trial"),
    [
        ((), Trial.LONG),
        (TWICE[:1], Trial.LONG),
        (TWICE, Trial.SEGMENTS),
        (
            (*TWICE, replace(TWICE[0], trial=Trial.SEGMENTS, at=2.0, after=amounts(bytes=(1, 2)))),
            # Nothing is left that all agree with; what is asked of connections can be asked still.
            Trial.PAIR,
        ),
        (SLOW, Trial.PAIR),
        ((*SLOW, *pair(8e3, 8e3)), Trial.SMALL),
        ((*SLOW, *pair(8e3, 8e3), *small(1e6, 1e6)), None),
        ((*SLOW, *pair(8e3, 8e3), *small(1e6, 16e3)), Trial.PAUSE),
    ],
)
def test_what_is_asked_next(reads: tuple[TriedRead, ...], trial: Trial | None) -> None:
    asked = next_experiment(reads, first_bytes=FIRST, spent_bytes=0)
    assert (None if asked is None else asked.trial) is trial


def test_a_read_that_meets_nothing_is_followed_by_a_longer_one_and_that_ends() -> None:
    reads: list[TriedRead] = []
    sizes = []
    for turn in range(9):
        asked = next_experiment(reads, first_bytes=FIRST, spent_bytes=0)
        if asked is None:
            break
        sizes.append(asked.read_bytes)
        reads.append(replace(passed(float(turn), bytes=1.0), body_bytes=asked.read_bytes))
    assert sizes == [FIRST, 4 * FIRST, 16 * FIRST]


def test_an_object_that_has_no_more_is_not_asked_for_more() -> None:
    reads = [passed(0.0, bytes=1.0), passed(1.0, bytes=1.0)]
    assert next_experiment(reads, first_bytes=FIRST, spent_bytes=0) is None


def test_nothing_is_asked_beyond_what_a_day_has() -> None:
    asked = next_experiment((), first_bytes=FIRST, spent_bytes=0)
    assert asked is not None
    for spent in (MOST_DAY_BYTES - asked.most_bytes, MOST_DAY_BYTES):
        assert next_experiment((), first_bytes=FIRST, spent_bytes=spent) is None


def test_the_words_of_a_rate_after_a_bucket() -> None:
    law = Law(
        effect=LawEffect.SLOWS,
        reads=9,
        at=0.0,
        after=amounts(bytes=(261e3, 263e3)),
        bytes_per_second=Between(15_900.0, 16_000.0),
        reach=Reach.CONNECTION,
        afresh=True,
        small_pass=True,
    )
    assert law_words(law) == (
        "How it works, by 9 reads: 127 to 128 kbit/s after 255 to 257 KiB, each connection for "
        "itself. A new connection begins afresh. Several small reads pass where one large read "
        "does not."
    )
