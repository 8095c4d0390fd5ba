"""TLS over a wire: OpenSSL works on buffers, the wire keeps the times.

Between the handshake and the body, OpenSSL gets the stream in whole records. So what it decrypts
can be traced to the arrivals of the record's first and last byte: a record of 16 KiB at 128 kbit/s
takes a second to arrive, and the answer begins at its beginning. A record is told by the header of
five bytes that stands before it in the clear (RFC 8446, section 5.1); what is in it is OpenSSL's.
Of the body only the end counts, which is the arrival of what made its last record whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from typing import NamedTuple

from probe.measure.connection.kernel_stamps import Arrival, Departure
from probe.measure.connection.wire import BODY_PIECE, WireStream
from probe.measure.one_leg.failures import NetworkError
from probe.measure.tls.alerts import alert_of
from probe.measure.tls.certificate import (
    Leaf,
    is_logged,
    leaf_of,
    pin_of_der,
    refused_certificate,
)
from probe.measure.tls.trust import Trust
from probe.measure.tls.validity import WORDS, WrongDates, wrong_dates
from probe.model.certificate_words import NOT_TRUSTED
from probe.model.identity import Answer, Verify
from probe.model.observation import TlsFacts

_HEADER_BYTES = 5
# RFC 5246 allows 2^14 + 2048 bytes; beyond that OpenSSL shall say what is wrong.
_MOST_RECORD_BYTES = 16_384 + 2_048


class Whole(NamedTuple):
    """Whole TLS records, and when the first byte of the first and the last of the last came."""

    data: bytes
    first: Arrival
    last: Arrival


class Records:
    """Cuts a stream of pieces into records. Every whole record is taken before the next piece
    comes, so all that are whole ended with the latest piece: they came at the same time, and
    nothing is lost by taking them together."""

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

    @property
    def wanted(self) -> int:
        """How many bytes to read next, at most: up to the end of the next header, as a read has the
        time of its last byte."""
        held = self._held
        if len(held) < _HEADER_BYTES:
            return _HEADER_BYTES - len(held)
        return min(2 * _HEADER_BYTES + (held[3] << 8 | held[4]) - len(held), BODY_PIECE)

    def take(self) -> Whole | None:
        """All records that are whole, if any is."""
        held, end, size = self._held, 0, len(self._held)
        while end + _HEADER_BYTES <= size:
            length = held[end + 3] << 8 | held[end + 4]
            following = end + _HEADER_BYTES + length
            if length > _MOST_RECORD_BYTES:
                following = size
            if following > size:
                break
            end = following
        if not end or self._first is None or self._last is None:
            return None
        whole = Whole(bytes(held[:end]), self._first, self._last)
        del held[:end]
        self._first = self._last
        return whole

    def rest(self) -> bytes:
        """The beginning of a record that never came whole."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


