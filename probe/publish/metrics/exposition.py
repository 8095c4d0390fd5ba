"""The last results as Prometheus metrics: a snapshot in, samples out."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import log10

from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from probe.model.identity import SCHEDULED, RoundKind, Vantage, Verify
from probe.model.observation import DnsObservation, LegObservation
from probe.model.verdict import PROVEN, State, Verdict
from probe.nation.drill import CONTROL, Drill, vantages, verdict
from probe.nation.sight import upstream_of
from probe.observe.goodput import goodput
from probe.publish.curtain_notes import curtains_of
from probe.publish.latest.snapshot import (
    BUCKETS_SECONDS,
    DnsKey,
    Histogram,
    LegKey,
    Owner,
    Snapshot,
)
from probe.publish.latest.totals import OTHER, ended_phases
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_data as names_data
from probe.publish.metrics import metric_names_line as names_line
from probe.publish.metrics import metric_names_outside as names_outside
from probe.publish.metrics import metric_names_wishes as names_wishes
from probe.publish.metrics.beside_rows import beside_rows
from probe.publish.metrics.bundle_rows import bundle_rows
from probe.publish.metrics.law_rows import law_rows
from probe.publish.metrics.metric_names import MetricSpec
from probe.publish.metrics.metric_spec import MetricRow
from probe.publish.metrics.nation_rows import nation_rows
from probe.publish.metrics.store_rows import forward_rows, store_rows
from probe.publish.metrics.target_rows import target_rows
from probe.publish.metrics.transport_rows import transport_rows

# The verdict rooms' words; anything else (a free text, say) must not become a label.
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
GZIP_LEVEL = 4
DRILL = {"drill": "true"}


class Exposition(Struct, frozen=True, kw_only=True):
    """A rendered exposition with the headers that say what it is."""

    body: bytes
    headers: dict[str, str]


class Registry:
    """The daemon's own registry: the board's snapshots, the process, nothing of the host."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._process = ProcessCollector(registry=None)

    def collector(self, snapshot: Snapshot) -> Collector:
        """Everything that ``/metrics`` shows of ``snapshot``."""
        registry = CollectorRegistry()
        registry.register(_Families(rows(snapshot, self._version), snapshot))
        registry.register(self._process)
        return registry


def encode(collector: Collector, *, accept: str, accept_encoding: str) -> Exposition:
    """Render in the format and encoding that the headers ask for."""
    try:
        encoder, content_type = choose_encoder(accept)
    except TypeError:  # it compares a version that is not a number with one that is
        encoder, content_type = choose_encoder("")
    body = encoder(collector)
    headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if gzip_accepted(accept_encoding):
        body = gzip.compress(body, GZIP_LEVEL)
        headers["Content-Encoding"] = "gzip"
    return Exposition(body=body, headers=headers)


class _Families:
    def __init__(self, found: Iterable[MetricRow], snapshot: Snapshot) -> None:
        self._found = found
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        families = {spec.name: family(spec) for spec in names.METRICS}
        for spec, labels, value in self._found:
            families[spec.name].samples.append(Sample(spec.name, labels, value))
        phases = families[names.PHASE_DURATION.name]
        for key, histogram in sorted(self._snapshot.counted.histograms.items(), key=_ordered):
            labels = {"vantage": key.vantage, "leg": key.role.value, "phase": key.phase.value}
            phases.samples.extend(_histogram_samples(phases.name, labels, histogram))
        return [metric for metric in families.values() if metric.samples]


def family(spec: MetricSpec) -> Metric:
    """An empty family; counters and infos are declared without their suffix, as the client does."""
    bare = spec.name.removesuffix("_total").removesuffix("_info")
    return Metric(bare, spec.help, spec.kind)


