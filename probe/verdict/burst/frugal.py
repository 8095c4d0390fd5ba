"""What the bursts of a suspicion do without, so that a host's budget lasts until it is known. Pure.

A host may be asked 30 times an hour, and a burst with a swap costs it six legs. When several
platforms are hit at once nobody knows which bursts will tell; what tells nothing must not have cost
what is wanted later. Each of these is decided by what is known before the burst is drawn, so it
changes nothing in the test (``bets.py``).
"""

from __future__ import annotations

from probe.model.observation import RoundObservation
from probe.verdict.remembered.memory import OpenSuspicion

SWAP_SLOW_BURSTS = 2
"""Bursts in which a swap was slow as well, after which it is not asked again: the second says a
name of another kind than the first (``swap_names.py``), if there is one."""
HOST_BUDGET = "host_budget"


def needs_swap(episode: OpenSuspicion) -> bool:
    """Whether the next burst of ``episode`` is made with its swap: not where that costs what a host
    has not got, nor once the swap was slow as well in two bursts, and bears no evidence."""
    if episode.swap_refused:
        return False
    met = episode.swap_slow >= SWAP_SLOW_BURSTS
    return not met or episode.swap_fast > 0 or episode.swap.e_value > 1.0


def host_refused_swap(observed: RoundObservation) -> bool:
    """Whether a host refused the burst ``observed``, half of which was its swap's."""
    return (
        observed.burst is not None
        and observed.burst.with_swap
        and bool(observed.skipped)
        and all(one.reason == HOST_BUDGET for one in observed.skipped)
    )
