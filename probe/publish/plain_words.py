"""Failures, phases and numbers in words, for people."""

from __future__ import annotations

from datetime import UTC, datetime

from probe.model.failure import (
    BODY_TOO_SHORT,
    ENDED_BY_SERVER,
    NOT_THE_OBJECT,
    PAGE_INSTEAD,
    PROTOCOL_ERROR,
    PROXY_FAILED,
    UNKNOWN,
)
from probe.model.identity import Phase
from probe.model.object_record import NothingRead, Why
from probe.model.observation import LegObservation
from probe.model.verdict import State

_REASONS = {
    "connection_refused": "the connection was refused",
    "connection_reset": "the connection was reset",
    "connection_already_closed": "the connection was closed already",
    "connection_aborted": "the connection was aborted",
    "eof_error": "the other side closed the connection",
    "generic_timeout_error": "time ran out",
    "timed_out": "the system gave up waiting",
    "host_unreachable": "the host cannot be reached",
    "network_unreachable": "the network cannot be reached",
    "network_reset": "the network was reset",
    "network_down": "the network is down",
    "address_family_not_supported": "this host does not speak that kind of address",
    "address_not_available": "this host does not have that address",
    "permission_denied": "not permitted",
    "dns_nxdomain_error": "the name does not exist (NXDOMAIN)",
    "dns_no_answer": "the name has no address",
    "dns_servfail_error": "the resolver failed (SERVFAIL)",
    "dns_refused_error": "the resolver refused (REFUSED)",
    "dns_temporary_failure": "no resolver could be reached",
    "dns_server_misbehaving": "the resolver's answer makes no sense",
    "dns_non_recoverable_failure": "the resolver failed for good",
    "dns_reply_with_wrong_query_id": "the resolver answered another question",
    "dns_bogon_error": "the answer is an address that cannot be public",
    "ssl_failed_handshake": "TLS failed",
    "ssl_invalid_certificate": "the certificate is not valid",
    "ssl_invalid_hostname": "the certificate is for another name",
    "ssl_unknown_authority": "the certificate's authority is not known",
    "quic_incompatible_version": "the server speaks another version of QUIC",
    "socks_failed": "the SOCKS proxy failed",
    "http_unexpected_status_code": "an unexpected status",
    "http_request_failed": "the request failed",
    "http_invalid_redirect_location_host": "the redirect leads to no host",
    "http_unexpected_redirect_url": "an unexpected redirect",
    BODY_TOO_SHORT: "the object is smaller than it should be",
    PAGE_INSTEAD: "a page came in the place of the object",
    PROTOCOL_ERROR: "the answer is not valid HTTP",
    ENDED_BY_SERVER: "the server ended the request",
    PROXY_FAILED: "the proxy failed",
    UNKNOWN: "an unknown failure",
}
_PHASES = {
    Phase.RESOLVE: "while looking up the name",
    Phase.CONNECT: "while connecting",
    Phase.TLS: "in the TLS handshake",
    Phase.REDIRECT: "while following a redirect",
    Phase.PROCESSING: "while waiting for the answer",
    Phase.TRANSFER: "while reading the body",
}
_NO_WHEN = NOT_THE_OBJECT
# How a state is called where its colour is: in legends of strips (`drawing.j2`), and in sentences
# beside them.
STATES_CALLED = {
    State.OK: "fine",
    State.THROTTLED: "throttled",
    State.BLOCKED: "blocked",
    State.IMPAIRED: "slow or failing, here at least",
    State.WITHHELD: "not served here by the platform itself",
    State.DEGRADED: "whole line slow",
    State.OFFLINE: "line offline",
    State.DOWN: "platform down everywhere",
    State.UNKNOWN: "cannot tell",
}


def failure_words(leg: LegObservation) -> str:
    """What went wrong with a leg and when, empty when nothing did."""
    failure = leg.failure
    if failure is None:
        return ""
    words = _REASONS.get(failure.reason) or f"the failure {failure.reason.replace('_', '-')}"
    if failure.reason == "http_unexpected_status_code" and leg.http is not None:
        words = f"the answer was {leg.http.status}"
    elif failure.reason == BODY_TOO_SHORT and leg.body_bytes is not None:
        words = f"{words} ({leg.body_bytes} bytes)"
    if failure.reason not in _NO_WHEN:
        words = f"{words} {_PHASES[failure.phase]}"
    return words


_WHY = {
    Why.GONE: "its own server says that it is not there",
    Why.NO_LINK: "no page leads to it",
    Why.NO_NAME: "no resolver knows its name",
    Why.UNREACHED: "no answer came that can be trusted",
}


def unread_words(one: NothingRead) -> str:
    """Which target gives nothing to read, since when, and what to do about it."""
    since = f"{datetime.fromtimestamp(one.since, tz=UTC):%Y-%m-%d %H:%M} UTC"
    what = "no object could be read" if one.reads else "reached, and nothing it should give came"
    if one.why is Why.NO_NAME:
        what = "not asked"
    words = f"{one.target}: {what} since {since} ({_WHY[one.why]})"
    if one.rotten:
        words += "; `throttlewatch check --online` says which candidates still give one"
    return words


def evidence_words(value: float) -> str:
    """A bet's winnings to three digits, as people write numbers: ``27,500``."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100.0 else f"{value:.2g}"


def rate_words(bytes_per_second: float) -> str:
    """A rate with three digits at most: ``870 B/s``, ``16.4 kB/s``, ``1.25 MB/s``."""
    value, unit = bytes_per_second, "B/s"
    for larger in ("kB/s", "MB/s", "GB/s"):
        if value < 999.5:
            break
        value, unit = value / 1_000.0, larger
    return f"{value:.3g} {unit}" if value < 99.95 else f"{value:.0f} {unit}"
