"""Does a certificate carry a name? For legs whose certificate name is not their SNI.

OpenSSL checks the name that goes into the ClientHello, and Python gives no way to have it check
another. Where both are the same, and a wrong one is a failure, OpenSSL does it; else this module.
The chain is always OpenSSL's to verify.

The rules are those of RFC 9525, section 6: only subjectAltName counts, never the common name; a
name matches without regard to case; ``*`` may stand only as the whole left-most label and matches
exactly one label; an address matches only an address.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

ISSUER_DIGITS = 4
_DER = 2  # _ssl.ENCODING_DER
_NOT_SHOWN = (AttributeError, LookupError, TypeError, ValueError, ssl.SSLError)
_MOST_KNOWN = 64
_KNOWN: dict[bytes, Leaf] = {}
"""What certificates say, by their DER form: hosts show the same one for weeks, and Python's way to
read one takes a tenth of a handshake."""


class Leaf(Struct, frozen=True):
    """The far end's own certificate. ``not_after`` is Unix seconds, ``sha256`` of the DER form,
    ``issuer`` the beginning of a hash of who signed it (``ISSUER_DIGITS``)."""

    sha256: str
    not_after: float | None
    names: tuple[tuple[str, str], ...]
    issuer: str | None = None

    def carries(self, name: str) -> bool:
        """Whether ``name`` (a host name or a literal address) is one of its names."""
        address = _address(name)
        if address is not None:
            return any(_address(value) == address for value in self._of("IP Address"))
        wanted = _labels(name)
        return wanted is not None and any(_matches(value, wanted) for value in self._of("DNS"))

    def _of(self, kind: str) -> Iterator[str]:
        return (value for found, value in self.names if found == kind)


def leaf_of(session: ssl.SSLObject) -> Leaf | None:
    """The certificate that the far end showed, verified or not; ``None`` if it showed none.

    After a failed handshake the public interface gives nothing before Python 3.13, and what is in a
    certificate that nobody asked to be verified it gives in no version; so both come from a private
    one, or not at all.
    """
    der: bytes | None = None
    try:
        der = session.getpeercert(binary_form=True)
        if der is not None:
            if der in _KNOWN:
                return _KNOWN[der]
            if decoded := session.getpeercert():
                return _leaf(der, decoded)
    except ValueError:
        pass  # the handshake did not end
    try:
        shown = _shown(session)
        return _leaf(shown.public_bytes(_DER), shown.get_info())
    except _NOT_SHOWN:
        return None if der is None else _leaf(der, {})


def refused_certificate(session: ssl.SSLObject) -> bytes | None:
    """The DER form of the certificate that was refused; ``None``: not known."""
    try:
        return bytes(_shown(session).public_bytes(_DER))
    except _NOT_SHOWN:
        return None


def _shown(session: ssl.SSLObject) -> Any:
    """The far end's own certificate, by the private interface. Raises one of ``_NOT_SHOWN``, and so
    may whatever it is asked."""
    return session._sslobj.get_unverified_chain()[0]  # type: ignore[attr-defined]


@lru_cache(maxsize=64)
def pin_of_der(der: bytes) -> str:
    """The pin of the key of a certificate in DER form, as curl takes it; empty: it cannot be read.

    The library is loaded here, once a pin is configured, and not before.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = x509.load_der_x509_certificate(der).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return ""
    return "sha256//" + base64.b64encode(hashlib.sha256(spki).digest()).decode()


def is_logged(der: bytes) -> bool | None:
    """Whether a certificate bears timestamps of public logs; ``None``: it cannot be read. Whose
    they are is not verified, so somebody may have copied them.

    Browsers take no certificate of a public authority without them since 2018. Who opens TLS on
    the way makes certificates of its own, which no log has seen. Blocks: the library is loaded
    here, once a certificate was refused, and not before.
    """
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(der).extensions
        stamps = found.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
    except x509.ExtensionNotFound:
        return False
    except (TypeError, ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    return len(stamps.value) > 0


def _leaf(der: bytes, decoded: Mapping[str, Any]) -> Leaf:
    not_after, issuer = decoded.get("notAfter"), decoded.get("issuer")
    made = Leaf(
        sha256=hashlib.sha256(der).hexdigest(),
        not_after=None if not_after is None else float(ssl.cert_time_to_seconds(not_after)),
        names=tuple(decoded.get("subjectAltName", ())),
        issuer=hashlib.sha256(repr(issuer).encode()).hexdigest()[:ISSUER_DIGITS]
        if issuer
        else None,
    )
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN[der] = made
    return made


def _matches(pattern: str, wanted: tuple[str, ...]) -> bool:
    labels = _labels(pattern.removeprefix("*."))
    if labels is None:
        return False
    if not pattern.startswith("*."):
        return labels == wanted
    # "*.com" would cover every site under it; no public authority issues that.
    return len(labels) >= 2 and labels == wanted[1:]


@lru_cache(maxsize=1_024)
def _labels(name: str) -> tuple[str, ...] | None:
    labels = tuple(name.lower().removesuffix(".").split("."))
    plain = name.isascii() and all(
        label and all(c.isalnum() or c in "-_" for c in label) for label in labels
    )
    return labels if plain else None


@lru_cache(maxsize=1_024)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
