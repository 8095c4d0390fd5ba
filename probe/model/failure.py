"""One failure is one OONI failure string and the phase in which it happened.

The strings are those of OONI's data format (ooni/spec, data-formats/df-007-errors.md), so that
exports need no translation. ``OURS`` holds the few that OONI has no word for.
"""

from __future__ import annotations

from msgspec import Struct

from probe.model.identity import Phase

UNKNOWN = "unknown_failure"

OONI: frozenset[str] = frozenset(
    {
        "address_family_not_supported",
        "address_in_use",
        "address_not_available",
        "bad_address",
        "bad_file_descriptor",
        "connection_aborted",
        "connection_already_closed",
        "connection_already_in_progress",
        "connection_refused",
        "connection_reset",
        "destination_address_required",
        "dns_bogon_error",
        "dns_no_answer",
        "dns_non_recoverable_failure",
        "dns_nxdomain_error",
        "dns_refused_error",
        "dns_reply_with_wrong_query_id",
        "dns_server_misbehaving",
        "dns_servfail_error",
        "dns_temporary_failure",
        "eof_error",
        "generic_timeout_error",
        "host_unreachable",
        "http_invalid_redirect_location_host",
        "http_request_failed",
        "http_unexpected_redirect_url",
        "http_unexpected_status_code",
        "interrupted",
        "invalid_argument",
        "message_size",
        "network_down",
        "network_reset",
        "network_unreachable",
        "no_buffer_space",
        "no_protocol_option",
        "not_a_socket",
        "not_connected",
        "operation_would_block",
        "permission_denied",
        "quic_incompatible_version",
        "protocol_not_supported",
        "socks_failed",
        "ssl_failed_handshake",
        "ssl_invalid_certificate",
        "ssl_invalid_hostname",
        "ssl_unknown_authority",
        "timed_out",
        "value_too_large",
        "wrong_protocol_type",
    }
)

# A complete answer that is smaller than the object is known to be (its ``min_bytes``).
BODY_TOO_SHORT = "body_too_short"
# A page for people (``text/html``) where the object is none: a login, an error, a notice.
PAGE_INSTEAD = "page_instead"
# The answer breaks HTTP: not a status line, a head without end, an invalid frame.
PROTOCOL_ERROR = "http_protocol_error"
# The far end ended the request or the connection with an error of its own (HTTP/2, HTTP/3), within
# what is encrypted.
ENDED_BY_SERVER = "ended_by_server"
# A proxy refused or broke the tunnel; OONI knows only SOCKS.
PROXY_FAILED = "proxy_failed"

OURS: frozenset[str] = frozenset(
    {BODY_TOO_SHORT, PAGE_INSTEAD, PROTOCOL_ERROR, ENDED_BY_SERVER, PROXY_FAILED}
)

NOT_THE_OBJECT: frozenset[str] = frozenset(
    {"http_unexpected_status_code", BODY_TOO_SHORT, PAGE_INSTEAD}
)
"""An answer came whole, and is not what was asked for."""
BY_THE_SERVER: frozenset[str] = frozenset({ENDED_BY_SERVER, PROTOCOL_ERROR})
"""Something came that only the far end can have said, as it was encrypted, and it is no answer."""

REASONS: frozenset[str] = OONI | OURS | {UNKNOWN}


class Failure(Struct, frozen=True, kw_only=True):
    """What went wrong, and in which phase.

    ``reason`` is always a member of ``REASONS`` (so it may be a metric label); ``detail`` is free
    text for people and never leaves the machine as a label. It must not contain an address of
    this host.
    """

    phase: Phase
    reason: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"{self.reason!r} is not a known failure string")
