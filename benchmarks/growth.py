"""What vantages and platforms cost: ``python -m benchmarks.growth [--rounds 3]`` (root).

One daemon after the other, in a lab of its own without delay, with 1, 10 and 50 vantages (all of
them the same way out) and four and eight platforms (the default four, and the same again under
other names). Each makes so many rounds of every platform from every vantage, at a pace that the
machine can keep. Prints the CPU of a round, what that is at the default pace, resident memory, and
the size and time of a scrape. The history is on.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import click

from lab.daemon import LabDaemon
from lab.lab import REPOSITORY, Lab
from probe.config import load

PLATFORMS = ("x", "facebook", "instagram", "youtube")
SLOTS_PER_SECOND = 2.0
LEAST_SECONDS = 5.0
MOST_SECONDS = 600.0
MIB = 1024 * 1024


def again(folder: Path) -> list[str]:
    """Write the four platforms under other names beside the main file."""
    places = folder / "platforms"
    places.mkdir(exist_ok=True)
    for name in PLATFORMS:
        text = (REPOSITORY / "config" / "platforms" / f"{name}.yaml").read_text()
        text = re.sub(f"^name: {name}$", f"name: {name}-again", text, flags=re.MULTILINE)
        (places / f"{name}-again.yaml").write_text(text)
    return [f"{name}-again" for name in PLATFORMS]


def measure(vantages: int, platforms: int, rounds: int) -> str:
    """One row."""
    with Lab.of(load(None, {})) as lab:
        names = [*PLATFORMS, *(again(lab.folder) if platforms > len(PLATFORMS) else ())]
        slots = vantages * platforms
        light = max(LEAST_SECONDS, slots / SLOTS_PER_SECOND)
        settings = {
            "platforms": names,
            "vantages": [{"name": f"v{number}"} for number in range(vantages)],
            "schedule": {
                "light": f"{light:.0f}s",
                "transfer": f"{3 * light:.0f}s",
                "long": f"{20 * light:.0f}s",
            },
            "dns": {"allow_private": True, "linger": 0.05},
            "data_budget": "1000GB/month",
        }
        path = lab.daemon_config(settings)
        until = time.monotonic() + MOST_SECONDS
        with LabDaemon(lab, path) as daemon:
            while daemon.rounds() < slots * rounds and time.monotonic() < until:
                time.sleep(2.0)
            began = time.monotonic()
            text = daemon.get("/metrics")
            scraped = time.monotonic() - began
            scrape = daemon.scrape()
    made = scrape.sum("rounds_total")
    cpu = scrape.sum("process_cpu_seconds_total") / made
    default = load(None, {}).settings.schedule
    share = cpu * slots / float(default.light)
    return (
        f"{vantages:9}{platforms:11}{made:8.0f}{cpu * 1e3:14.0f}{share:16.2%}"
        f"{scrape.sum('process_resident_memory_bytes') / MIB:11.1f}"
        f"{len(text) / 1e3:12.0f}{scraped * 1e3:10.0f}"
    )


@click.command(help=__doc__)
@click.option("--rounds", default=3, help="Of each platform from each vantage.")
def main(rounds: int) -> None:
    """Print the table."""
    load_average = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load_average:.1f} before")
    print(
        f"{'vantages':>9}{'platforms':>11}{'rounds':>8}{'CPU/round, ms':>14}"
        f"{'of a core':>16}{'RSS, MiB':>11}{'scrape, kB':>12}{'ms':>10}"
    )
    for vantages in (1, 10, 50):
        for platforms in (4, 8):
            # Few slots pass quickly, so they make more rounds each: memory needs some to settle.
            times = max(rounds, 40 // (vantages * platforms))
            print(measure(vantages, platforms, times), flush=True)


if __name__ == "__main__":
    main()
