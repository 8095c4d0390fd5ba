"""Rounds in OONI's data format, as JSON Lines that OONI's own tools read.

Each leg is one measurement of the nettest ``urlgetter``, which is OONI's name for "this one URL, in
this way": the URL is its input, what is special about the leg (another address, another name in
the ClientHello) its options. The names that a round asked for are ``dnslookup://`` measurements of
the same nettest. ``report_id`` holds the measurements of a round together, and annotations say
which corner of the square each one is. The goodput curve becomes ``bytes_received_cumulative``
events, as OONI's own probe records throttling.

Formats: ooni/spec, data-formats (df-000 to df-008); nettests/ts-027-urlgetter.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from probe import __version__
from probe.model.failure import OURS, Failure
from probe.model.identity import Access, Family, Phase, Vantage, Verify
from probe.model.observation import DnsObservation, LegObservation
from probe.model.stored import StoredRound
from probe.observe.effort import READING
from probe.observe.goodput import asked_bytes, goodput, handshake_seconds
from probe.publish.privacy.configured_names import NOTHING
from probe.publish.privacy.exported_fields import Scrubber

TEST_NAME = "urlgetter"
TEST_VERSION = "0.2.0"
DATA_FORMAT_VERSION = "0.2.0"
_EXTENSIONS = {"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0}
# OONI's convention for a probe that keeps its address to itself.
_NO_ADDRESS = "127.0.0.1"
_OPERATIONS = {
    Phase.RESOLVE: "resolve",
    Phase.CONNECT: "connect",
    Phase.TLS: "tls_handshake",
    Phase.REDIRECT: "http_round_trip",
    Phase.PROCESSING: "http_round_trip",
    Phase.TRANSFER: "read",
}
_ENGINES = {"host": "system", "udp": "udp", "tcp": "tcp", "https": "doh"}
_RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}

Keys = dict[str, Any]


def ooni_lines(
    rounds: Iterable[StoredRound],
    vantages: Mapping[str, Vantage],
    scrubber: Scrubber | None = None,
) -> Iterator[bytes]:
    """One line for each leg and for each name that was looked up. ``vantages`` says what is
    configured of each; one that the configuration no longer names is ``AS0`` in ``ZZ``. Without a
    ``scrubber`` nothing is known to be harmless."""
    scrubber = scrubber or Scrubber(NOTHING)
    encoder = msgspec.json.Encoder()
    for stored in rounds:
        clean = scrubber.stored(stored)
        name = clean.observed.vantage
        vantage = vantages.get(name) or Vantage(name=name)
        for measurement in measurements(clean, vantage):
            yield encoder.encode(measurement) + b"\n"


def measurements(stored: StoredRound, vantage: Vantage) -> Iterator[Keys]:
    """The measurements of one round: its legs in the order in which they were made, its names. A
    leg that several platforms' rounds have is one measurement."""
    for leg in stored.observed.counted_legs:
        yield _of_leg(stored, leg, vantage)
    names: dict[str, list[DnsObservation]] = {}
    for dns in stored.observed.dns:
        names.setdefault(dns.name, []).append(dns)
    for name, asked in names.items():
        yield _of_name(stored, name, asked, vantage)


def _frame(
    stored: StoredRound, vantage: Vantage, *, key: str, started_at: float, runtime: float
) -> Keys:
    observed, verdict = stored.observed, stored.verdict
    began, cc, asn = _compact(observed.started_at), vantage.country, vantage.asn or 0
    unique = sha256(f"{observed.id} {observed.started_at} {key}".encode()).hexdigest()[:16]
    whole = sha256(f"{observed.id} {observed.started_at}".encode()).hexdigest()[:16]
    return {
        "annotations": {
            "network_type": "mobile" if vantage.access is Access.MOBILE else "wired_ethernet",
            "throttlewatch_access": vantage.access.value,
            "throttlewatch_kind": observed.kind.value,
            "throttlewatch_platform": observed.platform,
            "throttlewatch_round": observed.id,
            "throttlewatch_vantage": observed.vantage,
            "throttlewatch_vantage_role": vantage.role.value,
            "throttlewatch_verdict": verdict.state.value,
            "throttlewatch_verdict_provisional": str(verdict.provisional).lower(),
            "throttlewatch_verdict_rule": verdict.rule_id,
            **{
                f"throttlewatch_verdict_over_{one.transport}": one.state.value
                for one in verdict.over
            },
        },
        "data_format_version": DATA_FORMAT_VERSION,
        "extensions": _EXTENSIONS,
        "measurement_start_time": _spaced(started_at),
        "measurement_uid": f"{_compact(started_at)[:8]}_{cc}_{TEST_NAME}_{unique}",
        "probe_asn": f"AS{asn}",
        "probe_cc": cc,
        "probe_ip": _NO_ADDRESS,
        "report_id": f"{began}_{TEST_NAME}_{cc}_{asn}_n1_{whole}",
        "resolver_asn": "AS0",
        "resolver_ip": None,
        "software_name": "throttlewatch",
        "software_version": __version__,
        "test_name": TEST_NAME,
        "test_runtime": runtime,
        "test_start_time": _spaced(observed.started_at),
        "test_version": TEST_VERSION,
    }


