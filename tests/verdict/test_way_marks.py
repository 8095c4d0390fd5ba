"""A line that loses for all alike leaves no mark on the way to one, however its legs differ."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.measure.one_round.legs import UPDATES
from probe.model.failure import Failure
from probe.model.identity import Phase
from probe.model.observation import LegObservation, Sample, TcpInfo
from probe.model.verdict import Signature
from probe.observe.effort import TIMEOUT, Measure
from probe.observe.gaps import missing_share
from probe.observe.round_trip import grew_while_asking
from probe.observe.signature import signature
from probe.verdict.basis.way_marks import MarksSeen, Usual, WayMarks, marks_seen
from probe.verdict.burst.bets import EACH
from tests.verdict.country import READ, SEGMENTS, Country

SOME = next(leg for leg in Country().a_round().legs if leg.body_bytes == READ)
BARE = replace(SOME, curve=(), tls=None, http=None)
CHANCES = (1, 1, 2, 3, 3, 3, 3, 2, 1, 1)
"""Of 20 orders, those in which so many of nine pairs are lost."""
BURSTS, SUSPICIONS = 8, 200
SHARES = (0.02, 0.06, 0.15, 0.3)


def read(missing: int, segments: int = SEGMENTS) -> LegObservation:
    tcp = TcpInfo(
        rtt_seconds=0.02, min_rtt_seconds=0.02, out_of_order=missing, segments_in=segments
    )
    return replace(BARE, tcp=tcp)


def stopped_at(size: int) -> LegObservation:
    """Fast until there, and then nothing until our deadline."""
    failure = Failure(phase=Phase.TRANSFER, reason="generic_timeout_error")
    phases = {**SOME.phases, Phase.PROCESSING: 0.02, Phase.TRANSFER: 30.0}
    curve = (Sample(0.02, 1_400), Sample(0.1, size // 2), Sample(0.2, size))
    return replace(
        read(0), failure=failure, phases=phases, body_bytes=size, curve=curve, http=SOME.http
    )


@given(had=st.floats(0.5, 99.0), bursts=st.integers(0, 50), late=st.booleans())
def test_who_bets_on_marks_expects_no_gain_of_a_line_that_does_the_same_to_all(
    had: float, bursts: int, late: bool
) -> None:
    left = 1.0 / (bursts + 1)
    before = WayMarks(bursts, 0, max(had, left), max(had, left))
    mean = 0.0
    for pairs, chances in enumerate(CHANCES):
        after = before.after(MarksSeen(lost=pairs, late=pairs))
        mean += chances / sum(CHANCES) * (after.late if late else after.lost)
    assert mean <= max(had, left) + 1e-9


@example(missing=[21, 21], segments=[21, 79])
@given(
    missing=st.lists(st.integers(0, 40), min_size=2, max_size=2),
    segments=st.lists(st.integers(8, 90), min_size=2, max_size=2),
)
def test_a_larger_share_of_fewer_segments_is_no_mark(
    missing: list[int], segments: list[int]
) -> None:
    mine, other = (
        read(min(lost, most), most) for lost, most in zip(missing, segments, strict=True)
    )
    seen = marks_seen([mine] * EACH, [other] * EACH, Measure.TRANSFER)
    assert seen is not None
    own, theirs = mine.tcp, other.tcp
    assert own is not None
    assert theirs is not None
    if (own.out_of_order or 0) <= (theirs.out_of_order or 0):
        assert not seen.lost


def with_answers(leg: LegObservation, seconds: float | None) -> LegObservation:
    return replace(leg, tcp=replace(leg.tcp or TcpInfo(), answered_seconds=seconds))


@pytest.mark.parametrize(
    ("answered", "stopped"),
    [
        ((None, None, None), True),  # a system that does not ask, or a round of an earlier version
        ((0.0, 0.0, 0.0), True),
        ((0.3, 0.02, 1.5), True),  # what was under way when it was cut
        ((29.0, 28.0, 29.9), False),
        ((29.0, 0.0, 29.0), False),
        ((29.0, 0.0, 0.0), True),
        ((16.0, None, None), False),
    ],
)
def test_reads_that_stop_at_a_far_end_that_is_still_there_mark_no_way(
    answered: tuple[float | None, ...], stopped: bool
) -> None:
    mine = [with_answers(stopped_at(20_000), seconds) for seconds in answered]
    seen = marks_seen(mine, [read(0)] * EACH, Measure.TRANSFER)
    assert seen is not None
    assert seen.stopped is stopped


def even(random: Random, share: float, segments: int) -> LegObservation:
    """Each packet is lost for itself; what comes behind one is out of order, some of it."""
    lost = sum(random.random() < share for _ in range(segments))
    return read(min(segments, sum(random.randint(1, 6) for _ in range(lost))), segments)


def in_spells(random: Random, share: float, seconds: float) -> LegObservation:
    """Every 15 seconds nearly nothing passes for one, so a leg of many seconds meets that for sure,
    and a short one now and then."""
    begin, gone = random.uniform(0.0, 15.0), 0
    for number in range(SEGMENTS):
        inside = (begin + number / SEGMENTS * seconds) % 15.0 < 15.0 * share
        gone += inside and random.random() < 0.7
    return replace(read(gone), duration_seconds=seconds)


LEGS: dict[str, Callable[[Random, float], tuple[LegObservation, LegObservation]]] = {
    "as long": lambda r, p: (even(r, p, SEGMENTS), even(r, p, SEGMENTS)),
    "cut": lambda r, p: (even(r, p, 12), even(r, p, SEGMENTS)),
    "with more": lambda r, p: (even(r, p, SEGMENTS), even(r, p, 12)),
    "handshakes": lambda r, p: (even(r, p, 9), even(r, p, 9)),
    "in spells": lambda r, p: (in_spells(r, min(p, 0.06), 25.0), in_spells(r, min(p, 0.06), 0.5)),
}
"""A leg to a slow server, and one to a quick one, over a line that loses this share."""


@pytest.mark.parametrize("kind", LEGS)
def test_a_line_of_its_own_losses_hardly_ever_marks_the_way_to_a_slow_server(kind: str) -> None:
    random, marked = Random(kind), 0
    for number in range(SUSPICIONS):
        way, share = WayMarks(), SHARES[number % len(SHARES)]
        for _ in range(BURSTS):
            legs = [LEGS[kind](random, share) for _ in range(EACH)]
            own, others = [mine for mine, _ in legs], [other for _, other in legs]
            way = way.after(marks_seen(own, others, Measure.TRANSFER))
        marked += not way.clear
    assert marked <= SUSPICIONS // 100


def test_what_somebody_drops_of_one_alone_marks_its_way_in_three_bursts() -> None:
    way = WayMarks()
    for _ in range(3):
        seen = marks_seen([read(8, 30)] * EACH, [read(0), read(1), read(0)], Measure.TRANSFER)
        way = way.after(seen)
    assert not way.clear


@pytest.mark.parametrize("share", SHARES)
def test_a_way_to_it_alone_that_always_loses_as_many_hardly_ever_marks_a_slow_server(
    share: float,
) -> None:
    """No control loses anything; four of five of its own calm legs are no worse than ``usual``."""
    random, marked = Random(f"usual/{share}"), 0
    calm = sorted(missing_share(even(random, share, SEGMENTS)) or 0.0 for _ in range(100))
    for number in range(SUSPICIONS):
        way = WayMarks()
        for _ in range(BURSTS):
            own = [even(random, share, SEGMENTS if number % 2 else 40) for _ in range(EACH)]
            seen = marks_seen(own, [read(0)] * EACH, Measure.TRANSFER, usual=Usual(lost=calm[80]))
            way = way.after(seen)
        marked += not way.clear
    assert marked <= SUSPICIONS // 100


def test_what_is_dropped_beyond_what_is_usual_marks_the_way() -> None:
    way = WayMarks()
    for _ in range(3):
        seen = marks_seen(
            [read(20, 40)] * EACH, [read(0)] * EACH, Measure.TRANSFER, usual=Usual(lost=0.2)
        )
        way = way.after(seen)
    assert not way.clear


def lasting(leg: LegObservation, seconds: float) -> LegObservation:
    return replace(leg, duration_seconds=seconds)


@pytest.mark.parametrize(("calm", "clear"), [(8, True), (20, True), (60, False), (300, False)])
def test_a_few_percent_of_a_long_read_mark_the_way_if_the_line_is_known_to_be_good(
    calm: int, clear: bool
) -> None:
    """So many calm legs missed nothing; reads take 15 times as long as the controls'."""
    way = WayMarks()
    for _ in range(4):
        own = [lasting(read(missing, 66), 3.0) for missing in (3, 3, 4)]
        others = [lasting(read(0, 56), 0.2)] * EACH
        usual = Usual(meets=1.0 / (calm + 1.0))
        way = way.after(marks_seen(own, others, Measure.TRANSFER, usual=usual))
    assert way.clear is clear


