"""Which addresses have seen a platform's name, and which were well when they saw it last.

A box may condemn an address for a while once it has seen the name there, so a burst tells the name
from the address best where the name was not said since the onset.
"""

from __future__ import annotations

from probe.model.identity import Compares, LegRole
from probe.model.observation import RoundObservation
from probe.verdict.remembered.memory import PlatformMemory

MOST_CLEAN = 32


def visited(observed: RoundObservation) -> tuple[str, ...]:
    """The addresses to which the platform's name was said."""
    return tuple(leg.address for leg in observed.by_role(LegRole.TARGET) if leg.address)


def clean_after(mine: PlatformMemory, observed: RoundObservation, *, well: bool) -> tuple[str, ...]:
    """Addresses that were well when the platform's name was last said to them.

    ``well``: nothing was suspicious in this round (a burst follows a suspicion: never). A handshake
    is too short to tell: some throttling begins with it and shows only in what is read."""
    seen_now = visited(observed)
    clean = [address for address in mine.clean if address not in seen_now]
    if well:
        clean += [
            leg.address
            for leg in observed.by_role(LegRole.TARGET)
            if leg.ok and leg.address and leg.leg.compares is Compares.GOODPUT
        ]
    return tuple(dict.fromkeys(clean))[-MOST_CLEAN:]
