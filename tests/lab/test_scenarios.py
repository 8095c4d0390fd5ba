"""Every scenario on one line, drawn, with the real daemon.

The seed is printed, and ``LAB_SEED`` sets it. Labs run side by side, as they mostly wait; the box
says whether the machine kept up, and a run with a late box is done again, alone.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import pytest

from tests.lab.requires import refuse
from tests.lab.scenario.host import faketime_library
from tests.lab.scenario.many import AT_ONCE, Failed, drawn_runs, one
from tests.lab.scenario.play import Outcome
from tests.lab.scenario.report import console, table
from tests.scenarios.lines import LINES
from tests.scenarios.model import ClockStepped, Scenario
from tests.scenarios.table import SCENARIOS

# The tests wait for runs that began together: a test's own time says nothing.
pytestmark = [
    pytest.mark.lab,
    pytest.mark.usefixtures("requires_lab"),
    pytest.mark.timeout(900),
]
SEED = int(os.environ.get("LAB_SEED") or secrets.randbelow(1_000_000))
Results = dict[str, Future[Outcome | Failed]]
alone = Lock()


@pytest.fixture(scope="module")
def results(requires_lab: None, request: pytest.FixtureRequest) -> Iterator[Results]:
    wanted = {item.callspec.params["scenario"].id
              for item in request.session.items
              if item.path == request.path and hasattr(item, "callspec")}  # fmt: skip
    runs = drawn_runs((s for s in SCENARIOS if s.id in wanted), LINES, seed=SEED)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {run.scenario.id: pool.submit(one, run) for run in runs}
        # ^C, or -x: what has not begun need not.
        pool.shutdown(wait=False, cancel_futures=True)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_the_daemon_says_what_is_right(scenario: Scenario, results: Results) -> None:
    if faketime_library() is None and any(
        isinstance(each, ClockStepped) for happens in scenario.alternatives for each in happens
    ):
        refuse("a clock that can be set needs faketime")
    outcome = results[scenario.id].result()
    if isinstance(outcome, Outcome) and outcome.late:
        with alone:
            (run,) = drawn_runs([scenario], LINES, seed=SEED)
            outcome = one(run)
    print(f"LAB_SEED={SEED}")
    console().print(table([outcome]))
    assert not isinstance(outcome, Failed), outcome.error
    assert not outcome.late, outcome.late
    assert {key: j.wrong for key, j in outcome.judgements.items() if j.wrong} == {}
