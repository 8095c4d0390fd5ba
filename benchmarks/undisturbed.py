"""How much a transfer is slowed by being measured.

    python -m benchmarks.undisturbed      (as root)

A leg does not read each segment as it comes: the bytes of a body gather in the kernel. Here the
same object comes over the same line to a leg and to curl, which reads what is there, in turns. How
long it came is read from a capture of the packets, for both.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from pathlib import Path

import click
import msgspec

from benchmarks.wire_accuracy import (
    ADDRESS,
    DATA_RECORD,
    HOST,
    WORLD,
    NotWholeError,
    answer_records,
    leg_for,
)
from lab.box.line import MEGABIT, Direction, Line
from lab.box.spec import BoxSpec
from lab.capture import ByPort, Connection, connections
from lab.lab import Lab
from lab.world.events import Request
from probe.config.schema import VantageConfig
from probe.measure.connection.kernel_stamps import Stamping
from probe.measure.one_leg.leg import measure_leg
from probe.measure.tls.trust import Trust

LEG, CURL = "leg", "curl"
VERSIONS = ("http/1.1", "h2")
# What a transfer round reads, and what a long one does.
SIZES = (65_536, 524_288)
KINDS = [(version, size) for version in VERSIONS for size in SIZES]


def line(milliseconds: float, megabits: float | None = None) -> Line:
    """A line with this round trip and this rate in each direction."""
    rate = None if megabits is None else megabits * MEGABIT
    way = Direction(delay_seconds=milliseconds / 2e3, rate_bits_per_second=rate)
    return Line(down=way, up=way)


LINES = {
    "30 ms": line(30),
    "30 ms, 50 Mbit/s": line(30, 50),
    "100 ms, 50 Mbit/s": line(100, 50),
    "30 ms, 8 Mbit/s": line(30, 8),
    "60 ms, 1 Mbit/s": line(60, 1),
}


async def take(ca_file: str, rounds: int) -> None:
    """Inside the client's namespace: one after the other. The path is who, which kind, which."""
    trust, via = Trust.load(ca_file), VantageConfig(name="default")
    with Stamping():
        for turn in range(rounds):
            for kind, (version, size) in enumerate(KINDS):
                leg = leg_for(0, version, size)
                leg = msgspec.structs.replace(leg, url=f"https://{HOST}/{LEG}/{kind}/{turn}")
                seen = await measure_leg(
                    leg, address=ADDRESS, via=via, trust=trust, deadline_seconds=30.0, order=0
                )
                if seen.failure is not None:
                    raise RuntimeError(f"a leg failed: {seen.failure}")
                await _curl(ca_file, version, size, f"https://{HOST}/{CURL}/{kind}/{turn}")


async def _curl(ca_file: str, version: str, size: int, url: str) -> None:
    command = ["curl", "-sSf", "-o", "/dev/null", "--cacert", ca_file, "-r", f"0-{size - 1}"]
    command += ["--resolve", f"{HOST}:443:{ADDRESS}"]
    command += ["--http2" if version == "h2" else "--http1.1", url]
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise RuntimeError(f"curl failed: {process.returncode}")


def transfer_seconds(connection: Connection, request: Request) -> float:
    """From the first byte of the answer's first record to the last of its last.

    Raises ``NotWholeError``.
    """
    sent = [r for r in connection.sent.records() if r.type == DATA_RECORD]
    received = connection.received.records()
    after = [r for r in received if sent and r.ended > sent[0].begun]
    answer = answer_records(after, request)
    if not answer:
        raise NotWholeError(request.path)
    return (answer[-1].ended - answer[0].begun) / 1e9


def run(over: Line, rounds: int) -> dict[tuple[str, int], list[float]]:
    """Seconds of every transfer, by who made it and of which kind (its place in ``KINDS``)."""
    (site,) = WORLD.sites
    objects = {
        host: {path: msgspec.structs.replace(o, size_bytes=max(SIZES)) for path, o in of.items()}
        for host, of in site.objects.items()
    }
    spec = msgspec.structs.replace(WORLD, sites=(msgspec.structs.replace(site, objects=objects),))
    with Lab(spec, path=BoxSpec(line=over)) as lab:
        client = [sys.executable, "-m", "benchmarks.undisturbed", "--rounds", str(rounds)]
        client += ["--client", str(lab.ca_file)]
        with lab.capture() as capture:
            done = lab.exec(client, timeout_seconds=300)
        if done.returncode:
            raise RuntimeError(done.stderr)
        if capture.dropped:
            raise RuntimeError(f"the capture lacks {capture.dropped} packets")
        return _by_kind(lab, capture.path)


def _by_kind(lab: Lab, pcap: Path) -> dict[tuple[str, int], list[float]]:
    by_port = ByPort(connections(pcap))
    took: dict[tuple[str, int], list[float]] = {}
    for request in (e for e in lab.events() if isinstance(e, Request)):
        _, who, kind, _ = request.path.split("/")
        seconds = transfer_seconds(by_port.at(request.client_port, request.at), request)
        took.setdefault((who, int(kind)), []).append(seconds)
    return took


@click.command()
@click.option("--rounds", default=9, help="Transfers of each kind over each line.")
@click.option("--client", hidden=True, help="Measure, inside the lab.")
def main(rounds: int, client: str | None) -> None:
    """Print the medians and their ratios."""
    if client is not None:
        asyncio.run(take(client, rounds))
        return
    print(f"median time of {rounds} transfers by the packets, ms")
    print(f"{'line':20}{'':10}{'body':>9}{'leg':>9}{'curl':>9}{'ratio':>7}")
    for name, over in LINES.items():
        took = run(over, rounds)
        for kind, (version, size) in enumerate(KINDS):
            leg, curl = (statistics.median(took[who, kind]) for who in (LEG, CURL))
            print(
                f"{name:20}{version:10}{size // 1024:5} KiB{leg * 1e3:9.1f}{curl * 1e3:9.1f}"
                f"{leg / curl:7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
