"""Lines of the log, written by a thread of their own: who reads them may stand still.

Standard error is often a pipe, a socket of the journal or a terminal. Where nobody takes what was
written (a pager, a terminal that was stopped with Ctrl-S, a logging service that hangs) the kernel
lets the writer wait, for hours if need be; a daemon that waits there measures nothing, serves
nothing and does not hear that it shall end.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections import deque
from contextlib import suppress

log = logging.getLogger(__name__)

MOST_LINES = 1_000
"""That wait to be taken, some hundred bytes each; what comes beyond them is counted and lost."""
LAST_SECONDS = 1.0
"""For which the process waits for its last lines when it ends; a disk or journal takes them in
milliseconds."""


class PatientHandler(logging.Handler):
    """Writes to the file ``descriptor``. Nobody who logs ever waits for it; lines keep their order,
    and how many were lost is said once there is room again. Raises ``RuntimeError`` where no
    thread can be had."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._change = threading.Condition()
        self._writing = self._ended = False
        self._lost = 0
        threading.Thread(target=self._write_all, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put it in line."""
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        except Exception:
            self.handleError(record)
            return
        with self._change:
            if len(self._lines) + bool(self._lost) >= MOST_LINES:
                self._lost += 1
                return
            lost, self._lost = self._lost, 0
            self._lines.append(line)
            self._change.notify_all()
        if lost:
            log.warning("nobody took the log for a while, lines are lost", extra={"lines": lost})

    def flush(self) -> None:
        """Wait until all is written, for ``LAST_SECONDS`` at most."""
        with self._change:
            self._change.wait_for(lambda: not (self._lines or self._writing), LAST_SECONDS)

    def close(self) -> None:
        """The thread ends once all is written; who wants to wait for that flushes before."""
        with self._change:
            self._ended = True
            self._change.notify_all()
        super().close()

    def _write_all(self) -> None:
        while True:
            with self._change:
                self._writing = False
                self._change.notify_all()
                self._change.wait_for(lambda: self._lines or self._ended)
                if not self._lines:
                    return
                line, self._writing = self._lines.popleft(), True
            self._write(line)

    def _write(self, line: bytes) -> None:
        """By the descriptor, past Python's stream: that has a lock, which the end of the process
        would wait for."""
        # Where the reader is gone, or disk or memory are full, there is nowhere to say it, and the
        # next line is tried.
        with suppress(Exception):
            while line:
                try:
                    line = line[os.write(self._descriptor, line) :]
                except BlockingIOError:  # somebody who shares the descriptor wants it so
                    select.select([], [self._descriptor], [])