def _of_leg(stored: StoredRound, observed: LegObservation, vantage: Vantage) -> Keys:
    leg, burst = observed.leg, stored.observed.burst
    frame = _frame(
        stored,
        vantage,
        key=str(observed.order),
        started_at=observed.started_at,
        runtime=observed.duration_seconds,
    )
    frame["annotations"] |= {
        "throttlewatch_compares": leg.compares.value,
        "throttlewatch_joint": "" if burst is None else ",".join(burst.joint),
        "throttlewatch_leg": leg.role.value,
        "throttlewatch_operator": leg.operator,
        "throttlewatch_order": str(observed.order),
        "throttlewatch_owner": leg.owner,
        "throttlewatch_target": leg.target,
    }
    frame["input"] = leg.url
    frame["options"] = _options(observed)
    frame["test_keys"] = _keys(observed)
    return frame


def _options(observed: LegObservation) -> list[str]:
    leg = observed.leg
    options = ["NoFollowRedirects=true", f"TLSServerName={leg.sni}"]
    if observed.address is not None:
        options.append(f"DNSCache={observed.address} {leg.connect_to}")
    if leg.verify is Verify.RECORD:
        options.append("NoTLSVerify=true")
    return options


class _Times:
    """When each phase of a leg began and ended, in seconds since ``measurement_start_time``, which
    OONI truncates to whole seconds. The name was looked up before the leg, once for its round."""

    def __init__(self, observed: LegObservation) -> None:
        now = observed.started_at - math.floor(observed.started_at)
        self.spans: dict[Phase, tuple[float, float]] = {}
        for phase in list(Phase)[1:]:
            if phase in observed.phases:
                self.spans[phase] = (now, now + observed.phases[phase])
                now += observed.phases[phase]


def _keys(observed: LegObservation) -> Keys:
    failure, spans = observed.failure, _Times(observed).spans
    address = None if observed.address is None else _endpoint(observed.address, observed.leg.port)
    return {
        "agent": "agent",
        "failed_operation": None if failure is None else _OPERATIONS[failure.phase],
        "failure": _words(failure),
        "network_events": _events(observed, spans, address),
        "queries": [],
        "requests": _requests(observed, spans, address),
        "socksproxy": None,
        "tcp_connect": _connects(observed, spans),
        "tls_handshakes": _handshakes(observed, spans, address),
        "x_asked_bytes": asked_bytes(observed),
        "x_body_bytes": observed.body_bytes,
        "x_clock": observed.clock.value,
        "x_goodput_bytes_per_second": goodput(observed),
        "x_handshake_seconds": handshake_seconds(observed),
        "x_redirect_status": None if observed.http is None else observed.http.redirect_status,
        "x_tcp_info": observed.tcp,
        "x_upload": observed.upload,
        "x_wire_bytes_received": observed.wire_bytes_received,
        "x_wire_bytes_sent": observed.wire_bytes_sent,
    }


PhaseTimes = Mapping[Phase, tuple[float, float]]


def _connects(observed: LegObservation, spans: PhaseTimes) -> list[Keys]:
    if Phase.CONNECT not in spans or observed.address is None:
        return []
    failure = _failed_in(observed, Phase.CONNECT)
    return [
        {
            "ip": observed.address,
            "port": observed.leg.port,
            "status": {"failure": failure, "success": failure is None},
            **_t(spans[Phase.CONNECT]),
        }
    ]


def _handshakes(observed: LegObservation, spans: PhaseTimes, address: str | None) -> list[Keys]:
    if Phase.TLS not in spans:
        return []
    tls = observed.tls
    return [
        {
            "address": address,
            "cipher_suite": "" if tls is None else tls.cipher or "",
            "failure": _failed_in(observed, Phase.TLS),
            "negotiated_protocol": "" if tls is None else tls.alpn or "",
            "network": "tcp",
            "no_tls_verify": observed.leg.verify is Verify.RECORD,
            "peer_certificates": [],
            "server_name": observed.leg.sni,
            "tls_version": "" if tls is None else tls.version or "",
            "x_certificate_sha256": None if tls is None else tls.certificate_sha256,
            **_t(spans[Phase.TLS]),
        }
    ]


