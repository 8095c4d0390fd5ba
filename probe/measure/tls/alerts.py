"""By which alert a far end refused a TLS handshake, from what OpenSSL says of it.

OpenSSL gives an alert that it received a reason of its own (``SSL_AD_REASON_OFFSET`` in its ssl.h),
and Python names those reasons ``SSLV3_ALERT_*``, ``TLSV1_ALERT_*``, ``TLSV1_*`` and
``TLSV13_ALERT_*``. What OpenSSL itself finds wrong has other names.
"""

from __future__ import annotations

import re
import ssl

# IANA, "TLS Alerts" (tls-parameters), those that end a handshake.
ALERTS = frozenset(
    {
        "access_denied",
        "bad_certificate",
        "bad_certificate_hash_value",
        "bad_certificate_status_response",
        "bad_record_mac",
        "certificate_expired",
        "certificate_required",
        "certificate_revoked",
        "certificate_unknown",
        "certificate_unobtainable",
        "decode_error",
        "decompression_failure",
        "decrypt_error",
        "decryption_failed",
        "export_restriction",
        "handshake_failure",
        "illegal_parameter",
        "inappropriate_fallback",
        "insufficient_security",
        "internal_error",
        "missing_extension",
        "no_application_protocol",
        "no_certificate",
        "no_renegotiation",
        "protocol_version",
        "record_overflow",
        "unexpected_message",
        "unknown_ca",
        "unknown_psk_identity",
        "unrecognized_name",
        "unsupported_certificate",
        "unsupported_extension",
        "user_canceled",
    }
)
OTHER = "other"
"""An alert whose name is not one of ``ALERTS``."""
_MARK = re.compile(r"(?:SSLV3_ALERT|TLSV1_ALERT|TLSV13_ALERT|SSL_TLS_ALERT|TLSV1)_([A-Z0-9_]+)")
_SPELT = {"user_cancelled": "user_canceled"}


def alert_of(error: ssl.SSLError) -> str:
    """The alert that the far end sent, by its name; empty if ``error`` is none of its doing."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ""
    found = _MARK.fullmatch(error.reason or "")
    if found is None:
        return ""
    name = found.group(1).lower()
    name = _SPELT.get(name, name)
    return name if name in ALERTS else OTHER
