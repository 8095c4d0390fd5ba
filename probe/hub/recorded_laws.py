"""How throttles work, as an engine has it of vantages that are struck, network by network. Pure.

What a vantage says is its word: numbers that are none, and words that are not ours, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

from probe.hub.engine_query import RecordedSeries
from probe.hub.ledger import NetworkLaw, PublicIncident
from probe.hub.recorded_findings import MEASURED
from probe.model.finding import FindingKind
from probe.model.law import Amount, Between, Law, LawEffect, Reach, Unit
from probe.nation.same_law import reported_like
from probe.publish.metrics import metric_names_law as names
from probe.publish.rules import affected_rules

AsksNow = Callable[[str], tuple[RecordedSeries, ...]]
"""The series of a query as they are now."""
STRUCK_QUERY = f'{affected_rules.AFFECTED_VANTAGE}{{{MEASURED}, kind="restricted"}} == 1'
LAWS_QUERY = (
    f'{{__name__=~"{"|".join(spec.name for spec in names.METRICS)}", {MEASURED}}}\n'
    f"and on (vantage, platform) ({STRUCK_QUERY})"
)
FoundLaws = Mapping[tuple[str, str], Mapping[int, Law]]
"""By country and platform, and by network."""
MOST_READS = 1_000_000


class _Said(Struct, kw_only=True):
    """What one vantage says of one platform's throttle."""

    words: Mapping[str, str] = {}
    numbers: dict[tuple[str, str, str], float] = {}

    def span(self, name: str, counts: str = "") -> Between | None:
        low, high = (self.numbers.get((name, counts, bound)) for bound in ("low", "high"))
        return None if low is None or high is None or not 0 <= low <= high else Between(low, high)


def learnt(one: PublicIncident, found: FoundLaws) -> PublicIncident:
    """The incident, with what was ``found`` of its networks: what was known of one before stays
    until it is known anew."""
    incident = one.incident
    if incident.kind is not FindingKind.RESTRICTED or incident.closed_at is not None:
        return one
    laws = {known.asn: known.law for known in one.laws}
    own = {evidence.asn for evidence in one.evidence}
    new = found.get((incident.country, incident.platform), {})
    laws |= {asn: law for asn, law in new.items() if asn in own}
    return replace(one, laws=tuple(NetworkLaw(asn, law) for asn, law in sorted(laws.items())))


def laws_of(asks: AsksNow) -> FoundLaws:
    """What vantages that are struck say now: of several in a network, that which rests on the most
    reads."""
    said: dict[tuple[str, str], _Said] = {}
    for series in asks(LAWS_QUERY):
        labels, value = series.metric, series.newest
        if value is None or not isfinite(value):
            continue
        of = said.setdefault((labels.get("vantage", ""), labels.get("platform", "")), _Said())
        name = labels.get("__name__", "")
        if name == names.INFO.name:
            of.words = labels
        else:
            of.numbers[name, labels.get("counts", ""), labels.get("bound", "")] = value
    found: dict[tuple[str, str], dict[int, Law]] = {}
    for series in asks(STRUCK_QUERY):
        labels = series.metric
        of_it = said.get((labels.get("vantage", ""), labels.get("platform", "")))
        law = None if of_it is None else _law(of_it)
        asn_said = labels.get("asn", "")
        if law is None or not (asn_said.isascii() and asn_said.isdecimal()):
            continue
        place, asn = (labels.get("country", ""), labels.get("platform", "")), int(asn_said)
        before = found.setdefault(place, {}).get(asn)
        if before is None or (law.reads, repr(law)) > (before.reads, repr(before)):
            found[place][asn] = law
    return found


def _law(said: _Said) -> Law | None:
    words, reads = said.words, said.numbers.get((names.READS.name, "", ""), 0.0)
    if not 1 <= reads <= MOST_READS:
        return None
    after = [
        Amount(unit, span)
        for unit, spec, counts in (
            (Unit.BYTES, names.BYTES, ""),
            (Unit.PACKETS, names.PACKETS, Unit.PACKETS.value),
            (Unit.PACKETS_DOWN, names.PACKETS, Unit.PACKETS_DOWN.value),
            (Unit.SECONDS, names.SECONDS, ""),
        )
        if (span := said.span(spec.name, counts)) is not None
    ]
    with suppress(ValueError):
        return Law(
            effect=LawEffect(words.get("effect", "")),
            reads=int(reads),
            at=0.0,  # no series has it
            after=tuple(after),
            from_start=words.get("counts") == names.NOTHING,
            bytes_per_second=said.span(names.RATE.name),
            reach=Reach(words["reach"]) if words.get("reach") else None,
            like=reported_like(words.get("like", "")),
        )
    return None
