"""Vantages to networks: what the majority of a network's home and mobile lines says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

from msgspec import Struct

from probe.model.finding import FindingKind
from probe.model.identity import Vantage
from probe.nation.sight import AFFECTED, CLEAR, Reading, states_of


class Network(Struct, frozen=True, kw_only=True):
    """One network that was heard. ``onset`` is the median of its affected vantages' (``None``
    unless the network is affected); ``controls`` are those that its affected vantages were compared
    with (none unless the network is affected)."""

    asn: int
    affected: bool
    onset: float | None = None
    controls: frozenset[str] = frozenset()


def by_vantage(readings: Iterable[Reading]) -> dict[Vantage, tuple[Reading, ...]]:
    """A vantage may be heard twice, through two servers: it is one vantage all the same."""
    found: dict[Vantage, tuple[Reading, ...]] = {}
    for reading in readings:
        found[reading.vantage] = (*found.get(reading.vantage, ()), reading)
    return found


def says(readings: Iterable[Reading], kind: FindingKind) -> bool | None:
    """Whether a vantage is affected; ``None``: what it has says nothing of this kind."""
    states = states_of(readings)
    if states & AFFECTED[kind]:
        return True
    return False if states & CLEAR[kind] else None


def networks(
    heard: Mapping[Vantage, tuple[Reading, ...]], kind: FindingKind, known: frozenset[int]
) -> tuple[Network, ...]:
    """The networks among ``known`` that say something, by number. ``heard`` holds only vantages
    that count for their network."""
    votes: dict[int, list[bool]] = {}
    affected: dict[int, list[Reading]] = {}
    for vantage, readings in heard.items():
        said = says(readings, kind)
        if said is None or vantage.asn is None or vantage.asn not in known:
            continue
        votes.setdefault(vantage.asn, []).append(said)
        if said:
            affected.setdefault(vantage.asn, []).append(_latest(readings))
    return tuple(_network(asn, said, affected.get(asn, [])) for asn, said in sorted(votes.items()))


def _network(asn: int, votes: list[bool], affected: list[Reading]) -> Network:
    majority = 2 * sum(votes) > len(votes)
    return Network(
        asn=asn,
        affected=majority,
        onset=median(reading.since for reading in affected) if majority else None,
        controls=frozenset(name for reading in affected for name in reading.controls if majority),
    )


def _latest(readings: tuple[Reading, ...]) -> Reading:
    return max(readings, key=lambda reading: reading.since)
