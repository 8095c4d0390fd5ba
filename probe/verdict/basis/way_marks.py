"""Whether the way did something to a slow target that it did not do to controls, over its bursts.

References tell nothing of servers near here that are slow themselves; what the way does leaves a
mark. But a line of its own losses or queues leaves marks on everybody, and on the target's legs
more than on the controls' by chance, now and then. So a mark counts only as evidence: in each burst
the pairs are counted in which more was lost, or late, of the target's leg than of the control's,
and the careful bettor of ``bets.py`` stakes on them. A leg to a slow server is not like one to a
quick one: our deadline cuts it, so that one missing segment is a large share of few, and it lasts
longer, so that it meets for sure what a quick one meets now and then. So a pair is won by a share
that no such thing makes of the control's, and by more segments besides. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from probe.model.identity import Phase
from probe.model.observation import LegObservation
from probe.observe.effort import SILENCES, TIMEOUT, Measure, died_of_slowness
from probe.observe.gaps import LEAST_SEGMENTS, ONE_GAP, missing_share
from probe.observe.round_trip import LEAST_SECONDS, grew_while_asking, round_trip_seconds
from probe.observe.signature import cut_at_one_place, silent_seconds, stood_still
from probe.verdict.burst.bets import CAREFUL, CAREFUL_OF_SIX, EACH

EVIDENCE = 100.0
"""What the careful bettor must have won: three bursts in which nearly all pairs are lost. Where the
line does to all alike, that is in one of a hundred suspicions at most."""
LOST_MORE = 2.0
"""So many times the control's share of missing segments, and ``ONE_GAP`` more, must be missing of
the target: the margin of the bettor who looks at missing segments (``whole_time.GAP_MARGIN``)."""
TWO = 0.025
"""In place of ``ONE_GAP`` if the target's leg lasted no more than ``AS_LONG`` times as long as the
control's: what a line drops in spells a longer one meets for sure, and a shorter one by chance. It
is less than two segments of a read of 64 KiB, and more than one: a policer drops no more of a
sender that has slowed down."""
AS_LONG = 10.0
SELDOM = 0.4
"""A longer leg meets a bad second of the line in no more of the cases: then the careful bettor
expects to lose of three such legs, held against controls that miss nothing (0.8 of a stake of one),
and ``TWO`` holds for it as well. How often is known from calm legs."""
AS_MANY = 1.5
"""A leg with more segments than so many times the other's cannot be compared with it: the fewer
there are, the more often none is missing."""
GREW_MORE = 1.25
"""Round trips of the target that grew by so many times more than the controls' were held up, if
they grew by so many times more seconds as well: a queue on the line adds the same to all, which is
many times the round trip of what is near, and a small part of what is far. Ours.
"""
UNHEARD = 3
"""So many segments of ours that were sent again are some 1.4 s without any acknowledgement (RFC
6298: each timer is twice the last one, the first of Linux's 0.2 s at least)."""
LATEST_ACK_SECONDS = 0.25
"""The same of what needs no answer, as what we send while a body comes: a kernel puts that off for
200 ms at most (Linux, ``TCP_DELACK_MAX``; FreeBSD and Windows for less), unless a segment of its
own is to leave, which takes it along. However many such there are, the smoothed round trip grows by
no more than the latest of them. A queue on the way holds them up by what waits in it."""
_BECOMES = {9: CAREFUL, 6: CAREFUL_OF_SIX}
UNSTEADY_SECONDS = 0.1
"""Round trips of the SYNs to one address in one burst that differ by more are of a line that has a
queue now and then (an upload at home). Longer legs meet it for sure, and shorter ones by chance, so
nothing is staked on who was late. Ours."""
ASKED_SECONDS = 2.0
"""A silence that was shorter may have been over before an answer could come: it is asked after a
second (``probe/measure/connection/wire.py``). Ours."""
ANSWERED_SHARE = 0.5
"""A far end that answered in the second half of a silence is there; what was under way when a cut
began is answered within a round trip or two. Ours."""


class Usual(Struct, frozen=True, kw_only=True):
    """What the way does to the target alone in calm times, as far as that is known: it did not make
    its server slow. ``lost``: the share of its segments that is missing, beyond the controls';
    ``late``: how many times as long as their least its round trips are, up to the request.
    ``meets``: the share of calm legs, the target's and its controls', of which anything is missing,
    be it the line's doing or the way's (1: that is not known)."""

    lost: float = 0.0
    late: float = 1.0
    meets: float = 1.0


NOTHING = Usual()


class MarksSeen(Struct, frozen=True, kw_only=True):
    """What one burst shows. ``lost`` and ``late``: pairs of nine in which more was of the target's
    leg; ``lost`` is of fewer pairs (``lost_of``) where legs stood still, which lose nothing then,
    and ``late`` of none (``late_of``) where the line itself has a queue now and then.
    ``stopped``: its legs stopped at one place. ``there``: where nothing came any more, the far end
    still answered (``None``: that is not known)."""

    lost: int
    late: int
    stopped: bool = False
    lost_of: int = EACH * EACH
    late_of: int = EACH * EACH
    there: bool | None = None


class _Lost(Struct, frozen=True):
    """The ``share`` of a leg's segments that were missing, of ``of``, in so many ``seconds``."""

    share: float
    of: int
    seconds: float

    @property
    def missing(self) -> int:
        """How many of them were. Whole: a share times its number is so but for a last bit."""
        return round(self.share * self.of)

    def more_than(self, other: _Lost, usual: Usual) -> bool:
        """The way, and not chance, may have dropped more of this leg's than of the ``other``, and
        than the share that is ``usual`` for it. What comes to a leg that was cut is less than what
        comes to a whole one: so neither a larger share of fewer segments counts, nor more of many
        more."""
        if self.of > AS_MANY * other.of or self.missing <= other.missing:
            return False
        as_long = self.seconds <= AS_LONG * other.seconds
        gap = TWO if as_long or self._seldom_meets(other, usual) else ONE_GAP
        return self.share > max(LOST_MORE * other.share, usual.lost) + gap

    def _seldom_meets(self, other: _Lost, usual: Usual) -> bool:
        """In as many times the seconds of the ``other`` as this leg took, a bad one is seldom."""
        if not other.seconds:
            return False
        meets: float = 1.0 - (1.0 - usual.meets) ** (self.seconds / other.seconds)
        return meets <= SELDOM


class _Late(Struct, frozen=True):
    """How many ``times`` as long as its ``least`` (seconds) a leg's round trips were, and by how
    many seconds."""

    times: float = 1.0
    seconds: float = 0.0
    least: float = 0.0


class WayMarks(Struct, frozen=True, array_like=True):
    """What the bursts of a suspicion show so far. ``told``: how many of them said anything, and in
    how many of these legs ``stopped`` at one place; ``lost`` and ``late``: what was won by each.
    ``there``: in how many the far end answered while nothing came, of ``asked`` in which that is
    known."""

    told: int = 0
    stopped: int = 0
    lost: float = 1.0
    late: float = 1.0
    there: int = 0
    asked: int = 0

    @property
    def clear(self) -> bool:
        """The way did nothing to the target that can be told from what it did to all, so its own
        server may be what is slow. Not where no kernel says anything (behind a proxy)."""
        return 2 * self.stopped < self.told and max(self.lost, self.late) < EVIDENCE

    @property
    def by_stops_alone(self) -> bool:
        """Nothing but reads that stop marks the way: as those of a server do that pauses."""
        return 0 < self.told <= 2 * self.stopped and max(self.lost, self.late) < EVIDENCE

    @property
    def still_there(self) -> bool:
        """What falls silent is there all the same, mostly."""
        return 0 < self.asked < 2 * self.there

    def may_be_own(self, failure: str) -> bool:
        """Nothing shows that the way did it: what is slow (no ``failure``) was neither lost nor
        late, and what is silent still answered that it is there. So its own server may be it."""
        return self.clear and (not failure or (failure in SILENCES and self.still_there))

    def after(self, seen: MarksSeen | None) -> WayMarks:
        """After one more burst; ``None``: the kernel does not say."""
        if seen is None:
            return self
        return WayMarks(
            self.told + 1,
            self.stopped + seen.stopped,
            _won(self.lost, seen.lost, self.told, of=seen.lost_of),
            _won(self.late, seen.late, self.told, of=seen.late_of),
            self.there + (seen.there is True),
            self.asked + (seen.there is not None),
        )


def _won(had: float, pairs: int, bursts: int, *, of: int) -> float:
    """What one who ``had`` so much after so many ``bursts`` has after one more in which the target
    lost so many ``pairs`` ``of`` those that there are; of too few he stakes nothing. He begins with
    a half in the first burst, with a sixth in the second, and so on, 1 / n (n + 1), and with
    nothing anew: so he has more than ``EVIDENCE`` once in a hundred suspicions at most, however
    many bursts they take (Ville's inequality)."""
    becomes = _BECOMES.get(of)
    if had >= EVIDENCE or becomes is None:
        return had
    kept, left = 1.0 / (bursts + 1), 1.0 / (bursts + 2)
    staked = max(0.0, had - kept) + kept - left
    return staked * becomes[pairs] + left


def marks_seen(
    targets: Sequence[LegObservation],
    controls: Sequence[LegObservation],
    measure: Measure,
    *,
    usual: Usual = NOTHING,
) -> MarksSeen | None:
    """What a burst shows; ``None``: of most of the ``targets`` the kernel does not say."""
    told = [leg for leg in targets if leg.tcp is not None and leg.tcp.out_of_order is not None]
    if not told or 2 * len(told) < len(targets):
        return None
    others = [leg for leg in controls if leg.tcp is not None]
    # By what a leg itself did, whoever's it is: so the labels of the rest can still be shuffled.
    mine = [_lost(leg) for leg in told[:EACH] if not stood_still([leg])]
    theirs = [_lost(leg) for leg in others[:EACH] if not stood_still([leg])]
    there = _still_there(told)
    return MarksSeen(
        lost=_dropped(mine, theirs, usual),
        lost_of=len(mine) * len(theirs),
        late=_held_up([_late(leg) for leg in told], [_late(leg) for leg in others], usual.late),
        late_of=0 if _unsteady(told) else EACH * EACH,
        stopped=_stopped(told, others, measure, there=there),
        there=there,
    )


def _stopped(
    targets: Sequence[LegObservation],
    controls: Sequence[LegObservation],
    measure: Measure,
    *,
    there: bool | None,
) -> bool:
    """Whether ``targets`` stopped at one place, or amid the handshake, as no server's own does that
    is there."""
    if there or stood_still(controls):
        return False
    if there is False and 2 * sum(map(_cut_in_handshake, targets)) > len(targets):
        return not any(map(_cut_in_handshake, controls))
    if measure is Measure.HANDSHAKE:
        return False
    return cut_at_one_place(targets) or _unheard(targets, controls)


def _cut_in_handshake(leg: LegObservation) -> bool:
    """Some of the far end's part of the handshake came, and then nothing until our deadline."""
    failure = leg.failure
    return failure is not None and failure.phase is Phase.TLS and died_of_slowness(leg)


def _still_there(targets: Sequence[LegObservation]) -> bool | None:
    """Whether of most of ``targets`` that nothing came to any more the far end's kernel went on
    answering; ``None``: none was silent for long, or it was not asked. What is cut off on the way
    hears nothing of it: so what is silent there is the server, or something that lets pass what
    carries no bytes, and nobody can tell which."""
    known = [
        leg.tcp.answered_seconds >= ANSWERED_SHARE * silence
        for leg in targets
        if leg.tcp is not None
        and leg.tcp.answered_seconds is not None
        and (silence := silent_seconds(leg)) >= ASKED_SECONDS
    ]
    return 2 * sum(known) > len(known) if known else None


def _unheard(targets: Sequence[LegObservation], controls: Sequence[LegObservation]) -> bool:
    """Whether all ``targets`` fell silent, and what our kernel sent them again and again was not
    even acknowledged, as nobody's kernel fails to do whose server is slow. Of no control was so
    much sent again. So it shows where a count of packets ends a read so early that the places
    differ by much."""
    return all(_fell_silent(leg) and _sent_again(leg) for leg in targets) and not any(
        map(_sent_again, controls)
    )


def _fell_silent(leg: LegObservation) -> bool:
    failure = leg.failure
    if failure is None or failure.reason != TIMEOUT:
        return False
    return failure.phase is Phase.PROCESSING or bool(stood_still([leg]))


def _sent_again(leg: LegObservation) -> bool:
    return leg.tcp is not None and (leg.tcp.retransmits or 0) >= UNHEARD


def _held_up(targets: Sequence[_Late], controls: Sequence[_Late], usual: float) -> int:
    """In how many pairs the target's round trips grew more, in times and in seconds, than the
    control's, and than they usually do."""
    return sum(
        mine.times > GREW_MORE * max(other.times, usual)
        and mine.seconds > GREW_MORE * max(other.seconds, (usual - 1.0) * mine.least)
        for mine in targets[:EACH]
        for other in controls[:EACH]
    )


def _unsteady(targets: Sequence[LegObservation]) -> bool:
    """Whether the way to one address was much longer for the SYN of one leg than it was for any."""
    least = [seconds for leg in targets if (seconds := round_trip_seconds(leg)) is not None]
    syn = [leg.connect_rtt_seconds for leg in targets if leg.connect_rtt_seconds is not None]
    return max((*syn, *least), default=0.0) - min(least, default=0.0) > UNSTEADY_SECONDS


def _lost(leg: LegObservation) -> _Lost:
    tcp = leg.tcp
    of = max(LEAST_SEGMENTS, (tcp.segments_in if tcp is not None else None) or 0)
    return _Lost(missing_share(leg) or 0.0, of, leg.duration_seconds)


def _dropped(targets: Sequence[_Lost], controls: Sequence[_Lost], usual: Usual) -> int:
    """In how many pairs more of the target's segments were missing."""
    return sum(mine.more_than(other, usual) for mine in targets[:EACH] for other in controls[:EACH])


def _late(leg: LegObservation) -> _Late:
    """By how much the round trips of what we sent grew, up to the request, or while the body came.
    What the kernel reckons as receiver is left out: it takes for a round trip what a slow server
    makes it wait."""
    times, tcp, least = grew_while_asking(leg), leg.tcp, round_trip_seconds(leg)
    if times is None or tcp is None or least is None:
        return _Late()
    usual = max(least, LEAST_SECONDS)
    reading = ((tcp.updates_rtt_seconds or 0.0) - LATEST_ACK_SECONDS) / usual
    times = max(times, reading)
    return _Late(times=times, seconds=(times - 1.0) * usual, least=usual)
