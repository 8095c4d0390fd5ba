"""Whether several platforms began together, over several networks, judged by different controls.

A platform joined when at least ``min_networks`` of its networks began within ``onset_window``,
centred on its median onset, over at least ``min_upstreams`` upstreams. Platforms are together when
they joined within ``onset_window`` of one another. They are systematic when at least
``systematic_platforms`` of different operators are together (those of one operator share its
troubles, and count as one) and as many different controls stand behind them, so that each can be
judged by a control that the other does not need: one bad control then cannot have made them all.
"""

from __future__ import annotations

from collections.abc import Mapping

from probe.config.schema import NationConfig
from probe.model.finding import Reference
from probe.nation.country import Tally


def joined_onset(of: Tally, thresholds: NationConfig) -> float | None:
    """The platform's onset, if enough of its networks began with it."""
    since = of.since
    if since is None or of.reference is Reference.FAILING:
        return None
    near = sum(abs(onset - since) <= thresholds.onset_window / 2 for onset in of.onsets)
    if near < thresholds.min_networks or of.upstreams < thresholds.min_upstreams:
        return None
    return since


def systematic(
    tallies: Mapping[str, Tally], thresholds: NationConfig, operators: Mapping[str, str]
) -> frozenset[str]:
    """The platforms of one country that began together; ``tallies`` by platform, ``operators`` who
    runs each (one that is not there is its own)."""
    onsets = {
        platform: onset
        for platform, of in tallies.items()
        if (onset := joined_onset(of, thresholds)) is not None
    }
    found: set[str] = set()
    for first in onsets.values():
        together = {p for p, at in onsets.items() if 0 <= at - first <= thresholds.onset_window}
        controls: set[str] = set()
        for platform in together:
            controls.update(*(n.controls for n in tallies[platform].networks))
        least = thresholds.systematic_platforms
        if len({operators.get(p, p) for p in together}) >= least and len(controls) >= least:
            found |= together
    return frozenset(found)
