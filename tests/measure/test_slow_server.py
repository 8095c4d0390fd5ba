"""A far end that is slow itself, measured by real sockets: it leaves no mark of the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from lab.loopback.servers import (
    Http2,
    Visit,
    certificate,
    head_of,
    measure_script,
    server_context,
)
from probe.measure.one_round.legs import UPDATES
from probe.model.observation import LegObservation
from probe.observe.effort import Measure
from probe.observe.signature import marks, silent_seconds
from probe.verdict.basis.way_marks import WayMarks, marks_seen

SIZE = 65_536
PIECES = 8
Script = Callable[[Visit], Awaitable[None]]


def paced(*, think: float, pause: float) -> Script:
    """A server that begins late, and sends with pauses."""

    async def script(visit: Visit) -> None:
        await visit.head()
        await asyncio.sleep(think)
        await visit.send(head_of(SIZE))
        for _ in range(PIECES):
            await visit.send(b"x" * (SIZE // PIECES))
            await asyncio.sleep(pause)
        await visit.gone()

    return script


def paced_http2(pause: float, *, hears: bool = True) -> Script:
    """The same over HTTP/2; unless it ``hears``, it takes nothing from its kernel meanwhile."""

    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream)
        if not hears:
            visit.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for left in reversed(range(PIECES)):
            await http.body(stream, b"x" * (SIZE // PIECES), end=not left)
            await asyncio.sleep(pause if left else 0.0)
        await visit.gone()

    return script


async def legs(script: Script) -> list[LegObservation]:
    return [await measure_script(script) for _ in range(3)]


@pytest.mark.parametrize(("think", "pause"), [(0.0, 0.04), (0.15, 0.0), (0.1, 0.02)])
async def test_a_server_that_is_slow_leaves_no_mark(think: float, pause: float) -> None:
    slow, quick = await legs(paced(think=think, pause=pause)), await legs(paced(think=0.0, pause=0))

    assert all(leg.body_bytes == SIZE for leg in (*slow, *quick))
    found, seen = WayMarks(), marks_seen(slow, quick, Measure.TRANSFER)
    for _ in range(6):  # as many bursts as follow one round
        found = found.after(seen)
    assert found.clear
    if pause:  # though the kernel, as receiver, takes the pauses for round trips
        assert max(marks(leg).rtt_growth or 0.0 for leg in slow) > 2.0


@pytest.mark.parametrize(
    ("pause", "hears"), [(0.02, True), (0.15, True), (0.45, True), (0.45, False)]
)
async def test_nor_does_one_that_acknowledges_what_we_send_while_its_body_comes(
    pause: float, hears: bool
) -> None:
    """Its kernel does, after 200 ms at most, whatever it is that the server waits for."""
    context = server_context(certificate(), alpn=("h2",))

    async def read(script: Script) -> LegObservation:
        return await measure_script(script, context=context, updates=UPDATES)

    slow = await asyncio.gather(*(read(paced_http2(pause, hears=hears)) for _ in range(3)))
    quick = await asyncio.gather(*(read(paced_http2(0.0)) for _ in range(3)))

    assert all(leg.body_bytes == SIZE for leg in (*slow, *quick))
    assert all(leg.tcp is not None and leg.tcp.updates_rtt_seconds for leg in slow)
    assert all(leg.tcp is not None and not leg.tcp.retransmits for leg in slow)
    seen = marks_seen(slow, quick, Measure.TRANSFER)
    assert seen is not None
    assert not seen.late
    assert not seen.lost


@pytest.mark.parametrize("http2", [False, True])
async def test_a_server_that_stops_for_good_is_still_there(http2: bool) -> None:
    """So its reads that stop at one place are no mark of the way."""
    context = server_context(certificate(), alpn=("h2",)) if http2 else None

    async def over_http1(visit: Visit) -> None:
        await visit.head()
        await visit.send(head_of(SIZE) + b"x" * (SIZE // 2))
        await visit.gone()

    async def over_http2(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream)
        await http.body(stream, b"x" * (SIZE // 2), end=False)
        await visit.gone()

    async def read(script: Script, *, asked: bool = True) -> LegObservation:
        return await measure_script(
            script, context=context, updates=UPDATES, keep_alive=asked, deadline=6.0
        )

    stops = over_http2 if http2 else over_http1
    whole = paced_http2(0.0) if http2 else paced(think=0.0, pause=0.0)
    unasked, *stopped = await asyncio.gather(
        read(stops, asked=False), *(read(stops) for _ in "123")
    )
    quick = await asyncio.gather(*(read(whole) for _ in "123"))

    for leg in stopped:
        assert leg.tcp is not None
        assert leg.tcp.answered_seconds is not None
        assert leg.tcp.answered_seconds > 0.5 * silent_seconds(leg) > 0.0
    assert all(
        leg.tcp is not None and leg.tcp.answered_seconds is None for leg in (unasked, *quick)
    )
    seen = marks_seen(stopped, quick, Measure.TRANSFER)
    assert seen is not None
    assert not seen.stopped
    dead = [replace(leg, tcp=replace(leg.tcp, answered_seconds=0.0)) for leg in stopped if leg.tcp]
    assert (marks_seen(dead, quick, Measure.TRANSFER) or seen).stopped
