"""The name in a ClientHello, read by OpenSSL itself, so that no second TLS parser can be wrong."""

from __future__ import annotations

import ssl

LARGEST_BYTES = 16_384


class HelloError(ValueError):
    """The bytes are not the beginning of a TLS connection."""


def server_name(received: bytes) -> str | None:
    """The server name that ``received`` asks for: empty when it asks for none, ``None`` while the
    ClientHello is not complete.

    Raises ``HelloError``.
    """
    found: list[str] = []

    def hear(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int:
        found.append(name or "")
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME  # we only wanted to know

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = hear
    incoming = ssl.MemoryBIO()
    incoming.write(received)
    try:
        context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        if len(received) >= LARGEST_BYTES:
            raise HelloError("no ClientHello in the first bytes") from None
        return None
    except ssl.SSLError as error:
        if not found:
            raise HelloError(error.reason or "not TLS") from None
    return found[0] if found else ""
