"""Read an answer that came while the thread was at other work.

    python -m lab.late_reader ADDRESS PORT [--lookout]     (inside the lab's client)

Prints the seconds between the kernel's stamps of the answer's first byte and of its last.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from probe.measure.connection import kernel_stamps, tcp
from probe.measure.connection.kernel_stamps import Stamping
from probe.measure.connection.lookout import Lookout

BUSY_SECONDS = 0.5


async def read(address: str, port: int, lookout: Lookout | None) -> float:
    connected = await tcp.connect(address, port)
    wire = connected.wire
    if lookout is not None:
        wire.belongs_to(lookout)
        lookout.enter()  # another leg
    wire.piece = 1
    await wire.send(b"?")
    wire.look_out()
    until = time.monotonic() + BUSY_SECONDS
    while time.monotonic() < until:
        pass
    await wire.receive()
    first = wire.arrival
    wire.piece = 65_536
    while await wire.receive():
        last = wire.arrival
    wire.close()
    assert first.kernel_ns is not None
    assert last.kernel_ns is not None
    return (last.kernel_ns - first.kernel_ns) / kernel_stamps.NANOSECONDS


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--lookout", action="store_true")
    given = parser.parse_args()
    with Stamping(), Lookout() as lookout:
        used = lookout if given.lookout else None
        print(asyncio.run(read(given.address, given.port, used)))


if __name__ == "__main__":
    main()
