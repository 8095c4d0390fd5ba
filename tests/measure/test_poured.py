"""How much of a data plan a far end can take with one leg, by pouring all that it can into it."""

from __future__ import annotations

import os
import ssl

import pytest

from lab.loopback.servers import (
    NAME,
    Script,
    Visit,
    certificate,
    leg_to,
    measure,
    serve,
    server_context,
    stranger,
)
from probe.model.identity import Verify
from tests.schedule.test_poured import POURED

MOST = 1.25 * POURED
"""On loopback, where segments are of 64 KiB, the kernel takes more before it is read."""


async def _records(visit: Visit) -> None:
    await visit.reader.read(2_000)
    while True:
        await visit.send(b"\x16\x03\x03\x40\x00" + os.urandom(16_384))


async def _changes(visit: Visit) -> None:
    await visit.reader.read(2_000)
    while True:
        await visit.send(b"\x14\x03\x03\x00\x01\x01" * 3_000)


async def _body(visit: Visit) -> None:
    await visit.head()
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while True:
        await visit.send(b"x" * 65_536)


async def _heads(visit: Visit) -> None:
    await visit.head()
    while True:
        await visit.send(b"HTTP/1.1 103 Early\r\n\r\n" * 3_000)


def _large() -> ssl.SSLContext:
    many = (f"name-{i}.of-a-very-large-certificate.example" for i in range(6_000))
    return server_context(stranger().issue_cert(NAME, *many))


def _other() -> ssl.SSLContext:
    return server_context(certificate("other.example"))


@pytest.mark.parametrize(
    ("script", "context"),
    [(_records, None), (_changes, None), (_body, _large), (_body, _other), (_heads, _other)],
    ids=["records", "changes", "a large certificate", "a body", "heads"],
)
async def test_a_leg_that_is_not_read_takes_little_whoever_answers(
    script: Script, context: object
) -> None:
    """Without a right certificate, or where it is only written down."""
    made = context() if callable(context) else None
    async with serve(script, made) as server:
        leg = leg_to(server.port, verify=Verify.RECORD, max_bytes=1_024, range_bytes=1_024)
        observed = await measure(leg)
    assert observed.wire_bytes_sent is not None
    assert observed.wire_bytes_received is not None
    assert observed.wire_bytes_sent + observed.wire_bytes_received < MOST
