"""A machine whose cores are busy, for whatever has to hold under load."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def burning(cores: int) -> Iterator[None]:
    """That many processes that do nothing, as fast as they can."""
    fires = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield
    finally:
        for fire in fires:
            fire.kill()
            fire.wait()
