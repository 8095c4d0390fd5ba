"""A pipe to which nobody writes, where a file is expected."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Whoever waits for a writer has one then, so that a fault fails a test and does not hang it.
PATIENCE_SECONDS = 20.0


@contextmanager
def pipe(path: Path) -> Iterator[Path]:
    """``path``, as one. Fails if anybody has waited for it."""
    os.mkfifo(path)
    waited = threading.Event()

    def let_go() -> None:
        with suppress(OSError):
            # Succeeds only if somebody has opened it to read.
            while True:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                waited.set()

    timer = threading.Timer(PATIENCE_SECONDS, let_go)
    timer.start()
    try:
        yield path
    finally:
        timer.cancel()
        timer.join()
    assert not waited.is_set(), "it was waited for"
