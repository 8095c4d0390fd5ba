"""A daemon with the default platforms and rounds every 10 s, left alone: ``python -m
benchmarks.ten_minutes [--minutes 10]`` (root; a lab of its own).

Prints whatever is not as promised (a host that ``throttlewatch platforms`` does not list, a phase
that is missing, a second packet for one DNS measurement, a connection used again, a stop that takes
5 s), and what it cost. The exit status is 1 if anything was wrong.
"""

from __future__ import annotations

import sys

import click

from lab.lab import Lab
from lab.soak import Soak, faults, soak
from lab.world.build import world_for
from probe.config import load

SCHEDULE = {"light": "10s", "transfer": "30s", "long": "2m"}
DELAY_SECONDS = 0.02
MIB = 1024 * 1024


def show(seen: Soak) -> None:
    """Print the figures."""
    sum_of, rounds, legs = seen.scrape.sum, seen.rounds, len(seen.requests) - seen.secure_queries
    for kind in ("light", "transfer", "long", "burst"):
        print(f"{kind} rounds: {sum_of('rounds_total', kind=kind):g}")
    print(f"legs and pages: {legs}, DNS queries over UDP: {len(seen.exchanges)}")
    print(f"DNS queries over HTTPS: {seen.secure_queries}")
    counted, captured = sum_of("wire_bytes_total"), seen.wire_bytes
    print(f"bytes: {counted:,.0f} counted, {captured:,} captured ({counted / captured:.1%})")
    print(f"start, to the first answer of the server: {seen.start_seconds:.2f} s")
    print(f"stop, from SIGTERM: {seen.stop_seconds:.2f} s")
    cpu = sum_of("process_cpu_seconds_total")
    print(
        f"CPU: {cpu:.1f} s, {cpu / rounds * 1e3:.0f} ms per round, {cpu / legs * 1e3:.1f} per leg"
    )
    memory = sum_of("process_resident_memory_bytes") / MIB
    print(f"resident memory after {rounds:g} rounds: {memory:.0f} MiB")


@click.command(help=__doc__)
@click.option("--minutes", default=10.0, help="How long.")
def main(minutes: float) -> None:
    """Run, print, judge."""
    with Lab(world_for(load(None, {})), delay_seconds=DELAY_SECONDS) as lab:
        seen = soak(lab, {"schedule": SCHEDULE}, seconds=minutes * 60)
    show(seen)
    wrong = list(faults(seen))
    print("\n".join(wrong) or "everything is as promised")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