class TlsStream:
    """A TLS client on ``wire``. ``first`` and ``last`` are the arrivals of the latest ``read``."""

    def __init__(
        self,
        wire: WireStream,
        trust: Trust,
        *,
        sni: str,
        certificate_name: str,
        also_certified: tuple[str, ...] = (),
        alpn: tuple[str, ...],
        verify: Verify,
        pin: str = "",
        any_certificate: bool = False,
        answer: Answer = Answer.EXPECTED,
    ) -> None:
        self._wire = wire
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._records = Records()
        self._plain = trust.plain
        self._hungry = False
        """Whether OpenSSL has nothing more to say until it is given more."""
        self._cutting = True
        """Whether OpenSSL gets whole records only."""
        self._sni = sni
        self._certificate_name = certificate_name
        self._also_certified = also_certified
        self._verify = verify
        self._any_answer = answer is Answer.ANY
        self._pin = pin
        self._any_certificate = any_certificate
        checks_chain = not (self._any_answer or pin or any_certificate)
        self._openssl_checks_name = (
            verify is Verify.STRICT
            and checks_chain
            and bool(sni)
            and sni.lower() == certificate_name.lower()
            and not also_certified
        )
        self._session = trust.client(
            self._incoming,
            self._outgoing,
            sni=sni,
            alpn=alpn,
            check_name=self._openssl_checks_name,
            check_chain=checks_chain,
        )
        self._alert = ""
        self._dates: WrongDates | None = None
        self._leaf: Leaf | None = None
        self._verify_error: str | None = None
        self._logged: bool | None = None
        self.hello: Departure | None = None
        """The ClientHello."""
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

        The client's Finished goes out with the first request. If any answer will do, an alert of
        the far end is one, and so is every certificate: nothing is checked then. Raises
        ``ssl.SSLError``, ``OSError`` and ``NetworkError`` (the certificate's name or key is wrong).
        """
        try:
            await self._exchange()
        except ssl.SSLError as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._verify_error = error.verify_message
                if (der := refused_certificate(self._session)) is not None:
                    self._logged = await asyncio.to_thread(is_logged, der)
            self._alert = alert_of(error)
            if self._any_answer and self._alert:
                self.finished = self._wire.arrival
                return
            with contextlib.suppress(OSError):
                await self.flush()  # the alert that tells the far end why
            raise
        finally:
            self._leaf = leaf_of(self._session)
        self.finished = self._wire.arrival
        if self._any_answer:
            await self.flush()  # our Finished: no request will carry it
            return
        # What came after the handshake's last byte begins with a whole record. OpenSSL has taken
        # nothing of it, and would say so by an error.
        self._records.feed(self._incoming.read(), self.finished)
        self._hungry = not self._session.pending()
        if self._pin:
            self._check_pin()
            return
        self._check_name()
        if self._any_certificate:
            self._verify_error = self._verify_error or NOT_TRUSTED
            return
        self._check_dates()

    async def _exchange(self) -> None:
        while True:
            try:
                self._session.do_handshake()
                return
            except ssl.SSLWantReadError:
                await self.flush(stamped=self.hello is None)
                if self.hello is None:
                    self.hello = self._wire.sent
                piece = await self._wire.receive()
                if piece:
                    self._incoming.write(piece)
                else:
                    self._incoming.write_eof()

    def _check_pin(self) -> None:
        der = self._session.getpeercert(binary_form=True)
        self._verify_error = ""
        if der is None or pin_of_der(der) != self._pin:
            self._verify_error = NOT_TRUSTED
            raise NetworkError("ssl_invalid_certificate", "the key is not the one of the pin")

    def _check_name(self) -> None:
        self._verify_error = ""
        if self._openssl_checks_name:
            return
        names = (self._certificate_name, *self._also_certified)
        if self._leaf is None or not any(map(self._leaf.carries, names)):
            self._verify_error = (
                f"Hostname mismatch, certificate is not valid for '{self._certificate_name}'."
            )
            if self._verify is Verify.STRICT:
                raise NetworkError("ssl_invalid_hostname", self._verify_error)

    def _check_dates(self) -> None:
        found = wrong_dates(self._session, time.time())
        if found is not None:
            # Dates alone are wrong only where the name is right: else it is anybody's certificate.
            self._dates = None if self._verify_error else found
            self._verify_error = WORDS[found.kind]
            raise NetworkError("ssl_invalid_certificate", self._verify_error)

    async def read(self, max_bytes: int) -> bytes:
        while True:
            if not self._hungry:
                plain = self._decrypted(max_bytes)
                if plain is not None:
                    return plain
            if self._outgoing.pending:
                await self.flush()
            whole = self._records.take()
            if whole is not None:
                data, self.first, self.last = whole
                self._give(data)
                continue
            if self._cutting:
                self._wire.piece = self._records.wanted
            piece = await self._wire.receive()
            if not piece:
                # Without TLS's own goodbye this is a cut: OpenSSL then raises SSLEOFError.
                self._give(self._records.rest())
                self._incoming.write_eof()
            elif self._cutting:
                self._records.feed(piece, self._wire.arrival)
            else:
                self.first = self.last = self._wire.arrival
                self._give(piece)

    def cut_no_more(self) -> int:
        """From here on ``first`` is not looked at: OpenSSL may have the stream as it comes. How
        many bytes of it have been received and not decrypted."""
        self._cutting = False
        self._wire.piece = BODY_PIECE
        rest = self._records.rest()
        self._give(rest)
        return len(rest)

    def _give(self, data: bytes) -> None:
        self._incoming.write(data)
        self._hungry = False

    def _decrypted(self, max_bytes: int) -> bytes | None:
        """All that the session has, since it gives one record at a time; ``None``: nothing yet,
        empty: the end."""
        room, size = min(max_bytes, len(self._plain)), 0
        # A body has some sixty records.
        read, plain, incoming = self._session.read, self._plain, self._incoming
        while size < room and (not self._hungry or self._give_held(size)):
            try:
                # Into memory that is there: OpenSSL's record would else get 64 KiB of its own.
                got: int = read(room - size, plain[size:room])  # type: ignore[assignment]
            except ssl.SSLWantReadError:
                self._hungry = True
                continue
            except ssl.SSLError:
                # What came before the broken record counts; the next read meets the error again.
                if not size:
                    raise
                break
            if not got:
                return bytes(plain[:size])
            size += got
            self._hungry = size < room and not incoming.pending
        return bytes(plain[:size]) if size else None

    def _give_held(self, size: int) -> bool:
        """Another piece of a body of which ``size`` bytes are decrypted, if there is one and they
        are not all: whoever reads would ask for it next."""
        if self._cutting or size >= self._wire.missing:
            return False
        piece = self._wire.take_held()
        if piece:
            self.last = self._wire.arrival
            self._give(piece)
        return bool(piece)

    async def write(self, buffer: bytes) -> None:
        # What is written goes out at the next flush or when something is waited for: Finished, the
        # preface of HTTP/2 and the request then are one packet and one system call.
        if buffer:
            self._session.write(buffer)

    def take_unsent(self) -> bytes:
        """What was written, as it is to go out: whoever takes it hands it over, and no flush does,
        so that reading goes on meanwhile."""
        return self._outgoing.read()

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
            alert=self._alert,
            dates=None if self._dates is None else self._dates.kind,
            dates_at=None if self._dates is None else self._dates.at,
            for_name=self._leaf.carries(self._sni) if self._leaf and self._leaf.names else None,
            issuer=self._leaf.issuer if self._leaf else None,
            logged=self._logged,
        )

    async def flush(self, *, stamped: bool = False) -> None:
        """Hand to the kernel what was written; ``stamped``: see ``WireStream.send``."""
        if self._outgoing.pending:
            await self._wire.send(self._outgoing.read(), stamped=stamped)