@pytest.mark.parametrize("every", [2.0, 5.0, 10.0, 30.0, 60.0])
def test_bad_moments_of_the_line_hardly_ever_mark_the_way_to_a_slow_server(every: float) -> None:
    """One in so many seconds takes three segments of whatever is read just then; a slow server is
    read for three seconds, quick ones for a fifth of one, as all were in calm times."""
    random, marked = Random(f"moments/{every}"), 0

    def met(seconds: float, segments: int) -> LegObservation:
        hit = random.random() < 1.0 - math.exp(-seconds / every)
        return lasting(read(3 if hit else 0, segments), seconds)

    for _ in range(SUSPICIONS):
        way = WayMarks()
        calm = [met(0.2, 56) for _ in range(100)]
        misses = (sum(bool(missing_share(leg)) for leg in calm) + 1.0) / (len(calm) + 1.0)
        for _ in range(BURSTS):
            own, others = [[met(s, 60) for _ in range(EACH)] for s in (3.0, 0.2)]
            seen = marks_seen(own, others, Measure.TRANSFER, usual=Usual(meets=misses))
            way = way.after(seen)
        marked += not way.clear
    assert marked <= SUSPICIONS // 100


def reset_at(size: int) -> LegObservation:
    """As ``stopped_at``, but that the connection was reset there."""
    failure = Failure(phase=Phase.TRANSFER, reason="connection_reset")
    phases = {**SOME.phases, Phase.PROCESSING: 0.02, Phase.TRANSFER: 0.2}
    return replace(stopped_at(size), failure=failure, phases=phases)


