"""What more probes than were measured need of a hub, by simulation.

``python -m benchmarks.hub_larger [--milliseconds 13.9]``. So many vantages send a request at their
own moment of every minute to one name, behind which stand so many gates (processes of ``hub
serve``, one core each). Each request takes a gate so many milliseconds of a processor, as
``benchmarks.hub`` measured (its CPU by its requests), drawn around that; a gate answers one after
the other. Then nobody is reached for a minute, and everybody comes again with what was left, at a
moment of the minute that follows. Prints the load of a gate, how long requests wait and take, and
the samples that the engine has to take; it says nothing of networks and disks. No traffic.
"""

from __future__ import annotations

import argparse
from heapq import heapreplace
from random import Random

MINUTE = 60.0
SAMPLES = 440
"""Of a page of four platforms, about."""
ROWS = ((1_000, 1), (10_000, 3), (10_000, 4), (100_000, 26), (100_000, 32))
"""Vantages and gates."""
SPREAD = 0.35
"""How requests differ (the log's standard deviation)."""


def took(
    vantages: int, gates: int, seconds: float, *, minutes: int, again: bool, random: Random
) -> list[float]:
    """How long requests took (seconds, ordered), from their arrival on. ``again``: the first minute
    brings two of each vantage, as after a minute in which nobody was reached."""
    moments = [random.random() * MINUTE for _ in range(vantages)]
    arrivals = [minute * MINUTE + moment for minute in range(minutes) for moment in moments]
    if again:
        arrivals += [random.random() * MINUTE for _ in range(vantages)]
    free = [0.0] * gates
    waited = []
    for at in sorted(arrivals):
        # A balancer hands each to the gate that is free first.
        begins = max(at, free[0])
        ends = begins + seconds * random.lognormvariate(-SPREAD * SPREAD / 2.0, SPREAD)
        heapreplace(free, ends)
        waited.append(ends - at)
    return sorted(waited)


def of_share(ordered: list[float], share: float) -> float:
    """What this share of ``ordered`` are at most."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--milliseconds", type=float, default=13.9)
    parser.add_argument("--minutes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    seconds = given.milliseconds / 1_000.0
    print("vantages  gates  load of each  median, p99 in calm  p99 after a minute away  samples/s")
    for vantages, gates in ROWS:
        load = vantages / MINUTE * seconds / gates
        told = []
        for again in (False, True):
            random = Random(given.seed)
            told.append(
                took(vantages, gates, seconds, minutes=given.minutes, again=again, random=random)
            )
        calm, after = told
        print(
            f"{vantages:>8,}  {gates:>5}  {load:>12.0%}"
            f"  {of_share(calm, 0.5) * 1e3:>6.0f} ms, {of_share(calm, 0.99) * 1e3:>6.0f} ms"
            f"  {of_share(after, 0.99):>21.2f} s  {vantages * SAMPLES / MINUTE:>9,.0f}"
        )


if __name__ == "__main__":
    main()
