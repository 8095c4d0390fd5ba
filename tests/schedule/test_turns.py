"""Families take turns in each kind of round for itself."""

from __future__ import annotations

from collections import Counter

from probe.config import load
from probe.model.identity import Family, RoundKind
from probe.schedule.round_grid import slots
from probe.schedule.turns import Turns

KINDS = (RoundKind.LIGHT, RoundKind.TRANSFER)


def test_each_family_gets_rounds_of_each_kind() -> None:
    turns, first, second = Turns(), *slots(load(None, {}))[:2]
    made = Counter(
        (slot, kind, turns.next(tuple(Family), slot, kind))
        for _ in range(10)
        for kind in KINDS
        for slot in (first, second)
    )
    assert set(made.values()) == {5}
    assert len(made) == 2 * len(KINDS) * len(Family)


def test_one_family_needs_no_turns() -> None:
    turns, slot = Turns(), slots(load(None, {}))[0]
    assert {turns.next((Family.IPV6,), slot, kind) for kind in KINDS} == {Family.IPV6}