@pytest.mark.parametrize("size", [4_000, 20_000, 60_000])
def test_reads_that_are_reset_at_one_place_are_a_cut_off_and_no_mark_of_the_way(size: int) -> None:
    legs = [reset_at(size)] * EACH
    assert signature(legs, Measure.TRANSFER) is Signature.CUTOFF
    seen = marks_seen(legs, [read(0)] * EACH, Measure.TRANSFER)
    assert seen is not None
    assert not seen.stopped, "a server that is out of order ends answers so as well"
    silent = marks_seen([stopped_at(size)] * EACH, [read(0)] * EACH, Measure.TRANSFER)
    assert silent is not None
    assert silent.stopped


def queued(seconds: float, *, asking: float = 0.02, least: float = 0.02) -> LegObservation:
    """What was sent while its body came was acknowledged after so long, smoothed."""
    tcp = TcpInfo(
        rtt_seconds=asking,
        min_rtt_seconds=least,
        out_of_order=0,
        segments_in=SEGMENTS,
        updates_rtt_seconds=seconds,
    )
    return replace(BARE, tcp=tcp)


@pytest.mark.parametrize(
    ("own", "others", "clear"),
    [
        pytest.param(0.6, 0.02, False, id="a queue"),
        pytest.param(0.6, None, False, id="a control over HTTP/1.1 says nothing of its body"),
        pytest.param(0.25, 0.02, True, id="a kernel may take so long of itself"),
        pytest.param(0.6, 0.6, True, id="the line has a queue"),
        pytest.param(0.02, None, True, id="no queue"),
    ],
)
def test_a_queue_shows_in_what_is_sent_while_the_body_comes(
    own: float, others: float | None, clear: bool
) -> None:
    other = read(0) if others is None else queued(others)
    way = WayMarks()
    for _ in range(3):
        way = way.after(marks_seen([queued(own)] * EACH, [other] * EACH, Measure.TRANSFER))
    assert way.clear is clear


