"""Vantages to networks: what the majority of a network's home and mobile lines says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from probe.model.finding import FindingKind
from probe.model.identity import Vantage
from probe.nation.abroad import Abroad
from probe.nation.sight import AFFECTED, CLEAR, NO_VOTE, Reading, states_of, upstream_of


class Network(Struct, frozen=True, kw_only=True):
    """One network that was heard. It is ``divided`` if exactly half of its vantages are affected:
    then it says neither, and counts as if it were not heard.

    ``onset`` is the median of its affected vantages', ``controls`` are those that they were
    compared with, ``upstreams`` theirs (nothing of this unless the network is affected).
    """

    asn: int
    affected: bool
    divided: bool = False
    onset: float | None = None
    controls: frozenset[str] = frozenset()
    upstreams: frozenset[str] = frozenset()


def by_vantage(readings: Iterable[Reading]) -> dict[Vantage, tuple[Reading, ...]]:
    """A vantage may be heard twice, through two servers: it is one vantage all the same."""
    found: dict[Vantage, tuple[Reading, ...]] = {}
    for reading in readings:
        found[reading.vantage] = (*found.get(reading.vantage, ()), reading)
    return found


def says(readings: Sequence[Reading], kind: FindingKind, abroad: Abroad) -> bool | None:
    """Whether a vantage is affected; ``None``: what it has says nothing of this kind."""
    if any(reading.reason in NO_VOTE for reading in readings):
        return None
    states = states_of(readings)
    affected = bool(states & AFFECTED[kind]) or abroad.bears(readings, kind)
    denies = bool(states & CLEAR[kind])
    if affected and denies:
        return None  # two servers hear it say opposite things: what it says is not known
    return affected if affected or denies else None


def networks(
    heard: Mapping[Vantage, tuple[Reading, ...]],
    kind: FindingKind,
    known: frozenset[int],
    abroad: Abroad,
) -> tuple[Network, ...]:
    """The networks among ``known`` of which something is said, by number, divided ones too.
    ``heard`` holds only vantages that count for their network."""
    votes: dict[int, list[bool]] = {}
    affected: dict[int, list[Reading]] = {}
    for vantage, readings in heard.items():
        said = says(readings, kind, abroad)
        if said is None or vantage.asn is None or vantage.asn not in known:
            continue
        votes.setdefault(vantage.asn, []).append(said)
        if said:
            affected.setdefault(vantage.asn, []).append(_latest(readings))
    return tuple(
        _network(asn, several, affected.get(asn, [])) for asn, several in sorted(votes.items())
    )


def _network(asn: int, votes: Sequence[bool], struck: Sequence[Reading]) -> Network:
    network = majority(
        asn,
        votes,
        onsets=[reading.since for reading in struck],
        upstreams=[upstream_of(reading.vantage) for reading in struck],
    )
    controls = frozenset(name for reading in struck for name in reading.controls)
    return replace(network, controls=controls) if network.affected else network


def majority(
    asn: int, votes: Sequence[bool], *, onsets: Sequence[float], upstreams: Sequence[str]
) -> Network:
    """What most of a network's vantages say: ``votes`` is whether each is affected, ``onsets`` and
    ``upstreams`` are those of the affected."""
    if 2 * sum(votes) <= len(votes):
        return Network(asn=asn, affected=False, divided=2 * sum(votes) == len(votes))
    return Network(asn=asn, affected=True, onset=median(onsets), upstreams=frozenset(upstreams))


def _latest(readings: tuple[Reading, ...]) -> Reading:
    return max(readings, key=lambda reading: reading.since)
