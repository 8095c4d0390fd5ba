"""aioquic's connection as a leg uses it: what ended it, and how much may be sent to it at once."""

from __future__ import annotations

from aioquic.quic import events
from aioquic.quic.connection import MAX_STREAM_DATA_FRAME_CAPACITY, QuicConnection
from aioquic.quic.packet import QuicErrorCode, QuicFrameType
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream

from probe.measure.one_leg.failures import NetworkError
from probe.model.failure import ENDED_BY_SERVER, PROTOCOL_ERROR

# Alerts of TLS arrive as 0x100 and their number (RFC 9001, section 4.8).
_CRYPTO_ERRORS = range(0x100, 0x200)
_CERTIFICATE_ALERTS = {0x100 + 42, 0x100 + 43, 0x100 + 45, 0x100 + 46, 0x100 + 48}


class Connection(QuicConnection):
    """What aioquic finds wrong is for us, and not for the far end: it would send the reason, which
    has every name of a certificate in it and may not fit into a packet. ``found`` has it.

    ``credit``: so many bytes of a stream the far end may send beyond what has come (0: as usual).
    It then sends them in a datagram of their own, and waits for the next credit: as many datagrams
    for fewer bytes, as small segments are over TCP.
    """

    found = ""
    credit = 0
    ours = False
    """Whether it was closed here."""
    over_http = False
    """Whether it was HTTP/3 that aioquic found wrong."""

    def close(
        self,
        error_code: int = QuicErrorCode.NO_ERROR,
        frame_type: int | None = None,
        reason_phrase: str = "",
    ) -> None:
        self.ours = True
        self.found = self.found or reason_phrase
        self.over_http = self.over_http or (error_code != 0 and frame_type is None)
        super().close(error_code, frame_type)

    def _write_stream_limits(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream
    ) -> None:
        if not self.credit:
            super()._write_stream_limits(builder, space, stream)
            return
        if not stream.max_stream_data_local or stream.stream_id is None:
            return  # it is one of ours, on which nothing comes
        limit = max(stream.max_stream_data_local, stream.receiver.highest_offset + self.credit)
        stream.max_stream_data_local = limit
        if stream.max_stream_data_local_sent != limit:
            frame = builder.start_frame(
                QuicFrameType.MAX_STREAM_DATA,
                capacity=MAX_STREAM_DATA_FRAME_CAPACITY,
                handler=self._on_max_stream_data_delivery,
                handler_args=(stream,),
            )
            frame.push_uint_var(stream.stream_id)
            frame.push_uint_var(limit)
            stream.max_stream_data_local_sent = limit


def of_tls(event: events.ConnectionTerminated) -> bool:
    """Whether an alert ended it. Those who end it as an application have numbers of their own, and
    HTTP/3's are the same as alerts' (RFC 9114, 8.1); they name no type of frame."""
    return event.error_code in _CRYPTO_ERRORS and event.frame_type is not None


def why_ended(event: events.ConnectionTerminated, quic: Connection, *, secured: bool) -> Exception:
    """The connection's end as an error; ``secured``: the handshake was over. The far end's own
    words are never kept."""
    if quic.over_http:
        return NetworkError(PROTOCOL_ERROR, "what came is not HTTP/3")
    if event.error_code in _CERTIFICATE_ALERTS and event.frame_type is not None:
        words = quic.found or event.reason_phrase
        if words.startswith("hostname") or "match" in words:
            return NetworkError("ssl_invalid_hostname", "the certificate is for another name")
        if "issuer" in words or "self" in words:
            return NetworkError("ssl_unknown_authority", "the certificate's authority is not known")
        return NetworkError("ssl_invalid_certificate", "the certificate is not valid")
    if of_tls(event):
        return NetworkError("ssl_failed_handshake", f"alert {event.error_code - 0x100}")
    if event.error_code == QuicErrorCode.INTERNAL_ERROR and "version" in event.reason_phrase:
        return NetworkError("quic_incompatible_version", "no common version of QUIC")
    if event.reason_phrase == "Idle timeout":
        return TimeoutError()
    codes = {code.value: code.name for code in QuicErrorCode}
    name = codes.get(event.error_code, "a code of its own")
    # Before the handshake is over anybody on the way can make a packet that says so.
    theirs = secured and not quic.ours
    return NetworkError(ENDED_BY_SERVER if theirs else "connection_reset", f"QUIC error: {name}")
