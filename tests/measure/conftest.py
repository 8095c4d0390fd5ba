"""What every test of measuring stands on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from probe.measure.connection.kernel_stamps import (
    ANCILLARY_BYTES,
    Stamping,
    enable_stamps,
    stamp_ns,
)


@pytest.fixture(scope="session", autouse=True)
def stamping() -> Iterator[None]:
    """The kernel's stamping is on, as it is while the daemon runs, and has come into force."""
    with Stamping(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        enable_stamps(own)
        for _ in range(100):
            own.sendto(b"x", own.getsockname())
            if stamp_ns(own.recvmsg(1, ANCILLARY_BYTES)[1]) is not None:
                break
            time.sleep(0.01)
        yield
