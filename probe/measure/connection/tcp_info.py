"""The kernel's account of a connection: Linux ``struct tcp_info``, read by offset.

Offsets are those of linux/tcp.h; the structure only ever grows at its end, so a field is there if
the kernel returned enough bytes. Sizes are native: ``tcp_info`` has fixed-width members.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from probe.model.observation import TcpInfo

_SIZE = 512
_MILLISECONDS = 1e-3
_MICROSECONDS = 1e-6
_NEVER = 0xFFFF_FFFF  # tcpi_min_rtt before the first sample

_OFFSETS = {
    "options": (5, "B"),
    "last_data_recv": (52, "I"),  # milliseconds since bytes came in order
    "last_ack_recv": (56, "I"),  # milliseconds since an acknowledgement came
    "rtt": (68, "I"),
    "rcv_rtt": (92, "I"),
    "total_retrans": (100, "I"),
    "bytes_acked": (120, "Q"),  # and one for the SYN
    "bytes_received": (128, "Q"),
    "segs_out": (136, "I"),
    "segs_in": (140, "I"),
    "min_rtt": (148, "I"),
    "delivery_rate": (160, "Q"),  # bytes a second
    "rwnd_limited": (176, "Q"),  # microseconds
    "bytes_sent": (200, "Q"),
    "bytes_retrans": (208, "Q"),
    "rcv_ooopack": (224, "I"),
}
"""Where each field is and what it is, in ``struct``'s letters."""

_RTT, _AGAIN = _OFFSETS["rtt"][0], _OFFSETS["total_retrans"][0]
_HANDSHAKE = struct.Struct(f"={_RTT}xI{_AGAIN - _RTT - 4}xI")
"""Both of them, without the others."""

# ``sock.family`` makes a member of an enumeration of it each time, for 5 µs.
_family_of: Callable[[socket.socket], int] = socket.SocketType.family.__get__

_OPTION_TIMESTAMPS = 1
_TCP_HEADER = 20
_TIMESTAMP_OPTION = 12
_SYN_EXTRA = 8  # MSS, SACK-permitted and window scale, beside the timestamp
_IP_HEADER: dict[int, int] = {socket.AF_INET: 20, socket.AF_INET6: 40}


class _Fields(NamedTuple):
    """As in ``_OFFSETS``; ``None``: beyond what this kernel gives."""

    options: int | None = None
    last_data_recv: int | None = None
    last_ack_recv: int | None = None
    rtt: int | None = None
    rcv_rtt: int | None = None
    total_retrans: int | None = None
    bytes_acked: int | None = None
    bytes_received: int | None = None
    segs_out: int | None = None
    segs_in: int | None = None
    min_rtt: int | None = None
    delivery_rate: int | None = None
    rwnd_limited: int | None = None
    bytes_sent: int | None = None
    bytes_retrans: int | None = None
    rcv_ooopack: int | None = None


class SendingAccount(Struct, frozen=True, kw_only=True):
    """What the kernel knows of what was sent on a connection, so far.

    ``bytes_acked``: payload that the far end acknowledged (one more, which was the SYN's).
    ``last_ack_seconds``: how long ago an acknowledgement came last, to a kernel tick (1 to 10 ms).
    ``delivery_bytes_per_second``: the kernel's latest sample of how fast it arrives.
    ``window_limited_seconds``: for how long the far end's window was all that held it up. ``None``
    where an older kernel does not say.
    """

    bytes_acked: int | None
    last_ack_seconds: float | None
    delivery_bytes_per_second: int | None
    bytes_retransmitted: int | None
    window_limited_seconds: float | None


class Account(Struct, frozen=True, kw_only=True):
    """What the kernel counted: ``tcp`` for the observation, and bytes on the wire.

    ``wire_bytes_*`` = payload bytes (with retransmissions, for those sent) + segments x (IP header
    + TCP header) + 8 for the SYN's further options. The IP header is 20 bytes (IPv4) or 40 (IPv6),
    the TCP header 20, or 32 with timestamps. It leaves out SACK blocks, link-layer framing and the
    segments that close the connection. ``None`` where the kernel does not count segments.
    ``answered_seconds``: for how long after the last bytes that came in order the far end's kernel
    still acknowledged anything, to a kernel tick (1 to 10 ms).
    """

    tcp: TcpInfo
    wire_bytes_sent: int | None
    wire_bytes_received: int | None
    answered_seconds: float | None = None


