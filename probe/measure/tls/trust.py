"""Whom this daemon believes: the certificate authorities, read once.

Reading the system's authorities costs milliseconds of CPU and blocks, so it happens at start and on
reload, never in a leg.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from probe.measure.tls.validity import NO_CHECK_TIME

_PLAIN_BYTES = 65_536


def ssl_version() -> str:
    """The TLS library of this client, such as ``OpenSSL 3.0.15``: censors tell clients apart."""
    return " ".join(ssl.OPENSSL_VERSION.split()[:2])


class TrustError(Exception):
    """The ``ca_file`` cannot be used; the text says why."""


class Trust:
    """Makes the TLS client of a leg."""

    __slots__ = ("_ca_file", "_context", "_offered", "_unchecked", "plain")

    def __init__(self, context: ssl.SSLContext, ca_file: str | None = None) -> None:
        _as_curl_does(context)
        self._context = context
        self._unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._unchecked.check_hostname = False
        self._unchecked.verify_mode = ssl.CERT_NONE
        self._offered: dict[ssl.SSLContext, tuple[str, ...]] = {}
        self._ca_file = ca_file
        self.plain = memoryview(bytearray(_PLAIN_BYTES))
        """Room that the clients decrypt into, whichever is at it: none keeps anything there."""

    @classmethod
    def load(cls, ca_file: str | None) -> Trust:
        """Trust the authorities in ``ca_file`` (PEM) and no others, or the system's if ``None``.

        Blocks. Raises ``TrustError``, also when the system has no authorities at all: every leg
        would fail, and look like a forged certificate.
        """
        return cls(_context(ca_file), ca_file)

    def places(self) -> tuple[str | None, str | None]:
        """The file and the folder with the authorities, for what does not speak through OpenSSL."""
        if self._ca_file is not None:
            return self._ca_file, None
        system = ssl.get_default_verify_paths()
        return system.cafile, system.capath

    def client(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        *,
        sni: str,
        alpn: tuple[str, ...],
        check_name: bool,
        check_chain: bool = True,
    ) -> ssl.SSLObject:
        """A TLS client over two buffers that demands a valid chain.

        With ``check_name`` OpenSSL also demands a certificate for ``sni``; without, the caller must
        look at the name. An empty ``sni`` sends none. Without ``check_chain`` every certificate
        will do: only for a leg that asks nothing and ends with the handshake.
        """
        if not check_chain:
            self._offer(self._unchecked, alpn)
            return self._unchecked.wrap_bio(incoming, outgoing, server_hostname=sni or None)
        # OpenSSL copies both settings into each new connection, so one context (and one copy of
        # the authorities) serves all legs; nothing can come in between, this does not await.
        self._context.check_hostname = check_name
        self._offer(self._context, alpn)
        return self._context.wrap_bio(incoming, outgoing, server_hostname=sni or None)

    def _offer(self, context: ssl.SSLContext, alpn: tuple[str, ...]) -> None:
        # Mostly what the leg before offered.
        if self._offered.get(context) != alpn:
            context.set_alpn_protocols(list(alpn))
            self._offered[context] = alpn


def _as_curl_does(context: ssl.SSLContext) -> None:
    """Have the ClientHello be that of curl on this system, byte for byte but for what is random.

    Python's own (a cipher list and extensions of its own choice) is met from few programs, curl's
    (OpenSSL's defaults) from very many, so it singles nobody out. It offers what OpenSSL calls
    supported; versions below 1.2 are refused all the same, by the security level of OpenSSL 3.
    """
    context.set_ciphers("DEFAULT")
    context.options |= ssl.OP_NO_TICKET
    # Python 3.11 before 3.11.3 (Debian 12 has 3.11.2) tells OpenSSL to take a connection that is
    # cut off for one that ended. It is not part of the hello.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.post_handshake_auth = True
    if ssl.OPENSSL_VERSION_INFO >= (3, 0):
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED


def _context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The dates are looked at by themselves (validity.py).
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if not _has_authorities(context):
            raise TrustError(
                "this system has no certificate authorities: install the package ca-certificates, "
                "or set ca_file"
            )
        return context
    # Its name without its folder: that may have a user's name, and this is told in the log.
    name = Path(ca_file).name
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError as error:
        raise TrustError(f"ca_file {name}: holds no certificates in PEM form") from error
    except OSError as error:
        raise TrustError(f"ca_file {name}: {(error.strerror or str(error)).lower()}") from error
    return context


def _has_authorities(context: ssl.SSLContext) -> bool:
    """A folder of authorities is read only when one of them is needed, so it is looked at here."""
    folder = ssl.get_default_verify_paths().capath
    in_folder = folder is not None and any(Path(folder).iterdir())
    return in_folder or bool(context.cert_store_stats()["x509_ca"])
