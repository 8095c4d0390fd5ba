"""What Python and Prometheus say is the same, at every step of random histories.

``python -m tests.nation.parity 2000`` does the same with as many histories as one likes.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from lab.programs import need
from probe.config.dump import dump
from tests.nation import promtool
from tests.nation.histories import history, thresholds
from tests.nation.parity import batches
from tests.nation.promtool import findings_of, run

HISTORIES = 100


@pytest.mark.timeout(600)
def test_prometheus_says_what_python_says(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    scopes, systematic = set(), 0
    for config, several in batches(HISTORIES, seed=100_001):
        differ, printed = run(tmp_path, several, config)
        assert not differ, f"seeds {differ} under {config}:\n{printed[:8_000]}"
        for one in several:
            for findings in findings_of(one, config):
                scopes |= {f.scope for f in findings}
                systematic += sum(f.systematic for f in findings)
    assert len(scopes) == 6, "the histories must reach every scope"
    assert systematic > 0


def test_a_difference_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("promtool", "prometheus")
    several = [history(seed) for seed in range(1, 6)]
    config = replace(thresholds(Random(1)), min_share=0.5, min_networks=2, weights={})
    assert run(tmp_path, several, config)[0] == []
    # Rules to which a network of which half is affected is fine, instead of neither.
    monkeypatch.setattr(promtool, "dump", lambda value: dump(value).replace("!= 0.5", "!= -0.5"))
    assert run(tmp_path, several, config)[0]
