"""Looks at what comes while the one thread is at other work.

The kernel merges segments that nobody has read, if they come from a network card, and keeps the
time of the last: the first byte of an answer that comes while another leg is worked on then seems
to have come later. So the kernel sends a signal for it (signal-driven input, ``fcntl(2)``), on
which Python calls us between two instructions of whatever it is at. We look and take nothing: the
reader finds everything as it would have, and knows besides when the next byte came.

The signal is ``SIGURG``, the one that does nothing to a process which does not wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import sys
import threading
from types import FrameType
from typing import Self

from probe.measure.connection import kernel_stamps

_AT_ONCE = 64


class Unread:
    """What was seen of a socket and not yet read. Whoever reads forgets ``first_ns`` after it."""

    __slots__ = ("error", "first_ns", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.first_ns: int | None = None
        """The kernel's stamp of the next byte, as early as it was seen."""
        self.error: OSError | None = None
        """What the kernel said in place of a next byte, to whoever asked. It says so once."""

    def look(self) -> None:
        """Look once, in the midst of anything."""
        if self.first_ns is not None or self.error is not None:
            return
        try:
            data, ancillary, _, _ = self.sock.recvmsg(
                kernel_stamps.FIRST_PIECE, kernel_stamps.ANCILLARY_BYTES, socket.MSG_PEEK
            )
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.error = error
            return
        if data:
            self.first_ns = kernel_stamps.stamp_ns(ancillary)


class Lookout:
    """For all legs of one process. Does nothing until it is opened, and nothing where the system
    has no such signals.

    A leg that is alone is left to the event loop, which then waits for nothing else: a signal costs
    as much as a read. When there are several each is watched.
    """

    def __init__(self) -> None:
        self._legs = 0
        self._watched: dict[int, Unread] = {}
        self._armed: set[int] = set()
        """Those of them for which the kernel was asked for signals."""
        self._ready: select.epoll | None = None
        self._looking = False

    def open(self) -> None:
        """Take the signal, in the main thread: no other one gets it."""
        if (
            sys.platform.startswith("linux")
            and threading.current_thread() is threading.main_thread()
        ):
            self._ready = select.epoll()
            signal.signal(signal.SIGURG, self._came)

    def close(self) -> None:
        """Give the signal back, after the last leg."""
        if self._ready is not None:
            signal.signal(signal.SIGURG, signal.SIG_DFL)
            self._ready.close()
            self._ready = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def enter(self) -> None:
        """A leg begins: from the second one on, the kernel is asked for signals."""
        self._legs += 1
        if self._legs == 2 and self._ready is not None:
            for sight in self._watched.values():
                self._arm(sight.sock, self._ready)

    def leave(self, sight: Unread) -> None:
        """A leg is over. Its socket is still open."""
        self._legs -= 1
        self.forget(sight)

    def watch(self, sight: Unread) -> None:
        """From here on look whenever something comes. It may be seen late, or not at all."""
        if self._ready is not None:
            self._watched[sight.sock.fileno()] = sight
            if self._legs > 1:
                self._arm(sight.sock, self._ready)

    def forget(self, sight: Unread) -> None:
        """``watch`` no more. Does no harm to what is not watched."""
        descriptor = sight.sock.fileno()
        self._watched.pop(descriptor, None)
        if descriptor not in self._armed or self._ready is None:
            return  # it was alone all the time
        self._armed.discard(descriptor)
        with contextlib.suppress(OSError):
            self._ready.unregister(sight.sock)
            fcntl.fcntl(sight.sock, fcntl.F_SETFL, os.O_NONBLOCK)

    def _came(self, _signal: int, _frame: FrameType | None) -> None:
        # Another signal may come meanwhile: whoever came first would be looked at last.
        if self._ready is None or self._looking:
            return
        self._looking = True
        try:
            while ready := self._ready.poll(0, _AT_ONCE):
                for descriptor, _ in ready:
                    sight = self._watched.get(descriptor)
                    if sight is not None:
                        sight.look()
        finally:
            self._looking = False

    def _arm(self, sock: socket.socket, ready: select.epoll) -> None:
        # Where it cannot be done, or was done before, the leg goes on as it is.
        with contextlib.suppress(OSError):
            ready.register(sock, select.EPOLLIN | select.EPOLLET)
            self._armed.add(sock.fileno())
            fcntl.fcntl(sock, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(sock, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(sock, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
