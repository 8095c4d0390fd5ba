"""How fast each target was beside the fastest site abroad, on a line on which it was well.

Of files of many lines ``throttlewatch targets paces`` makes one number for each target
(``usual_paces.py``). In a file are names of targets, shares and numbers of days, and of the line
its kind alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from statistics import median

import msgspec

from probe.model.identity import Access, LegRole
from probe.model.stored import StoredRound
from probe.model.verdict import State
from probe.observe.goodput import goodput
from probe.publish.export.usual_paces import LineTold, PaceTold, shown_share

DAY_SECONDS = 86_400.0
LEAST_READS = 5
"""Of a target, and of a site that it is set beside, in a day that counts."""
LEAST_DAYS = 3

Rates = dict[tuple[str, int], dict[str, list[float]]]
"""By vantage and day, and by who was read."""


def shares_of(
    rounds: Iterable[StoredRound], foreign: Collection[str]
) -> dict[str, dict[str, list[float]]]:
    """By vantage and ``platform/target``: its rate over that of the fastest of ``foreign`` controls
    (``owner/target``), for each day, medians both. A day on which the platform was not always well
    counts for nothing, nor one on which it was well by a normal that was learnt while others were
    restricted, nor one with few reads."""
    own: Rates = defaultdict(lambda: defaultdict(list))
    others: Rates = defaultdict(lambda: defaultdict(list))
    ill: set[tuple[str, int, str]] = set()
    for stored in rounds:
        observed = stored.observed
        day = (observed.vantage, int(observed.started_at // DAY_SECONDS))
        said = stored.verdict
        if said.state is not State.OK or said.learnt_while is not None:
            ill.add((*day, observed.platform))
        for leg in observed.legs:
            name = f"{leg.leg.owner}/{leg.leg.target}"
            if (rate := goodput(leg)) is None:
                continue
            if leg.leg.role is LegRole.TARGET:
                own[day][name].append(rate)
            elif leg.leg.role is LegRole.CONTROL and name in foreign:
                others[day][name].append(rate)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for day, targets in own.items():
        theirs = [median(rates) for rates in others[day].values() if len(rates) >= LEAST_READS]
        for name, rates in targets.items():
            well = (*day, name.partition("/")[0]) not in ill
            if theirs and well and len(rates) >= LEAST_READS:
                found[day[0]][name].append(min(1.0, median(rates) / max(theirs)))
    return found


def pace_lines(
    rounds: Iterable[StoredRound],
    foreign: Collection[str],
    targets: Collection[str],
    access: Mapping[str, Access],
) -> Iterator[bytes]:
    """A line for each vantage, in no order that says which: of what kind it is (``access`` by its
    vantage), and of those of ``targets`` that have been read the ``share``, the median of its days,
    and ``days``."""
    lines = []
    for vantage, told_of in shares_of(rounds, foreign).items():
        told = {
            name: PaceTold(share=shown_share(median(shares)), days=len(shares))
            for name, shares in sorted(told_of.items())
            if name in targets and len(shares) >= LEAST_DAYS
        }
        if told:
            line = LineTold(access=access.get(vantage, Access.FIXED), targets=told)
            lines.append(msgspec.json.encode(line) + b"\n")
    yield from sorted(lines)