def rows(snapshot: Snapshot, version: str) -> Iterator[MetricRow]:
    """Every series of ``snapshot`` but the histograms."""
    yield names.BUILD_INFO, {"version": version}, 1.0
    yield names.RELOAD_SUCCESS, {}, float(snapshot.reload_ok)
    yield names.RELOAD_TIMESTAMP, {}, snapshot.reloaded_at
    yield names.CLOCK_STEPS, {}, float(snapshot.clock_steps)
    for kind in SCHEDULED:
        yield names.ROUND_INTERVAL, {"kind": kind.value}, float(getattr(snapshot.schedule, kind))
    for vantage in snapshot.vantages:
        yield names.VANTAGE_INFO, _place_labels(vantage), 1.0
        yield names.VANTAGE_TIME, {"vantage": vantage.name}, snapshot.taken_at
        for platform in snapshot.platforms:
            yield from _slot_rows(snapshot, vantage, platform.name)
    yield from _counted_rows(snapshot)
    yield from _data_rows(snapshot)
    if snapshot.store is not None:
        yield from store_rows(snapshot.store)
    if snapshot.forward is not None:
        yield from forward_rows(snapshot.forward)
    yield from target_rows(snapshot)
    yield from _line_rows(snapshot)
    yield from _outside_rows(snapshot)
    if snapshot.bundle is not None:
        yield from bundle_rows(snapshot.bundle)
    if snapshot.wishes is not None:
        for result, count in snapshot.wishes.results:
            yield names_wishes.ASKED, {"result": result}, float(count)
        yield names_wishes.REFUSED, {}, float(snapshot.wishes.refused)
    if snapshot.parcels is not None:
        for result, count in snapshot.parcels.results:
            yield names_wishes.PARCELS, {"result": result}, float(count)
        yield names_wishes.ROUNDS_SENT, {}, float(snapshot.parcels.sent)
        yield names_wishes.ROUNDS_LEFT_OUT, {}, float(snapshot.parcels.left_out)
        yield names_wishes.ROUNDS_WORKING, {}, float(not snapshot.parcels.trouble)
    yield from nation_rows(snapshot)
    if snapshot.drill is not None:
        yield from _drill_rows(snapshot, snapshot.drill)
    for leg_key, leg in sorted(snapshot.legs.items(), key=_ordered):
        yield from _leg_rows(_leg_labels(leg_key), leg)
    for leg_key, leg in sorted(snapshot.beside.items(), key=_ordered):
        yield from beside_rows(leg_key.prober, _leg_labels(leg_key), leg)
    for leg_key, leg in sorted(snapshot.reads.items(), key=_ordered):
        yield from _read_rows(_leg_labels(leg_key), leg)
    for dns_key, dns in sorted(snapshot.dns.items(), key=_ordered):
        yield from _dns_rows(_dns_labels(dns_key), dns)
    for key, ratio in sorted(snapshot.ratios.items(), key=_ordered):
        spec = names.GOODPUT_RATIO if key.measure == "goodput" else names.HANDSHAKE_RATIO
        labels = {
            "vantage": key.vantage,
            "platform": key.platform,
            "target": key.target,
            "family": key.family.value,
            "versus": key.versus.value,
        }
        yield spec, labels, ratio.value


def _slot_rows(snapshot: Snapshot, vantage: Vantage, platform: str) -> Iterator[MetricRow]:
    slot = (vantage.name, platform)
    labels = {"vantage": vantage.name, "platform": platform}
    yield names.ROUND_RUNNING, labels, float(slot in snapshot.running)
    verdict = snapshot.verdicts.get(slot)
    current = State.UNKNOWN if verdict is None else verdict.state
    whole = {**_vantage_labels(vantage), **labels}
    # Those that it never was in are left out: a fleet's rules read what is published.
    for state in State:
        if state is current or state in snapshot.states.get(slot, ()):
            yield names.VERDICT_STATE, {**whole, "state": state.value}, float(state is current)
    if verdict is not None:
        yield from _verdict_rows(labels, verdict)
        yield from law_rows(labels, verdict.law)
        yield from transport_rows(labels, _vantage_labels(vantage), verdict, snapshot.taken_at)
    for control in snapshot.compared.get(slot, ()) if current in PROVEN else ():
        yield names.VERDICT_CONTROL, {**labels, "control": control}, 1.0


def _drill_rows(snapshot: Snapshot, drill: Drill) -> Iterator[MetricRow]:
    """What the made-up vantages of a drill publish, every series marked as such."""
    who = vantages(drill)
    names_of = [platform.name for platform in snapshot.platforms]
    made_up = {
        (one.name, platform): verdict(one, platform, drill, snapshot.taken_at)
        for one in who
        for platform in names_of
    }
    compared = {slot: (f"{CONTROL}-{slot[1]}",) for slot in made_up}
    played = replace(snapshot, verdicts=made_up, compared=compared)
    for one in who:
        yield names.VANTAGE_INFO, {**_place_labels(one), **DRILL}, 1.0
        for platform in names_of:
            for spec, labels, value in _slot_rows(played, one, platform):
                if spec is not names.ROUND_RUNNING:
                    yield spec, {**labels, **DRILL}, value


