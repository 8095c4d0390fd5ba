"""What Python and Prometheus say is the same, at every step of random histories.

``python -m tests.nation.parity 2000`` does the same with as many histories as one likes.
"""

from __future__ import annotations

import time
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

LEAST, MOST, SECONDS = 100, 300, 30.0


@pytest.mark.timeout(240)
def test_prometheus_says_what_python_says(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    begun = time.monotonic()
    compared = 0
    scopes, systematic = set(), 0
    for config, several in batches(MOST, seed=100_001):
        differ, printed = run(tmp_path, several, config)
        assert not differ, f"seeds {differ} under {config}:\n{printed[:8_000]}"
        compared += len(several)
        for one in several:
            for findings in findings_of(one, config):
                scopes |= {f.scope for f in findings}
                systematic += sum(f.systematic for f in findings)
        if compared >= LEAST and time.monotonic() - begun > SECONDS:
            break
    assert len(scopes) == 6, "the histories must reach every scope"
    assert systematic > 0


def test_a_difference_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("promtool", "prometheus")
    several = [history(seed) for seed in range(1, 31)]
    config = replace(thresholds(Random(1)), min_share=0.5, min_networks=2, weights={})
    assert run(tmp_path, several, config)[0] == []
    # Rules to which a network of which half is affected is fine, instead of neither.
    monkeypatch.setattr(
        promtool, "dump", lambda value: dump(value).replace("* 2 == asn:", "* 2 == -asn:")
    )
    assert run(tmp_path, several, config)[0]
