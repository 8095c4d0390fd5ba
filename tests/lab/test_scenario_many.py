"""A wrong run is made again when few others are left to disturb it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from lab.box.spec import Stats
from lab.scenario import many
from lab.scenario.curl import Seen
from lab.scenario.many import FEW, Run, Twice
from lab.scenario.play import Outcome
from scenarios.lines import LINES
from scenarios.table import SCENARIOS

SEEN = Seen(code="206", bytes=65_536, seconds=0.5, tls=0.1, exit=0)
SIDE_BY_SIDE = 6


class Labs:
    """In place of real ones: notes how many were there, and is late on the first try."""

    def __init__(self, late: set[str]) -> None:
        self._late = late
        self._lock = Lock()
        self._now = 0
        self.beside: dict[str, list[int]] = {}

    def one(self, run: Run) -> Outcome:
        name = run.scenario.id
        with self._lock:
            self._now += 1
            tries = self.beside.setdefault(name, [])
            tries.append(self._now - 1)
        time.sleep(0.01)  # so that they are side by side
        with self._lock:
            self._now -= 1
        late = "late" if name in self._late and len(tries) == 1 else ""
        return Outcome(
            scenario=run.scenario,
            line=run.line,
            asked="",
            before=SEEN,
            during=SEEN,
            moments={},
            judgements={},
            stats=Stats(),
            seconds=0.0,
            late=late,
        )


@pytest.mark.parametrize("wrong", [0, 1, 2, 12])
def test_a_wrong_run_is_made_again_and_counts(wrong: int, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [Run(scenario=s, line=LINES["fibre"], seed=1) for s in SCENARIOS[:12]]
    late = {run.scenario.id for run in runs[:wrong]}
    labs = Labs(late)
    monkeypatch.setattr(many, "one", labs.one)
    play = Twice(len(runs))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        outcomes = {run.scenario.id: pool.submit(play, run) for run in runs}
        found = {name: future.result(timeout=10.0) for name, future in outcomes.items()}
    for name, tries in found.items():
        assert len(tries) == (2 if name in late else 1)
        assert isinstance(tries[-1], Outcome)
        assert tries[-1].right
        assert max(labs.beside[name][1:], default=0) <= FEW
