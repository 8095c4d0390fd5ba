"""How traffic is slowed, as far as goodput curves and the kernel's counters show it.

The marks of each kind, on the receiving side:

- ``cutoff``: the bytes came fast, then no more, or the connection was reset; where they ended is
  about the same in every leg.
- ``policer``: packets above a rate are dropped, so segments are missing and arrive out of order,
the rate is the same from leg to leg, and each leg begins faster than it goes on
  (Flach et al., "An Internet-Wide Analysis of Traffic Policing", SIGCOMM 2016, section 3).
- ``shaper``: packets above a rate wait, so nothing is missing, the arrivals are even, and the queue
  shows in the round-trip time. A queue that is smaller than what is read drops, too, as a policer
  does: then the two are told apart only if bytes passed faster than the rate, or no trip grew.
- ``loss``: segments are missing, and the rate differs from leg to leg.
- ``delay``: nothing is missing, the bytes come flight by flight, and a round trip takes longer
  after the handshake began than the least one took.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from probe.model.identity import Phase
from probe.model.observation import LegObservation, Sample
from probe.model.verdict import Signature
from probe.observe.effort import READING, TIMEOUT, Measure, died_of_slowness
from probe.observe.goodput import ended, goodput, was_cut
from probe.observe.round_trip import round_trip_seconds

# A leg stands still when its last gap is at least this share of its time...
STALL_SHARE = 0.5
# ...and legs were cut at the same place when their bytes differ by no more than this factor.
SAME_PLACE = 1.6
SAME_RATE = 1.7
# Round trips that grew by this factor over the least show a queue or a delay.
RTT_GREW = 2.0
# A leg begins faster than it goes on when its first bytes, fewer than a policer's bucket has, come
# this many times as fast as the whole; a queue lets them pass at its own rate.
FIRST_BYTES = 4_096
BEGAN_FASTER = 3.0
# No queue shows while round trips grew by less than this.
QUEUE_GREW = 1.25
# Arrivals are even when they stay this near to a straight line (share of all bytes).
EVEN = 0.2


STOPS = frozenset({TIMEOUT, "connection_reset", "connection_aborted", "eof_error"})
"""How a read ends that something stops."""


class Marks(Struct, frozen=True, kw_only=True):
    """What one slowed leg shows. ``None``: it has no curve, or the kernel does not say.

    ``stall_share``: the share of the time from the first byte that passed after the last one.
    ``unevenness``: the largest distance of the curve from its chord, as a share of all bytes.
    ``began_faster``: its first bytes came faster than it went on. ``ended``: something else than
    our own deadline ended it.
    """

    rate: float | None
    bytes: int
    stall_share: float
    unevenness: float | None
    began_faster: bool | None
    missing: bool | None
    rtt_growth: float | None
    cut: bool
    ended: bool


def marks(leg: LegObservation) -> Marks:
    """The marks of one leg."""
    tcp = leg.tcp
    growth = None
    least = round_trip_seconds(leg)
    if tcp is not None and tcp.rtt_seconds and least:
        growth = max(tcp.rtt_seconds, tcp.receive_rtt_seconds or 0.0) / least
    return Marks(
        rate=goodput(leg),
        bytes=leg.curve[-1].bytes if leg.curve else 0,
        stall_share=_stall_share(leg),
        unevenness=_unevenness(leg.curve),
        began_faster=_began_faster(leg.curve),
        missing=None if tcp is None or tcp.out_of_order is None else tcp.out_of_order > 0,
        rtt_growth=growth,
        cut=was_cut(leg) or died_of_slowness(leg),
        ended=ended(leg),
    )


def _stall_share(leg: LegObservation) -> float:
    if not leg.curve or leg.ok:
        return 0.0
    seconds = leg.phases.get(Phase.PROCESSING, 0.0) + leg.phases.get(Phase.TRANSFER, 0.0)
    first, last = leg.curve[0].seconds, leg.curve[-1].seconds
    return (seconds - last) / (seconds - first) if seconds > first else 0.0


def _unevenness(curve: Sequence[Sample]) -> float | None:
    if len(curve) < 4 or curve[-1].seconds <= curve[0].seconds:
        return None
    began, ended = curve[0], curve[-1]
    slope = (ended.bytes - began.bytes) / (ended.seconds - began.seconds)
    return max(
        abs(point.bytes - began.bytes - slope * (point.seconds - began.seconds)) for point in curve
    ) / max(1, ended.bytes)


def _began_faster(curve: Sequence[Sample]) -> bool | None:
    """Whether the first bytes after the first piece came faster than all; ``None``: too few."""
    if len(curve) < 4:
        return None
    began, ended = curve[0], curve[-1]
    first = next((p for p in curve if p.bytes - began.bytes >= FIRST_BYTES), None)
    if first is None or first is ended or ended.seconds <= began.seconds:
        return None
    share = (first.seconds - began.seconds) / (ended.seconds - began.seconds)
    return BEGAN_FASTER * share <= (first.bytes - began.bytes) / (ended.bytes - began.bytes)


def signature(legs: Sequence[LegObservation], measure: Measure) -> Signature:
    """What the slowed ``legs`` have in common; ``unknown`` where the marks do not agree."""
    found = [marks(leg) for leg in legs]
    if not found:
        return Signature.UNKNOWN
    if measure is not Measure.HANDSHAKE:
        if _all_cut_at_one_place(found, [*_stalled(found), *(m for m in found if m.ended)]):
            return Signature.CUTOFF
        if _mostly(m.missing for m in found):
            if not _same_rate(found):
                return Signature.LOSS
            return Signature.POLICER if _without_queue(found) else Signature.UNKNOWN
    elif _mostly(m.missing for m in found):
        # A handshake is too short to tell a policer from random loss.
        return Signature.LOSS
    grew = _growths(found)
    if grew and median(grew) >= RTT_GREW:
        even = [m.unevenness for m in found if m.unevenness is not None]
        if measure is not Measure.HANDSHAKE and even and median(even) <= EVEN:
            return Signature.SHAPER
        return Signature.DELAY
    return Signature.UNKNOWN


def cut_at_one_place(legs: Sequence[LegObservation]) -> bool:
    """Whether most of ``legs`` fell silent after about as many bytes. Those that were reset do not
    count: a server that is out of order ends answers so as well."""
    found = [marks(leg) for leg in legs]
    return _all_cut_at_one_place(found, _stalled(found))


def stood_still(legs: Sequence[LegObservation]) -> bool:
    """Whether more than a third of ``legs`` stood still amid their bytes until they were cut."""
    found = [marks(leg) for leg in legs]
    return 3 * len(_stalled(found)) > len(found)


def silent_seconds(leg: LegObservation) -> float:
    """How long nothing came any more of a leg that waited, once it was connected, until our
    deadline; 0 of any other."""
    failure = leg.failure
    if failure is None or failure.reason != TIMEOUT or failure.phase is Phase.CONNECT:
        return 0.0
    if not leg.curve:
        return leg.phases.get(failure.phase, 0.0)
    seconds = leg.phases.get(Phase.PROCESSING, 0.0) + leg.phases.get(Phase.TRANSFER, 0.0)
    return max(0.0, seconds - leg.curve[-1].seconds)


def _stalled(found: Sequence[Marks]) -> list[Marks]:
    return [
        m for m in found if m.cut and not m.ended and m.stall_share >= STALL_SHARE and m.bytes > 0
    ]


def _without_queue(found: Sequence[Marks]) -> bool:
    """What dropped did not also delay: bytes passed faster than the rate, or no round trip grew. A
    queue that overflows drops as a policer does; where both may be, nothing is said, since losses
    make the receiver's own estimate of a round trip grow, too."""
    grew = _growths(found)
    return _mostly(m.began_faster for m in found) or (bool(grew) and max(grew) < QUEUE_GREW)