def _verdict_rows(labels: dict[str, str], verdict: Verdict) -> Iterator[MetricRow]:
    yield names.VERDICT_PROVISIONAL, labels, float(verdict.provisional)
    yield names.VERDICT_SINCE, labels, verdict.since
    yield names.VERDICT_TIME, labels, verdict.at
    rule = {**labels, "rule_id": _word(verdict.rule_id)}
    if verdict.reason:
        rule["reason"] = _word(verdict.reason)
    yield names.VERDICT_INFO, rule, 1.0
    if verdict.proven:
        yield names.VERDICT_DETAIL, {**labels, **_detail_labels(verdict)}, 1.0
    yield from _if_known(names.VERDICT_SLOWDOWN, labels, verdict.factor)
    if verdict.e_value is not None and verdict.e_value > 0.0:
        yield names.VERDICT_EVIDENCE, labels, log10(verdict.e_value)
    yield from _if_known(names.VERDICT_TESTED, labels, verdict.tested_bytes)


def _detail_labels(verdict: Verdict) -> dict[str, str]:
    found = {
        "basis": verdict.basis,
        "method": verdict.method,
        "trigger": verdict.trigger,
        "signature": verdict.signature,
        "phase": verdict.phase,
        "direction": verdict.direction,
    }
    labels = {name: str(value) for name, value in found.items() if value}
    if verdict.state is State.THROTTLED:
        labels["severity"] = "severe" if verdict.severe else "moderate"
    return labels


def _counted_rows(snapshot: Snapshot) -> Iterator[MetricRow]:
    counted = snapshot.counted
    for (vantage, platform, kind, result), count in sorted(counted.rounds.items()):
        labels = {"vantage": vantage, "platform": platform, "kind": kind.value, "result": result}
        yield names.ROUNDS, labels, float(count)
    for (vantage, platform, kind), at in sorted(counted.last_rounds.items()):
        labels = {"vantage": vantage, "platform": platform, "kind": kind.value}
        yield names.ROUND_TIMESTAMP, labels, at
    for spec, by_slot in (
        (names.ROUNDS_ABANDONED, counted.abandoned),
        (names.ROUNDS_LATE, counted.late),
    ):
        for (vantage, platform), count in sorted(by_slot.items()):
            yield spec, {"vantage": vantage, "platform": platform}, float(count)
    for (vantage, platform, reason), count in sorted(counted.skipped.items()):
        labels = {"vantage": vantage, "platform": platform, "reason": reason}
        yield names.LEGS_SKIPPED, labels, float(count)
    for (vantage, platform, direction), size in sorted(counted.wire_bytes.items()):
        labels = {"vantage": vantage, "platform": platform, "direction": direction}
        yield names.WIRE_BYTES, labels, float(size)


def _line_rows(snapshot: Snapshot) -> Iterator[MetricRow]:
    for vantage, tunnel in sorted(snapshot.tunnels.items()):
        yield names_line.TUNNEL, {"vantage": vantage}, float(tunnel)
    for vantage, families in sorted(snapshot.families.items()):
        for one, works in sorted(families.items()):
            yield names_line.FAMILY_WORKS, {"vantage": vantage, "family": one}, float(works)
    for vantage, count in sorted(snapshot.line_changes.items()):
        yield names_line.CHANGES, {"vantage": vantage}, float(count)
    yield names_line.CONTROLS_REPLACED, {}, float(snapshot.drawn.replaced)
    for vantage, hung in sorted(curtains_of(snapshot.verdicts.values()).items()):
        for each in hung:
            labels = {"vantage": vantage, "operator": each.operator, "kind": each.kind.value}
            yield names_line.CURTAIN_SITES, labels, float(each.sites)


def _outside_rows(snapshot: Snapshot) -> Iterator[MetricRow]:
    for one in snapshot.outside:
        labels = {"outside": str(one.number)}
        for result, count in one.results:
            yield names_outside.READ, {**labels, "result": result}, float(count)
        yield from _if_known(names_outside.MADE, labels, one.made_at)


def _data_rows(snapshot: Snapshot) -> Iterator[MetricRow]:
    data = snapshot.data
    if data is None:
        return
    for vantage, balance in sorted(data.balances.items()):
        labels = {"vantage": vantage}
        yield names_data.BUDGET, labels, float(balance.budget)
        yield names_data.USED, labels, float(balance.used)
        yield names_data.LEFT, labels, float(balance.left)
    light = float(snapshot.schedule.light)
    for (vantage, platform), pace in sorted(data.paces.items()):
        labels = {"vantage": vantage, "platform": platform}
        yield names.ROUND_PACE, {**labels, "kind": RoundKind.LIGHT.value}, light * pace.every
        kind = RoundKind.TRANSFER.value
        yield names.ROUND_PACE, {**labels, "kind": kind}, pace.transfer_seconds
    for (vantage, platform, reason), count in sorted(data.refused.items()):
        labels = {"vantage": vantage, "platform": platform, "reason": reason.value}
        yield names.ROUNDS_REFUSED, labels, float(count)


