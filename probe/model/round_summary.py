"""What a report needs of a round, and no more: some hundred bytes in place of tens of thousands.

It is kept beside the round, since a report of a year would unpack seventy thousand rounds for it.
What repeats from round to round (all the words) is apart, and is kept once.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from probe.model.curtain import Curtain
from probe.model.identity import LegRole, RoundKind
from probe.model.law import Law
from probe.model.observation import RoundObservation
from probe.model.verdict import (
    RESTRICTED,
    LookingBack,
    Method,
    Signature,
    SlowPhase,
    State,
    Trigger,
)

SUMMARY_FORM = 3
"""Which numbers a summary holds, and how they are made. Whoever changes either raises it: stored
summaries of another form are made anew from their rounds."""


class PlottedSeries(Struct, frozen=True, kw_only=True, cache_hash=True):
    """Whose numbers: of a target's or its swap's legs, or of all controls together (``target``
    empty). ``measure`` is ``goodput`` (bytes per second) or ``handshake`` (seconds)."""

    role: LegRole
    target: str
    measure: str


class RoundTraits(Struct, frozen=True, kw_only=True):
    """What of a summary is the same in many rounds. ``series``: those that the legs of the round
    may have numbers of. The others are the verdict's."""

    vantage: str
    platform: str
    kind: RoundKind
    series: tuple[PlottedSeries, ...]
    rules_version: int
    tls_stack: str
    state: State
    provisional: bool
    method: Method | None
    trigger: Trigger | None
    signature: Signature | None
    phase: SlowPhase | None
    target: str

    @property
    def restricted(self) -> bool:
        """Throttled or blocked, as the verdict has it."""
        return self.state in RESTRICTED


class TransportSummary(Struct, frozen=True, kw_only=True):
    """What was found over another transport than TCP: from when on (``since``), as of when (``at``)
    and until when it holds (Unix seconds)."""

    transport: str
    state: State
    at: float
    since: float
    holds_until: float


class RoundSummary(Struct, frozen=True, kw_only=True):
    """One round with what was said of it. ``started_at`` is the round's, ``at`` and ``since`` the
    verdict's (Unix seconds), and so are ``holds_seconds``, ``tested_bytes``, ``factor`` and
    ``e_value``, ``may_claim`` and ``may_not_claim``. ``controls``: who was compared with, sorted.
    ``legs`` and ``swaps`` are counted, ``wire_bytes`` are those of all legs.
    ``numbers``: which of the traits' ``series``, and how much, in the order of the legs. ``over``:
    what is a matter of other transports. ``law``: how the throttle works, as far as was known then.
    """

    traits: RoundTraits
    started_at: float
    at: float
    since: float
    holds_seconds: float
    tested_bytes: int | None
    legs: int
    swaps: int
    wire_bytes: int
    factor: float | None
    e_value: float | None
    numbers: tuple[tuple[int, float], ...]
    controls: tuple[str, ...]
    may_claim: tuple[str, ...]
    may_not_claim: tuple[str, ...]
    back: LookingBack | None
    curtains: tuple[Curtain, ...]
    over: tuple[TransportSummary, ...] = ()
    law: Law | None = None

    @property
    def holds_until(self) -> float:
        """When its verdict has become stale (Unix seconds)."""
        return self.at + self.holds_seconds


class SummedRound(Struct, frozen=True):
    """A summary, and the way to what the round saw, should that be needed (``None``: it can no
    longer be read)."""

    summary: RoundSummary
    observed: Callable[[], RoundObservation | None]
