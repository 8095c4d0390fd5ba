"""Keys come apart into what they were made of, are stored as ever, and are made in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from probe.model.identity import Family, LegRole
from probe.observe.effort import Measure
from probe.verdict.normal.level import learned
from probe.verdict.remembered import keys
from probe.verdict.remembered.keys import DIFFERENCE, RTT, Series
from probe.verdict.remembered.memory import Memory, PlatformMemory

NAMES = st.from_regex(r"[a-z0-9][a-z0-9./-]{0,20}", fullmatch=True)
FAMILIES = st.sampled_from(Family)
MEASURES = st.sampled_from(Measure)
ROLES = st.sampled_from([*LegRole, DIFFERENCE])


@given(st.builds(Series, FAMILIES, ROLES, NAMES, NAMES, MEASURES | st.just(RTT)))
def test_a_series_comes_back_from_its_key(series: Series) -> None:
    assert keys.parts(series.key) == series
    assert keys.measure_of(series.key) == series.measure


@given(MEASURES)
def test_the_noise_is_a_measures_and_no_endpoints(measure: Measure) -> None:
    assert keys.parts(keys.noise_key(measure)) is None
    assert keys.measure_of(keys.noise_key(measure)) == measure


@given(FAMILIES, NAMES, MEASURES)
def test_so_do_names_of_a_family_and_targets_in_a_measure(
    family: Family, name: str, measure: Measure
) -> None:
    key = keys.family_key(family, name)
    assert (keys.family_of(key), keys.name_of(key)) == (family, name)
    assert keys.measured(keys.measure_key(family, name, measure)) == (family, name, measure)


@given(st.dictionaries(st.tuples(FAMILIES, NAMES), st.integers(), max_size=8))
def test_what_is_kept_of_a_family_is_its_own(kept: dict[tuple[Family, str], int]) -> None:
    stored = {keys.family_key(*key): value for key, value in kept.items()}
    for family in Family:
        own = {name: value for (of, name), value in kept.items() if of is family}
        assert dict(keys.of_family(stored, family)) == own


def test_what_older_versions_stored_is_read() -> None:
    old = b"""{"levels": {"ipv4|target|x|page|handshake": [[0.5], 0.5, 0.1, 1, 0.0],
                          "noise|transfer": [[0.5], 0.5, 0.1, 1, 0.0]},
              "controls": {"ipv6|control-a/object": {"answered_at": 5.0}},
              "platforms": {"x": {"limbo": {"ipv4|page|long": 7.0}}}}"""
    memory = msgspec.json.decode(old, type=Memory)
    series = Series(Family.IPV4, LegRole.TARGET, "x", "page", Measure.HANDSHAKE)
    assert series.key in memory.levels
    assert keys.noise_key(Measure.TRANSFER) in memory.levels
    assert keys.family_key(Family.IPV6, "control-a/object") in memory.controls
    assert keys.measure_key(Family.IPV4, "page", Measure.LONG) in memory.platform("x").limbo


def test_what_is_stored_is_text() -> None:
    series = Series(Family.IPV4, DIFFERENCE, "x", "page", Measure.LONG)
    mine = PlatformMemory(paces={keys.family_key(Family.IPV6, "page"): (1.0,)})
    memory = Memory(levels={series.key: learned(None, 0.5, 0.0)}, platforms={"x": mine})
    stored = msgspec.json.encode(memory)
    assert b'"ipv4|difference|x|page|long"' in stored
    assert b'"ipv6|page"' in stored


def test_nobody_else_puts_a_key_together() -> None:
    room = Path(keys.__file__).parent
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted(room.glob("*.py"))
        if path.name != "keys.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "|" in node.value
        if " " not in node.value  # else a sentence, or a table of Markdown
    ]
    assert not found
