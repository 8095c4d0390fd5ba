"""Is a chain of certificates wrong in its dates only? Asked after OpenSSL has refused it for them.

OpenSSL says what it met first: with a date that is wrong somewhere, it has not looked at every
signature yet. So the whole chain is verified once more, as of a moment at which its certificates
say that they are valid. That is the ``cryptography`` package's work; this module only asks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from probe.model.identity import Dates

if TYPE_CHECKING:
    from cryptography import x509

_SECOND = timedelta(seconds=1)
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED (x509_vfy.h).
DATE_ERRORS = frozenset({9, 10})


class WrongDates(Struct, frozen=True):
    """``kind``: how the dates are wrong by this machine's clock. ``at``: when the chain begins to
    be valid, or ended (Unix seconds)."""

    kind: Dates
    at: float


def wrong_dates(
    chain: Sequence[bytes], authorities: Iterable[bytes], name: str | None
) -> WrongDates | None:
    """How the dates of ``chain`` (DER, the far end's own first) are wrong, if nothing else is: it
    ends at one of ``authorities`` (DER), and is for ``name`` (``None``: for any).

    ``None`` if something else is wrong with it as well, or cannot be told.
    """
    # A rare case, and a library of some megabytes.
    from cryptography import x509
    from cryptography.x509.verification import VerificationError

    try:
        leaf, *others = [x509.load_der_x509_certificate(one) for one in chain]
        known = [x509.load_der_x509_certificate(one) for one in authorities]
        subject = _subject(leaf, name)
    except (ValueError, x509.ExtensionNotFound):
        return None
    if subject is None or not known:
        return None
    for moment in _moments([leaf, *others]):
        try:
            path = _verified(leaf, others, known, subject, moment)
        except (VerificationError, ValueError):
            continue
        return _of_path(path)
    return None


def _of_path(path: Sequence[x509.Certificate]) -> WrongDates | None:
    now = datetime.fromtimestamp(time.time(), UTC)
    begins = max(one.not_valid_before_utc for one in path)
    ends = min(one.not_valid_after_utc for one in path)
    if now < begins:
        return WrongDates(Dates.NOT_YET_VALID, begins.timestamp())
    return WrongDates(Dates.EXPIRED, ends.timestamp()) if now > ends else None


def _moments(chain: Sequence[x509.Certificate]) -> list[datetime]:
    """When all of ``chain`` may be valid, or what is needed of it: a far end may show more."""
    leaf = chain[0]
    begins = max(one.not_valid_before_utc for one in chain)
    ends = min(one.not_valid_after_utc for one in chain)
    half = leaf.not_valid_before_utc + (leaf.not_valid_after_utc - leaf.not_valid_before_utc) / 2
    own = (leaf.not_valid_before_utc + _SECOND, half, leaf.not_valid_after_utc - _SECOND)
    return [*((begins + _SECOND,) if begins < ends else ()), *own]


def _verified(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    known: Sequence[x509.Certificate],
    subject: x509.DNSName | x509.IPAddress,
    moment: datetime,
) -> Sequence[x509.Certificate]:
    from cryptography.x509.verification import PolicyBuilder, Store

    builder = PolicyBuilder().store(Store(list(known))).time(moment)
    return builder.build_server_verifier(subject).verify(leaf, list(others))


def _subject(leaf: x509.Certificate, name: str | None) -> x509.DNSName | x509.IPAddress | None:
    """``name``, or the first that ``leaf`` carries."""
    from ipaddress import ip_address

    from cryptography import x509

    from probe.config.formats import is_address

    if name is not None:
        return x509.IPAddress(ip_address(name)) if is_address(name) else x509.DNSName(name)
    carried = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for one in carried:
        if isinstance(one, x509.IPAddress):
            return one
        if isinstance(one, x509.DNSName):
            return x509.DNSName(one.value.removeprefix("*."))  # any label would do
    return None
