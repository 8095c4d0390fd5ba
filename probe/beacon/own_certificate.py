"""A certificate that a beacon makes for itself, and the pin of its key.

Nobody vouches for it: whoever measures against it is told the pin, by which any client can be sure
of the key (``curl --pinnedpubkey``). The key stays in its file, so the pin holds over restarts and
over other names.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

NO_NAME = "beacon.invalid"
_YEARS = 10
_KEY, _CERTIFICATE = "beacon-key.pem", "beacon-certificate.pem"


def own_certificate(folder: Path, names: Sequence[str], now: datetime) -> tuple[Path, Path]:
    """The files of a certificate for ``names`` and of its key in ``folder``; the key is made if
    there is none, the certificate anew each time. Raises ``OSError``, and ``ValueError`` if what is
    there is no key for it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file, file = folder / _KEY, folder / _CERTIFICATE
    key = _made(key_file) if not key_file.exists() else _read(key_file)
    file.write_bytes(_signed(key, names or (NO_NAME,), now).public_bytes(Encoding.PEM))
    return file, key_file


def pin_of(cert_file: Path) -> str:
    """The pin of the key that the first certificate in ``cert_file`` is for, as curl takes it.
    Raises ``OSError``, and ``ValueError`` if there is none."""
    first = x509.load_pem_x509_certificates(cert_file.read_bytes())[0]
    spki = first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "sha256//" + base64.b64encode(hashlib.sha256(spki).digest()).decode()


def _made(file: Path) -> EllipticCurvePrivateKey:
    key = generate_private_key(SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
    part.rename(file)
    return key


def _read(file: Path) -> EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError("no key of an elliptic curve")
    return key


def _signed(key: EllipticCurvePrivateKey, names: Sequence[str], now: datetime) -> x509.Certificate:
    # Some clients want an issuer; a common name has at most 64 letters.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before((now - timedelta(days=1)).astimezone(UTC))
        .not_valid_after((now + timedelta(days=365 * _YEARS)).astimezone(UTC))
        .add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
