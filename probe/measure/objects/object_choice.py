"""Which of the links on a page becomes a target's object: the largest of a few that are drawn.

A page names dozens, many of them small, and a small object has no rate. So a few are looked at, by
a request for their first bytes, whose answer says how large the whole is. The one in use is kept
as long as the page names it: a series compares an object with itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import Random

from probe.measure.objects.objects import MOST_REFUSED
from probe.model.failure import Failure
from probe.model.identity import Phase

MOST_LOOKED_AT = MOST_REFUSED
"""Each look is a handshake with a host that may be asked 30 times an hour; only when an object is
chosen."""

SizeOf = Callable[[str], Awaitable[int | Failure | None]]
"""The bytes of the object at a URL (0: there is none; ``None``: not told), or why it was not
learnt."""


async def choose(
    links: Sequence[str],
    *,
    in_use: str | None,
    refused: Sequence[str],
    least: int,
    look: SizeOf | None,
    random: Random,
) -> str | Failure:
    """One of ``links``: ``in_use`` if it is there, else the largest of those that are looked at.

    ``refused`` were gone when they were asked for: they are taken only if there is nothing else.
    ``least``: fewer bytes are no object. Where sizes cannot be learnt (no ``look``, a network
    that fails, a server that does not tell), the first one drawn is taken.
    """
    able = [link for link in links if link not in refused] or list(links)
    if in_use in able:
        return in_use
    drawn = random.sample(able, min(len(able), MOST_LOOKED_AT))
    sizes: dict[str, int] = {}
    if look is not None and len(drawn) > 1:
        for link in drawn:
            size = await look(link)
            if isinstance(size, Failure):
                break  # that says nothing of the link, and would say the same of the next
            if size is not None:
                sizes[link] = size
    large = [link for link in sizes if sizes[link] >= max(1, least)]
    if large:
        return max(large, key=sizes.__getitem__)
    untold = [link for link in drawn if link not in sizes]
    if untold:
        return untold[0]
    return Failure(
        phase=Phase.PROCESSING,
        reason="http_request_failed",
        detail=f"{len(drawn)} links of the page were looked at, none is large enough",
    )
