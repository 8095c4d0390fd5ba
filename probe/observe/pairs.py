"""Ratios of the legs of one round: each target over its controls, and over its swap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from typing import Literal

from msgspec import Struct

from probe.model.identity import LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.goodput import goodput, handshake_seconds

PairMeasure = Literal["goodput", "handshake"]

_MEASURES: tuple[tuple[PairMeasure, Callable[[LegObservation], float | None]], ...] = (
    ("goodput", goodput),
    ("handshake", handshake_seconds),
)


class Ratio(Struct, frozen=True, kw_only=True):
    """``value`` is the target's number over the other legs' (their median, when several).

    Goodput below 1 and handshake above 1 mean that the target was slower. ``versus`` is
    ``LegRole.CONTROL`` or ``LegRole.SWAP``.
    """

    target: str
    versus: LegRole
    measure: PairMeasure
    value: float


def _values(
    legs: Iterable[LegObservation], number: Callable[[LegObservation], float | None]
) -> list[float]:
    return [value for value in map(number, legs) if value is not None and value > 0.0]


def ratios(observed: RoundObservation) -> tuple[Ratio, ...]:
    """Every ratio that the round's legs allow; a missing leg leaves its ratios out."""
    found = []
    controls = observed.by_role(LegRole.CONTROL)
    swaps = observed.by_role(LegRole.SWAP)
    for leg in observed.by_role(LegRole.TARGET):
        own_swaps = [s for s in swaps if s.leg.target == leg.leg.target]
        others: tuple[tuple[LegRole, Iterable[LegObservation]], ...] = (
            (LegRole.CONTROL, controls),
            (LegRole.SWAP, own_swaps),
        )
        for versus, legs in others:
            for measure, number in _MEASURES:
                mine, theirs = number(leg), _values(legs, number)
                if mine is not None and mine > 0.0 and theirs:
                    found.append(
                        Ratio(
                            target=leg.leg.target,
                            versus=versus,
                            measure=measure,
                            value=mine / median(theirs),
                        )
                    )
    return tuple(found)
