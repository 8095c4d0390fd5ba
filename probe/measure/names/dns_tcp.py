"""DNS over TCP (RFC 7766): one connection, one query, one answer."""

from __future__ import annotations

import asyncio

import dns.message

from probe.config.schema import VantageConfig
from probe.measure.connection import tcp
from probe.measure.connection.wire import WireStream
from probe.measure.names.dns_heard import Heard
from probe.measure.names.resolvers import Resolver
from probe.measure.one_leg.failures import NetworkError, failure_of
from probe.model.identity import Phase

_LENGTH_BYTES = 2


async def ask_tcp(
    query: dns.message.Message, resolver: Resolver, via: VantageConfig, *, deadline_seconds: float
) -> Heard:
    """Connect, send ``query``, read one message. The clock runs from the SYN."""
    heard = Heard(query)
    try:
        async with asyncio.timeout(deadline_seconds):
            connected = await tcp.connect(
                resolver.address,
                resolver.port,
                source_address=via.source_address,
                interface=via.interface,
            )
            try:
                await _exchange(connected.wire, query, heard)
            finally:
                connected.wire.close()
                account = connected.wire.account
                if account is not None:
                    heard.wire_bytes_sent = account.wire_bytes_sent
                    heard.wire_bytes_received = account.wire_bytes_received
    except (OSError, EOFError, NetworkError) as error:
        heard.failure = failure_of(error, Phase.RESOLVE)
    return heard


async def _exchange(wire: WireStream, query: dns.message.Message, heard: Heard) -> None:
    message = query.to_wire()
    await wire.write(len(message).to_bytes(_LENGTH_BYTES, "big") + message)
    received = b""
    end = _LENGTH_BYTES
    while len(received) < end:
        piece = await wire.receive()
        if not piece:
            raise EOFError
        received += piece
        if len(received) >= _LENGTH_BYTES:
            end = _LENGTH_BYTES + int.from_bytes(received[:_LENGTH_BYTES], "big")
    heard.note(received[_LENGTH_BYTES:end], wire.arrivals[-1])
