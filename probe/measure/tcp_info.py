"""The kernel's account of a connection: Linux ``struct tcp_info``, read by offset.

Offsets are those of linux/tcp.h; the structure only ever grows at its end, so a field is there if
the kernel returned enough bytes. Sizes are native: ``tcp_info`` has fixed-width members.
"""

from __future__ import annotations

import socket
import struct

from msgspec import Struct

from probe.model.observation import TcpInfo

_SIZE = 512
_MILLISECONDS = 1e-3
_MICROSECONDS = 1e-6
_NEVER = 0xFFFF_FFFF  # tcpi_min_rtt before the first sample

# (offset, form)
_BYTE, _WORD, _LONG = (struct.Struct(form) for form in ("=B", "=I", "=Q"))
_OPTIONS = (5, _BYTE)
_LAST_DATA_RECV = (52, _WORD)  # milliseconds since bytes came in order
_RTT = (68, _WORD)
_RCV_RTT = (92, _WORD)
_TOTAL_RETRANS = (100, _WORD)
_BYTES_RECEIVED = (128, _LONG)
_SEGS_OUT = (136, _WORD)
_SEGS_IN = (140, _WORD)
_MIN_RTT = (148, _WORD)
_BYTES_SENT = (200, _LONG)
_RCV_OOOPACK = (224, _WORD)

_OPTION_TIMESTAMPS = 1
_TCP_HEADER = 20
_TIMESTAMP_OPTION = 12
_SYN_EXTRA = 8  # MSS, SACK-permitted and window scale, beside the timestamp
_IP_HEADER = {socket.AF_INET: 20, socket.AF_INET6: 40}


class Account(Struct, frozen=True, kw_only=True):
    """What the kernel counted: ``tcp`` for the observation, and bytes on the wire.

    ``wire_bytes_*`` = payload bytes (with retransmissions, for those sent) + segments x (IP header
    + TCP header) + 8 for the SYN's further options. The IP header is 20 bytes (IPv4) or 40 (IPv6),
    the TCP header 20, or 32 with timestamps. It leaves out SACK blocks, link-layer framing and the
    segments that close the connection. ``None`` where the kernel does not count segments.
    """

    tcp: TcpInfo
    wire_bytes_sent: int | None
    wire_bytes_received: int | None


def read(sock: socket.socket) -> Account | None:
    """The account of ``sock`` now; ``None`` where the system has no ``TCP_INFO``."""
    raw = _raw(sock)
    return None if raw is None else parse(raw, sock.family)


def filled_seconds_ago(sock: socket.socket) -> float | None:
    """How long ago ``sock`` last had more bytes in order to give, to a kernel tick (1 to 10 ms);
    ``None`` if no segment ever came out of order, or where that cannot be known."""
    raw = _raw(sock)
    if raw is None or _number(raw, _RCV_OOOPACK) == 0:
        return None
    waited = _number(raw, _LAST_DATA_RECV)
    return None if waited is None else waited * _MILLISECONDS


def _raw(sock: socket.socket) -> bytes | None:
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return None
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, option, _SIZE)
    except OSError:
        return None


def parse(raw: bytes, family: int) -> Account:
    """Read as many fields as ``raw`` holds."""
    info = TcpInfo(
        rtt_seconds=_seconds(raw, _RTT),
        min_rtt_seconds=_seconds(raw, _MIN_RTT),
        receive_rtt_seconds=_seconds(raw, _RCV_RTT),
        retransmits=_number(raw, _TOTAL_RETRANS),
        out_of_order=_number(raw, _RCV_OOOPACK),
        segments_in=_number(raw, _SEGS_IN),
        segments_out=_number(raw, _SEGS_OUT),
        bytes_received=_number(raw, _BYTES_RECEIVED),
        bytes_sent=_number(raw, _BYTES_SENT),
    )
    header = _IP_HEADER.get(socket.AddressFamily(family), 40) + _TCP_HEADER
    if (_number(raw, _OPTIONS) or 0) & _OPTION_TIMESTAMPS:
        header += _TIMESTAMP_OPTION
    return Account(
        tcp=info,
        wire_bytes_sent=_on_the_wire(info.bytes_sent, info.segments_out, header),
        wire_bytes_received=_on_the_wire(info.bytes_received, info.segments_in, header),
    )


def _on_the_wire(payload: int | None, segments: int | None, header: int) -> int | None:
    if payload is None or segments is None:
        return None
    return payload + segments * header + (_SYN_EXTRA if segments else 0)


def _number(raw: bytes, where: tuple[int, struct.Struct]) -> int | None:
    offset, form = where
    if len(raw) < offset + form.size:
        return None
    number: int = form.unpack_from(raw, offset)[0]
    return number


def _seconds(raw: bytes, where: tuple[int, struct.Struct]) -> float | None:
    microseconds = _number(raw, where)
    # 0 means that the kernel has no sample yet.
    if not microseconds or microseconds == _NEVER:
        return None
    return microseconds * _MICROSECONDS
