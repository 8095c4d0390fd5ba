"""The named situations: Python says the right thing, and Prometheus the same at every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.programs import need
from probe.config.schema import NationConfig
from probe.model.finding import Finding, FindingKind
from tests.nation.histories import STEP, History
from tests.nation.named import Named, scenarios
from tests.nation.promtool import findings_of, run

DEFAULTS = NationConfig()


def of_x(history: History, kind: FindingKind = FindingKind.RESTRICTED) -> list[Finding]:
    return [
        finding
        for step in findings_of(history, DEFAULTS)
        for finding in step
        if finding.platform == "x" and finding.kind is kind
    ]


@pytest.mark.parametrize("named", scenarios(), ids=lambda named: named.title)
def test_what_python_says(named: Named) -> None:
    found = of_x(named.history)
    assert found[-1].scope.value == named.ends
    assert found[-1].systematic is named.systematic
    assert not {finding.scope.value for finding in found} & named.never


def test_prometheus_says_the_same(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    every = scenarios()
    differ, printed = run(tmp_path, [named.history for named in every], DEFAULTS)
    assert not differ, printed[:8_000]


def test_a_cut_line_is_a_finding_of_its_own() -> None:
    cut = next(n for n in scenarios() if n.title == "the line of one network is cut")
    assert of_x(cut.history, FindingKind.OFFLINE)[-1].scope.value == "network"


def test_wrong_clocks_move_no_onset() -> None:
    right, wrong = (
        of_x(named.history)[-1]
        for named in scenarios()
        if named.title.startswith(("staggered", "clocks"))
    )
    assert right.since == wrong.since == 5 * STEP
    assert right.onset_spread_seconds == wrong.onset_spread_seconds == 4 * STEP
