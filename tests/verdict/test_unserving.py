"""Which controls are replaced: dead or slow by themselves, not with their operator or line."""

from __future__ import annotations

from math import log

from probe.model.identity import Family, LegRole
from probe.observe.effort import Measure
from probe.verdict.about import ControlFacts
from probe.verdict.line.unserving import DEAD_SECONDS, SLOW, unserving
from probe.verdict.normal.level import Level
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import Series, family_key
from probe.verdict.remembered.memory import Memory

NOW = 1_800_000_000.0
CONTROLS = [
    ControlFacts(name=f"{site}/object", operator=operator)
    for site, operator in (
        ("a1", "A"), ("a2", "A"), ("b1", "B"), ("b2", "B"), ("c", "C"), ("d", "D"), ("e", "E"),
    )
]  # fmt: skip


def remembered(
    silent: dict[str, float] | None = None, slow: dict[str, float] | None = None
) -> Memory:
    """A line on which these sites are silent for so many seconds, and these so many times slower
    than the others."""
    silent, slow = silent or {}, slow or {}
    controls = {
        family_key(Family.IPV4, one.name): ControlMemory(
            answered_at=NOW - 600.0 if one.name[:-7] not in silent else 1.0,
            silent_since=NOW - silent[one.name[:-7]] if one.name[:-7] in silent else 0.0,
        )
        for one in CONTROLS
    }
    levels = {
        Series(Family.IPV4, LegRole.CONTROL, one.name[:-7], "object", Measure.TRANSFER).key: Level(
            values=(0.0,) * 20,
            centre=log(1e-6 * slow.get(one.name[:-7], 1.0)),
            spread=0.1,
            seen=100,
            began_at=NOW - 900_000.0,
        )
        for one in CONTROLS
    }
    return Memory(controls=controls, levels=levels)


def test_all_serve() -> None:
    assert unserving([remembered()], CONTROLS, NOW) == ()
    assert unserving([Memory()], CONTROLS, NOW) == ()
    assert unserving([], CONTROLS, NOW) == ()


def test_a_site_that_is_dead_by_itself_is_replaced_after_days() -> None:
    long, short = DEAD_SECONDS + 1.0, DEAD_SECONDS - 1.0
    assert unserving([remembered({"a1": long})], CONTROLS, NOW) == ("a1",)
    assert unserving([remembered({"c": long})], CONTROLS, NOW) == ("c",)
    assert unserving([remembered({"a1": short})], CONTROLS, NOW) == ()


def test_an_operators_trouble_is_no_sites_own() -> None:
    long = DEAD_SECONDS + 1.0
    assert unserving([remembered({"a1": long, "a2": long})], CONTROLS, NOW) == ()
    assert unserving([remembered(slow={"a1": 50.0, "a2": 50.0})], CONTROLS, NOW) == ()


def test_a_dead_line_replaces_nobody() -> None:
    every = {one.name[:-7]: DEAD_SECONDS + 1.0 for one in CONTROLS}
    assert unserving([remembered(every)], CONTROLS, NOW) == ()


def test_a_site_that_is_far_slower_than_others_is_replaced() -> None:
    assert unserving([remembered(slow={"b1": SLOW * 1.1})], CONTROLS, NOW) == ("b1",)
    assert unserving([remembered(slow={"b1": SLOW * 0.9})], CONTROLS, NOW) == ()


def test_one_that_serves_at_another_vantage_stays() -> None:
    bad = remembered({"a1": DEAD_SECONDS + 1.0}, {"d": 50.0})
    assert set(unserving([bad], CONTROLS, NOW)) == {"a1", "d"}
    assert unserving([bad, remembered()], CONTROLS, NOW) == ()
