"""Connect: one address, one attempt, from where the vantage says.

Source address and interface are bound before the SYN leaves, so that no packet takes another way.
"""

from __future__ import annotations

import errno
import os
import socket
import time

from msgspec import Struct

from probe.measure.connection import kernel_stamps, tcp_info
from probe.measure.connection.family import SOCKET_FAMILIES, family_of
from probe.measure.connection.wire import WireStream, writable
from probe.measure.one_leg.failures import NetworkError


class Connected(Struct, frozen=True):
    """An open connection. ``seconds`` is the connect phase, ``rtt_seconds`` the kernel's round trip
    of SYN and SYN-ACK; ``None`` where it is not known, and if the SYN was sent more than once: then
    nobody knows which of them was answered (RFC 6298, 3)."""

    wire: WireStream
    seconds: float
    rtt_seconds: float | None


async def connect(
    address: str,
    port: int,
    *,
    source_address: str | None = None,
    interface: str | None = None,
    segment_bytes: int = 0,
) -> Connected:
    """Open a TCP connection to the literal ``address``. ``segment_bytes``: what the far end is told
    that a segment may hold at most (0: what the way there takes).

    The duration is the kernel's own round trip of the handshake if no SYN was lost; else the
    elapsed time, so that a lost SYN shows (with up to the event loop's lateness in it).

    Raises ``NetworkError`` (the address, source or interface cannot be used) and ``OSError``.
    """
    sock = _open(address)
    try:
        bind(sock, source_address, interface)
        if segment_bytes:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment_bytes)
        started_ns = time.monotonic_ns()
        await _connected(sock, address, port)
        elapsed = (time.monotonic_ns() - started_ns) / kernel_stamps.NANOSECONDS
        rtt = tcp_info.handshake_seconds(sock)
    except BaseException:
        sock.close()
        raise
    return Connected(WireStream(sock, opened_ns=started_ns), elapsed if rtt is None else rtt, rtt)


async def _connected(sock: socket.socket, address: str, port: int) -> None:
    # The event loop's own sock_connect would look the literal address up once more and stay on
    # watch for a turn too long.
    try:
        sock.connect((address, port))
    except BlockingIOError:
        await writable(sock)
        if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error)) from None


def _open(address: str) -> socket.socket:
    try:
        family = family_of(address)
    except ValueError:
        raise NetworkError("bad_address", "not an IP address") from None
    sock = socket.socket(SOCKET_FAMILIES[family], socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    kernel_stamps.enable_stamps(sock)
    return sock


def bind(sock: socket.socket, source_address: str | None, interface: str | None) -> None:
    """Bind an unconnected ``sock`` to where the vantage says its packets leave from.

    Raises ``NetworkError`` (they cannot be used, and why) and ``OSError``.
    """
    if interface is not None:
        _bind_to_interface(sock, interface)
    if source_address is None:
        return
    family = socket.AF_INET6 if ":" in source_address else socket.AF_INET
    if family != sock.family:
        raise NetworkError(
            "address_family_not_supported",
            "the vantage's source_address is of the other address family",
        )
    try:
        sock.bind((source_address, 0))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        raise NetworkError(
            "address_not_available", "this machine does not have the vantage's source_address"
        ) from error


def _bind_to_interface(sock: socket.socket, interface: str) -> None:
    option = getattr(socket, "SO_BINDTODEVICE", None)
    if option is None:
        raise NetworkError("no_protocol_option", "this system cannot bind to an interface")
    try:
        sock.setsockopt(socket.SOL_SOCKET, option, interface.encode() + b"\0")
    except PermissionError as error:
        raise NetworkError(
            "permission_denied", f"binding to interface {interface} needs CAP_NET_RAW"
        ) from error
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise
        raise NetworkError("network_down", f"there is no interface {interface}") from error
