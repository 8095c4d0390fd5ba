"""Decrypting a body of which several pieces are held: in one go, and no further than its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lab.loopback.servers import NAME, Visit, certificate, serve, server_context, trust
from probe.measure.connection import tcp
from probe.measure.connection.wire import BODY_PIECE, WireStream
from probe.measure.tls.tls import TlsStream
from probe.model.identity import Verify

SIZE = 48_000


@asynccontextmanager
async def body_of(missing: int, *, pieces: int) -> AsyncIterator[tuple[TlsStream, WireStream]]:
    """A TLS stream of which ``SIZE`` bytes come, two milliseconds between the pieces. ``missing``
    is what the wire is told of the body's size."""

    async def script(visit: Visit) -> None:
        for _ in range(pieces):
            await visit.send(bytes(SIZE // pieces))
            await asyncio.sleep(0.002)
        await visit.gone()

    async with serve(script, server_context(certificate())) as server:
        wire = (await tcp.connect("127.0.0.1", server.port)).wire
        tls = TlsStream(
            wire,
            trust(),
            sni=NAME,
            certificate_name=NAME,
            alpn=("http/1.1",),
            verify=Verify.STRICT,
        )
        try:
            await tls.handshake()
            await tls.flush()
            wire.piece = BODY_PIECE
            tls.cut_no_more()
            wire.gather(missing)
            yield tls, wire
        finally:
            wire.close()


async def test_all_that_is_held_is_read_at_once_and_came_with_its_last_piece() -> None:
    async with body_of(SIZE, pieces=24) as (tls, wire):
        size, most, before = 0, 0, len(wire.arrivals)
        while size < SIZE:
            wire.missing = SIZE - size
            data = await tls.read(65_536)
            assert tls.last == wire.arrival
            size += len(data)
            most = max(most, len(data))
        assert size == SIZE
        assert len(wire.arrivals) - before > 2
        assert most > BODY_PIECE
        assert wire.arrival == wire.arrivals[-1]


async def test_what_lies_beyond_the_body_is_no_part_of_its_end() -> None:
    missing = BODY_PIECE // 2
    async with body_of(missing, pieces=1) as (tls, wire):
        size = 0
        while size < missing:
            wire.missing = missing - size
            size += len(await tls.read(65_536))
        assert tls.last is not None
        assert tls.last.received < wire.received
