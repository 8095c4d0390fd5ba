"""What comes while the thread is at other work is seen then, and nothing of it is lost."""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from lab.loopback.servers import connection
from probe.measure.connection import kernel_stamps
from probe.measure.connection.kernel_stamps import Stamping
from probe.measure.connection.lookout import Lookout, Unread
from probe.measure.connection.wire import WireStream

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux' signals for sockets")
PATIENCE_SECONDS = 5.0
ALONE_SECONDS = 0.05


@pytest.fixture
def lookout() -> Iterator[Lookout]:
    with Stamping(), Lookout() as opened:
        yield opened


def busy_until(done: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Work that never goes back to the event loop."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if done():
            return True
    return False


def test_it_is_seen_in_the_midst_of_other_work_and_is_still_there(lookout: Lookout) -> None:
    near, far = connection()
    with near, far:
        sight = Unread(near)
        lookout.enter()
        lookout.enter()
        lookout.watch(sight)
        before_ns = time.time_ns()
        far.send(b"ab")
        assert busy_until(lambda: sight.first_ns is not None)
        assert sight.first_ns is not None
        assert before_ns < sight.first_ns < time.time_ns()
        assert near.recv(10) == b"ab"
        lookout.forget(sight)
        sight.first_ns = None
        far.send(b"c")
        assert not busy_until(lambda: sight.first_ns is not None, ALONE_SECONDS)


def test_a_leg_alone_is_watched_once_another_begins(lookout: Lookout) -> None:
    near, far = connection()
    with near, far:
        sight = Unread(near)
        lookout.enter()
        lookout.watch(sight)
        far.send(b"a")
        assert not busy_until(lambda: sight.first_ns is not None, ALONE_SECONDS)
        lookout.enter()
        far.send(b"b")
        assert busy_until(lambda: sight.first_ns is not None)


def test_the_kernel_is_asked_nothing_for_a_leg_that_was_alone(lookout: Lookout) -> None:
    class Never:
        def unregister(self, _: object) -> None:
            raise AssertionError("it was not registered")

    near, far = connection()
    with near, far, pytest.MonkeyPatch.context() as patch:
        sight = Unread(near)
        lookout.enter()
        lookout.watch(sight)
        patch.setattr(lookout, "_ready", Never())
        lookout.forget(sight)
        lookout.leave(sight)


def test_many_are_all_seen(lookout: Lookout) -> None:
    pairs = [connection() for _ in range(100)]
    sights = [Unread(near) for near, _ in pairs]
    for sight in sights:
        lookout.enter()
        lookout.watch(sight)
    for _, far in pairs:
        far.send(b"a")
    assert busy_until(lambda: all(sight.first_ns is not None for sight in sights))
    for sight, (near, far) in zip(sights, pairs, strict=True):
        lookout.leave(sight)
        near.close()
        far.close()


def watched(lookout: Lookout, near: socket.socket) -> WireStream:
    wire = WireStream(near, opened_ns=time.monotonic_ns())
    wire.belongs_to(lookout)
    lookout.enter()
    wire.look_out()
    return wire


async def test_a_wire_reads_what_was_seen_apart_and_loses_nothing(lookout: Lookout) -> None:
    near, far = connection()
    wire = watched(lookout, near)
    with far, closing(wire):
        came_ns = []
        for piece in (b"abc", b"def"):
            far.send(piece)
            came_ns.append(time.time_ns())
            busy_until(lambda: False, ALONE_SECONDS)
        assert await wire.receive() == b"a"
        first = wire.arrival
        assert first.received == kernel_stamps.FIRST_PIECE
        assert first.kernel_ns is not None
        # Seen when the first piece came, however much came before it was read.
        assert first.kernel_ns < came_ns[1]
        rest = b""
        while len(rest) < 5:
            rest += await wire.receive()
        assert rest == b"bcdef"


async def test_a_reset_that_was_seen_is_a_reset_when_it_is_read(lookout: Lookout) -> None:
    near, far = connection()
    wire = watched(lookout, near)
    with closing(wire):
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        busy_until(lambda: False, ALONE_SECONDS)
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await wire.receive()


async def test_a_reset_that_is_seen_while_somebody_waits_reaches_him(lookout: Lookout) -> None:
    near, far = connection()
    wire = watched(lookout, near)
    with closing(wire):
        waiting = asyncio.ensure_future(wire.receive())
        await asyncio.sleep(0)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(waiting, PATIENCE_SECONDS)


def test_the_signal_is_given_back_and_other_threads_do_without() -> None:
    with Lookout():
        assert signal.getsignal(signal.SIGURG) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGURG) is signal.SIG_DFL
    taken: list[bool] = []

    def elsewhere() -> None:
        with Lookout():
            taken.append(signal.getsignal(signal.SIGURG) is not signal.SIG_DFL)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert taken == [False]
