"""Whether platforms of other operators are slowed at the same time, from what is remembered.

One edge that is slow for its own reasons does not make an edge of another operator slow. So a
suspicion whose name has one address alone may rest on theirs instead of on a second address. But
two edges of two operators do have bad hours that overlap, now and then: so what is only suspected
there must be alike, both cut off or both not, as one cause would have it.
"""

from __future__ import annotations

from probe.verdict.about import About
from probe.verdict.episode import cut_off
from probe.verdict.memory import Episode, Memory, PlatformMemory, Proven
from probe.verdict.thresholds import Thresholds


def together(memory: Memory, platform: str, mine: Episode | None, about: About) -> tuple[str, ...]:
    """Platforms of other operators that bear evidence of an effect which began when ``mine``, the
    suspicion about ``platform``, did, and that is proven or like it.

    Whoever is not in ``about.operators`` is nobody's neighbour: it may be the same operator.
    """
    own = about.operators.get(platform)
    if mine is None or own is None:
        return ()
    found = [
        name
        for name, known in memory.platforms.items()
        if about.operators.get(name, own) != own and _bears(known, mine, about.thresholds)
    ]
    return tuple(sorted(found))


def _bears(known: PlatformMemory, mine: Episode, thresholds: Thresholds) -> bool:
    holder: Proven | Episode | None = known.proven or known.episode
    if holder is None or abs(holder.onset_at - mine.onset_at) > thresholds.together_seconds:
        return False
    if isinstance(holder, Proven):
        # A resolver that leads astray says nothing of servers.
        return holder.basis != "dns"
    if cut_off(holder) is not cut_off(mine):
        return False
    strong = max((wealth.e_value for wealth in holder.by_address.values()), default=0.0)
    return strong >= thresholds.address_evidence
