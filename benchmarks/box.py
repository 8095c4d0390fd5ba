"""How true the lab's box is: ``python -m benchmarks.box`` (root; about half a minute).

Throughput through a perfect line, with and without a censor that reads every packet; round trips,
rates and losses asked for against those measured from both ends with the kernel's stamps; all of
it again with every core busy, if ``--busy`` is given.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

import click

from lab.box.control import BoxControl, running_box
from lab.box.gauge import round_trips, stream
from lab.box.inside import inside
from lab.box.line import BITS, Direction, Line
from lab.box.rules import Delay, Match, Police, Reach, Rule, Way
from lab.busy_cores import burning
from lab.net import WORLD_ADDRESS, Topology

MEGABIT = 1_000_000
MILLI = 1_000
FLOW_SECONDS = 3.0
READING = (Rule(name="reads", action=Delay(seconds=0), match=Match(names=("x.com",))),)


def tcp_goodput(topology: Topology) -> float:
    """Bit/s of one connection from the world to the client, the first third left out."""
    with inside(topology.world):
        server = socket.create_server((WORLD_ADDRESS, 0))

    def send() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            while True:
                connection.sendall(bytes(262_144))

    sender = threading.Thread(target=send)
    sender.start()
    with inside(topology.client):
        connection = socket.create_connection(server.getsockname())
    with server, connection:
        begin = time.monotonic()
        got, counted_from = 0, begin + FLOW_SECONDS / 3
        while (now := time.monotonic()) < begin + FLOW_SECONDS:
            size = len(connection.recv(262_144))
            got += size if now >= counted_from else 0
    sender.join()
    return got * BITS / (FLOW_SECONDS * 2 / 3)


def show_round_trips(topology: Topology, box: BoxControl) -> None:
    """Error of round trips: asked for, and what was met in addition."""
    for milliseconds in (0, 20, 60, 200):
        half = Direction(delay_seconds=milliseconds / MILLI / 2)
        box.set_line(Line(down=half, up=half))
        trips = round_trips(topology, count=300, gap_seconds=0.004)
        errors = sorted(t * MILLI - milliseconds for t in trips if t is not None)
        p50, p95 = statistics.median(errors), statistics.quantiles(errors, n=20)[-1]
        print(f"RTT {milliseconds:4} ms: +{p50:.2f} (median) +{p95:.2f} (p95) +{errors[-1]:.2f} ms")


def show_rates(topology: Topology, box: BoxControl) -> None:
    """Rates of bottlenecks, and what a policer lets through in all."""
    for megabits in (0.5, 8, 40):
        down = Direction(rate_bits_per_second=megabits * MEGABIT, queue_bytes=30_000)
        box.set_line(Line(down=down))
        rate = 1.5 * megabits * MEGABIT
        seen = stream(topology, Way.DOWN, rate_bits_per_second=rate, seconds=2)
        error = seen.rate_bits_per_second / (megabits * MEGABIT) - 1
        print(f"bottleneck {megabits:4} Mbit/s: {error:+.2%}")
    box.set_line(Line())
    for kilobits in (150, 2_000):
        police = Police(rate_bits_per_second=kilobits * 1000, burst_bytes=12_000)
        box.set_rules([Rule(name=f"{kilobits}", action=police, reach=Reach.DOWN)])
        seen = stream(topology, Way.DOWN, rate_bits_per_second=4000 * kilobits, seconds=3)
        asked = kilobits * 1000 * 3 / BITS + 12_000
        print(f"policer {kilobits:5} kbit/s, 3 s: {len(seen.times) * 1500 / asked - 1:+.2%}")
    box.set_rules([])


def show_losses(topology: Topology, box: BoxControl) -> None:
    """Loss asked for, and met by 5,000 packets."""
    for loss in (0.01, 0.1, 0.25):
        box.set_line(Line(up=Direction(loss=loss)))
        seen = stream(topology, Way.UP, rate_bits_per_second=8 * MEGABIT, seconds=1, size_bytes=200)
        print(f"loss {loss:.0%} of {seen.sent} packets: {seen.lost_share:.2%}")
    box.set_line(Line())


def show_load(topology: Topology, box: BoxControl, megabits: int) -> None:
    """Punctuality while one connection fills a line and every packet is read."""
    rate = megabits * MEGABIT
    down = Direction(delay_seconds=0.01, rate_bits_per_second=rate, queue_bytes=rate // 400)
    box.set_line(Line(down=down, up=Direction(delay_seconds=0.01)))
    before = box.stats()
    goodput = tcp_goodput(topology) / MEGABIT
    after = box.stats()
    frames = after.down.sent + after.up.sent - before.down.sent - before.up.sent
    late = after.punctuality.late - before.punctuality.late
    print(f"line of {megabits} Mbit/s: goodput {goodput:.1f}, {late} of {frames} frames 1 ms late")
    box.set_line(Line())


@click.command(help=__doc__)
@click.option("--busy", is_flag=True, help="Keep every core busy meanwhile.")
def main(busy: bool) -> None:
    """Print one figure per line."""
    with (
        Topology(bridge=False) as topology,
        tempfile.TemporaryDirectory() as folder,
        running_box(topology, Path(folder)) as box,
        burning(os.cpu_count() or 1 if busy else 0),
    ):
        round_trips(topology, count=2, gap_seconds=0.01)
        show_round_trips(topology, box)
        show_rates(topology, box)
        show_losses(topology, box)
        told = box.stats().punctuality
        print(f"latest frame {told.latest_seconds * MILLI:.2f} ms late, {told.late} beyond 1 ms")
        box.set_rules(READING)
        for megabits in (100, 300):
            show_load(topology, box, megabits)
        box.set_rules([])
        print(f"throughput without rules: {tcp_goodput(topology) / MEGABIT:.0f} Mbit/s")
        box.set_rules(READING)
        print(f"throughput, every packet read: {tcp_goodput(topology) / MEGABIT:.0f} Mbit/s")


if __name__ == "__main__":
    main()
