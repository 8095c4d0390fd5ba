"""The one place where what libraries and the system raise becomes a failure string.

The strings are OONI's (see ``probe.model.failure``). The text that goes with them is of a closed
set: ours, the system's name of an error, the name of an exception. What a library says in so many
words is never passed on: it quotes the far end, and some answers echo the client's address.
"""

from __future__ import annotations

import errno
import os
import re
import ssl

import h2.errors
import h2.events
import h2.exceptions
import h11
import httpx

from probe.model.certificate_words import certificate_words
from probe.model.failure import PROTOCOL_ERROR, UNKNOWN, Failure
from probe.model.identity import Phase

TIMEOUT = "generic_timeout_error"
# This machine lacked a descriptor, memory or room in a queue: that says nothing of the network.
NO_RESOURCES = "no_buffer_space"
UNEXPECTED_STATUS = "http_unexpected_status_code"
REQUEST_FAILED = "http_request_failed"
UNEXPECTED_REDIRECT = "http_unexpected_redirect_url"


class NetworkError(Exception):
    """A failure that our own code recognised: ``reason`` is an OONI string."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


_BY_ERRNO = {
    errno.EACCES: "permission_denied",
    errno.EADDRINUSE: "address_in_use",
    errno.EADDRNOTAVAIL: "address_not_available",
    errno.EAFNOSUPPORT: "address_family_not_supported",
    errno.EALREADY: "connection_already_in_progress",
    errno.EBADF: "bad_file_descriptor",
    errno.ECONNABORTED: "connection_aborted",
    errno.ECONNREFUSED: "connection_refused",
    errno.ECONNRESET: "connection_reset",
    errno.EDESTADDRREQ: "destination_address_required",
    errno.EFAULT: "bad_address",
    errno.EHOSTDOWN: "host_unreachable",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EINTR: "interrupted",
    # What a socket's calls have right: the kernel's word for a route that leads nowhere on purpose
    # (``ip route add blackhole``, fib_props in net/ipv4/fib_semantics.c, and the same for IPv6).
    errno.EINVAL: "network_unreachable",
    errno.EISCONN: "connection_already_in_progress",
    errno.EMFILE: NO_RESOURCES,
    errno.EMSGSIZE: "message_size",
    errno.ENETDOWN: "network_down",
    errno.ENETRESET: "network_reset",
    errno.ENETUNREACH: "network_unreachable",
    errno.ENFILE: NO_RESOURCES,
    errno.ENOBUFS: NO_RESOURCES,
    errno.ENOMEM: NO_RESOURCES,
    errno.ENOPROTOOPT: "no_protocol_option",
    errno.ENOTCONN: "not_connected",
    errno.ENOTSOCK: "not_a_socket",
    errno.EOVERFLOW: "value_too_large",
    errno.EPERM: "permission_denied",
    # Writing to a connection that the far end has reset.
    errno.EPIPE: "connection_reset",
    errno.EPROTONOSUPPORT: "protocol_not_supported",
    errno.EPROTOTYPE: "wrong_protocol_type",
    errno.ETIMEDOUT: "timed_out",
    errno.EWOULDBLOCK: "operation_would_block",
}

# OpenSSL's X509_V_ERR_* (x509_vfy.h).
_WRONG_NAME = frozenset({62, 63, 64})
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21, 27})
_OPENSSL_NAME = re.compile(r"[A-Z][A-Z0-9_]{2,60}")


def failure_of(error: Exception, phase: Phase) -> Failure:
    """``error``, which ended ``phase``, as a value."""
    reason, detail = _explain(error, phase)
    return Failure(phase=phase, reason=reason, detail=detail[:200])


def reason_of_os_error(error: OSError) -> str:
    """The failure string of a system call's error."""
    if error.errno is None:
        return TIMEOUT if isinstance(error, TimeoutError) else UNKNOWN
    return _BY_ERRNO.get(error.errno, UNKNOWN)


def reason_of_certificate(error: ssl.SSLCertVerificationError) -> str:
    """Wrong name, unknown authority, or anything else that is wrong with a certificate."""
    if error.verify_code in _WRONG_NAME:
        return "ssl_invalid_hostname"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return "ssl_unknown_authority"
    return "ssl_invalid_certificate"


def _explain(error: Exception, phase: Phase) -> tuple[str, str]:
    match error:
        case NetworkError():
            return error.reason, error.detail
        case ssl.SSLCertVerificationError():
            return reason_of_certificate(error), certificate_words(error.verify_message)
        case (
            ssl.SSLEOFError()
            | ssl.SSLZeroReturnError()
            | ssl.SSLError(reason="UNEXPECTED_EOF_WHILE_READING")  # Python 3.11 before 3.11.3
            | EOFError()
        ):
            return "eof_error", "the connection was closed early"
        case ssl.SSLError():
            # After the handshake this is a broken or injected record, or a late alert.
            reason = "ssl_failed_handshake" if phase is Phase.TLS else REQUEST_FAILED
            return reason, _openssl_words(error)
        case OSError():
            return reason_of_os_error(error), os.strerror(error.errno) if error.errno else ""
        case h2.exceptions.H2Error() | h11.ProtocolError():
            return PROTOCOL_ERROR, _kind(error)
        case httpx.InvalidURL():
            return "invalid_argument", "the URL cannot be requested"
    return UNKNOWN, _kind(error)


def _openssl_words(error: ssl.SSLError) -> str:
    """OpenSSL's own name of what went wrong (``SSLV3_ALERT_HANDSHAKE_FAILURE``), as words."""
    name = getattr(error, "reason", None) or ""
    return name.replace("_", " ").lower() if _OPENSSL_NAME.fullmatch(name) else ""


def _kind(error: Exception) -> str:
    """Which exception of which library it is. h2 also has the code of RFC 9113, section 7."""
    library = type(error).__module__.partition(".")[0]
    kind = type(error).__name__ if library == "builtins" else f"{library} {type(error).__name__}"
    code = getattr(error, "error_code", None)
    return f"{kind}, {code.name}" if isinstance(code, h2.errors.ErrorCodes) else kind
