"""What the stage leaves to the garbage collector goes while the test that made it still runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def own_garbage() -> Iterator[None]:
    """Transports that were cut off complain when they are collected: here, where that is expected,
    and not in whatever test comes next in this process."""
    yield
    gc.collect()
