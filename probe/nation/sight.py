"""What the fusion looks at: everything that was heard at one step of the 60 s grid."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor

from msgspec import Struct

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind
from probe.model.identity import Access, Role, Vantage
from probe.model.law import Law
from probe.model.verdict import AILING, CURTAIN, HOME_RESOLVER, NEAR_HERE, RESTRICTED, State
from probe.model.vouch import Vouch
from probe.verdict.ladder.facts import SLOW_OUTSIDE
from probe.verdict.thresholds import DEFAULT

GRID_SECONDS = 60.0
# Half a step: windows then hold the same steps whether or not their ends are included, which
# Prometheus 2 and 3 see differently.
HALF_STEP_SECONDS = GRID_SECONDS / 2
# Shares are sums of weights such as 0.1, so a share that equals its threshold may miss it by the
# last bit.
TOLERANCE = 1e-9

# Per kind: the states that count as affected, those that deny it, and (at reference vantages) those
# that say something. ``unknown`` says nothing; nor does a dead line about a platform.
# One that is impaired, here or everywhere, says nothing of a restriction unless references rule out
# that it is so everywhere (``Abroad.bears``), and one that is restricted nothing of an impairment;
# one that withholds itself was reached. ``silent`` is about no verdict.
AFFECTED: dict[FindingKind, frozenset[State]] = {
    FindingKind.RESTRICTED: RESTRICTED,
    FindingKind.IMPAIRED: frozenset({State.IMPAIRED}),
    FindingKind.DEGRADED: frozenset({State.DEGRADED}),
    FindingKind.OFFLINE: frozenset({State.OFFLINE}),
}
CLEAR: dict[FindingKind, frozenset[State]] = {
    FindingKind.RESTRICTED: frozenset({State.OK, State.DEGRADED, State.DOWN, State.WITHHELD}),
    FindingKind.IMPAIRED: frozenset({State.OK, State.DEGRADED, State.DOWN, State.WITHHELD}),
    FindingKind.DEGRADED: frozenset({State.OK, State.DOWN, *AILING}),
    FindingKind.OFFLINE: frozenset({State.OK, State.DOWN, State.DEGRADED, *AILING}),
}
# What a reference vantage must say for the platform (or its line) to be fine abroad, and what says
# that it fails there too.
REFERENCE_FINE: dict[FindingKind, frozenset[State]] = {
    FindingKind.RESTRICTED: frozenset({State.OK}),
    FindingKind.IMPAIRED: frozenset({State.OK}),
    FindingKind.DEGRADED: CLEAR[FindingKind.DEGRADED],
    FindingKind.OFFLINE: CLEAR[FindingKind.OFFLINE],
}
REFERENCE_FAILING: dict[FindingKind, frozenset[State]] = {
    FindingKind.RESTRICTED: RESTRICTED | {State.IMPAIRED, State.DOWN},
    FindingKind.IMPAIRED: RESTRICTED | {State.IMPAIRED, State.DOWN},
    FindingKind.DEGRADED: frozenset({State.DEGRADED}),
    FindingKind.OFFLINE: frozenset({State.OFFLINE}),
}
# A vantage abroad accuses nobody: what is proven slow there is ``unknown``, for this reason.
SLOW_ABROAD: dict[FindingKind, frozenset[str]] = {
    FindingKind.RESTRICTED: frozenset({SLOW_OUTSIDE}),
    FindingKind.IMPAIRED: frozenset({SLOW_OUTSIDE}),
    FindingKind.DEGRADED: frozenset(),
    FindingKind.OFFLINE: frozenset(),
}


# The kinds that follow from verdicts; ``silent`` follows from their absence.
VERDICT_KINDS = tuple(AFFECTED)
# Of these a finding is made over each transport beside TCP. What is slow or silent over one of them
# with all else there is its line's: a network that carries no QUIC says nothing of a platform.
BESIDE_KINDS = (FindingKind.RESTRICTED, FindingKind.IMPAIRED)
# Reasons of verdicts that stand for no network: what was answered falsely may be a filter at home.
NO_VOTE = frozenset({HOME_RESOLVER})
# So long after an onset a reference must have looked, as it must for a single vantage: outages do
# not reach all places in the same minute.
SETTLE_SECONDS = DEFAULT.settle_seconds
# Reasons of impairments of which references that find the platform fine make no restriction.
NOT_BY_REFERENCES = frozenset({CURTAIN, NEAR_HERE})


class Seen(Struct, frozen=True, kw_only=True):
    """A vantage that exists at this step, whether or not it has a verdict."""

    vantage: Vantage
    drill: bool = False


class Reading(Struct, frozen=True, kw_only=True):
    """A fresh verdict at one step. Stale ones are not handed in: absent data says nothing.

    ``since`` is the verdict's, on the clock of whoever fuses (the query that reads it allows for
    the vantage's own). ``controls`` are the names of the controls that it was compared with and
    that were fine. ``transport``: empty for the verdict itself, which is TCP's; else the one that
    it was found over. ``law``: how the throttle works, if that was found. ``target`` and
    ``measure``: what of the platform is slow or fails, of one that is impaired. ``vouches``: what a
    reference says of each target by itself, its times on the clock of whoever fuses.
    """

    vantage: Vantage
    platform: str
    state: State
    since: float
    reason: str = ""
    factor: float | None = None
    controls: tuple[str, ...] = ()
    drill: bool = False
    transport: str = ""
    law: Law | None = None
    target: str = ""
    measure: str = ""
    vouches: tuple[Vouch, ...] = ()

    @property
    def in_network(self) -> bool:
        """Whether it may count for its network: a home or mobile line inside, of a known ASN."""
        return counts(self.vantage)


class Sight(Struct, frozen=True, kw_only=True):
    """Everything heard at ``at`` (Unix seconds, a step of the grid)."""

    at: float
    seen: tuple[Seen, ...]
    readings: tuple[Reading, ...]


def counts(vantage: Vantage) -> bool:
    """Whether a vantage stands for its network; hosting networks are often spared, so theirs do
    not."""
    return (
        vantage.role is Role.INSIDE
        and vantage.access is not Access.HOSTING
        and vantage.asn is not None
    )


def upstream_of(vantage: Vantage) -> str:
    """Whose way abroad a vantage's network has: as configured (``AS64500`` and ``64500`` are the
    same), else its own."""
    if vantage.upstream:
        return upstream_name(vantage.upstream)
    return "" if vantage.asn is None else str(vantage.asn)


def upstream_name(text: str) -> str:
    """One spelling of an upstream."""
    plain = text.strip().lower()
    number = plain.removeprefix("as").strip()
    return number if number.isdecimal() else plain


def on_grid(at: float) -> float:
    """The step of the grid that ``at`` belongs to."""
    return floor(at / GRID_SECONDS) * GRID_SECONDS


def hold_steps(thresholds: NationConfig) -> int:
    """How many steps back from the present one a finding must have held."""
    return ceil(thresholds.hold / GRID_SECONDS)


def hold_window(thresholds: NationConfig) -> float:
    """Seconds that reach back over the steps of ``hold``."""
    return hold_steps(thresholds) * GRID_SECONDS + HALF_STEP_SECONDS


def near_window(thresholds: NationConfig) -> float:
    """Seconds that reach back over the steps of ``onset_window``."""
    return floor(thresholds.onset_window / GRID_SECONDS) * GRID_SECONDS + HALF_STEP_SECONDS


def remember_window(thresholds: NationConfig) -> float:
    """Seconds that reach back over the steps of ``remember``: how far back Prometheus looks for
    what its rules knew before it was stopped."""
    return floor(thresholds.remember / GRID_SECONDS) * GRID_SECONDS + HALF_STEP_SECONDS


def fails_abroad(readings: Iterable[Reading], kind: FindingKind) -> bool:
    """Whether a reference vantage says that it is no better there."""
    return any(
        reading.state in REFERENCE_FAILING[kind]
        or (reading.state is State.UNKNOWN and reading.reason in SLOW_ABROAD[kind])
        for reading in readings
    )


def states_of(readings: Iterable[Reading]) -> set[State]:
    """The states of several readings (of one vantage that was heard twice, say)."""
    return {reading.state for reading in readings}
