"""In how many networks a throttle works alike: then one kind of box may be there. Pure.

It is said beside a finding, of what this daemon's own vantages found; it makes no finding and
changes no scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from probe.model.finding import Finding, FindingKind
from probe.model.law import Law
from probe.nation.sight import Reading
from probe.verdict.law.known_laws import KNOWN, alike
from probe.verdict.words.words_law import law_words

LEAST_NETWORKS = 2


def with_same_law(findings: Iterable[Finding], readings: Sequence[Reading]) -> tuple[Finding, ...]:
    """``findings``, those of restrictions over TCP with how many of their networks are alike."""
    return tuple(_told(finding, readings) for finding in findings)


def _told(finding: Finding, readings: Sequence[Reading]) -> Finding:
    if finding.kind is not FindingKind.RESTRICTED or finding.transport:
        return finding
    count = _most(
        [
            (reading.vantage.asn, reading.law)
            for reading in readings
            if reading.law is not None
            and reading.platform == finding.platform
            and reading.vantage.country == finding.country
            and reading.drill is finding.drill
            and reading.vantage.asn in finding.affected_asns
        ]
    )
    return finding if count < LEAST_NETWORKS else replace(finding, same_law=count)


def same_law_words(finding: Finding) -> str:
    """What that means, for a person; empty: nothing is known of it."""
    return alike_words(finding.same_law)


def alike_words(networks: int) -> str:
    """What it means that a throttle works alike in so many networks; empty: in one is nothing."""
    if networks < LEAST_NETWORKS:
        return ""
    return f"In {networks} networks the throttle works alike, as one kind of box would."


class LawGroup(Struct, frozen=True):
    """Networks in which a throttle works alike, and how, in sentences."""

    asns: tuple[int, ...]
    sentence: str


def law_groups(laws: Iterable[tuple[int, Law]]) -> tuple[LawGroup, ...]:
    """Networks together whose ``laws`` are alike, the largest group first; each is told by the one
    that rests on the most reads."""
    groups: list[list[tuple[int, Law]]] = []
    for asn, law in sorted(laws, key=lambda one: (-one[1].reads, one[0])):
        with_it = next((several for several in groups if alike(several[0][1], law)), None)
        if with_it is None:
            groups.append([(asn, law)])
        else:
            with_it.append((asn, law))
    groups.sort(key=lambda several: (-len(several), several[0][0]))
    return tuple(
        LawGroup(
            tuple(sorted(asn for asn, _ in several)),
            " ".join(filter(None, (law_words(several[0][1]), alike_words(len(several))))),
        )
        for several in groups
    )


def reported_like(said: str) -> str:
    """``said``, if it is the id of a law that was reported; else nothing."""
    return said if said in {one.id for one in KNOWN} else ""


def _most(found: Sequence[tuple[int | None, Law]]) -> int:
    """The most networks whose laws are all like one of them."""
    return max((len({asn for asn, its in found if alike(law, its)}) for _, law in found), default=0)
