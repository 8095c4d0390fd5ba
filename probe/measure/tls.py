"""TLS over a wire: OpenSSL works on buffers, the wire keeps the times.

Once the handshake is over, OpenSSL gets the stream one record at a time. So what it decrypts can be
traced to the arrivals of the record's first and last byte: a record of 16 KiB at 128 kbit/s takes
a second to arrive, and the answer begins at its beginning. A record is told by the header of five
bytes that stands before it in the clear (RFC 8446, section 5.1); what is in it is OpenSSL's.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import NamedTuple

import httpcore

from probe.measure.certificate import Leaf, leaf_of
from probe.measure.clock import Arrival
from probe.measure.failures import NetworkError
from probe.measure.trust import Trust
from probe.measure.wire import WireStream
from probe.model.identity import Verify
from probe.model.observation import TlsFacts

_HEADER_BYTES = 5
# RFC 5246 allows 2^14 + 2048 bytes; beyond that OpenSSL shall say what is wrong.
_MOST_RECORD_BYTES = 16_384 + 2_048


class Record(NamedTuple):
    """One TLS record and when its first and last bytes came."""

    data: bytes
    first: Arrival
    last: Arrival


class Records:
    """Cuts a stream of pieces into records. Every complete record is taken before the next piece
    comes, so what is left over always begins in the latest piece or is already begun."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._first: Arrival | None = None
        self._last: Arrival | None = None

    def feed(self, piece: bytes, arrival: Arrival) -> None:
        """Add a piece that came at ``arrival``."""
        if not self._held:
            self._first = arrival
        self._held += piece
        self._last = arrival

    def take(self) -> Record | None:
        """The next complete record, if there is one."""
        if len(self._held) < _HEADER_BYTES or self._first is None or self._last is None:
            return None
        size = _HEADER_BYTES + int.from_bytes(self._held[3:5], "big")
        if size > _HEADER_BYTES + _MOST_RECORD_BYTES:
            size = len(self._held)
        if len(self._held) < size:
            return None
        record = Record(bytes(self._held[:size]), self._first, self._last)
        del self._held[:size]
        self._first = self._last
        return record

    def take_together(self) -> tuple[bytes, Arrival, Arrival] | None:
        """The next complete record, and those after it that ended with the same piece: they came at
        the same time, so nothing is lost by reading them at once."""
        record = self.take()
        if record is None:
            return None
        data = [record.data]
        # Whatever is still complete came with the latest piece, as this one did if it ends there.
        while record.last is self._last and (following := self.take()) is not None:
            data.append(following.data)
        return b"".join(data), record.first, record.last

    def rest(self) -> bytes:
        """The beginning of a record that never came whole."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


class TlsStream(httpcore.AsyncNetworkStream):
    """A TLS client on ``wire``. ``first`` and ``last`` are the arrivals of the latest ``read``."""

    def __init__(
        self,
        wire: WireStream,
        trust: Trust,
        *,
        sni: str,
        certificate_name: str,
        alpn: tuple[str, ...],
        verify: Verify,
    ) -> None:
        self._wire = wire
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._records = Records()
        self._certificate_name = certificate_name
        self._verify = verify
        self._openssl_checks_name = (
            verify is Verify.STRICT and bool(sni) and sni.lower() == certificate_name.lower()
        )
        self._session = trust.client(
            self._incoming,
            self._outgoing,
            sni=sni,
            alpn=alpn,
            check_name=self._openssl_checks_name,
        )
        self._leaf: Leaf | None = None
        self._verify_error: str | None = None
        self.hello_ns: int | None = None
        """Monotonic time just before the ClientHello was handed to the kernel."""
        self.finished: Arrival | None = None
        """Arrival of the last bytes of the handshake."""
        self.first: Arrival | None = None
        self.last: Arrival | None = None

    @property
    def alpn(self) -> str | None:
        """The protocol agreed on."""
        return self._session.selected_alpn_protocol()

    async def handshake(self) -> None:
        """From ClientHello to Finished, and to a certificate that holds.

        The client's Finished goes out with the first request. Raises ``ssl.SSLError``, ``OSError``
        and ``NetworkError`` (the certificate's name is wrong).
        """
        try:
            await self._exchange()
        except ssl.SSLError as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._verify_error = error.verify_message
            with contextlib.suppress(OSError):
                await self._flush()  # the alert that tells the far end why
            raise
        finally:
            self._leaf = leaf_of(self._session)
        self.finished = self._wire.arrivals[-1]
        # What came after the handshake's last byte begins with a whole record.
        self._records.feed(self._incoming.read(), self.finished)
        self._check_name()

    async def _exchange(self) -> None:
        while True:
            try:
                self._session.do_handshake()
                return
            except ssl.SSLWantReadError:
                await self._flush()
                if self.hello_ns is None:
                    self.hello_ns = self._wire.sent_ns
                piece = await self._wire.receive()
                if piece:
                    self._incoming.write(piece)
                else:
                    self._incoming.write_eof()

    def _check_name(self) -> None:
        self._verify_error = ""
        if self._openssl_checks_name:
            return
        if self._leaf is None or not self._leaf.carries(self._certificate_name):
            self._verify_error = (
                f"Hostname mismatch, certificate is not valid for '{self._certificate_name}'."
            )
            if self._verify is Verify.STRICT:
                raise NetworkError("ssl_invalid_hostname", self._verify_error)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        while True:
            try:
                return self._session.read(max_bytes)
            except ssl.SSLWantReadError:
                await self._flush()
            together = self._records.take_together()
            if together is not None:
                data, self.first, self.last = together
                self._incoming.write(data)
                if plain := self._decrypted(max_bytes):
                    return plain
                continue
            piece = await self._wire.receive()
            if piece:
                self._records.feed(piece, self._wire.arrivals[-1])
            else:
                # Without TLS's own goodbye this is a cut: OpenSSL then raises SSLEOFError.
                self._incoming.write(self._records.rest())
                self._incoming.write_eof()

    def _decrypted(self, max_bytes: int) -> bytes:
        """All that the session has, since it gives one record at a time."""
        pieces: list[bytes] = []
        size = 0
        try:
            while size < max_bytes and (piece := self._session.read(max_bytes - size)):
                pieces.append(piece)
                size += len(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            # What came before the broken record counts; the next read meets the error again.
            if not pieces:
                raise
        return b"".join(pieces)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        # What is written goes out at the next flush or when something is waited for: Finished, the
        # preface of HTTP/2 and the request then are one packet and one system call.
        if buffer:
            self._session.write(buffer)

    async def aclose(self) -> None:
        self._wire.close()

    def get_extra_info(self, info: str) -> object:
        return self._session if info == "ssl_object" else self._wire.get_extra_info(info)

    def facts(self) -> TlsFacts:
        """What the handshake showed, as far as it came."""
        cipher = self._session.cipher()
        return TlsFacts(
            version=self._session.version(),
            alpn=self.alpn,
            cipher=cipher[0] if cipher else None,
            certificate_sha256=self._leaf.sha256 if self._leaf else None,
            certificate_not_after=self._leaf.not_after if self._leaf else None,
            verify_error=self._verify_error,
        )

    async def flush(self) -> None:
        """Hand to the kernel what was written."""
        await self._flush()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._wire.write(self._outgoing.read())