@pytest.mark.parametrize("seed", range(3))
def test_a_way_to_it_alone_that_is_always_unsteady_hardly_ever_marks_a_slow_server(
    seed: int,
) -> None:
    """Round trips to X differ by some tens of milliseconds, those to controls do not."""
    random, marked = Random(seed), 0

    def leg() -> LegObservation:
        trips = [max(0.02, random.gauss(0.08, 0.027)) for _ in range(3)]
        smoothed = trips[0]
        for trip in trips[1:]:
            smoothed += (trip - smoothed) / 8.0
        return queued(0.0, asking=smoothed, least=min(trips))

    calm = sorted(grew_while_asking(leg()) or 1.0 for _ in range(48))
    for _ in range(SUSPICIONS):
        way = WayMarks()
        for _ in range(BURSTS):
            own = [leg() for _ in range(EACH)]
            others = [queued(0.0)] * EACH
            usual = Usual(late=calm[int(0.8 * len(calm))])
            way = way.after(marks_seen(own, others, Measure.TRANSFER, usual=usual))
        marked += not way.clear
    assert marked <= SUSPICIONS // 100


def test_what_is_late_beyond_what_is_usual_marks_the_way() -> None:
    way = WayMarks()
    for _ in range(3):
        usual = Usual(late=1.5)
        seen = marks_seen([queued(0.9)] * EACH, [read(0)] * EACH, Measure.TRANSFER, usual=usual)
        way = way.after(seen)
    assert not way.clear


class Uploading:
    """A line whose queue is there, for a second, in spells: so large a ``share`` of the time."""

    def __init__(self, share: float, seed: str) -> None:
        self.random, self.share, self.held, self.left = Random(seed), share, False, 0.0

    def after(self, seconds: float) -> float:
        """What a round trip takes so many seconds later."""
        while seconds >= self.left:
            seconds -= self.left
            self.held = self.random.random() < self.share
            self.left = self.random.expovariate(1.0 / SPELL_SECONDS)
        self.left -= seconds
        return 0.02 + 1.0 * self.held

    def leg(self, seconds: float) -> LegObservation:
        """One whose body takes so long."""
        syn = least = smoothed = self.after(0.5)
        for _ in range(UPDATES):
            one = self.after(seconds / UPDATES)
            least, smoothed = min(least, one), smoothed + (one - smoothed) / 8.0
        made = queued(smoothed, asking=least, least=least)
        return replace(made, connect_rtt_seconds=syn)


SPELL_SECONDS = 3.0


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("seconds", [3.0, 10.0])
def test_an_upload_at_home_seldom_marks_the_way_to_a_slow_server(
    share: float, seconds: float
) -> None:
    """A long read meets the queue for sure, a short one by chance."""
    line, marked = Uploading(share, f"{share}/{seconds}"), 0
    for _ in range(SUSPICIONS):
        way = WayMarks()
        for _ in range(BURSTS):
            own = [line.leg(seconds) for _ in range(EACH)]
            way = way.after(marks_seen(own, [line.leg(0.1) for _ in range(EACH)], Measure.TRANSFER))
        marked += not way.clear
    assert marked <= SUSPICIONS / 20


def test_a_queue_on_the_line_that_the_controls_met_while_asking_is_none_of_the_ways() -> None:
    way = WayMarks()
    for _ in range(6):
        control = queued(0.3, asking=0.5)
        way = way.after(marks_seen([queued(0.7)] * EACH, [control] * EACH, Measure.TRANSFER))
    assert way.clear


@pytest.mark.parametrize(("others", "clear"), [(0, False), (1, False), (2, True), (3, True)])
def test_reads_that_stop_mark_the_way_if_others_go_on(others: int, clear: bool) -> None:
    controls = [*[stopped_at(9_000 * (n + 1)) for n in range(others)], *[read(0)] * EACH][:EACH]
    seen = marks_seen([stopped_at(16_384)] * EACH, controls, Measure.TRANSFER)
    assert WayMarks().after(seen).clear is clear


def silent_from(phase: Phase, *, size: int = 0, again: int = 5) -> LegObservation:
    """Nothing came from there on until our deadline, and so much of ours was sent ``again``."""
    leg = stopped_at(size) if size else stopped_at(1)
    failure = Failure(phase=phase, reason="generic_timeout_error")
    assert leg.tcp is not None
    return replace(
        leg,
        failure=failure,
        tcp=replace(leg.tcp, retransmits=again),
        curve=leg.curve if phase is Phase.TRANSFER else (),
        body_bytes=size if phase is Phase.TRANSFER else None,
    )


