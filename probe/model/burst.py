"""What the verdict asks to be measured next: a burst of legs in random order.

A round makes one leg of each corner of the square, which is one throw of the dice. A burst makes
``each`` legs of one target, of as many control legs and, where it exists, of the target's swap, all
in one random order, so that the order itself is the null hypothesis (docs/method.md). When several
platforms are tested at once, the legs of all of them and one set of controls are drawn in one
random order: a joint burst. Each platform has its own observation of it.
"""

from __future__ import annotations

from msgspec import Struct

from probe.model.identity import FIRST_PROBER, Compares, Fame, Family
from probe.model.law import Experiment


class Burst(Struct, frozen=True, kw_only=True):
    """A plan for one burst. Everything in it was fixed before its first packet.

    ``target`` is the platform's endpoint, ``compares`` what its legs are compared by, and
    ``read_bytes`` what each of them reads (0 when handshakes are compared). ``controls`` are those
    to draw ``each`` from, as ``owner/target``; empty: any. ``address`` is the platform's address to
    go to (empty: one that the name leads to now); swap and target go to the same one.
    ``with_swap``: whether the swap takes part. ``deadline_seconds`` bounds what each leg compares:
    its handshake, or what comes after its request. ``joint``: of a burst that was made for several
    platforms, these, in order (empty: for one). The control legs are the same for all; the first
    bears what they cost. ``over``: the transport of every leg of it, by its prober (empty: TCP);
    transports are not mixed. ``fame``: which kind of neutral name its swap says, where there are
    several. ``experiment``: it compares nothing, and asks how a throttle that is proven works; all
    of its legs are the target's.
    """

    target: str
    compares: Compares
    read_bytes: int
    family: Family = Family.IPV4
    controls: tuple[str, ...] = ()
    address: str = ""
    with_swap: bool = False
    each: int = 3
    deadline_seconds: float = 30.0
    joint: tuple[str, ...] = ()
    over: str = ""
    experiment: Experiment | None = None
    fame: Fame = Fame.UNKNOWN

    @property
    def prober(self) -> str:
        """Who makes its legs."""
        return self.over or FIRST_PROBER


class PlannedBurst(Struct, frozen=True):
    """A burst that is asked for, and the platform that it is about."""

    platform: str
    burst: Burst
