"""Are the dates of a verified chain of certificates right, by this machine's clock?

OpenSSL reports what it meets first, so a chain that it refuses for a date may be forged as well.
Therefore it verifies everything but the dates (``X509_V_FLAG_NO_CHECK_TIME``), and they are looked
at here, where nothing else is wrong any more. The authority at the end is trusted as it stands
(RFC 5280, section 6.1): OpenSSL may have found an older copy of it first.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from probe.model.identity import Dates

# OpenSSL's x509_vfy.h; Python has no name for it.
NO_CHECK_TIME = 0x200000
# What OpenSSL says of such dates.
WORDS = {
    Dates.NOT_YET_VALID: "certificate is not yet valid",
    Dates.EXPIRED: "certificate has expired",
}
_DER = 2  # _ssl.ENCODING_DER
_MOST_KNOWN = 128
_KNOWN: dict[bytes, ValidDates] = {}


class ValidDates(Struct, frozen=True):
    """From when to when a certificate is valid (Unix seconds)."""

    begins: float
    ends: float


class WrongDates(Struct, frozen=True):
    """``kind``: how the dates are wrong by this machine's clock. ``at``: when the chain begins to
    be valid, or ended (Unix seconds)."""

    kind: Dates
    at: float


def wrong_dates(session: ssl.SSLObject, now: float) -> WrongDates | None:
    """How the dates of the chain are wrong at Unix time ``now``, after a handshake that ended
    well."""
    spans = _spans(session)
    if not spans:
        return None
    begins, ends = max(one.begins for one in spans), min(one.ends for one in spans)
    if now < begins:
        return WrongDates(Dates.NOT_YET_VALID, begins)
    return WrongDates(Dates.EXPIRED, ends) if now > ends else None


def _spans(session: ssl.SSLObject) -> list[ValidDates]:
    """Of the far end's own certificate and those between it and the authority. Python gives the
    latter by a private interface before 3.13; where there is none, OpenSSL's word is all."""
    try:
        chain = session._sslobj.get_verified_chain()  # type: ignore[attr-defined]
    except AttributeError:
        found = session.getpeercert()
        return [_span(found)] if found else []
    shown = chain[:-1] or chain
    return [_known(one.public_bytes(_DER), one) for one in shown]


def _known(der: bytes, certificate: object) -> ValidDates:
    found = _KNOWN.get(der)
    if found is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[der] = _span(certificate.get_info())  # type: ignore[attr-defined]
    return found


def _span(info: Mapping[str, Any]) -> ValidDates:
    return ValidDates(
        ssl.cert_time_to_seconds(info["notBefore"]), ssl.cert_time_to_seconds(info["notAfter"])
    )
