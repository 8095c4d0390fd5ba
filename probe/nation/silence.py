"""Who fell silent together: a shutdown is told by nobody, but that nobody tells can be seen.

A vantage that stops being heard says nothing by itself: its owner sleeps. When most of a country's
vantages stop within minutes, that is a finding of its own (kind ``silent``).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind
from probe.nation.abroad import Abroad
from probe.nation.country import Tally, Weights, total
from probe.nation.fusion_memory import FusionMemory, LastHeard, VantageKey
from probe.nation.networks import majority
from probe.nation.sight import TOLERANCE, Sight, near_window


class Silence(Struct, frozen=True, kw_only=True):
    """``together``: where those were last heard that fell silent together and have not been heard
    since. ``heard``: where those are that are heard now."""

    together: Mapping[VantageKey, LastHeard]
    heard: Mapping[VantageKey, LastHeard]

    @property
    def countries(self) -> frozenset[str]:
        """Where some fell silent together."""
        return frozenset(place.country for place in self.together.values())


def notice(
    memory: FusionMemory, sight: Sight, thresholds: NationConfig
) -> tuple[FusionMemory, Silence]:
    """Take in who is silent at this step, after ``memory.hear``.

    Of the vantages that were heard within ``onset_window``, at least ``min_networks`` and
    ``min_share`` are silent now: these fell silent together. Each of them stays so until it is
    heard again; those that were silent before are no part of it.
    """
    heard = {(seen.vantage.name, seen.drill) for seen in sight.seen}
    known = {name: place for name, place in memory.known.items() if not name[1]}
    silent = {name: place for name, place in known.items() if name not in heard}
    since = sight.at - near_window(thresholds)
    dark = {
        name: last
        for name, last in memory.dark.items()
        if name in known and known[name].last == last
    }
    for country in {place.country for place in silent.values()}:
        recent = {n for n, p in known.items() if p.country == country and p.last > since}
        struck = recent & silent.keys()
        many = len(struck) >= thresholds.min_networks
        if many and len(struck) >= thresholds.min_share * len(recent) - TOLERANCE:
            dark |= {name: silent[name].last for name in struck}
    return replace(memory, dark=dark), Silence(
        together={name: place for name, place in silent.items() if name in dark},
        heard={name: place for name, place in known.items() if place.last == sight.at},
    )


def silent_in(silence: Silence, country: str, weights: Weights) -> Tally:
    """The numbers of a country's silence: affected is who fell silent together, fine is who is
    heard; who was silent before is neither."""
    votes: dict[int, list[bool]] = {}
    struck: dict[int, list[LastHeard]] = {}
    for together, places in ((True, silence.together), (False, silence.heard)):
        for place in places.values():
            if place.country == country:
                votes.setdefault(place.asn, []).append(together)
                struck.setdefault(place.asn, []).extend([place] * together)
    found = tuple(
        majority(
            asn,
            said,
            onsets=[place.last for place in struck[asn]],
            upstreams=[place.upstream for place in struck[asn]],
        )
        for asn, said in sorted(votes.items())
    )
    return total(
        found,
        FindingKind.SILENT,
        weights,
        Abroad(),
        vantages=sum(map(len, votes.values())),
        affected_vantages=sum(map(sum, votes.values())),
    )
