"""What an upload says of the way up, and when it says nothing."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase
from probe.model.observation import (
    Clock,
    HttpFacts,
    Leg,
    LegObservation,
    Sample,
    TcpInfo,
    TlsFacts,
    UploadInfo,
)
from probe.observe.effort import TIMEOUT, died_of_slowness, handshake_effort, hard, read_effort
from probe.observe.sent_body import as_carried

SIZE, WHOLE = 65_536, 66_400
CUT = Failure(phase=Phase.TRANSFER, reason=TIMEOUT)
NO = Failure(phase=Phase.PROCESSING, reason="http_unexpected_status_code")
RESET = Failure(phase=Phase.TRANSFER, reason="connection_reset")
ENDED = Failure(phase=Phase.TRANSFER, reason="eof_error")
SILENT = Failure(phase=Phase.PROCESSING, reason=TIMEOUT)
REFUSED = HttpFacts(version="1.1", status=413)


def upload(
    acked: int,
    seconds: float | None,
    failure: Failure | None = None,
    *,
    until: float | None = None,
    http: HttpFacts | None = None,
    held_up: float | None = 0.0,
    rtt: tuple[float, float] | None = (0.05, 0.05),
) -> LegObservation:
    """``until``: when it was cut; ``rtt``: the latest and the least."""
    info = UploadInfo(
        whole_bytes=WHOLE,
        acked_bytes=acked,
        seconds=seconds,
        window_limited_seconds=held_up,
        retransmitted_bytes=3_000,
        curve=(Sample(0.1, acked // 2), Sample(seconds or 0.2, acked)) if acked else (),
    )
    took = until if until is not None else seconds
    phases = {Phase.CONNECT: 0.05, Phase.TLS: 0.1}
    return LegObservation(
        leg=Leg(
            role=LegRole.TARGET,
            owner="x",
            target="object",
            connect_to="x.test",
            port=443,
            url="https://x.test/",
            sni="x.test",
            certificate_name="x.test",
            prober="upload",
            send_bytes=SIZE,
        ),
        order=0,
        started_at=0.0,
        duration_seconds=0.15 + (took or 0.0),
        clock=Clock.KERNEL,
        address="198.18.0.1",
        phases=phases if took is None else {**phases, Phase.TRANSFER: took},
        failure=failure,
        tls=TlsFacts(verify_error=""),
        http=http,
        tcp=None if rtt is None else TcpInfo(rtt_seconds=rtt[0], min_rtt_seconds=rtt[1]),
        upload=info,
    )


@pytest.mark.parametrize(
    "leg",
    [
        upload(WHOLE, 2.0, http=HttpFacts(version="1.1", status=200)),
        upload(WHOLE, 2.0, NO, http=REFUSED),
        upload(WHOLE, 2.0, SILENT),
        upload(WHOLE, 2.0, replace(RESET, phase=Phase.PROCESSING)),
    ],
    ids=["taken", "refused", "silent", "reset"],
)
def test_what_was_acknowledged_whole_is_a_sample_whatever_came_after(leg: LegObservation) -> None:
    seen = as_carried(leg)
    assert seen is not None
    assert seen.ok
    assert read_effort(seen) == pytest.approx(2.0 / SIZE)
    assert handshake_effort(seen) is None, "legs that read tell of that"
    assert seen.tcp is not None
    assert seen.tcp.out_of_order == 3, "of full segments"


def test_what_our_deadline_cuts_is_a_lower_bound() -> None:
    seen = as_carried(upload(WHOLE // 2, 8.0, CUT, until=30.0))
    assert seen is not None
    assert died_of_slowness(seen)
    assert read_effort(seen) == pytest.approx(30.0 / (SIZE // 2), rel=0.01)


def test_nothing_at_all_is_a_failure_of_the_way() -> None:
    seen = as_carried(upload(0, None, CUT, until=30.0))
    assert seen is not None
    assert hard(seen) == CUT
    assert read_effort(seen) == inf


@pytest.mark.parametrize(
    "leg",
    [
        upload(40_000, 0.5, NO, http=REFUSED),
        upload(40_000, 0.5, RESET),
        upload(40_000, 0.5, ENDED),
        upload(0, None, RESET, until=0.2),
        upload(WHOLE, 0.0),
        upload(WHOLE, 20.0, held_up=19.0),
        upload(WHOLE, 20.0, held_up=19.0, rtt=None),
        upload(20_000, 0.5, CUT, until=30.0, held_up=29.0),
        replace(upload(WHOLE, 1.0), upload=None),
        replace(upload(WHOLE, 1.0), upload=UploadInfo(whole_bytes=9_000, acked_bytes=9_000)),
    ],
    ids=[
        "early-no",
        "reset",
        "closed",
        "reset-at-once",
        "within-a-tick",
        "slow-reader",
        "slow-reader-of-an-old-kernel",
        "reads-no-more",
        "not-begun",
        "one-flight",
    ],
)
def test_what_a_far_end_may_do_by_itself_says_nothing(leg: LegObservation) -> None:
    assert as_carried(leg) is None


def test_a_queue_on_the_way_fills_windows_and_is_no_slow_reader() -> None:
    """A shaper with a queue of a window's size: the window is all that holds it up, by the kernel's
    account, and round trips have grown by what waits."""
    seen = as_carried(upload(WHOLE, 5.2, held_up=4.9, rtt=(3.1, 0.05)))
    assert seen is not None
    assert read_effort(seen) == pytest.approx(5.2 / SIZE)


@given(
    acked=st.integers(0, WHOLE),
    seconds=st.none() | st.floats(0.0, 60.0),
    failure=st.sampled_from([None, CUT, NO, RESET, ENDED, SILENT]),
    held_up=st.none() | st.floats(0.0, 60.0),
)
def test_more_of_it_in_less_time_is_never_worse(
    acked: int, seconds: float | None, failure: Failure | None, held_up: float | None
) -> None:
    """And whoever ended it early is never held against the way."""
    leg = upload(acked, seconds, failure, until=60.0, held_up=held_up)
    seen = as_carried(leg)
    if seen is None:
        return
    assert acked == WHOLE or failure == CUT
    assert seen.body_bytes is None or 0 < seen.body_bytes <= SIZE
    effort = read_effort(seen)
    assert effort is not None
    faster = as_carried(replace(leg, phases={Phase.TRANSFER: 30.0}))
    if faster is not None and acked < WHOLE:
        assert (read_effort(faster) or 0.0) <= effort
