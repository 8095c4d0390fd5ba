"""How old the evidence is that a target still gives what it should."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from probe.config.candidates import candidates_of
from probe.config.definition import Definition

MONTHS_A_YEAR = 12


class OldEvidence(Struct, frozen=True, order=True):
    """An object of a target: ``where`` it is (a URL or the page that names it), and the ``month``
    (``2026-11``) in which it was last looked up (empty: nobody has written that down)."""

    month: str
    definition: str
    target: str
    where: str


def older(definitions: Iterable[Definition], months: int, now: str) -> tuple[OldEvidence, ...]:
    """What was looked up more than ``months`` before the month ``now``, the oldest first."""
    found = {
        OldEvidence(
            one.evidence or "",
            definition.name,
            target.name,
            one.url or (one.discover.page if one.discover is not None else ""),
        )
        for definition in definitions
        for target in definition.targets
        for one in candidates_of(target)
        if one.evidence is None or _count(now) - _count(one.evidence) > months
    }
    return tuple(sorted(found))


def _count(month: str) -> int:
    year, _, number = month.partition("-")
    return MONTHS_A_YEAR * int(year) + int(number)
