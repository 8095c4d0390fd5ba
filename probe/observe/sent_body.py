"""What an upload says of the way up, as an exchange that all comparisons understand. Pure.

What the far end's kernel acknowledged is the body, and the time from the request to the last
acknowledgement is how long it took; from there on nothing asks in which direction bytes went. The
handshake is left out: it comes down, and legs that read tell of it.

**Time alone is judged, while the connection stands.** A far end may refuse a body, close, reset, or
be slow to read it, for one of its names and not for another: none of that can be told from somebody
on the way who does the same, so such a leg says nothing. What a far end cannot choose is how long
its kernel's acknowledgements of what has arrived take.
"""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.identity import Compares, Phase
from probe.model.observation import HttpFacts, LegObservation, Sample, TcpInfo, UploadInfo
from probe.observe.effort import FULL_SEGMENT, TIMEOUT
from probe.observe.goodput import FIRST_FLIGHT_BYTES

WINDOW_SHARE = 0.5
"""Held up by the far end's window for more of the time than that, it was not the way that was
slow, unless a queue grew on it."""
QUEUE_TIMES = 2.0
QUEUE_SECONDS = 0.05
"""Round trips that grew to more than so many times the least one, and by more than delayed
acknowledgements explain (40 ms on Linux), waited in a queue. A way with a queue holds whole windows
of the far end's, which then looks like the limit and is not."""
_CARRIED = HttpFacts(version="1.1", status=200)


def as_carried(leg: LegObservation) -> LegObservation | None:
    """``leg``, an upload, as an exchange of what was acknowledged of it; ``None``: it says nothing
    of the way up.

    All was acknowledged: it is whole, whatever was answered. Our deadline cut it: what was
    acknowledged until then is a part, and nothing at all is a failure. Anything else that ended it
    was the far end's doing, or may have been.
    """
    info = leg.upload
    if info is None or not info.whole_bytes or reader_limited(leg):
        return None
    whole = info.acked_bytes >= info.whole_bytes
    if whole:
        # The first flight takes a round trip at any rate, and the kernel's clock has ticks.
        known = info.whole_bytes > FIRST_FLIGHT_BYTES and bool(info.seconds)
        return _exchange(leg, info, info.seconds or 0.0, whole=True) if known else None
    failure = leg.failure
    if failure is None or (failure.phase, failure.reason) != (Phase.TRANSFER, TIMEOUT):
        return None
    return _exchange(leg, info, leg.phases.get(Phase.TRANSFER, leg.duration_seconds), whole=False)


def reader_limited(leg: LegObservation) -> bool:
    """The far end was slow to read what had arrived: its window was full, and no queue had grown on
    the way."""
    info = leg.upload
    if info is None or info.window_limited_seconds is None:
        return False
    took = leg.phases.get(Phase.TRANSFER) or info.seconds or leg.duration_seconds
    return info.window_limited_seconds > WINDOW_SHARE * took and not _queued(leg.tcp)


def _queued(tcp: TcpInfo | None) -> bool:
    if tcp is None or tcp.rtt_seconds is None or tcp.min_rtt_seconds is None:
        return False
    return tcp.rtt_seconds > QUEUE_TIMES * tcp.min_rtt_seconds + QUEUE_SECONDS


def _on_the_way_up(tcp: TcpInfo | None, info: UploadInfo) -> TcpInfo | None:
    """What the kernel knows of that way: its round trips, and how many segments it sent again.
    What it counted of those that came down is no mark of it."""
    if tcp is None:
        return None
    again = info.retransmitted_bytes
    return TcpInfo(
        rtt_seconds=tcp.rtt_seconds,
        min_rtt_seconds=tcp.min_rtt_seconds,
        out_of_order=None if again is None else -(-again // FULL_SEGMENT),
    )


def _exchange(
    leg: LegObservation, info: UploadInfo, seconds: float, *, whole: bool
) -> LegObservation:
    size = leg.leg.send_bytes
    body = size * info.acked_bytes // info.whole_bytes
    return replace(
        leg,
        leg=replace(
            leg.leg,
            compares=Compares.GOODPUT,
            expect_status=(_CARRIED.status,),
            min_bytes=0,
            max_bytes=size,
            range_bytes=0,
        ),
        phases={Phase.TRANSFER: seconds},
        failure=None if whole else leg.failure,
        http=_CARRIED if body else None,
        tcp=_on_the_way_up(leg.tcp, info),
        body_bytes=body or None,
        curve=tuple(
            Sample(one.seconds, size * one.bytes // info.whole_bytes) for one in info.curve
        ),
    )
