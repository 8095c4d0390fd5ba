"""One target's last result under blackbox_exporter's own names, so that its dashboards work.

Nothing is probed here. A target is named ``platform``, ``platform/target``, ``control`` or
``control/target``; without a target it is the first one in the configuration. What was not measured
is absent, where blackbox_exporter would say 0 or -1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from probe.config.definition import Definition
from probe.model.identity import Family, LegRole, Phase
from probe.model.observation import LegObservation
from probe.publish.latest.snapshot import LegKey, Owner, Snapshot
from probe.publish.latest.totals import ended_phases

HELP = {
    "probe_success": "1 if the last exchange gave what was asked of it, else 0.",
    "probe_duration_seconds": "Seconds that the whole exchange took.",
    "probe_dns_lookup_time_seconds": "Seconds that resolving the name took.",
    "probe_http_duration_seconds": "Seconds per phase of the exchange.",
    "probe_http_status_code": "Status of the answer.",
    "probe_http_version": "HTTP version of the answer.",
    "probe_http_redirects": "Redirects that were followed.",
    "probe_http_ssl": "1 if the answer came over TLS, else 0.",
    "probe_http_content_length": "Length that the answer's head announced, in bytes.",
    "probe_http_uncompressed_body_length": "Body bytes that were read.",
    "probe_ip_protocol": "4 or 6: the IP version that was used.",
    "probe_ssl_earliest_cert_expiry": "Unix time at which the server's certificate expires.",
    "probe_tls_version_info": "TLS version of the connection.",
}
_IP = {Family.IPV4: 4.0, Family.IPV6: 6.0}

BlackboxRow = tuple[str, dict[str, str], float]


class NoResult(Struct, frozen=True, kw_only=True):
    """Why there is nothing to show; ``known`` says whether the name itself is right."""

    message: str
    known: bool


def lookup(snapshot: Snapshot, target: str, vantage: str | None) -> LegObservation | NoResult:
    """The last result of ``target``, from ``vantage`` (by default the first one)."""
    vantages = [v.name for v in snapshot.vantages]
    if vantage is None:
        vantage = vantages[0]
    if vantage not in vantages:
        return NoResult(
            message=f"unknown vantage {vantage!r}; known: {', '.join(vantages)}", known=False
        )
    found = next((k for name, k in _targets(snapshot) if name == target), None)
    if found is None:
        known = ", ".join(name for name, _ in _targets(snapshot))
        return NoResult(message=f"unknown target {target!r}; known: {known}", known=False)
    owner, own_target = found
    role = LegRole.CONTROL if owner.is_control else LegRole.TARGET
    results = [
        snapshot.legs[key]
        for family in Family
        if (
            key := LegKey(vantage=vantage, owner=owner, target=own_target, role=role, family=family)
        )
        in snapshot.legs
    ]
    if not results:
        return NoResult(message=f"{target} has no recent result from {vantage}", known=True)
    return max(results, key=lambda leg: leg.started_at)


def collector(leg: LegObservation) -> Collector:
    """The exposition of one result."""
    registry = CollectorRegistry()
    registry.register(_Families(leg))
    return registry


class _Families:
    def __init__(self, leg: LegObservation) -> None:
        self._leg = leg

    def collect(self) -> Iterable[Metric]:
        families = {name: Metric(name, text, "gauge") for name, text in HELP.items()}
        for name, labels, value in rows(self._leg):
            families[name].samples.append(Sample(name, labels, value))
        return [metric for metric in families.values() if metric.samples]


def rows(leg: LegObservation) -> Iterator[BlackboxRow]:
    """Every series of one result."""
    yield "probe_success", {}, float(leg.ok)
    yield "probe_duration_seconds", {}, leg.duration_seconds
    if Phase.RESOLVE in leg.phases:
        yield "probe_dns_lookup_time_seconds", {}, leg.phases[Phase.RESOLVE]
    for phase in ended_phases(leg):
        yield "probe_http_duration_seconds", {"phase": phase.value}, leg.phases[phase]
    if leg.family is not None:
        yield "probe_ip_protocol", {}, _IP[leg.family]
    yield from _tls_rows(leg)
    yield from _http_rows(leg)


def _tls_rows(leg: LegObservation) -> Iterator[BlackboxRow]:
    if leg.tls is None:
        return
    if leg.tls.certificate_not_after is not None:
        yield "probe_ssl_earliest_cert_expiry", {}, leg.tls.certificate_not_after
    if leg.tls.version is not None:
        version = leg.tls.version.replace("TLSv", "TLS ")
        yield "probe_tls_version_info", {"version": version}, 1.0


def _http_rows(leg: LegObservation) -> Iterator[BlackboxRow]:
    if leg.http is None:
        return
    yield "probe_http_status_code", {}, float(leg.http.status)
    version = _http_version(leg.http.version)
    if version is not None:
        yield "probe_http_version", {}, version
    yield "probe_http_redirects", {}, 0.0  # none is ever followed
    yield "probe_http_ssl", {}, float(leg.tls is not None)
    if leg.http.content_length is not None:
        yield "probe_http_content_length", {}, float(leg.http.content_length)
    if leg.body_bytes is not None:
        yield "probe_http_uncompressed_body_length", {}, float(leg.body_bytes)


def _http_version(text: str) -> float | None:
    """``h2`` and ``HTTP/2`` as 2, ``HTTP/1.1`` as 1.1."""
    try:
        return float(text.lower().removeprefix("http/").removeprefix("h"))
    except ValueError:
        return None


def _targets(snapshot: Snapshot) -> Iterator[tuple[str, tuple[Owner, str]]]:
    yield from _named(snapshot.platforms, is_control=False)
    yield from _named(snapshot.controls, is_control=True)


def _named(
    definitions: Iterable[Definition], *, is_control: bool
) -> Iterator[tuple[str, tuple[Owner, str]]]:
    for definition in definitions:
        owner = Owner(name=definition.name, is_control=is_control)
        for index, target in enumerate(definition.targets):
            if index == 0:
                yield definition.name, (owner, target.name)
            yield f"{definition.name}/{target.name}", (owner, target.name)
