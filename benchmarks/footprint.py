"""What the daemon costs its host: ``python -m benchmarks.footprint [--rounds 1000]`` (root).

In a lab without delay the default platforms are measured as fast as they can be, one round after
the other, until there were so many. Prints the start-up time, CPU per round and leg, and the
resident memory on the way, as `ps` and /metrics show it (RSS, with the pages of libraries that
other processes share). ``--no-quic``: where the extra is not installed; ``--all``: with uploads,
too.
"""

from __future__ import annotations

import time

import click
from msgspec.structs import replace

from lab.daemon import LabDaemon, Scrape
from lab.lab import Lab
from lab.world.build import world_for
from lab.world.events import Request
from probe.config import load

SETTINGS = {
    "schedule": {"light": "1s", "transfer": "3s", "long": "1m"},
    "dns": {"allow_private": True, "linger": 0.05},
    "data_budget": "1000GB/month",
}
# Rounds come some 75 times as fast as at the default pace: no more of them wait to be written.
BATCH = "4s"
STEPS = 5
MIB = 1024 * 1024
MOST_SECONDS = 1_800.0


def show(scrape: Scrape, events: int) -> None:
    """One line of figures; ``events`` are requests that servers saw."""
    rounds = scrape.sum("rounds_total")
    cpu = scrape.sum("process_cpu_seconds_total")
    memory = scrape.sum("process_resident_memory_bytes")
    print(
        f"{rounds:6.0f} rounds, {events:6} requests: "
        f"{memory / MIB:5.1f} MiB ({memory / 1e6:.1f} MB) resident, "
        f"CPU {cpu:6.1f} s = {cpu / rounds * 1e3:5.1f} ms per round, "
        f"{cpu / events * 1e3:5.2f} ms per request"
    )


@click.command(help=__doc__)
@click.option("--rounds", default=1_000, help="How many rounds.")
@click.option("--quic/--no-quic", default=True, help="Whether the extra `quic` is installed.")
@click.option("--all", "everything", is_flag=True, help="With uploads, too.")
def main(rounds: int, quic: bool, everything: bool) -> None:
    """Measure and print."""
    with Lab(replace(world_for(load(None, {})), quic=quic)) as lab:
        store = {"path": str(lab.folder / "history.sqlite"), "batch": BATCH}
        settings = {**SETTINGS, "store": store, "quic": quic, "upload": everything}
        path = lab.daemon_config(settings)
        until = time.monotonic() + MOST_SECONDS
        with LabDaemon(lab, path) as daemon:
            print(f"start-up, to the first answer of its server: {daemon.start_seconds:.2f} s")
            for step in range(1, STEPS + 1):
                while daemon.rounds() < rounds * step / STEPS and time.monotonic() < until:
                    time.sleep(0.5)
                requests = sum(isinstance(event, Request) for event in lab.events())
                show(daemon.scrape(), requests)


if __name__ == "__main__":
    main()
