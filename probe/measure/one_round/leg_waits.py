"""The legs of a round that are under way, and when each of them is waited for no longer.

As the round's controls come through, more is known of the line, and legs that have been waiting
since before are told: the order of a round is drawn, so its controls may come last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from probe.measure.one_leg.pulse import Pulse
from probe.model.identity import FIRST_PROBER, Compares, LegRole, Phase
from probe.model.observation import Leg, LegObservation
from probe.schedule.leg_patience import RoundPatience, Taken

_BEFORE_HTTP = frozenset({Phase.CONNECT, Phase.TLS})


def read_bytes(leg: Leg) -> int:
    """How many bytes ``leg`` moves that are compared."""
    return leg.max_bytes if leg.compares is Compares.GOODPUT else leg.send_bytes


def taken(observed: LegObservation, at: float) -> Taken | None:
    """What a leg to a control took; of one that was cut while something came, until then. ``None``:
    it was none, or its handshake failed, which says nothing of how fast the line is."""
    phases, leg = observed.phases, observed.leg
    over = phases.get(Phase.CONNECT), phases.get(Phase.TLS)
    if leg.role is not LegRole.CONTROL or leg.prober != FIRST_PROBER or None in over:
        return None
    if observed.failure is not None and observed.failure.phase in _BEFORE_HTTP:
        return None
    handshake = sum(seconds for seconds in over if seconds is not None)
    byte = None
    if read_bytes(leg) and observed.body_bytes:
        seconds = phases.get(Phase.PROCESSING, 0.0) + phases.get(Phase.TRANSFER, 0.0)
        byte = seconds / observed.body_bytes
    return Taken(at=at, handshake=handshake, byte=byte)


class LegWaits:
    """The legs of one round or burst, which are waited for as ``rule`` says."""

    def __init__(self, rule: RoundPatience) -> None:
        self.rule = rule
        self._under_way: dict[Pulse, tuple[int, bool]] = {}
        self._timers: dict[Pulse, asyncio.TimerHandle] = {}

    @contextmanager
    def waiting(self, pulse: Pulse, read_bytes: int, *, up: bool = False) -> Iterator[None]:
        """While the leg of ``pulse`` is under way, which reads so many bytes, or sends them."""
        self._under_way[pulse] = (read_bytes, up)
        self._look(pulse)
        try:
            yield
        finally:
            del self._under_way[pulse]
            if (timer := self._timers.pop(pulse, None)) is not None:
                timer.cancel()

    def learn(self, found: Taken) -> None:
        """A control took so long."""
        self.rule.learn(found)
        for pulse in tuple(self._under_way):
            self._look(pulse)

    def _look(self, pulse: Pulse) -> None:
        """End the leg of ``pulse`` if it is time, or look again when it may be."""
        if (timer := self._timers.pop(pulse, None)) is not None:
            timer.cancel()
        signs, since = pulse.signs, pulse.since_beginning
        read_bytes, up = self._under_way[pulse]
        patience = self.rule.of(read_bytes, up=up)
        ends = patience.ends(
            connected=None if signs.connected_ns is None else since(signs.connected_ns),
            asked=None if signs.asked_ns is None else since(signs.asked_ns),
            moved=since(signs.moved_ns),
        )
        left = ends - pulse.seconds
        if left <= 0.0:
            pulse.cut()
        else:
            # Once it is connected, say, less is waited for than before.
            loop = asyncio.get_running_loop()
            self._timers[pulse] = loop.call_later(min(left, patience.least), self._look, pulse)
