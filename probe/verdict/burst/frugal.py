"""What the bursts of a suspicion do without, so that a host's budget lasts until it is known. Pure.

A host may be asked 30 times an hour, and a burst with a swap costs it six legs. When several
platforms are hit at once nobody knows which bursts will tell; what tells nothing must not have cost
what is wanted later. Each of these is decided by what is known before the burst is drawn, so it
changes nothing in the test (``bets.py``).
"""

from __future__ import annotations

from probe.model.observation import RoundObservation
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.remembered.memory import OpenSuspicion
from probe.verdict.suspected.open_suspicion import fails

SWAP_SLOW_BURSTS = 2
"""Bursts in which a swap was slow as well, after which it is not asked again: the second says a
name of another kind than the first (``swap_names.py``), if there is one."""
LIGHT_BURSTS = 1
"""Of slow handshakes with a host that is read from, after a round that read nothing. A read follows
at once if they bear the suspicion out, and its bursts are wanted."""
HOST_BUDGET = "host_budget"


def needs_swap(episode: OpenSuspicion, about: About) -> bool:
    """Whether the next burst of ``episode`` is made with its swap: not where that costs what a host
    has not got, nor after a round that read nothing, nor once the swap was slow as well in two
    bursts, and bears no evidence."""
    if episode.thrift.refused or _only_light(episode, about):
        return False
    met = episode.swap_slow >= SWAP_SLOW_BURSTS
    return not met or episode.swap_fast > 0 or episode.swap.e_value > 1.0


def most_bursts(episode: OpenSuspicion, about: About) -> int:
    """How many bursts of ``episode`` follow one round."""
    return LIGHT_BURSTS if _only_light(episode, about) else about.thresholds.bursts_per_round


def host_refused_swap(observed: RoundObservation) -> bool:
    """Whether a host refused the burst ``observed``, half of which was its swap's."""
    return (
        observed.burst is not None
        and observed.burst.with_swap
        and bool(observed.skipped)
        and all(one.reason == HOST_BUDGET for one in observed.skipped)
    )


def _only_light(episode: OpenSuspicion, about: About) -> bool:
    """Handshakes are slow that nobody has set beside a read yet."""
    return (
        episode.thrift.light
        and episode.measure is Measure.HANDSHAKE
        and about.target(episode.target).reads
        and not (episode.failing or fails(episode) or episode.led_astray)
    )