def _requests(observed: LegObservation, spans: PhaseTimes, address: str | None) -> list[Keys]:
    if Phase.PROCESSING not in spans:
        return []
    begin = spans[Phase.PROCESSING][0]
    end = spans.get(Phase.TRANSFER, spans[Phase.PROCESSING])[1]
    failure = observed.failure
    late = failure is not None and failure.phase in READING
    response: Keys | None = None
    if observed.http is not None:
        response = {
            # Bodies are never kept; their length is in x_body_bytes.
            "body": "",
            "body_is_truncated": True,
            "code": observed.http.status,
            "headers": {},
            "headers_list": [],
        }
    return [
        {
            "address": address,
            "alpn": "" if observed.tls is None else observed.tls.alpn or "",
            "failure": _words(failure) if late else None,
            "network": "tcp",
            "request": {
                "body": "",
                "body_is_truncated": False,
                "headers": {},
                "headers_list": [],
                "method": "GET",
                "tor": {"exit_ip": None, "exit_name": None, "is_tor": False},
                "url": observed.leg.url,
                "x_transport": "tcp",
            },
            "response": response,
            **_t((begin, end)),
        }
    ]


def _events(observed: LegObservation, spans: PhaseTimes, address: str | None) -> list[Keys]:
    events: list[Keys] = []

    def event(operation: str, t: float, failure: str | None = None, **more: Any) -> None:
        found: Keys = {"failure": failure, "operation": operation, **_t((t, t))}
        events.append(found | more)

    if Phase.CONNECT in spans:
        failure = _failed_in(observed, Phase.CONNECT)
        event("connect", spans[Phase.CONNECT][1], failure, address=address, proto="tcp")
    if Phase.TLS in spans:
        begin, end = spans[Phase.TLS]
        event("tls_handshake_start", begin)
        event("tls_handshake_done", end, _failed_in(observed, Phase.TLS))
    if Phase.PROCESSING in spans:
        begin = spans[Phase.PROCESSING][0]
        event("http_transaction_start", begin)
        for sample in observed.curve:
            event(
                "bytes_received_cumulative",
                begin + sample.seconds,
                address=address,
                num_bytes=sample.bytes,
                proto="tcp",
            )
        event("http_transaction_done", spans.get(Phase.TRANSFER, spans[Phase.PROCESSING])[1])
    return events


def _of_name(stored: StoredRound, name: str, asked: list[DnsObservation], vantage: Vantage) -> Keys:
    started_at = min(dns.started_at for dns in asked)
    end = max(dns.started_at + dns.seconds for dns in asked)
    frame = _frame(stored, vantage, key=name, started_at=started_at, runtime=end - started_at)
    failures = [dns.failure for dns in asked]
    # As urlgetter would say: the lookup failed if nobody gave an answer.
    failure = failures[0] if all(failures) else None
    frame["input"] = f"dnslookup://{name}"
    frame["options"] = []
    frame["test_keys"] = {
        "agent": "agent",
        "failed_operation": None if failure is None else "resolve",
        "failure": _words(failure),
        "network_events": [],
        "queries": [
            query
            for index, dns in enumerate(asked, start=1)
            for query in _queries(dns, math.floor(started_at), index)
        ],
        "requests": [],
        "socksproxy": None,
        "tcp_connect": [],
        "tls_handshakes": [],
    }
    return frame


def _queries(dns: DnsObservation, start: int, index: int) -> Iterator[Keys]:
    """One entry for each answer, so that an injected one stands beside the true one."""
    ipv6 = dns.family is Family.IPV6
    kind, field = ("AAAA", "ipv6") if ipv6 else ("A", "ipv4")
    begin = dns.started_at - start
    base: Keys = {
        "engine": _ENGINES.get(dns.transport, dns.transport),
        "failure": _words(dns.failure),
        "hostname": dns.name,
        "query_type": kind,
        # The configured name: the address of the network's own resolver is not ours to publish.
        "resolver_address": dns.resolver,
        "resolver_hostname": None,
        "resolver_port": None,
        "transaction_id": index,
    }
    if not dns.answers:
        yield base | {"answers": None, "rcode": None, **_t((begin, begin + dns.seconds), index)}
    for answer in dns.answers:
        yield base | {
            "answers": [
                {"answer_type": kind, field: address, "ttl": answer.ttl_seconds}
                for address in answer.addresses
            ],
            "rcode": _RCODES.get(answer.rcode),
            **_t((begin, begin + answer.seconds), index),
        }


def _t(span: tuple[float, float], transaction: int = 1) -> Keys:
    return {"t0": round(span[0], 6), "t": round(span[1], 6), "transaction_id": transaction}


def _failed_in(observed: LegObservation, phase: Phase) -> str | None:
    failure = observed.failure
    return _words(failure) if failure is not None and failure.phase is phase else None


def _words(failure: Failure | None) -> str | None:
    if failure is None:
        return None
    return f"unknown_failure: {failure.reason}" if failure.reason in OURS else failure.reason


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _spaced(at: float) -> str:
    return datetime.fromtimestamp(math.floor(at), UTC).strftime("%Y-%m-%d %H:%M:%S")


def _compact(at: float) -> str:
    return datetime.fromtimestamp(math.floor(at), UTC).strftime("%Y%m%dT%H%M%SZ")