def _leg_rows(labels: dict[str, str], leg: LegObservation) -> Iterator[MetricRow]:
    yield names.LEG_SUCCESS, labels, float(leg.ok)
    if leg.failure is not None:
        phase, reason = leg.failure.phase, leg.failure.reason
        yield names.LEG_FAILURE, {**labels, "phase": phase.value, "reason": reason}, 1.0
        if phase in leg.phases:
            yield names.LEG_FAILURE_SECONDS, labels, leg.phases[phase]
    for phase in ended_phases(leg):
        yield names.LEG_PHASE, {**labels, "phase": phase.value}, leg.phases[phase]
    if leg.tcp is not None:
        yield from _if_known(names.LEG_MIN_RTT, labels, leg.tcp.min_rtt_seconds)
        yield from _if_known(names.LEG_RETRANSMITS, labels, leg.tcp.retransmits)
    if leg.tls is not None:
        yield from _if_known(names.LEG_NOT_AFTER, labels, leg.tls.certificate_not_after)
        if leg.leg.verify is Verify.RECORD and leg.tls.verify_error is not None:
            yield names.LEG_VERIFIED, labels, float(leg.tls.verify_error == "")
    if leg.http is not None and leg.http.status not in leg.leg.expect_status:
        yield names.LEG_STATUS, labels, float(leg.http.status)


def _read_rows(labels: dict[str, str], leg: LegObservation) -> Iterator[MetricRow]:
    yield from _if_known(names.LEG_GOODPUT, labels, goodput(leg))
    yield from _if_known(names.LEG_BODY, labels, leg.body_bytes)


def _dns_rows(labels: dict[str, str], dns: DnsObservation) -> Iterator[MetricRow]:
    yield names.DNS_SUCCESS, labels, float(dns.failure is None)
    if dns.failure is not None:
        yield names.DNS_FAILURE, {**labels, "reason": dns.failure.reason}, 1.0
    if dns.answers:
        yield names.DNS_SECONDS, labels, dns.seconds
    if dns.answers and dns.transport == "udp":
        yield names.DNS_CONFLICTING, labels, float(dns.conflicting)


def _if_known(spec: MetricSpec, labels: dict[str, str], value: float | None) -> Iterator[MetricRow]:
    if value is not None:
        yield spec, labels, float(value)


def _histogram_samples(name: str, labels: dict[str, str], histogram: Histogram) -> Iterator[Sample]:
    bounds = [*map(floatToGoString, BUCKETS_SECONDS), "+Inf"]
    for bound, count in zip(bounds, accumulate(histogram.counts), strict=True):
        yield Sample(f"{name}_bucket", {**labels, "le": bound}, float(count))
    yield Sample(f"{name}_count", labels, float(sum(histogram.counts)))
    yield Sample(f"{name}_sum", labels, histogram.sum_seconds)


def _owner_labels(owner: Owner) -> dict[str, str]:
    return {"control" if owner.is_control else "platform": owner.name}


def _leg_labels(key: LegKey) -> dict[str, str]:
    return {
        "vantage": key.vantage,
        **_owner_labels(key.owner),
        "target": key.target,
        "leg": key.role.value,
        "family": key.family.value,
    }


def _dns_labels(key: DnsKey) -> dict[str, str]:
    return {
        "vantage": key.vantage,
        "platform": key.owner.name,
        "name": key.name,
        "family": key.family.value,
        "resolver": key.resolver,
        "transport": key.transport,
    }


def _vantage_labels(vantage: Vantage) -> dict[str, str]:
    labels = {
        "vantage": vantage.name,
        "country": vantage.country,
        "access": vantage.access.value,
        "role": vantage.role.value,
    }
    return labels if vantage.asn is None else {**labels, "asn": str(vantage.asn)}


def _place_labels(vantage: Vantage) -> dict[str, str]:
    """Those of a vantage, and whose way abroad it has, where that is configured."""
    labels = _vantage_labels(vantage)
    return {**labels, "upstream": upstream_of(vantage)} if vantage.upstream else labels


def _word(text: str) -> str:
    return text if _WORD.fullmatch(text) else OTHER


def _ordered(item: tuple[object, object]) -> str:
    """Series in the same order at every scrape, which compresses well and reads well."""
    return repr(item[0])
