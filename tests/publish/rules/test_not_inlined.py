"""Why rules read what rules recorded, and no single expression takes the place of them all: for
engines in which a rule sees what another one recorded only at its next evaluation."""

from __future__ import annotations

import re

from probe.config import load
from probe.config.schema import NationConfig
from probe.publish.rules.recording_rules import recordings

PLATFORMS = tuple(platform.name for platform in load(None, {}).platforms)
RULES = tuple(recordings(NationConfig(), PLATFORMS, {}))
EXPRESSIONS: dict[str, list[str]] = {}
for rule in RULES:
    EXPRESSIONS.setdefault(rule.record, []).append(rule.expr)
NAMES = re.compile("|".join(map(re.escape, sorted(EXPRESSIONS, key=len, reverse=True))))
READS_A_RANGE_OF = re.compile(rf"({NAMES.pattern})(\{{[^}}]*\}})?\[")


def read_by(name: str) -> list[str]:
    return [read for expression in EXPRESSIONS[name] for read in NAMES.findall(expression)]


RANGES = {
    found.group(1)
    for expressions in EXPRESSIONS.values()
    for expression in expressions
    for found in READS_A_RANGE_OF.finditer(expression)
}


def letters(name: str, known: dict[str, int], within: tuple[str, ...] = ()) -> int:
    """Of one expression for what ``name`` records, in which all that is recorded is written out,
    but for what is read over a time, or by itself."""
    if name not in known:
        own = sum(map(len, EXPRESSIONS[name]))
        others = [n for n in read_by(name) if n not in RANGES and n not in (*within, name)]
        known[name] = own + sum(letters(n, known, (*within, name)) for n in others)
    return known[name]


def test_some_rules_read_what_they_recorded_themselves() -> None:
    assert [name for name in EXPRESSIONS if name in read_by(name)]
    assert RANGES


def test_written_out_the_expressions_are_millions_of_letters() -> None:
    known: dict[str, int] = {}
    assert letters("country:throttlewatch_scope:code", known) > 1_000_000
    assert letters("country:throttlewatch_systematic:bool", known) > 100_000_000
