"""Legs in a process of their own, which does nothing else, made on request.

    python -m benchmarks.leg_process CA_FILE      (inside a lab: benchmarks.vs_blackbox starts it)

One line of JSON on standard input asks for legs, one on standard output gives what they measured.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from typing import Self

import msgspec
from msgspec import Struct

from benchmarks.wire_accuracy import HOST, leg_for
from probe.config.schema import VantageConfig
from probe.measure.connection.kernel_stamps import Stamping
from probe.measure.connection.lookout import Lookout
from probe.measure.names.host_lookup import host_lookups
from probe.measure.one_leg.leg import measure_leg
from probe.measure.tls.trust import Trust
from probe.model.identity import Family, Phase
from probe.model.observation import Clock, DnsObservation, Leg, LegObservation

READY = b"ready\n"


class Order(Struct, frozen=True):
    """Legs to be made at once or, ``in_turn``, one after another; each number is the path that one
    asks for."""

    numbers: list[int]
    version: str
    body_bytes: int
    in_turn: bool


class Made(Struct, frozen=True):
    """The phases of each leg in seconds, the CPU seconds of all with their look-ups, and how many
    legs could not use the kernel's stamps."""

    phases: list[dict[Phase, float]]
    cpu_seconds: float
    by_loop: int = 0


class LegProcess:
    """The process, from the side of who asks."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, ca_file: str) -> Self:
        """Raises ``RuntimeError`` if it does not come up."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "benchmarks.leg_process", ca_file),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        if await process.stdout.readline() != READY:
            raise RuntimeError("the legs' process does not start")
        return cls(process)

    async def make(self, order: Order) -> Made:
        """Raises ``msgspec.DecodeError`` if it died of the order; it has said why."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        return msgspec.json.decode(await self._process.stdout.readline(), type=Made)

    async def stop(self) -> None:
        """Let it end, and wait for that."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


async def serve(ca_file: str) -> None:
    """Make legs until standard input ends."""
    trust, via = Trust.load(ca_file), VantageConfig(name="default")
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    # As in the daemon, all three. The event loop hears of every signal, the lookout's too.
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)
    gc.collect()
    gc.freeze()
    with Stamping(), Lookout() as lookout:
        while line := await orders.readline():
            order = msgspec.json.decode(line, type=Order)
            legs = [leg_for(n, order.version, order.body_bytes) for n in order.numbers]
            before = time.process_time()
            seen = await _make(legs, via, trust, lookout, in_turn=order.in_turn)
            cpu_seconds = time.process_time() - before
            by_loop = sum(leg.clock is Clock.LOOP for leg in seen)
            made = Made([leg.phases for leg in seen], cpu_seconds, by_loop)
            sys.stdout.buffer.write(msgspec.json.encode(made) + b"\n")
            sys.stdout.buffer.flush()


async def _make(
    legs: list[Leg], via: VantageConfig, trust: Trust, lookout: Lookout, *, in_turn: bool
) -> list[LegObservation]:
    async def one(leg: Leg, found: DnsObservation) -> LegObservation:
        seen = await measure_leg(
            leg,
            address=found.answers[0].addresses[0],
            via=via,
            trust=trust,
            deadline_seconds=20.0,
            order=0,
            resolve_seconds=found.seconds,
            lookout=lookout,
        )
        if seen.failure is not None:
            raise RuntimeError(f"a leg failed: {seen.failure}")
        return seen

    # As in a round: the names first, each asked for on the wire.
    found = await host_lookups([HOST] * len(legs), Family.IPV4, timeout_seconds=5.0)
    if in_turn:
        return [await one(*each) for each in zip(legs, found, strict=True)]
    return await asyncio.gather(*map(one, legs, found))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
