"""Kernel stamps against the event loop's clock, with the loop kept busy on purpose.

The server runs in a thread of its own, so that a blocked loop delays only the reading.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.loopback.servers import (
    Visit,
    certificate,
    copy,
    head_of,
    leg_to,
    measure,
    serve,
    server_context,
)
from probe.measure.connection import kernel_stamps
from probe.model.identity import Phase
from probe.model.observation import Clock, LegObservation

BUSY = 0.3
"""Seconds for which the loop does not run after the request is out."""


class Prompt:
    """A server that answers at once, but not before the client's loop is busy."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.asked = threading.Event()
        self.busy = threading.Event()
        self.answer_seconds = 0.0
        self._context = context
        self._thread = threading.Thread(target=self._serve)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._thread.join()
            self.listener.close()

    def _serve(self) -> None:
        accepted, _ = self.listener.accept()
        with self._context.wrap_socket(accepted, server_side=True) as stream:
            stream.recv(65_536)
            asked = time.monotonic()
            self.asked.set()
            self.busy.wait(5)
            stream.sendall(head_of(1_000) + b"x" * 1_000)
            self.answer_seconds = time.monotonic() - asked
            stream.recv(1)


async def measured_while_busy() -> tuple[LegObservation, float]:
    server = Prompt(server_context(certificate()))

    async def hog() -> None:
        while not server.asked.is_set():
            await asyncio.sleep(0.001)
        until = time.monotonic() + BUSY
        server.busy.set()
        while time.monotonic() < until:
            pass

    with server.running():
        busy = asyncio.create_task(hog())
        observed = await measure(leg_to(server.port))
        await busy
    assert observed.ok
    return observed, server.answer_seconds


async def test_a_busy_loop_does_not_inflate_what_the_kernel_stamped() -> None:
    observed, answer_seconds = await measured_while_busy()

    assert observed.clock is Clock.KERNEL
    assert observed.duration_seconds > BUSY
    assert answer_seconds < BUSY / 2, "the server was not prompt: this test says nothing"
    assert observed.phases[Phase.PROCESSING] < BUSY / 2


async def test_without_stamps_the_loops_clock_is_used_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel_stamps, "enable_stamps", lambda _sock: False)
    observed, _ = await measured_while_busy()

    assert observed.clock is Clock.LOOP
    assert observed.phases[Phase.PROCESSING] > BUSY / 2


async def test_a_wall_clock_that_is_stepped_during_a_leg(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offsets = iter([10**18, 10**18 + 3_600 * kernel_stamps.NANOSECONDS])
    monkeypatch.setattr(kernel_stamps, "wall_offset_ns", lambda: next(offsets))
    observed, _ = await measured_while_busy()

    assert observed.clock is Clock.LOOP
    assert observed.phases[Phase.PROCESSING] > BUSY / 2


PAUSE = 0.2


async def test_the_answer_begins_with_its_first_byte_not_with_its_first_whole_record() -> None:
    # One record of 16 KiB, of which 2 KB come at once and the rest after a pause: OpenSSL can show
    # nothing of it before its end, but the wait for the answer was over at its beginning.
    asked = asyncio.Event()

    async def far_end(visit: Visit) -> None:
        await visit.head()
        asked.set()
        await visit.send(head_of(16_000) + b"x" * 16_000)
        await visit.gone()

    async with serve(far_end, server_context(certificate())) as server:

        async def slow_line(visit: Visit) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            up = asyncio.create_task(copy(visit.reader, writer))
            try:
                while data := await reader.read(2_000):
                    await visit.send(data)
                    if asked.is_set():
                        asked.clear()
                        await asyncio.sleep(PAUSE)
            finally:
                up.cancel()
                writer.close()

        async with serve(slow_line) as line:
            observed = await measure(leg_to(line.port))

    assert observed.ok
    assert observed.body_bytes == 16_000
    assert observed.phases[Phase.PROCESSING] < PAUSE / 2
    assert observed.phases[Phase.TRANSFER] >= PAUSE / 2
