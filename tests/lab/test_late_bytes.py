"""What a policer drops is sent again, and what came behind it waits in the kernel: a leg has to
count that time, although the kernel's stamps of those segments are from before."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import msgspec
import pytest

from lab.scenario.setting import changed, setting
from scenarios.lines import DSL
from scenarios.model import ABROAD
from scenarios.table import BY_ID

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab"), pytest.mark.timeout(240)]
ROUNDS = 3
UNTOLD_SECONDS = 1.0
"""A leg does a little between its phases. A drop costs more than two seconds here."""


def test_the_phases_of_a_policed_leg_are_all_of_its_time() -> None:
    random = Random("7/russia-2021-twitter/dsl")
    drawn = BY_ID["russia-2021-twitter"].drawn(random)
    reads = []
    with setting(drawn, DSL, random=random) as made, made.lab.control() as box:
        once = [sys.executable, "-m", "probe", "once", "--json", "-c", str(made.main_file)]
        with changed(drawn, made, box, random):
            for _ in range(ROUNDS):
                done = made.lab.exec(once)
                assert done.returncode == 0, done.stderr
                reads += _reads(msgspec.json.decode(done.stdout))
    assert len(reads) >= ROUNDS
    for leg in reads:
        assert leg["duration_seconds"] - sum(leg["phases"].values()) < UNTOLD_SECONDS
        assert leg["tcp"]["out_of_order"]


def _reads(printed: Any) -> list[Any]:
    """The legs that read from the platform, on the line that is policed."""
    legs = [leg for one in printed["rounds"] if one["vantage"] != ABROAD for leg in one["legs"]]
    return [leg for leg in legs if leg["leg"]["role"] == "target" and leg["body_bytes"] == 65_536]
