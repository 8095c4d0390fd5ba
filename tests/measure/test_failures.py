"""From exceptions to failure strings."""

from __future__ import annotations

import _ssl
import ctypes
import errno
import ssl

import h2.exceptions
import h11
import httpx
import pytest
from hypothesis import given
from hypothesis.strategies import text

from probe.measure.one_leg.failures import NetworkError, failure_of, reason_of_os_error
from probe.model.certificate_words import WORDS
from probe.model.failure import REASONS
from probe.model.identity import Phase
from tests.every import for_every


@for_every(sorted(errno.errorcode), errno.errorcode.__getitem__)
def test_every_error_number_is_some_known_string(number: int) -> None:
    assert failure_of(OSError(number, "text"), Phase.CONNECT).reason in REASONS


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ECONNREFUSED, ""), "connection_refused"),
        (OSError(errno.ECONNRESET, ""), "connection_reset"),
        (OSError(errno.EPIPE, ""), "connection_reset"),
        (OSError(errno.EHOSTUNREACH, ""), "host_unreachable"),
        (OSError(errno.ENETUNREACH, ""), "network_unreachable"),
        (OSError(errno.EINVAL, ""), "network_unreachable"),  # a blackhole route
        (OSError(errno.ETIMEDOUT, ""), "timed_out"),
        (TimeoutError(), "generic_timeout_error"),
        (OSError("without a number"), "unknown_failure"),
        (EOFError(), "eof_error"),
        (ssl.SSLEOFError(8, "EOF"), "eof_error"),
        (h11.RemoteProtocolError("illegal status line: b'x'"), "http_protocol_error"),
        (h11.LocalProtocolError("x"), "http_protocol_error"),
        (h2.exceptions.ProtocolError("x"), "http_protocol_error"),
        (NetworkError("bad_address"), "bad_address"),
        (ZeroDivisionError(), "unknown_failure"),
    ],
)
def test_reasons(error: Exception, reason: str) -> None:
    failure = failure_of(error, Phase.PROCESSING)
    assert (failure.phase, failure.reason) == (Phase.PROCESSING, reason)


def test_a_tls_error_after_the_handshake_is_not_a_failed_handshake() -> None:
    error = ssl.SSLError(1, "bad record")
    assert failure_of(error, Phase.TLS).reason == "ssl_failed_handshake"
    assert failure_of(error, Phase.TRANSFER).reason == "http_request_failed"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (62, "ssl_invalid_hostname"),
        (64, "ssl_invalid_hostname"),
        (18, "ssl_unknown_authority"),
        (19, "ssl_unknown_authority"),
        (20, "ssl_unknown_authority"),
        (9, "ssl_invalid_certificate"),
        (10, "ssl_invalid_certificate"),
        (23, "ssl_invalid_certificate"),
    ],
)
def test_certificate_errors(code: int, reason: str) -> None:
    error = ssl.SSLCertVerificationError(1, "refused")
    error.verify_code, error.verify_message = code, "certificate has expired"
    failure = failure_of(error, Phase.TLS)
    assert (failure.reason, failure.detail) == (reason, "certificate has expired")


def test_what_was_quoted_from_the_far_end_is_left_out() -> None:
    error = h11.RemoteProtocolError("illegal status line: bytearray(b'203.0.113.7')")
    assert failure_of(error, Phase.PROCESSING).detail == "h11 RemoteProtocolError"
    early = h11.RemoteProtocolError("203.0.113.7 is not HTTP: no")
    assert failure_of(early, Phase.PROCESSING).detail == "h11 RemoteProtocolError"


@given(text())
def test_no_text_of_a_library_is_passed_on(said: str) -> None:
    refused = ssl.SSLCertVerificationError(1, said)
    refused.verify_code, refused.verify_message = (
        62,
        f"{said}, certificate is not valid for '{said}'",
    )
    broken = ssl.SSLError(1, said)
    broken.reason = f"BAD {said}"
    errors: tuple[Exception, ...] = (
        refused,
        broken,
        OSError(errno.ECONNRESET, said, said),
        OSError(said),
        h11.RemoteProtocolError(said),
        h2.exceptions.ProtocolError(said),
        httpx.InvalidURL(said),
        ValueError(said),
    )
    # The same words whatever is said: nothing of it is in them.
    for error in errors:
        assert failure_of(error, Phase.TLS).detail in {
            "the certificate does not hold",
            *WORDS,
            "",
            "Connection reset by peer",
            "h11 RemoteProtocolError",
            "h2 ProtocolError, PROTOCOL_ERROR",
            "the URL cannot be requested",
            "ValueError",
        }


def test_what_openssl_says_of_certificates_is_in_the_list() -> None:
    for code in range(1, 100):
        error = ssl.SSLCertVerificationError(1, "refused")
        error.verify_code, error.verify_message = code, _openssl_says(code)
        if error.verify_message.startswith("unknown certificate verification error"):
            continue
        said = failure_of(error, Phase.TLS).detail
        assert said in WORDS, error.verify_message


def _openssl_says(code: int) -> str:
    library = ctypes.CDLL(_ssl.__file__)
    told = library.X509_verify_cert_error_string
    told.restype, told.argtypes = ctypes.c_char_p, [ctypes.c_long]
    return bytes(told(code)).decode()


def test_an_unknown_error_names_its_type() -> None:
    assert failure_of(ZeroDivisionError("203.0.113.7"), Phase.TLS).detail == "ZeroDivisionError"


def test_every_mapped_number_is_a_known_string() -> None:
    assert {reason_of_os_error(OSError(n, "")) for n in errno.errorcode} <= REASONS
