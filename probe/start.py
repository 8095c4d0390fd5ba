"""The command's first lines: what must hold before anything that takes time is imported.

A signal that comes while a daemon starts neither kills it nor is lost. SIGTERM and SIGINT end it at
once, with 0, as long as there is nothing to finish. SIGHUP asks for the configuration to be read,
which it will be. From then on all three wait (they are blocked, so the kernel keeps them) until the
daemon's event loop hears them (``probe/app.py``), and again once it has ended, so that a second one
does not turn a good end into a bad one.

The wall clock may say anything. Beyond the year 2262 Python cannot read it, and every module that
asks for the time, logging first, would end the process. Then the time goes on from where it was.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

SIGNALS = frozenset({signal.SIGHUP, signal.SIGTERM, signal.SIGINT})


def main() -> None:
    """``throttlewatch``."""
    keep_streams()
    leave_out()
    if sys.argv[1:2] == ["run"]:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: os._exit(0))
        time.time = AlwaysReadable(time.time, time.monotonic)
        from probe.daemon.left_out import leave_out_of_modules

        leave_out_of_modules()
    from probe.cli import main as command

    command(obj=hold)


def keep_streams() -> None:
    """Where a standard stream is closed nothing else shall get its number: what is written there
    (by a library, too) would go into the history or a connection. What is said on standard error
    then goes nowhere; standard output stays absent, so that nothing is lost without a word."""
    for number, how in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, how)  # takes the lowest number, which this is
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def leave_out() -> None:
    """httpx loads its own command, with a terminal library and a highlighter, wherever it can: 3 MB
    for months. Without it httpx does as where the command was not installed. This is for the
    program alone: a library must not do that to a program that imports it."""
    sys.modules["httpx._main"] = None  # type: ignore[assignment]


def hold() -> None:
    """From now on signals wait."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def release() -> None:
    """Who handles them is there: what waited comes, and whatever comes from now on."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class AlwaysReadable:
    """``wall``, going on by ``monotonic`` from where it was last read while it cannot be. Before it
    could be read once that is 1970, as on a host that has not learnt the time. ``readable``:
    whether it could be the last time."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._offset = -monotonic()
        self.readable = True

    def __call__(self) -> float:
        """Unix seconds."""
        try:
            now = self._wall()
        except OverflowError:
            self.readable = False
            return self._offset + self._monotonic()
        self.readable = True
        self._offset = now - self._monotonic()
        return now


def clock_trouble(believable_since: float) -> str:
    """What is wrong with the wall clock, in words for the log; nothing, as far as can be told."""
    now = time.time()
    if not getattr(time.time, "readable", True):
        return "the clock is beyond the year 2262, times go on from where they were"
    if now < believable_since:
        return "the clock is not set, nothing is measured until it is"
    return ""
