"""What is counted since the start: rounds, skipped legs, bytes, durations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from probe.model.identity import EVERY_LEG, LegRole, Phase, RoundKind, VantagePlatform
from probe.model.observation import LegObservation, RoundObservation
from probe.publish.latest.declared import Declared
from probe.publish.latest.snapshot import Counted, Histogram, HistogramKey, LegKey

SKIP_REASONS = frozenset({"host_budget", "data_budget", "no_resources", "no_object", "no_address"})
OTHER = "other"

# Histograms cost many series: the pair that is compared, and neither the phase that all legs of a
# name share nor the one that few legs have.
HISTOGRAM_ROLES = frozenset({LegRole.TARGET, LegRole.CONTROL})
HISTOGRAM_PHASES = frozenset(EVERY_LEG) - {Phase.RESOLVE}

K = TypeVar("K")
V = TypeVar("V")


class Totals:
    """The counters and histograms. Nothing is ever taken back, only forgotten with its name."""

    def __init__(self) -> None:
        self._rounds: Counter[tuple[str, str, RoundKind, str]] = Counter()
        self._last_rounds: dict[tuple[str, str, RoundKind], float] = {}
        self._abandoned: Counter[VantagePlatform] = Counter()
        self._late: Counter[VantagePlatform] = Counter()
        self._skipped: Counter[tuple[str, str, str]] = Counter()
        self._wire_bytes: Counter[tuple[str, str, str]] = Counter()
        self._histograms: dict[HistogramKey, Histogram] = {}

    def counted(self) -> Counted:
        """The counts as they are now, frozen."""
        return Counted(
            rounds=dict(self._rounds),
            last_rounds=dict(self._last_rounds),
            abandoned=dict(self._abandoned),
            late=dict(self._late),
            skipped=dict(self._skipped),
            wire_bytes=dict(self._wire_bytes),
            histograms=dict(self._histograms),
        )

    def keep(self, declared: Declared) -> None:
        """Forget what belongs to a name that ``declared`` does not have."""
        slots = declared.slots
        _keep(self._rounds, lambda key: key[:2] in slots)
        _keep(self._last_rounds, lambda key: key[:2] in slots)
        _keep(self._skipped, lambda key: key[:2] in slots)
        _keep(self._abandoned, lambda slot: slot in slots)
        _keep(self._late, lambda slot: slot in slots)
        _keep(self._histograms, lambda key: declared.has_vantage(key.vantage))
        _keep(self._wire_bytes, lambda key: key[:2] in slots)

    def round_abandoned(self, slot: VantagePlatform) -> None:
        """A round that began ended without a result."""
        self._abandoned[slot] += 1

    def round_late(self, slot: VantagePlatform) -> None:
        """A round was left out or could not start in time."""
        self._late[slot] += 1

    def round_ended(self, observed: RoundObservation, at: float) -> None:
        """A round ended at ``at`` (Unix seconds)."""
        slot = vantage, platform = observed.vantage, observed.platform
        kind = observed.kind
        # A burst over another transport has no legs over TCP.
        legs = observed.legs or observed.beside
        result = "empty" if not legs else "ok" if all(leg.ok for leg in legs) else "failed"
        self._rounds[vantage, platform, kind, result] += 1
        self._last_rounds[vantage, platform, kind] = at
        for skip in observed.counted_skipped:
            reason = skip.reason if skip.reason in SKIP_REASONS else OTHER
            self._skipped[vantage, platform, reason] += 1
        for made in observed.every_leg:
            self._add_bytes(slot, made.wire_bytes_sent, made.wire_bytes_received)
        if observed.page_wire_bytes:
            # Nearly all of a page is received, and nobody asks which part was not.
            self._add_bytes(slot, None, observed.page_wire_bytes)
        for asked in observed.dns:
            self._add_bytes(slot, asked.wire_bytes_sent, asked.wire_bytes_received)

    def _add_bytes(self, slot: VantagePlatform, sent: int | None, received: int | None) -> None:
        for direction, size in (("sent", sent), ("received", received)):
            if size is not None:
                self._wire_bytes[(*slot, direction)] += size

    def leg_ended(self, key: LegKey, leg: LegObservation) -> None:
        """A leg ended, well or not."""
        if key.role not in HISTOGRAM_ROLES:
            return
        for phase in HISTOGRAM_PHASES.intersection(ended_phases(leg)):
            histogram = HistogramKey(vantage=key.vantage, role=key.role, phase=phase)
            known = self._histograms.get(histogram, Histogram())
            self._histograms[histogram] = known.plus(leg.phases[phase])


def ended_phases(leg: LegObservation) -> Iterable[Phase]:
    """The phases of a leg that ended well, in order: all but the one in which it failed."""
    failed = leg.failure.phase if leg.failure is not None else None
    return [phase for phase in Phase if phase in leg.phases and phase is not failed]


def _keep(held: dict[K, V], wanted: Callable[[K], bool]) -> None:
    for key in [key for key in held if not wanted(key)]:
        del held[key]
