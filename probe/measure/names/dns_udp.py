"""DNS over UDP: one packet from a socket of its own, and every packet that comes back to it."""

from __future__ import annotations

import asyncio
import socket
import time
from ipaddress import IPv6Address, ip_address

import dns.message

from probe.config.schema import VantageConfig
from probe.measure.connection import kernel_stamps, tcp
from probe.measure.connection.kernel_stamps import Arrival
from probe.measure.names.dns_heard import Heard
from probe.measure.names.resolvers import Resolver
from probe.measure.one_leg.failures import NetworkError, failure_of
from probe.model.identity import Phase

_UDP_HEADER_BYTES = 8
_IP_HEADER_BYTES = {socket.AF_INET: 20, socket.AF_INET6: 40}
# Queries ask for at most 1,232 bytes. What is far longer only costs: a message of 64 KiB
# full of records takes dnspython a tenth of a second, and a flood has many.
_MOST_MESSAGE_BYTES = 4_096

# A flood of forged packets must neither fill the memory nor hold the event loop.
_MOST_PACKETS = 64
_PACKETS_PER_TURN = 16


async def ask_udp(
    query: dns.message.Message,
    resolver: Resolver,
    via: VantageConfig,
    *,
    deadline_seconds: float,
    linger_seconds: float,
) -> Heard:
    """Send ``query`` and listen until ``linger_seconds`` after the first answer, but no longer than
    ``deadline_seconds``.

    The socket is connected, so that the kernel drops what comes from elsewhere and hands on an ICMP
    error (a closed port is ``connection_refused``). The kernel draws the source port at random.
    """
    heard = Heard(query)
    wire = query.to_wire()
    try:
        with _open(resolver, via) as sock:
            heard.restart()
            heard.wire_bytes_received = 0
            heard.wire_bytes_sent = sock.send(wire) + _headers(sock)
            await _listen(sock, heard, deadline_seconds, linger_seconds)
    except (OSError, NetworkError) as error:
        heard.failure = failure_of(error, Phase.RESOLVE)
    return heard


def _open(resolver: Resolver, via: VantageConfig) -> socket.socket:
    address = ip_address(resolver.address)
    six = isinstance(address, IPv6Address)
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        kernel_stamps.enable_stamps(sock)
        tcp.bind(sock, via.source_address, via.interface)
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            scope = socket.if_nametoindex(address.scope_id)
            sock.connect((resolver.address, resolver.port, 0, scope))
        else:
            sock.connect((resolver.address, resolver.port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _listen(
    sock: socket.socket, heard: Heard, deadline_seconds: float, linger_seconds: float
) -> None:
    until_ns = heard.started_ns + round(deadline_seconds * kernel_stamps.NANOSECONDS)
    answered = False
    while (left_ns := until_ns - time.monotonic_ns()) > 0:
        if not await _readable(sock, left_ns / kernel_stamps.NANOSECONDS):
            break
        if not _take(sock, heard):
            return
        if heard.answered and not answered:
            answered = True
            linger_ns = round(linger_seconds * kernel_stamps.NANOSECONDS)
            until_ns = min(until_ns, time.monotonic_ns() + linger_ns)
    # A busy event loop may come here long after the deadline, with what came in time still unread.
    _take(sock, heard)


def _take(sock: socket.socket, heard: Heard) -> bool:
    """Read what is there; ``False`` when nothing more is to be expected."""
    for _ in range(_PACKETS_PER_TURN):
        try:
            data, ancillary, _, _ = sock.recvmsg(_MOST_MESSAGE_BYTES, kernel_stamps.ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            break
        except OSError as error:
            # The kernel reports an ICMP error ahead of packets that came before it.
            heard.failure = failure_of(error, Phase.RESOLVE)
            continue
        heard.wire_bytes_received = (heard.wire_bytes_received or 0) + len(data) + _headers(sock)
        arrival = Arrival(
            heard.wire_bytes_received, time.monotonic_ns(), kernel_stamps.stamp_ns(ancillary)
        )
        heard.note(data, arrival)
    return heard.failure is None and heard.messages < _MOST_PACKETS


async def _readable(sock: socket.socket, seconds: float) -> bool:
    """Whether something can be read from ``sock`` within ``seconds``."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        async with asyncio.timeout(seconds):
            await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(sock)
    return True


def _headers(sock: socket.socket) -> int:
    return _IP_HEADER_BYTES[socket.AddressFamily(sock.family)] + _UDP_HEADER_BYTES
