"""Every scenario on one line, drawn, with the real daemon.

The seed is printed, and ``LAB_SEED`` sets it: a change is judged by the lines and parameters that
the change before it was judged by; the matrix (``python -m lab scenarios``) draws new ones.
Labs run side by side, as they mostly wait. On two cores that can disturb what the daemon sees, so
a run that was wrong, or whose box was late, is done again when few others are left, and then it
counts.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from lab.requires import refuse
from lab.scenario.host import faketime_library
from lab.scenario.many import AT_ONCE, Failed, Twice, drawn_runs
from lab.scenario.play import Outcome
from lab.scenario.report import console, table
from scenarios.lines import LINES
from scenarios.model import ClockStepped, Scenario
from scenarios.table import BESIDE_TCP, BY_ID, SCENARIOS

# The tests wait for runs that began together: a test's own time says nothing.
pytestmark = [
    pytest.mark.lab,
    pytest.mark.usefixtures("requires_lab"),
    pytest.mark.timeout(900),
]
SEED = int(os.environ.get("LAB_SEED") or 20_240_120)
# They cost three times what the others do: the name that is dropped, and another one, drawn.
OVER_QUIC = ("quic-name-dropped", random.Random(SEED).choice([s.id for s in BESIDE_TCP[1:]]))
PLAYED = (*SCENARIOS, *(BY_ID[name] for name in OVER_QUIC))
Results = dict[str, Future[tuple[Outcome | Failed, ...]]]


@pytest.fixture(scope="module")
def results(requires_lab: None, request: pytest.FixtureRequest) -> Iterator[Results]:
    wanted = {item.callspec.params["scenario"].id
              for item in request.session.items
              if item.path == request.path and hasattr(item, "callspec")}  # fmt: skip
    runs = drawn_runs((s for s in PLAYED if s.id in wanted), LINES, seed=SEED)
    play = Twice(len(runs))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {run.scenario.id: pool.submit(play, run) for run in runs}
        # ^C, or -x: what has not begun need not.
        pool.shutdown(wait=False, cancel_futures=True)


@pytest.mark.parametrize("scenario", PLAYED, ids=lambda one: one.id)
def test_the_daemon_says_what_is_right(scenario: Scenario, results: Results) -> None:
    if faketime_library() is None and any(
        isinstance(each, ClockStepped) for happens in scenario.alternatives for each in happens
    ):
        refuse("a clock that can be set needs faketime")
    if scenario.quic:
        pytest.importorskip("aioquic")
    print(f"LAB_SEED={SEED}")
    outcomes = results[scenario.id].result()
    console().print(table(outcomes))
    outcome = outcomes[-1]
    assert not isinstance(outcome, Failed), outcome.error
    assert not outcome.late, outcome.late
    assert {key: j.wrong for key, j in outcome.judgements.items() if j.wrong} == {}
