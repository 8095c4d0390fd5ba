"""Ed25519 signatures. The library is loaded when somebody signs or checks, not before."""

from __future__ import annotations

import base64
import binascii


class KeyUnusableError(ValueError):
    """A key cannot be used; the text says why, for a person."""


def new_key() -> str:
    """A new private key as PEM (PKCS #8, not encrypted)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def public_key(pem: str) -> str:
    """The public key of a private one, as ``outside[].key`` takes it. Raises
    ``KeyUnusableError``."""
    from cryptography.hazmat.primitives import serialization

    raw = (
        _private(pem)
        .public_key()
        .public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    )
    return base64.b64encode(raw).decode()


def sign(pem: str, text: str) -> str:
    """The signature of ``text`` in Base64. Raises ``KeyUnusableError``."""
    return base64.b64encode(_private(pem).sign(text.encode())).decode()


def is_signed(public: str, text: str, signature: str) -> bool:
    """Whether ``signature`` is that of ``text`` by the owner of ``public``."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _private(pem: str):  # type: ignore[no-untyped-def]
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusableError(
            "no private key in PEM: make one with `throttlewatch outside key`"
        ) from (error)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusableError("a key of another kind: expected Ed25519")
    return key
