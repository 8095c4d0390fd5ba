"""How long a leg is waited for, by what controls took on its line. Pure.

Of a line whose controls take 0.1 s a silence of 30 s teaches nothing that 5 s do not. So a leg ends
once it has taken ``TIMES`` as long as controls do, in its handshake or from its request on, but not
before a slow way with losses could have answered; and where nothing at all comes, sooner. What was
cut so is the sample that it is: a lower bound, as after the configured deadline.

Nothing here depends on whose leg it is, so the labels of a burst can still be shuffled.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf

from msgspec import Struct
from msgspec.structs import replace

TIMES = 12.0
"""By then it is plain that a leg is slow: 8 times are suspicious before anything is known of a
platform, and 10 are ``severe``."""
LEAST_HANDSHAKE = 8.0
"""A SYN is sent again after 1, 3 and 7 s (RFC 6298), and its answer takes less than a second."""
LEAST_BODY = 5.0
"""64 KiB by way of a satellite (0.6 s a round trip, slow start) take less than that."""
LEAST_SILENT = 5.0
"""Of what an established connection loses, a sender repeats a segment four times in so long
(RFC 6298: 0.2 s and a round trip at least, then twice as long each time)."""
SILENT_PER_CONNECT = 4.0
"""A way on which the first answer took long may be silent for so many times as long."""
SHARE = 0.75
"""This share of the controls' legs took no longer than what counts as their pace: some may be
restricted themselves, or have slow servers."""
LEAST_LEGS = 2
NEWS_SECONDS = 1_800.0
"""What controls took longer ago says nothing of the line now."""
MOST_KEPT = 24


class Taken(Struct, frozen=True, kw_only=True):
    """What one leg of a control, or several of them, took: seconds of the ``handshake``, and of a
    ``byte`` of the body from the request on (``None``: not known). ``at``: when, on any clock."""

    at: float = 0.0
    handshake: float | None = None
    byte: float | None = None


class LegPatience(Struct, frozen=True, kw_only=True):
    """When a leg ends though nothing failed, in seconds: ``handshake`` after it began if its
    handshake is not over by then, ``body`` after its request, ``silent`` after the last sign of
    life once it is connected, and ``most`` after it began, whatever it does."""

    most: float
    handshake: float
    body: float
    silent: float

    @property
    def least(self) -> float:
        """So much is waited for at least after whatever happens next."""
        return min(self.handshake, self.body, self.silent)

    def ends(
        self, *, connected: float | None = None, asked: float | None = None, moved: float = 0.0
    ) -> float:
        """When a leg ends if nothing more comes, in seconds after it began: it was ``connected``
        and had ``asked`` after so long (``None``: not yet), and something ``moved`` last then."""
        whole, silence = self.bounds(connected=connected, asked=asked)
        return min(whole, moved + silence)

    def bounds(
        self, *, connected: float | None = None, asked: float | None = None
    ) -> tuple[float, float]:
        """When a leg ends in any case, in seconds after it began, and how long it may be silent."""
        own = connected or 0.0
        if asked is None:
            whole = max(self.handshake, TIMES * own)
        else:
            whole = asked + max(self.body, TIMES * own)
        silence = inf if connected is None else max(self.silent, SILENT_PER_CONNECT * own)
        return min(self.most, whole), silence


def patience(most: float, *, read_bytes: int, normal: Taken | None) -> LegPatience:
    """For a leg that reads so many bytes (0: none that are compared), where legs take ``normal``
    (``None``: nobody knows, so only ``most`` holds)."""
    if normal is None or normal.handshake is None:
        return LegPatience(most=most, handshake=most, body=most, silent=most)
    body = LEAST_BODY
    if read_bytes:
        body = most if normal.byte is None else max(body, TIMES * read_bytes * normal.byte)
    return LegPatience(
        most=most,
        handshake=min(most, max(LEAST_HANDSHAKE, TIMES * normal.handshake)),
        body=min(most, body),
        silent=min(most, max(LEAST_SILENT, TIMES * normal.handshake)),
    )


class RoundPatience:
    """How long the legs of one round or burst are waited for, as its controls come through.

    ``most`` bounds each leg, whatever is known. ``before``: what controls took on this line lately.
    ``planned``: seconds that a burst's plan fixed for what its legs compare; then nothing that its
    own legs take changes anything.
    """

    def __init__(self, most: float, before: Taken | None, planned: float | None = None) -> None:
        self.most = most
        self._before = before
        self._planned = planned
        self._round: list[Taken] = []

    def learn(self, found: Taken) -> None:
        """A control of this round took so long."""
        if self._planned is None:
            self._round.append(found)

    def of(self, read_bytes: int, *, up: bool = False) -> LegPatience:
        """For a leg that reads so many bytes, by what is known now; or sends them (``up``): of how
        fast that goes what comes down says nothing, so only a silence, and ``most``, end it."""
        now = max((one.at for one in self._round), default=0.0)
        normal = slower(self._before, pace_of(self._round, now))
        found = patience(self.most, read_bytes=read_bytes, normal=normal)
        if self._planned is None:
            return replace(found, body=self.most) if up else found
        bound = min(self.most, self._planned)
        if bound >= self.most:
            # Planned to wait out what else is cut: its silences, too.
            return LegPatience(most=bound, handshake=bound, body=bound, silent=bound)
        return replace(found, body=bound) if read_bytes else replace(found, handshake=bound)


def kept(before: Sequence[Taken], one: Taken) -> tuple[Taken, ...]:
    """``before`` with ``one``; what is no news any more, and the oldest of too many, are gone."""
    news = [old for old in before if 0.0 <= one.at - old.at <= NEWS_SECONDS]
    return (*news, one)[-MOST_KEPT:]


def pace_of(found: Sequence[Taken], now: float) -> Taken | None:
    """The pace of the controls of which ``found`` were made; ``None``: too few of them are news."""
    news = [one for one in found if 0.0 <= now - one.at <= NEWS_SECONDS]
    handshakes = [one.handshake for one in news if one.handshake is not None]
    if len(handshakes) < LEAST_LEGS:
        return None
    read = [one.byte for one in news if one.byte is not None]
    return Taken(at=now, handshake=mostly(handshakes), byte=mostly(read) if read else None)


def slower(one: Taken | None, other: Taken | None) -> Taken | None:
    """The slower of both in each; what is not known of one of them is the other's."""
    if one is None or other is None:
        return one or other
    return Taken(
        at=max(one.at, other.at),
        handshake=_larger(one.handshake, other.handshake),
        byte=_larger(one.byte, other.byte),
    )


def mostly(values: Sequence[float]) -> float:
    """What ``SHARE`` of ``values``, of which there is one at least, do not exceed."""
    return sorted(values)[ceil(SHARE * len(values)) - 1]


def _larger(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
