"""What one read of an experiment shows: whether it stopped or became slow, and after what.

A policer lets ``bucket + rate * seconds`` bytes pass by any moment, and a sender that it drops
packets of meets that line again and again, from below. So the line is the longest edge of the upper
hull of the curve: its slope is the rate, and where it meets the beginning of the connection is the
bucket (the arrival curve of network calculus: Le Boudec and Thiran, LNCS 2050, 2001, section 1.2).
That holds for any sender and any loss, and for a queue as well. A limit that is switched on after a
count has no bucket: there the curve leaves the line's beginning where that edge begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from probe.model.identity import Family, Phase
from probe.model.law import Amount, Between, Experiment, TriedRead, Unit
from probe.model.observation import LegObservation, Sample, TcpInfo
from probe.observe.effort import READING, TIMEOUT

# A segment of an Ethernet frame over IPv4 with timestamps, and its headers.
SEGMENT_BYTES = 1_448
HEADER_BYTES = 52
# A handshake's bytes, where the kernel does not say how many there were.
HANDSHAKE_BYTES = 4_500
MOST_HANDSHAKE_BYTES = 20_000
# A read has stopped if nothing came for so many times the longest gap before, and for a second.
STOPPED_TIMES = 4.0
STOPPED_SECONDS = 1.0
# The last piece of a curve tells a rate if it lasted a second, and so large a share of the read.
TAIL_SECONDS = 1.0
TAIL_SHARE = 0.25
# The slopes of a hull's edges at a rate differ by no more than this factor.
ALIKE = 1.15
# It became slow if it had been so many times as fast before.
BENDS = 2.0
# So many bytes are mostly the handshake's, which tell nothing of how fast a body would come.
START_BYTES = 12_000.0
# The kernel counts packets as they leave, not whether they pass: so many of the last ones may have
# met the end, beside those that are known to have.
LATE_PACKETS = 2
# Over QUIC we count as datagrams leave and come: one that left just before the last that came may
# not have passed, and two that left after it may have.
LATE_DATAGRAMS = 3

DATAGRAM_BYTES = 1_400
"""A full datagram over QUIC with its headers: most servers send 1,200 to 1,400."""
QUIC_HEADER_BYTES = 80
IP_UDP_BYTES = {Family.IPV4: 28, Family.IPV6: 48}

_Point = tuple[float, float]


def tried(
    leg: LegObservation,
    experiment: Experiment,
    *,
    place: int,
    began: float,
    slow_below: float | None = None,
) -> TriedRead | None:
    """What ``leg`` shows; ``None``: nothing, as its connection did not come about or its far end
    answered otherwise. ``began``: when its round did (Unix seconds). ``slow_below``: from how many
    bytes a second on what is as fast all the way is not slow (``None``: not known, so it is not).
    """
    answered = leg.http is not None and leg.http.status in leg.leg.expect_status
    ended = leg.failure
    asked = Phase.TLS in leg.phases and (ended is None or ended.phase is not Phase.TLS)
    if not asked or (leg.http is not None and not answered):
        return None
    if ended is not None and ended.phase not in READING:
        return None
    points = _points(leg)
    seconds = _asked_seconds(leg)
    stopped = _stopped(leg, seconds)
    edge = None if stopped or len(points) < 4 else _edge(points)
    slow = edge is not None and _bends(points, edge, slow_below)
    if stopped:
        after = _at_end(leg, points)
    elif slow and edge is not None:
        after = _at_bend(leg, points, edge)
    else:
        after = _in_all(leg, points)
    body = leg.body_bytes or 0
    return TriedRead(
        trial=experiment.trial,
        at=began,
        place=place,
        reads=experiment.reads,
        body_bytes=body,
        cost_bytes=(leg.wire_bytes_sent or 0) + (leg.wire_bytes_received or 0),
        whole=ended is None,
        stopped=stopped,
        after=after,
        rate=None if edge is None or stopped else _rate(points, edge),
        bends=slow,
        pace=body / seconds if seconds > 0.0 else 0.0,
        pause_seconds=experiment.pause_seconds if place == experiment.reads - 1 else 0.0,
    )


def _asked_seconds(leg: LegObservation) -> float:
    return leg.phases.get(Phase.PROCESSING, 0.0) + leg.phases.get(Phase.TRANSFER, 0.0)


def _before(leg: LegObservation) -> float:
    """Seconds from the end of the handshake to the request: a wait."""
    spent = sum(leg.phases.get(one, 0.0) for one in (Phase.CONNECT, Phase.TLS))
    return max(0.0, leg.leg.wait_seconds) if spent else 0.0


def _segment(leg: LegObservation) -> int:
    return leg.leg.segment_bytes or SEGMENT_BYTES


def _packet(leg: LegObservation) -> float:
    """Bytes of a full IP packet towards us."""
    if leg.quic is None:
        return float(_segment(leg) + HEADER_BYTES)
    sent = leg.leg.segment_bytes
    return float(min(DATAGRAM_BYTES, sent + QUIC_HEADER_BYTES) if sent else DATAGRAM_BYTES)


class _Counted(NamedTuple):
    """Packets of the connection: towards us, from us, how many of the latter surely did not pass,
    being sent again and again after the end, and of how many of the last it is not known."""

    down: int | None = None
    up: int | None = None
    unheard: int = 0
    late: int = LATE_PACKETS


def _counted(leg: LegObservation) -> _Counted:
    if (quic := leg.quic) is not None:
        # Those that left after the last that came are not among them, but for two.
        return _Counted(quic.datagrams_in, quic.datagrams_out, late=LATE_DATAGRAMS)
    if (tcp := leg.tcp) is None:
        return _Counted()
    return _Counted(tcp.segments_in, tcp.segments_out, _unheard(tcp))


def _came_all(leg: LegObservation) -> int | None:
    """Bytes of IP packets that came over QUIC in all; ``None``: not known."""
    quic = leg.quic
    if quic is None or quic.bytes_received is None or quic.datagrams_in is None:
        return None
    header = IP_UDP_BYTES[Family.IPV6 if leg.family is Family.IPV6 else Family.IPV4]
    return quic.bytes_received + header * quic.datagrams_in


def _points(leg: LegObservation) -> list[_Point]:
    """The curve in seconds since the connection stood, without a wait before its request, in which
    a bucket only stays full; and bytes of IP packets since it began. Over QUIC a curve counts those
    already."""
    per_byte = 1.0 if leg.quic is not None else 1.0 + HEADER_BYTES / _segment(leg)
    before = _handshake_bytes(leg)
    since = leg.phases.get(Phase.TLS, 0.0)
    first = (0.0, 0.0)
    return [first, *((since + s.seconds, per_byte * (before + s.bytes)) for s in leg.curve)]


def _handshake_bytes(leg: LegObservation) -> float:
    """Bytes that had come before the request left."""
    if (came := _came_all(leg)) is not None and leg.curve:
        return float(min(max(0, came - leg.curve[-1].bytes), MOST_HANDSHAKE_BYTES))
    tcp = leg.tcp
    if tcp is None or tcp.bytes_received is None or not leg.curve:
        return HANDSHAKE_BYTES
    return float(min(max(0, tcp.bytes_received - leg.curve[-1].bytes), MOST_HANDSHAKE_BYTES))


def _stopped(leg: LegObservation, seconds: float) -> bool:
    """Nothing more came: the connection was ended, or was silent for longer than its gaps are."""
    if leg.failure is None:
        return False
    if leg.failure.reason != TIMEOUT:
        return True
    if not leg.curve:
        return True
    silent = seconds - leg.curve[-1].seconds
    return silent >= max(STOPPED_SECONDS, STOPPED_TIMES * _longest_gap(leg.curve))


def _longest_gap(curve: Sequence[Sample]) -> float:
    return max((after.seconds - before.seconds for before, after in pairwise(curve)), default=0.0)


def _edge(points: Sequence[_Point]) -> tuple[_Point, _Point]:
    """The longest edge of the upper hull, in seconds; edges that are as steep as each other but for
    a packet here and there are one."""
    hull: list[_Point] = []
    for point in points:
        while len(hull) >= 2 and _turns_up(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    best, first = (hull[0], hull[1]), 0
    for last in range(1, len(hull)):
        while _slope((hull[first], hull[first + 1])) > ALIKE * _slope((hull[last - 1], hull[last])):
            first += 1
        if hull[last][0] - hull[first][0] > best[1][0] - best[0][0]:
            best = (hull[first], hull[last])
    return best


def _turns_up(a: _Point, b: _Point, c: _Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) >= (c[0] - a[0]) * (b[1] - a[1])


def _slope(edge: tuple[_Point, _Point]) -> float:
    (began, first), (ended, last) = edge
    return (last - first) / (ended - began) if ended > began else 0.0


def _bends(points: Sequence[_Point], edge: tuple[_Point, _Point], slow_below: float | None) -> bool:
    """Whether that edge is a rate that the read came to, or had from its first bytes on."""
    (began, first), (ended, _) = edge
    lasted = ended - began
    if lasted < max(TAIL_SECONDS, TAIL_SHARE * points[-1][0]):
        return False
    rate = _slope(edge)
    if slow_below is not None:
        return rate <= slow_below
    return began > 0.0 and first > START_BYTES and first / began >= BENDS * rate


def _rate(points: Sequence[_Point], edge: tuple[_Point, _Point]) -> Between:
    """The slope, with a packet more or less at each of its ends."""
    (began, _), (ended, _) = edge
    packet = SEGMENT_BYTES + HEADER_BYTES
    rate, more = _slope(edge), packet / max(ended - began, 1e-3)
    return Between(max(0.0, rate - more), rate + more)


def _at_bend(
    leg: LegObservation, points: Sequence[_Point], edge: tuple[_Point, _Point]
) -> tuple[Amount, ...]:
    packet = _packet(leg)
    rate = _slope(edge)
    bucket = max(0.0, edge[0][1] - rate * edge[0][0])
    # The line is met for the first time by what is less than two packets below it.
    began, first = next(
        (at, passed) for at, passed in points if passed >= bucket + rate * at - 2.0 * packet
    )
    next_one = next((at for at, _ in points if at > began), began)
    first, waited = max(first, bucket), _before(leg)
    found = [
        Amount(Unit.BYTES, Between(max(0.0, bucket - packet), first + packet)),
        Amount(
            Unit.SECONDS,
            Between(max(0.0, waited + began - _slack(leg)), waited + next_one + _slack(leg)),
        ),
    ]
    total, counted = points[-1][1], _counted(leg)
    if counted.down and total:
        down = counted.down * first / total
        low, high = bucket / max(first, 1.0) * down, down
        found.append(Amount(Unit.PACKETS_DOWN, Between(max(0.0, low - 1.0), high + 1.0)))
        if counted.up is not None:
            both = (counted.down + counted.up) / counted.down
            passed = Between(max(0.0, both * low - 2.0), both * high + 2.0)
            found.append(Amount(Unit.PACKETS, passed))
    return tuple(found)


def _at_end(leg: LegObservation, points: Sequence[_Point]) -> tuple[Amount, ...]:
    """What had passed when it stopped: the packet after these did not."""
    at, passed = points[-1]
    at += _before(leg)
    packet = _packet(leg)
    if not leg.curve:
        passed = _handshake_all(leg)
    # What came after a gap passed as well, and is not in the curve.
    beyond = 0 if leg.tcp is None else leg.tcp.out_of_order or 0
    failure = leg.failure
    ended = leg.phases.get(Phase.TLS, 0.0) + _before(leg) + _asked_seconds(leg)
    said = failure is not None and failure.reason != TIMEOUT
    gap = max(_slack(leg), _usual_gap(leg))
    until = ended if said else at + gap
    found = [
        Amount(Unit.BYTES, Between(max(0.0, passed - packet), passed + packet * (1 + beyond))),
        Amount(Unit.SECONDS, Between(max(0.0, at - _slack(leg)), until)),
    ]
    counted = _counted(leg)
    if counted.down is not None:
        down = float(counted.down)
        found.append(Amount(Unit.PACKETS_DOWN, Between(down, down)))
        if counted.up is not None:
            both = down + counted.up - counted.unheard
            found.append(Amount(Unit.PACKETS, Between(both - counted.late, both)))
    return tuple(found)


def _unheard(tcp: TcpInfo) -> int:
    """Packets that left and surely did not pass: what was sent again and again after the end, and
    what that repeats."""
    again = tcp.retransmits or 0
    return again + 1 if again else 0


def _handshake_all(leg: LegObservation) -> float:
    if (all_that_came := _came_all(leg)) is not None:
        return float(all_that_came)
    tcp = leg.tcp
    came = HANDSHAKE_BYTES if tcp is None or tcp.bytes_received is None else tcp.bytes_received
    return came * (1.0 + HEADER_BYTES / _segment(leg))


def _slack(leg: LegObservation) -> float:
    """A round trip: from when the far end sends something to when it would be here, and back."""
    return leg.phases.get(Phase.CONNECT) or leg.connect_rtt_seconds or 0.0


def _usual_gap(leg: LegObservation) -> float:
    """How long it takes until something more comes, while it comes."""
    return 1.5 * _longest_gap(leg.curve)


def _in_all(leg: LegObservation, points: Sequence[_Point]) -> tuple[Amount, ...]:
    """What passed and met nothing."""
    at, passed = points[-1]
    at += _before(leg)
    found = [
        Amount(Unit.BYTES, Between(passed, passed)),
        Amount(Unit.SECONDS, Between(at, at)),
    ]
    counted = _counted(leg)
    if counted.down is not None:
        down = float(counted.down)
        found.append(Amount(Unit.PACKETS_DOWN, Between(down, down)))
        if counted.up is not None:
            both = down + counted.up
            found.append(Amount(Unit.PACKETS, Between(both, both)))
    return tuple(found)
