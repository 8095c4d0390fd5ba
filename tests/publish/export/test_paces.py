"""How fast targets are beside other sites, as one line tells it and as many do."""

from __future__ import annotations

import json
import math
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.cli import main
from probe.config import load
from probe.model.identity import LegRole
from probe.model.stored import StoredRound
from probe.publish.export.export_paces import pace_lines, shares_of
from probe.verdict.about import control_facts
from synth.event import DAY, ONSET, WEEK, history
from tests.store.test_writer import a_store, keep

FOREIGN = {"debian/object"}
paces = runpy.run_path(str(Path(__file__).parents[3] / "tools" / "paces.py"))["paces"]


def of_days(days: float, begin: float = WEEK) -> list[StoredRound]:
    return list(history(begin, begin + days * DAY, platforms=("x",), light_seconds=900.0))


def test_a_line_is_a_vantage_and_says_nothing_of_it() -> None:
    lines = [json.loads(line) for line in pace_lines(of_days(5.0), FOREIGN, ["x/script"])]
    assert len(lines) == 5
    for line in lines:
        assert list(line) == ["x/script"]
        # Two of the five had trouble of their own on one day.
        assert line["x/script"]["days"] in (4, 5)
        assert 0.8 <= line["x/script"]["share"] <= 1.0


def test_what_the_configuration_does_not_name_is_left_out() -> None:
    assert not list(pace_lines(of_days(3.0), FOREIGN, ["x/page"]))


def test_a_day_on_which_it_was_not_well_tells_nothing() -> None:
    day = WEEK + math.floor((ONSET - WEEK) / DAY) * DAY
    assert set(shares_of(of_days(1.0, day), FOREIGN)) == {"abroad", "vps"}


def test_beside_nobody_abroad_nothing_is_told() -> None:
    assert not shares_of(of_days(1.0), ())


def test_a_target_that_is_ten_times_slower_has_a_tenth() -> None:
    def slowed(one: StoredRound) -> StoredRound:
        legs = tuple(
            replace(leg, body_bytes=leg.body_bytes // 10)
            if leg.leg.role is LegRole.TARGET and leg.body_bytes
            else leg
            for leg in one.observed.legs
        )
        return replace(one, observed=replace(one.observed, legs=legs))

    rounds = of_days(1.0)
    before, after = shares_of(rounds, FOREIGN), shares_of(map(slowed, rounds), FOREIGN)
    for vantage, targets in after.items():
        (share,) = targets["x/script"]
        assert share == pytest.approx(before[vantage]["x/script"][0] / 10.0, rel=0.3)


def test_the_command_writes_it_of_what_is_configured(tmp_path: Path) -> None:
    config = load(None, {})
    control = next(one.name for one in control_facts(config) if one.foreign).partition("/")
    target = next(p for p in config.platforms if p.name == "x").targets[0].name
    named = {LegRole.TARGET: ("x", target), LegRole.CONTROL: (control[0], control[2])}

    def configured(one: StoredRound) -> StoredRound:
        legs = tuple(
            replace(leg, leg=replace(leg.leg, owner=owner, target=name))
            for leg in one.observed.legs
            if leg.leg.target in ("script", "object")
            for owner, name in [named.get(leg.leg.role, (leg.leg.owner, leg.leg.target))]
        )
        return replace(one, observed=replace(one.observed, legs=legs))

    store = a_store(tmp_path / "h")
    keep(store, *map(configured, of_days(3.0)))
    store.close(20)
    given = ["--history", str(tmp_path / "h"), "--from", "2026-01-15T00:00"]
    made = CliRunner().invoke(main, ["export", "-f", "paces", "-o", str(tmp_path / "out"), *given])
    assert made.exit_code == 0, made.output
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert lines
    assert all(list(line) == [f"x/{target}"] for line in lines)


def told(share: float) -> str:
    return json.dumps({"x/script": {"share": share, "days": 9}})


def test_nineteen_of_twenty_lines_reach_what_is_told() -> None:
    lines = [told(share / 100.0) for share in range(1, 21)]
    assert paces(lines, "2026-11") == ["x/script: {share: 0.020, lines: 20, evidence: 2026-11}"]
    assert paces(lines[1:], "2026-11") == []
