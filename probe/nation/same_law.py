"""In how many networks a throttle works alike: then one kind of box may be there. Pure.

It is said beside a finding, of what this daemon's own vantages found; it makes no finding and
changes no scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from probe.model.finding import Finding, FindingKind
from probe.model.law import Law
from probe.nation.sight import Reading
from probe.verdict.law.known_laws import alike

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
    if not finding.same_law:
        return ""
    return f"In {finding.same_law} networks the throttle works alike, as one kind of box would."


def _most(found: Sequence[tuple[int | None, Law]]) -> int:
    """The most networks whose laws are all like one of them."""
    return max((len({asn for asn, its in found if alike(law, its)}) for _, law in found), default=0)