def sent_again(times: int) -> LegObservation:
    quick = read(0)
    assert quick.tcp is not None
    return replace(quick, tcp=replace(quick.tcp, retransmits=times))


EARLY = (
    silent_from(Phase.PROCESSING),
    silent_from(Phase.TRANSFER, size=700),
    silent_from(Phase.TRANSFER, size=3_400),
)
"""As after a count of packets that is used up about when the head of the answer comes."""


@pytest.mark.parametrize("handshake", [False, True])
def test_silence_in_which_nobody_acknowledges_marks_the_way_wherever_it_begins(
    handshake: bool,
) -> None:
    measure = Measure.HANDSHAKE if handshake else Measure.TRANSFER
    seen = marks_seen(EARLY, [read(0), sent_again(1), sent_again(2)], measure)
    assert WayMarks().after(seen).clear is handshake


@pytest.mark.parametrize(
    ("targets", "controls"),
    [
        pytest.param([*EARLY[:2], silent_from(Phase.PROCESSING, again=2)], [], id="one is heard"),
        pytest.param([*EARLY[:2], sent_again(5)], [], id="one goes on"),
        pytest.param(EARLY, [sent_again(3)], id="so it is with a control"),
        pytest.param(
            [silent_from(Phase.PROCESSING, again=0)] * EACH, [], id="a server that thinks"
        ),
    ],
)
def test_what_a_slow_server_or_the_line_may_do_does_not(
    targets: list[LegObservation], controls: list[LegObservation]
) -> None:
    seen = marks_seen(targets, [*controls, *[read(0)] * EACH][:EACH], Measure.TRANSFER)
    assert WayMarks().after(seen).clear


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_a_line_on_which_much_is_sent_again_hardly_ever_marks_the_way_to_a_silent_server(
    share: float,
) -> None:
    """Of all legs alike so many were sent again so often; those to the server met our deadline."""
    random, marked = Random(f"again/{share}"), 0
    for _ in range(SUSPICIONS):
        way = WayMarks()
        for _ in range(BURSTS):
            times = [5 * (random.random() < share) for _ in range(2 * EACH)]
            own = [silent_from(Phase.PROCESSING, again=n) for n in times[:EACH]]
            way = way.after(marks_seen(own, list(map(sent_again, times[EACH:])), Measure.TRANSFER))
        marked += not way.clear
    assert marked <= SUSPICIONS // 100


def silent_after(phase: Phase, answered: float | None, silence: float = 30.0) -> LegObservation:
    """Connected, and then nothing came any more."""
    failure = Failure(phase=phase, reason=TIMEOUT)
    leg = replace(
        read(0), failure=failure, phases={Phase.CONNECT: 0.02, phase: silence}, body_bytes=None
    )
    return with_answers(leg, answered)


@pytest.mark.parametrize("phase", [Phase.TLS, Phase.PROCESSING])
@pytest.mark.parametrize(
    ("answered", "silence", "there"),
    [(29.0, 30.0, True), (0.0, 30.0, False), (None, 30.0, None), (1.1, 1.5, None)],
)
def test_who_is_silent_and_answers_is_there(
    phase: Phase, answered: float | None, silence: float, there: bool | None
) -> None:
    mine = [silent_after(phase, answered, silence)] * EACH
    seen = marks_seen(mine, [read(0)] * EACH, Measure.HANDSHAKE)
    assert seen is not None
    assert seen.there is there


@pytest.mark.parametrize(
    ("bursts", "still"),
    [
        ([], False),
        ([None, None], False),
        ([True], True),
        ([True, False], False),
        ([True, True, False], True),
        ([True, None, None, None], True),
        ([False, None, None], False),
    ],
)
def test_it_is_still_there_if_most_bursts_say_so_of_which_it_is_known(
    bursts: list[bool | None], still: bool
) -> None:
    way = WayMarks()
    for there in bursts:
        way = way.after(MarksSeen(lost=0, late=0, there=there))
    assert way.still_there is still