def read(sock: socket.socket) -> Account | None:
    """The account of ``sock`` now; ``None`` where the system has no ``TCP_INFO``."""
    raw = _raw(sock)
    return None if raw is None else parse(raw, _family_of(sock))


def handshake_seconds(sock: socket.socket) -> float | None:
    """The round trip of SYN and SYN-ACK on ``sock``, which was connected just now; ``None``: it is
    not known, also because the SYN was sent more than once."""
    raw = _raw(sock)
    if raw is None or len(raw) < _HANDSHAKE.size:
        return None
    rtt, again = _HANDSHAKE.unpack_from(raw)
    return None if again else _seconds(rtt)


def read_sending(sock: socket.socket) -> SendingAccount | None:
    """What the kernel knows now of what was sent on ``sock``; ``None`` where it has no
    ``TCP_INFO``, or ``sock`` is closed."""
    raw = _raw(sock)
    if raw is None:
        return None
    fields = _fields(raw)
    ago, limited = fields.last_ack_recv, fields.rwnd_limited
    return SendingAccount(
        bytes_acked=fields.bytes_acked,
        last_ack_seconds=None if ago is None else ago * _MILLISECONDS,
        delivery_bytes_per_second=fields.delivery_rate,
        bytes_retransmitted=fields.bytes_retrans,
        window_limited_seconds=None if limited is None else limited * _MICROSECONDS,
    )


def filled_seconds_ago(sock: socket.socket) -> float | None:
    """How long ago ``sock`` last had more bytes in order to give, to a kernel tick (1 to 10 ms);
    ``None`` if no segment ever came out of order, or where that cannot be known."""
    raw = _raw(sock)
    if raw is None:
        return None
    fields = _fields(raw)
    if fields.rcv_ooopack == 0 or fields.last_data_recv is None:
        return None
    return fields.last_data_recv * _MILLISECONDS


def window_bytes(sock: socket.socket) -> int | None:
    """How many bytes the far end may send that nobody has read, at most, as things are now;
    ``None`` where that cannot be known."""
    option = getattr(socket, "TCP_WINDOW_CLAMP", None)
    if option is None:
        return None
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, option)
    except OSError:
        return None


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
    fields = _fields(raw)
    info = TcpInfo(
        rtt_seconds=_seconds(fields.rtt),
        min_rtt_seconds=_seconds(fields.min_rtt),
        receive_rtt_seconds=_seconds(fields.rcv_rtt),
        retransmits=fields.total_retrans,
        out_of_order=fields.rcv_ooopack,
        segments_in=fields.segs_in,
        segments_out=fields.segs_out,
        bytes_received=fields.bytes_received,
        bytes_sent=fields.bytes_sent,
    )
    header = _IP_HEADER.get(family, 40) + _TCP_HEADER
    if (fields.options or 0) & _OPTION_TIMESTAMPS:
        header += _TIMESTAMP_OPTION
    return Account(
        tcp=info,
        wire_bytes_sent=_on_the_wire(info.bytes_sent, info.segments_out, header),
        wire_bytes_received=_on_the_wire(info.bytes_received, info.segments_in, header),
        answered_seconds=_answered(fields.last_data_recv, fields.last_ack_recv),
    )


def _answered(data_ago: int | None, answer_ago: int | None) -> float | None:
    if data_ago is None or answer_ago is None:
        return None
    return max(0, data_ago - answer_ago) * _MILLISECONDS


def _on_the_wire(payload: int | None, segments: int | None, header: int) -> int | None:
    if payload is None or segments is None:
        return None
    return payload + segments * header + (_SYN_EXTRA if segments else 0)


def _fields(raw: bytes) -> _Fields:
    return _Fields(*_layout(len(raw)).unpack_from(raw))


@lru_cache(maxsize=8)
def _layout(size: int) -> struct.Struct:
    """All fields that lie within ``size`` bytes, read at once."""
    form, end = "=", 0
    for offset, letter in _OFFSETS.values():
        following = offset + struct.calcsize("=" + letter)
        if following > size:
            break
        form += f"{offset - end}x{letter}"
        end = following
    return struct.Struct(form)


def _seconds(microseconds: int | None) -> float | None:
    # 0 means that the kernel has no sample yet.
    if not microseconds or microseconds == _NEVER:
        return None
    return microseconds * _MICROSECONDS
