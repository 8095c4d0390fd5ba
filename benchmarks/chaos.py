"""Days of the daemon on which everything goes wrong at once, in virtual time.

    python -m benchmarks.chaos [--seeds 200] [--hours 24] [--jobs 1]

The real daemon with its server, scheduler, history, forwarding and reloads; its rounds come from
the world of numbers (synth), where links, resolvers, portals, tunnels and throttlers do what
a seed has drawn. In the first 70 % of the day, every ten minutes or so, one of: the history's file
or folder, or SQLite's companions of it, are removed, moved, replaced, emptied, damaged, written
into, or lead elsewhere; the disk fills up (a file system of its own, as root); the wall clock is
set, by seconds or decades; SIGHUP, once or several times, with a good configuration, a bad one or
none; the receiver of metrics hangs, floods, or is a portal, a proxy or no HTTP at all; far ends
hang; X is throttled; the daemon is stopped and started, or reloads, also while it makes a burst.
Each is a process of its own. The other benchmarks try far ends' bytes (hostile.py) and kills
(tests/store).

Exits with 1 if an acknowledged round is in no file though nobody destroyed one that had it, if a
round of the last daemon is nowhere, if there is a traceback anywhere, if ``/metrics`` or the page
is not served, if a day takes more than twice the CPU or turns of the loop that a calm one takes
for as many rounds (or for as long, if it had fewer), or if a state, the history or forwarding has
not recovered at the end.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import click
import msgspec

from benchmarks.chaos_told import Told

MOST_TIMES = 2.0
TIMEOUT_SECONDS = 1_200.0


def day(seed: int, hours: float, *more: str) -> Told:
    """One, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.chaos_day", str(seed), str(hours), *more]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    try:
        return msgspec.json.decode(done.stdout, type=Told)
    except msgspec.DecodeError:
        wrong = [f"it ended with {done.returncode}: {done.stderr.decode()[-700:]}"]
        return Told(seed, 0, 0, 0, 0.0, 0, {}, wrong)


def spins(told: Told, calm: Told) -> Sequence[str]:
    """What it needs too much of, for its rounds and for its time: pages, metrics and forwarding
    take as much when far ends hang and few rounds are made, and a quicker schedule makes more."""
    if not (told.rounds and calm.rounds):
        return ()
    most = max(1.0, told.rounds / calm.rounds)
    found = (
        ("CPU", told.cpu_seconds / calm.cpu_seconds / most),
        ("turns of the loop", told.turns / calm.turns / most),
    )
    return [f"{times:.1f} times the {what}" for what, times in found if times > MOST_TIMES]


@click.command(help=__doc__)
@click.option("--seeds", default=200, type=click.IntRange(min=1))
@click.option("--first", default=1, help="The first seed.")
@click.option("--hours", default=24.0)
@click.option("--jobs", default=1, help="Days at once.")
def main(seeds: int, first: int, hours: float, jobs: int) -> None:
    """Run and print."""
    calm = day(0, hours, "--calm")
    acts: Counter[str] = Counter()
    failed = rounds = acknowledged = lost = 0
    most = 0.0
    with ThreadPoolExecutor(jobs) as pool:
        for told in pool.map(lambda seed: day(seed, hours), range(first, first + seeds)):
            wrong = [*told.wrong, *spins(told, calm)]
            failed += bool(wrong)
            acts.update(told.acts)
            rounds, acknowledged = rounds + told.rounds, acknowledged + told.acknowledged
            lost += told.lost
            if told.rounds:
                most = max(most, told.cpu_seconds / told.rounds)
            print(
                f"seed {told.seed}: {told.rounds} rounds, {told.lost} lost, "
                f"{1e3 * told.cpu_seconds / max(told.rounds, 1):.1f} ms of CPU each",
                flush=True,
            )
            if wrong:
                print(f"  {told.acts}", *dict.fromkeys(wrong), sep="\n  ", flush=True)
    print(f"{seeds} days of {hours:g} h: {rounds} rounds, {acknowledged} acknowledged, {lost} lost")
    print(f"done to them: {dict(sorted(acts.items()))}")
    print(
        f"CPU per round: calm {1e3 * calm.cpu_seconds / max(calm.rounds, 1):.1f} ms, "
        f"the most {1e3 * most:.1f} ms"
    )
    print(f"{failed} of {seeds} days with something wrong; calm: {calm.wrong or 'nothing'}")
    sys.exit(1 if failed or calm.wrong else 0)


if __name__ == "__main__":
    main()
