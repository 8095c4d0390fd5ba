"""The last results at one moment, frozen, so that they can be rendered away from the event loop."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from msgspec import Struct

from probe.config.definition import Definition
from probe.config.schema import ScheduleConfig
from probe.model.finding import Finding, Incident
from probe.model.identity import (
    FIRST_PROBER,
    Family,
    LegRole,
    Phase,
    RoundKind,
    Vantage,
    VantagePlatform,
)
from probe.model.object_record import ObjectRecord
from probe.model.observation import DnsObservation, LegObservation
from probe.model.reference_document import OutsideHealth
from probe.model.verdict import State, Verdict
from probe.nation.drill import Drill
from probe.observe.pairs import Ratio
from probe.publish.forward.forward_health import ForwardHealth
from probe.publish.latest.bundle_health import BundleHealth
from probe.publish.latest.control_health import ControlHealth
from probe.publish.latest.wishes_health import WishesHealth
from probe.publish.parcels.parcel_health import ParcelHealth
from probe.publish.report.report_parts import StateSpan
from probe.schedule.data_budget import BudgetView
from probe.store.health import StoreHealth

# Few, because each one is a series: a fast line, a slow one, and two degrees of trouble.
BUCKETS_SECONDS = (0.1, 0.5, 2.0, 10.0)


class Owner(Struct, frozen=True, kw_only=True):
    """Whose something is: a platform's, or a control's (then ``is_control``)."""

    name: str
    is_control: bool = False


class LegKey(Struct, frozen=True, kw_only=True):
    """What names a leg from round to round. A control's is the same in all rounds."""

    vantage: str
    owner: Owner
    target: str
    role: LegRole
    family: Family
    prober: str = FIRST_PROBER


class DnsKey(Struct, frozen=True, kw_only=True):
    """What names a DNS measurement. ``name`` is the declared host name, or the ``*.`` entry that
    covers what was asked for, so that discovered names stay bounded."""

    vantage: str
    owner: Owner
    name: str
    family: Family
    resolver: str
    transport: str


class RatioKey(Struct, frozen=True, kw_only=True):
    """What names a ratio: the round's place, and what is compared with what."""

    vantage: str
    platform: str
    family: Family
    target: str
    versus: LegRole
    measure: str


class HistogramKey(Struct, frozen=True, kw_only=True):
    """Whose durations a histogram counts."""

    vantage: str
    role: LegRole
    phase: Phase


class Histogram(Struct, frozen=True, kw_only=True):
    """Durations counted per bucket (the last one: longer than every bound), and their sum."""

    counts: tuple[int, ...] = (0,) * (len(BUCKETS_SECONDS) + 1)
    sum_seconds: float = 0.0

    def plus(self, seconds: float) -> Histogram:
        """The histogram with one more duration."""
        place = bisect_left(BUCKETS_SECONDS, seconds)
        counts = (*self.counts[:place], self.counts[place] + 1, *self.counts[place + 1 :])
        return Histogram(counts=counts, sum_seconds=self.sum_seconds + seconds)


class Counted(Struct, frozen=True, kw_only=True):
    """Totals at one moment. ``last_rounds`` are Unix seconds."""

    rounds: Mapping[tuple[str, str, RoundKind, str], int]
    last_rounds: Mapping[tuple[str, str, RoundKind], float]
    abandoned: Mapping[VantagePlatform, int]
    late: Mapping[VantagePlatform, int]
    skipped: Mapping[tuple[str, str, str], int]
    wire_bytes: Mapping[tuple[str, str, str], int]
    histograms: Mapping[HistogramKey, Histogram]


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything that is published, without what has become stale.

    ``legs`` are the last exchanges (over TCP; ``beside``: of other probers), ``reads`` the last
    ones that compared goodput. ``verdicts`` has every slot: ``None`` where there has been no round
    yet, ``unknown`` with the reason ``not_measured`` where the last one is stale. Points in time
    are Unix seconds. ``data`` is the state of the data budgets, ``store`` that of the history,
    ``forward`` that of forwarding (``None``: no receiver).
    ``tunnels``, ``line_changes`` and ``families`` (which of several works) are by vantage.
    ``states`` are those that a slot was in since the daemon began, or as far as it remembers.
    ``compared`` names the controls that were fine in a slot's last round; ``incidents`` are
    those that are open. ``outside``: how reading references abroad is doing; ``outside_key_file``
    signs what is published for others. ``drawn``: how it stands with the drawn controls,
    ``bundle``: with the signed definitions (``None``: nobody's are trusted), ``wishes``: with a
    hub's (``None``: none is asked), ``parcels``: with rounds that it is sent (``None``:
    none). ``recent`` are the last week's verdicts as spans.
    ``records``: by vantage and ``owner/target``, how it stands with what is read.
    """

    taken_at: float
    vantages: tuple[Vantage, ...]
    platforms: tuple[Definition, ...]
    controls: tuple[Definition, ...]
    schedule: ScheduleConfig
    legs: Mapping[LegKey, LegObservation]
    beside: Mapping[LegKey, LegObservation]
    reads: Mapping[LegKey, LegObservation]
    dns: Mapping[DnsKey, DnsObservation]
    ratios: Mapping[RatioKey, Ratio]
    verdicts: Mapping[VantagePlatform, Verdict | None]
    compared: Mapping[VantagePlatform, tuple[str, ...]]
    findings: tuple[Finding, ...]
    incidents: tuple[Incident, ...]
    counted: Counted
    running: frozenset[VantagePlatform]
    drill: Drill | None
    reload_ok: bool
    reloaded_at: float
    clock_steps: int
    ready: bool
    data: BudgetView | None = None
    store: StoreHealth | None = None
    forward: ForwardHealth | None = None
    tunnels: Mapping[str, bool] = {}
    families: Mapping[str, Mapping[Family, bool]] = {}
    line_changes: Mapping[str, int] = {}
    recent: Mapping[VantagePlatform, tuple[StateSpan, ...]] = {}
    states: Mapping[VantagePlatform, frozenset[State]] = {}
    outside: tuple[OutsideHealth, ...] = ()
    bundle: BundleHealth | None = None
    wishes: WishesHealth | None = None
    parcels: ParcelHealth | None = None
    drawn: ControlHealth = ControlHealth()
    outside_key_file: str | None = None
    language: str = "en"
    records: Mapping[str, Mapping[str, ObjectRecord]] = {}
