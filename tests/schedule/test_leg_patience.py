"""How long legs are waited for, by what controls took."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.schedule.leg_patience import (
    LEAST_BODY,
    LEAST_HANDSHAKE,
    LEAST_SILENT,
    MOST_KEPT,
    NEWS_SECONDS,
    TIMES,
    LegPatience,
    RoundPatience,
    Taken,
    kept,
    pace_of,
    patience,
    slower,
)

MOST = 30.0
KIB_64 = 65_536
seconds = st.floats(1e-4, 100.0)
bytes_read = st.sampled_from([0, 1, KIB_64, 524_288])
taken = st.builds(Taken, handshake=seconds, byte=st.none() | st.floats(1e-8, 1e-2))


@pytest.mark.parametrize(
    ("handshake", "read", "expected"),
    [
        # Fibre: 64 KiB in 0.1 s. Nothing is worth more than the least.
        (0.03, 0.1, (8.0, 5.0, 5.0)),
        # DSL, and a platform 300 ms away on it.
        (0.1, 1.0, (8.0, 12.0, 5.0)),
        # A satellite: two round trips of 0.6 s, and six more for what is read.
        (1.3, 4.0, (15.6, MOST, 15.6)),
        # 103 kbit/s for everything abroad.
        (0.4, 5.1, (8.0, MOST, 5.0)),
        # So slow that what is configured is all there is.
        (4.0, 60.0, (MOST, MOST, MOST)),
    ],
)
def test_what_a_line_is_given(
    handshake: float, read: float, expected: tuple[float, float, float]
) -> None:
    found = patience(MOST, read_bytes=KIB_64, normal=Taken(handshake=handshake, byte=read / KIB_64))
    assert (found.handshake, found.body, found.silent) == pytest.approx(expected)


@pytest.mark.parametrize("normal", [None, Taken(), Taken(byte=1e-6)])
def test_of_an_unknown_line_only_the_most_holds(normal: Taken | None) -> None:
    found = patience(MOST, read_bytes=KIB_64, normal=normal)
    assert found == LegPatience(most=MOST, handshake=MOST, body=MOST, silent=MOST)


def test_a_read_is_not_cut_before_a_control_has_read() -> None:
    found = patience(MOST, read_bytes=KIB_64, normal=Taken(handshake=0.1))
    assert found.body == MOST
    assert found.silent == LEAST_SILENT


FIBRE = patience(MOST, read_bytes=KIB_64, normal=Taken(handshake=0.03, byte=1.5e-6))


@pytest.mark.parametrize(
    ("what", "connected", "asked", "moved", "ends"),
    [
        ("no SYN is answered", None, None, 0.0, 8.0),
        ("the ClientHello is dropped", 0.02, None, 0.02, 5.02),
        ("silence after 20 KiB", 0.02, 0.05, 0.2, 5.05),
        ("a byte a second", 0.02, 0.05, 4.5, 5.05),
        ("a third SYN is answered", 3.02, None, 3.02, 3.02 + 4.0 * 3.02),
        ("every packet takes 1 s more", 1.02, 2.1, 4.0, 4.0 + 5.0),
        ("the same, and it goes on", 1.02, 2.1, 13.0, 2.1 + 12.0 * 1.02),
    ],
)
def test_when_a_leg_on_fibre_ends(
    what: str, connected: float | None, asked: float | None, moved: float, ends: float
) -> None:
    assert FIBRE.ends(connected=connected, asked=asked, moved=moved) == pytest.approx(ends), what


@given(most=st.floats(0.5, 90.0), reads=bytes_read, normal=taken)
def test_never_longer_than_configured_nor_shorter_than_a_slow_way_needs(
    most: float, reads: int, normal: Taken
) -> None:
    found = patience(most, read_bytes=reads, normal=normal)
    assert normal.handshake is not None
    for value, least in (
        (found.handshake, max(LEAST_HANDSHAKE, TIMES * normal.handshake)),
        (found.body, max(LEAST_BODY, TIMES * reads * (normal.byte or 0.0))),
        (found.silent, max(LEAST_SILENT, TIMES * normal.handshake)),
    ):
        assert min(most, least) <= value <= most
    assert found.ends() == found.handshake


@given(most=st.floats(0.5, 90.0), reads=bytes_read, one=taken, other=taken)
def test_slower_controls_never_shorten_it(
    most: float, reads: int, one: Taken, other: Taken
) -> None:
    both = slower(one, other)
    mine = patience(most, read_bytes=reads, normal=one)
    longer = patience(most, read_bytes=reads, normal=both)
    if one.byte is None and other.byte is not None:
        mine = LegPatience(most=most, handshake=mine.handshake, body=0.0, silent=mine.silent)
    assert longer.handshake >= mine.handshake
    assert longer.body >= mine.body
    assert longer.silent >= mine.silent


@given(
    normal=taken,
    connected=st.none() | st.floats(0.0, 40.0),
    more=st.none() | st.floats(0.0, 10.0),
    moved=st.floats(0.0, 40.0),
    later=st.floats(0.0, 10.0),
)
def test_whoever_still_moves_is_never_cut_sooner(
    normal: Taken, connected: float | None, more: float | None, moved: float, later: float
) -> None:
    asked = None if connected is None or more is None else connected + more
    found = patience(MOST, read_bytes=KIB_64, normal=normal)
    now = found.ends(connected=connected, asked=asked, moved=moved)
    assert now <= found.ends(connected=connected, asked=asked, moved=moved + later) <= MOST


def test_what_controls_took_long_ago_is_no_news() -> None:
    old = Taken(at=0.0, handshake=9.0)
    news = [Taken(at=NEWS_SECONDS + 1.0 + n, handshake=0.1) for n in range(2)]
    found: tuple[Taken, ...] = ()
    for one in (old, *news):
        found = kept(found, one)
    assert found == tuple(news)
    assert pace_of((old, *news), NEWS_SECONDS + 3.0) == Taken(at=NEWS_SECONDS + 3.0, handshake=0.1)
    assert pace_of((old, *news), 3.0 * NEWS_SECONDS) is None
    for n in range(2 * MOST_KEPT):
        found = kept(found, Taken(at=NEWS_SECONDS + 5.0, handshake=float(n)))
    assert len(found) == MOST_KEPT


def test_a_quarter_of_the_controls_may_hang() -> None:
    found = [Taken(handshake=0.1, byte=1e-6) for _ in range(6)]
    found += [Taken(handshake=7.0, byte=1e-3) for _ in range(2)]
    assert pace_of(found, 0.0) == Taken(handshake=0.1, byte=1e-6)
    assert pace_of([Taken(handshake=0.1)], 0.0) is None


def test_the_controls_of_a_round_tell_what_is_left_of_it() -> None:
    rule = RoundPatience(MOST, None)
    assert rule.of(0).silent == MOST
    rule.learn(Taken(handshake=0.1))
    assert rule.of(0).silent == MOST
    rule.learn(Taken(handshake=0.1, byte=1e-6))
    assert (rule.of(0).silent, rule.of(KIB_64).body) == (LEAST_SILENT, LEAST_BODY)
    rule.learn(Taken(handshake=2.0))
    assert rule.of(0).silent == 24.0


def test_what_comes_down_does_not_say_how_long_sending_takes() -> None:
    """A line that sends a tenth as fast as it receives: only a silence, and the most, end it."""
    rule = RoundPatience(MOST, Taken(handshake=0.03, byte=0.1 / KIB_64))
    reads, sends = rule.of(KIB_64), rule.of(KIB_64, up=True)
    assert reads.body == LEAST_BODY
    assert (sends.body, sends.silent) == (MOST, reads.silent)
    planned = RoundPatience(MOST, Taken(handshake=0.03, byte=0.1 / KIB_64), planned=7.0)
    assert planned.of(KIB_64, up=True).body == 7.0, "by what sending took before"


def test_what_a_plan_fixed_stays_fixed() -> None:
    rule = RoundPatience(MOST, Taken(handshake=0.1, byte=1e-6), 7.0)
    before = rule.of(KIB_64), rule.of(0)
    rule.learn(Taken(handshake=9.0, byte=1.0))
    rule.learn(Taken(handshake=9.0, byte=1.0))
    assert (rule.of(KIB_64), rule.of(0)) == before
    assert before[0].body == before[1].handshake == 7.0
