"""The law of a throttle: what it counts, what it then does, and to whom; and the experiments that
find it.

Every number of a law is an interval that the reads leave open. Bytes are those of IP packets, as
whoever throttles counts them: with their headers, and with the handshake's.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Between(Struct, frozen=True):
    """A value lies between ``low`` and ``high``, both included."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Halfway."""
        return (self.low + self.high) / 2.0

    def meets(self, other: Between, times: float = 1.0) -> bool:
        """Whether both have a value in common, or two that differ by no more than ``times``."""
        return self.low <= other.high * times and other.low <= self.high * times


class Unit(StrEnum):
    """What a throttle counts: ``bytes`` towards us, ``packets`` in either direction or those
    towards us alone (``packets_down``), or ``seconds`` since the connection stood."""

    BYTES = "bytes"
    PACKETS = "packets"
    PACKETS_DOWN = "packets_down"
    SECONDS = "seconds"


class Amount(Struct, frozen=True):
    """So much of a unit had passed."""

    unit: Unit
    span: Between


class LawEffect(StrEnum):
    """What happens then: nothing more comes (``ends``), or no faster than a rate (``slows``)."""

    ENDS = "ends"
    SLOWS = "slows"


class Reach(StrEnum):
    """What is counted together: each ``connection`` by itself, or several ``together``."""

    CONNECTION = "connection"
    TOGETHER = "together"


class Law(Struct, frozen=True, kw_only=True):
    """What was found; what is ``None`` or empty is not known.

    ``reads``: how many reads it rests on, ``at``: when the latest was made (Unix seconds).
    ``after``: what was counted when it began, one for each unit that all reads agree with: more
    than one means that they could not be told apart. ``from_start``: it acts from the first packets
    on. ``bytes_per_second``: at which rate it goes on. ``reach``: two connections at once.
    ``afresh``: a new connection right after one that met it is let through like the first.
    ``stays_seconds``: for how long a connection that is not is still remembered. ``small_pass``:
    several small reads pass, which together are more than one large read is let have. ``like``: the
    id of a law that was reported and is like it (``known_laws.py``; empty: none).
    """

    effect: LawEffect
    reads: int
    at: float
    after: tuple[Amount, ...] = ()
    from_start: bool = False
    bytes_per_second: Between | None = None
    reach: Reach | None = None
    afresh: bool | None = None
    stays_seconds: Between | None = None
    small_pass: bool | None = None
    like: str = ""

    @property
    def certain(self) -> Amount | None:
        """What it counts, if that is known."""
        return self.after[0] if len(self.after) == 1 else None


class Trial(StrEnum):
    """What an experiment tries: a ``long`` read; one of small ``segments``, or after a ``wait``,
    which tell bytes, packets and seconds apart; a ``pair`` of reads at once; several ``small`` ones
    in turn; and one more after a ``pause``."""

    LONG = "long"
    SEGMENTS = "segments"
    WAIT = "wait"
    PAIR = "pair"
    SMALL = "small"
    PAUSE = "pause"


class Experiment(Struct, frozen=True, kw_only=True):
    """``reads`` reads of ``read_bytes`` each, one after the other, or all ``at_once``.

    ``segment_bytes``: what the far end may send in a segment at most (0: as usual).
    ``wait_seconds``: between the handshake and the request. ``pause_seconds``: before the last
    read. ``deadline_seconds`` bounds each from its request on.
    """

    trial: Trial
    read_bytes: int
    reads: int = 1
    at_once: bool = False
    segment_bytes: int = 0
    wait_seconds: float = 0.0
    pause_seconds: float = 0.0
    deadline_seconds: float = 30.0

    @property
    def most_seconds(self) -> float:
        """How long it lasts at most, but for its handshakes."""
        each = self.wait_seconds + self.deadline_seconds
        return self.pause_seconds + each * (1 if self.at_once else self.reads)

    @property
    def most_bytes(self) -> int:
        """What its bodies come to at most."""
        return self.reads * self.read_bytes


class TriedRead(Struct, frozen=True, kw_only=True):
    """What one read of an experiment showed.

    ``at``: when its experiment began (Unix seconds); ``place``: which of its ``reads`` it was.
    ``body_bytes`` came of it, ``cost_bytes`` were on the wire; ``whole``: all that was asked for.
    ``stopped``: it ended for good. ``bends``: it became slow, or was from its first bytes on.
    ``after``: what had been counted when it stopped or became slow, an interval for each unit;
    where it did neither, what was counted in all. ``rate``: bytes of IP packets a second at which
    it went on, as far as that can be told. ``pace``: bytes of body a second, over the whole read.
    """

    trial: Trial
    at: float
    place: int
    reads: int
    body_bytes: int
    cost_bytes: int
    whole: bool
    stopped: bool
    bends: bool
    after: tuple[Amount, ...] = ()
    rate: Between | None = None
    pace: float = 0.0
    pause_seconds: float = 0.0

    @property
    def met(self) -> bool:
        """It stopped, or became slow."""
        return self.stopped or self.bends

    def of(self, unit: Unit) -> Between | None:
        """The interval of one unit."""
        return next((one.span for one in self.after if one.unit is unit), None)
