"""Many scenarios, a few labs side by side: they mostly wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from random import Random
from threading import Condition

from msgspec import Struct

from lab.scenario.play import Outcome, play
from scenarios.model import LineKind, Restricted, Scenario

# Each lab needs about a fifteenth of a core; the box must never wait for one.
AT_ONCE = 14
# So few others do not disturb a run that is made again.
FEW = 3
# What a program of the lab complains of may be thousands of lines.
MOST_TEXT = 1_000


class Run(Struct, frozen=True, kw_only=True):
    """A scenario on a line, with the seed that draws its parameters. ``keep``: a folder for the
    daemon's history."""

    scenario: Scenario
    line: LineKind
    seed: int
    broken: str | None = None
    keep: Path | None = None


class Failed(Struct, frozen=True, kw_only=True):
    """A run that came to no outcome."""

    run: Run
    error: str


def drawn_runs(
    scenarios: Iterable[Scenario], lines: dict[str, LineKind], *, seed: int
) -> list[Run]:
    """Each scenario on one of its lines, drawn."""
    made = []
    for scenario in scenarios:
        name = Random(f"{seed}/{scenario.id}").choice(scenario.lines)
        made.append(Run(scenario=scenario, line=lines[name], seed=seed))
    return slow_first(made)


def slow_first(runs: list[Run]) -> list[Run]:
    """The runs that will take longest first, so that the end has no straggler."""

    def size(run: Run) -> int:
        scenario = run.scenario
        # YouTube has twice the targets of the others, and whatever is slow is tested in bursts.
        targets = len(scenario.platforms) + ("youtube" in scenario.platforms)
        vantages = 1 + scenario.abroad + scenario.neighbour
        tested = scenario.finds or any(
            isinstance(each, Restricted) for happens in scenario.alternatives for each in happens
        )
        rounds = scenario.calm_rounds + scenario.lasts_rounds
        return targets * vantages * rounds * (2 if tested else 1)

    return sorted(runs, key=size, reverse=True)


def every_run(scenarios: Iterable[Scenario], lines: dict[str, LineKind], *, seed: int) -> list[Run]:
    """Each scenario on each of its lines that is among ``lines``."""
    return slow_first(
        [
            Run(scenario=scenario, line=lines[name], seed=seed)
            for scenario in scenarios
            for name in scenario.lines
            if name in lines
        ]
    )


def outcomes(runs: Sequence[Run], *, at_once: int = AT_ONCE) -> Iterator[Outcome | Failed]:
    """All of them, as they end. A run whose box was late is tried once more, alone at the end."""
    late: list[Run] = []
    with ThreadPoolExecutor(at_once) as pool:
        waiting = {pool.submit(one, run): run for run in runs}
        for done in as_completed(waiting):
            outcome = done.result()
            if isinstance(outcome, Outcome) and outcome.late:
                late.append(waiting[done])
            else:
                yield outcome
    for run in late:
        yield one(run)


class Twice:
    """Runs that were wrong, or whose box was late, are made again when nothing is left to begin and
    few others are left to disturb them."""

    def __init__(self, runs: int) -> None:
        self._left = runs
        self._active = 0
        self._changed = Condition()

    def __call__(self, run: Run) -> tuple[Outcome | Failed, ...]:
        """The outcomes of a run: one, or the wrong one and the one that counts."""
        with self._changed:
            self._left -= 1
            self._active += 1
        first = self._played(run)
        if isinstance(first, Outcome) and first.right:
            return (first,)
        with self._changed:
            self._changed.wait_for(self._quiet)
            self._active += 1
        return first, self._played(run)

    def _played(self, run: Run) -> Outcome | Failed:
        try:
            return one(run)
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def _quiet(self) -> bool:
        return not self._active or (not self._left and self._active <= FEW)


def one(run: Run) -> Outcome | Failed:
    """One run, whatever comes of it."""
    try:
        return play(run.scenario, run.line, seed=run.seed, broken=run.broken, keep=run.keep)
    except Exception as error:
        return Failed(run=run, error=f"{type(error).__name__}: {error}"[:MOST_TEXT])