def _growths(found: Sequence[Marks]) -> list[float]:
    """By how many times round trips grew, of those legs of which that is known."""
    return [m.rtt_growth for m in found if m.rtt_growth is not None]


def _mostly(values: object) -> bool:
    known = [value for value in values if value is not None]  # type: ignore[attr-defined]
    return bool(known) and 2 * sum(known) > len(known)


def _all_cut_at_one_place(found: Sequence[Marks], stopped: Sequence[Marks]) -> bool:
    if 2 * len(stopped) <= len(found):
        return False
    places = [max(1, m.bytes) for m in stopped]
    return max(places) <= SAME_PLACE * min(places)


def _same_rate(found: Sequence[Marks]) -> bool:
    rates = [m.rate for m in found if m.rate]
    return len(rates) >= 2 and max(rates) <= SAME_RATE * min(rates)


def stopped_after(leg: LegObservation) -> int | None:
    """The body bytes after which it stopped; ``None``: it did not, or was coming on, slowly, or it
    failed otherwise: before there was anything to be read, or by what was answered."""
    failure = leg.failure
    if failure is None or failure.phase not in READING or failure.reason not in STOPS:
        return None
    if died_of_slowness(leg) and (not leg.curve or marks(leg).stall_share < STALL_SHARE):
        return None
    return leg.body_bytes or 0
