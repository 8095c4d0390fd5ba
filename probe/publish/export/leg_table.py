"""Rounds as a flat table, one leg to a row, as spreadsheets and data frames have it.

``COLUMNS`` is the table's definition and its data dictionary; docs/data.md shows the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from probe import __version__
from probe.model.identity import Phase, Vantage
from probe.model.stored import StoredRound
from probe.observe.goodput import goodput, handshake_seconds
from probe.publish.export.leg_row import Column, LegRow, TableValue
from probe.publish.export.said_beside import SAID_BESIDE
from probe.publish.privacy.exported_fields import Scrubber

# Raised when a column goes, or means something else; new ones are added at the end.
SCHEMA_VERSION = 1


def _phase(phase: Phase) -> Callable[[LegRow], TableValue]:
    return lambda row: row.leg.phases.get(phase)


def _verified(row: LegRow) -> TableValue:
    tls = row.leg.tls
    return None if tls is None or tls.verify_error is None else tls.verify_error == ""


COLUMNS: tuple[Column, ...] = (
    Column(
        "round_id", "The round; the legs of one round share it", str, lambda r: r.stored.observed.id
    ),
    Column(
        "round_kind",
        "`light`, `transfer`, `long`, `burst` or `experiment`",
        str,
        lambda r: r.stored.observed.kind.value,
    ),
    Column(
        "round_started_utc",
        "When the round began, ISO 8601 in UTC",
        str,
        lambda r: (
            datetime.fromtimestamp(r.stored.observed.started_at, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        ),
    ),
    Column(
        "round_started_unix_seconds",
        "The same in Unix seconds",
        float,
        lambda r: r.stored.observed.started_at,
    ),
    Column(
        "round_duration_seconds",
        "How long the round took",
        float,
        lambda r: r.stored.observed.duration_seconds,
    ),
    Column(
        "clock_stepped",
        "Whether the wall clock was set during the round",
        bool,
        lambda r: r.stored.observed.clock_stepped,
    ),
    Column("vantage", "The vantage's name in the configuration", str, lambda r: r.vantage.name),
    Column(
        "country", "Its country as configured; `ZZ`: not said", str, lambda r: r.vantage.country
    ),
    Column(
        "asn", "Its autonomous system as configured; empty: not said", int, lambda r: r.vantage.asn
    ),
    Column(
        "access",
        "`fixed`, `mobile` or `hosting`, as configured",
        str,
        lambda r: r.vantage.access.value,
    ),
    Column(
        "vantage_role",
        "`inside` or `reference`, as configured",
        str,
        lambda r: r.vantage.role.value,
    ),
    Column(
        "platform", "The platform that the round is of", str, lambda r: r.stored.observed.platform
    ),
    Column(
        "leg",
        "`target`, `swap`, `control` or `decoy`: the corner of the square",
        str,
        lambda r: r.leg.leg.role.value,
    ),
    Column(
        "leg_order",
        "The leg's place in the round's random order, 0 first",
        int,
        lambda r: r.leg.order,
    ),
    Column(
        "leg_counted",
        "`false`: a control's leg of a burst of several platforms that another's round counts",
        bool,
        lambda r: r.leg in r.stored.observed.counted_legs,
    ),
    Column(
        "owner",
        "Whose endpoint: the platform's or the control's name",
        str,
        lambda r: r.leg.leg.owner,
    ),
    Column("target", "The endpoint's name in the configuration", str, lambda r: r.leg.leg.target),
    Column("operator", "Who runs a control's far end", str, lambda r: r.leg.leg.operator),
    Column(
        "compares",
        "`goodput` or `handshake`: what the leg may be compared by",
        str,
        lambda r: r.leg.leg.compares.value,
    ),
    Column("url", "What was fetched", str, lambda r: r.leg.leg.url),
    Column("connect_to", "The name that was connected to", str, lambda r: r.leg.leg.connect_to),
    Column("port", "TCP port", int, lambda r: r.leg.leg.port),
    Column("sni", "The name in the TLS ClientHello", str, lambda r: r.leg.leg.sni),
    Column("address", "The far end's address", str, lambda r: r.leg.address),
    Column(
        "family",
        "`ipv4` or `ipv6`",
        str,
        lambda r: None if r.leg.family is None else r.leg.family.value,
    ),
    Column("leg_started_unix_seconds", "When the leg began", float, lambda r: r.leg.started_at),
    Column(
        "leg_duration_seconds", "How long the leg took", float, lambda r: r.leg.duration_seconds
    ),
    Column(
        "clock",
        "`kernel`: arrivals stamped by the kernel; `loop`: by the program, late when busy",
        str,
        lambda r: r.leg.clock.value,
    ),
    Column("resolve_seconds", "Looking up the name", float, _phase(Phase.RESOLVE)),
    Column("connect_seconds", "TCP connect", float, _phase(Phase.CONNECT)),
    Column("tls_seconds", "TLS handshake", float, _phase(Phase.TLS)),
    Column(
        "redirect_seconds",
        "From the first request to the second, if the far end led on to another path of its host",
        float,
        _phase(Phase.REDIRECT),
    ),
    Column(
        "processing_seconds",
        "From the request to the answer's first byte",
        float,
        _phase(Phase.PROCESSING),
    ),
    Column(
        "transfer_seconds",
        "From the first byte to the last body byte, or the cut",
        float,
        _phase(Phase.TRANSFER),
    ),
    Column(
        "handshake_seconds",
        "`connect_seconds` + `tls_seconds`, if both ended well",
        float,
        lambda r: handshake_seconds(r.leg),
    ),
    Column(
        "goodput_bytes_per_second",
        "Body bytes per second from the request to the last byte or the cut; empty for refusals",
        float,
        lambda r: goodput(r.leg),
    ),
    Column("body_bytes", "Body bytes that were read", int, lambda r: r.leg.body_bytes),
    Column(
        "failed_phase",
        "Phase in which the leg failed; empty: it did not",
        str,
        lambda r: None if r.leg.failure is None else r.leg.failure.phase.value,
    ),
    Column(
        "failure",
        "OONI failure string; empty: the leg was fine",
        str,
        lambda r: None if r.leg.failure is None else r.leg.failure.reason,
    ),
    Column(
        "http_version",
        "HTTP version of the answer",
        str,
        lambda r: None if r.leg.http is None else r.leg.http.version,
    ),
    Column(
        "http_status",
        "Status of the answer",
        int,
        lambda r: None if r.leg.http is None else r.leg.http.status,
    ),
    Column(
        "content_length_bytes",
        "Length of the body as the answer states it",
        int,
        lambda r: None if r.leg.http is None else r.leg.http.content_length,
    ),
    Column(
        "tcp_rtt_seconds",
        "Smoothed round trip at the end (kernel)",
        float,
        lambda r: r.tcp.rtt_seconds,
    ),
    Column(
        "tcp_min_rtt_seconds", "Least round trip (kernel)", float, lambda r: r.tcp.min_rtt_seconds
    ),
    Column(
        "tcp_receive_rtt_seconds",
        "The receiver's own round-trip estimate (kernel); grows in a queue",
        float,
        lambda r: r.tcp.receive_rtt_seconds,
    ),
    Column(
        "tcp_updates_rtt_seconds",
        "Smoothed round trip at the end (kernel) of what was sent while the body came, in a burst; "
        "grows in a queue",
        float,
        lambda r: r.tcp.updates_rtt_seconds,
    ),
    Column(
        "tcp_answered_seconds",
        "For how long after the last bytes that came, in a burst whose leg failed, the far end "
        "still answered that it is there (kernel)",
        float,
        lambda r: r.tcp.answered_seconds,
    ),
    Column(
        "tcp_retransmitted_segments",
        "Segments that this host sent again",
        int,
        lambda r: r.tcp.retransmits,
    ),
    Column(
        "tcp_out_of_order_segments",
        "Segments that arrived out of order: loss on the way here",
        int,
        lambda r: r.tcp.out_of_order,
    ),
    Column(
        "tls_version",
        "TLS version",
        str,
        lambda r: None if r.leg.tls is None else r.leg.tls.version,
    ),
    Column(
        "tls_alpn",
        "Negotiated protocol",
        str,
        lambda r: None if r.leg.tls is None else r.leg.tls.alpn,
    ),
    Column(
        "tls_cipher", "Cipher suite", str, lambda r: None if r.leg.tls is None else r.leg.tls.cipher
    ),
    Column(
        "certificate_sha256",
        "SHA-256 of the far end's certificate (DER)",
        str,
        lambda r: None if r.leg.tls is None else r.leg.tls.certificate_sha256,
    ),
    Column(
        "certificate_verified",
        "Whether its chain and name held",
        bool,
        _verified,
    ),
    Column(
        "wire_bytes_sent",
        "Bytes on the wire, with headers and handshake",
        int,
        lambda r: r.leg.wire_bytes_sent,
    ),
    Column("wire_bytes_received", "The same, received", int, lambda r: r.leg.wire_bytes_received),
    Column(
        "seen_names",
        "Platforms whose names this address had seen from this vantage before, `;` between",
        str,
        lambda r: ";".join(r.leg.seen_names),
    ),
    Column(
        "verdict_state",
        "What was said of the round: `ok`, `throttled`, `blocked`, `impaired`, `withheld`, "
        "`degraded`, `down`, `offline` or `unknown`",
        str,
        lambda r: r.stored.verdict.state.value,
    ),
    Column("verdict_reason", "Why, for `unknown`", str, lambda r: r.stored.verdict.reason),
    Column(
        "verdict_rule", "Identifier of the rule that spoke", str, lambda r: r.stored.verdict.rule_id
    ),
    Column(
        "verdict_rules_version",
        "Version of the table of rules",
        int,
        lambda r: r.stored.verdict.rules_version,
    ),
    Column(
        "verdict_provisional",
        "Whether something is suspected that is not proven",
        bool,
        lambda r: r.stored.verdict.provisional,
    ),
    Column(
        "verdict_since_unix_seconds",
        "When that state began (the onset)",
        float,
        lambda r: r.stored.verdict.since,
    ),
    Column(
        "verdict_method",
        "Of a block: `dns`, `tcp`, `tls`, `http` or `quic`",
        str,
        lambda r: None if r.stored.verdict.method is None else r.stored.verdict.method.value,
    ),
    Column(
        "verdict_trigger",
        "Of throttling: `name`, `address`, `range` (its address, but for some names) or `unknown`",
        str,
        lambda r: None if r.stored.verdict.trigger is None else r.stored.verdict.trigger.value,
    ),
    Column(
        "verdict_signature",
        "Of throttling: `policer`, `shaper`, `loss`, `delay`, `cutoff` or `unknown`",
        str,
        lambda r: None if r.stored.verdict.signature is None else r.stored.verdict.signature.value,
    ),
    Column(
        "verdict_slowdown_ratio",
        "Times slower than the target's own level; if that is not known and it is slow, than a "
        "neutral name at the same server, or than other sites",
        float,
        lambda r: r.stored.verdict.factor,
    ),
    Column(
        "verdict_e_value",
        "Evidence of the sequential test; 1: none",
        float,
        lambda r: r.stored.verdict.e_value,
    ),
    Column(
        "exported_by",
        "Program and version that wrote the line",
        str,
        lambda r: f"throttlewatch {__version__}",
    ),
    Column("schema_version", "Version of this table's columns", int, lambda r: SCHEMA_VERSION),
    *SAID_BESIDE,
)


def leg_rows(
    rounds: Iterable[StoredRound], vantages: Mapping[str, Vantage], scrubber: Scrubber
) -> Iterator[list[TableValue]]:
    """The values of ``COLUMNS`` for each leg."""
    for stored in rounds:
        name = stored.observed.vantage
        vantage = vantages.get(name) or Vantage(name=name)
        clean = scrubber.stored(stored)
        for leg in clean.observed.legs:
            row = LegRow(clean, leg, vantage)
            yield [column.value(row) for column in COLUMNS]
