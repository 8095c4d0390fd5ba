"""What the world's servers saw, one JSON line for each thing, so that tests can ask."""

from __future__ import annotations

import time
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct


class Handshake(Struct, frozen=True, kw_only=True, tag_field="kind", tag="tls"):
    """A ClientHello came. ``sni`` is ``None`` when it named nobody."""

    at: float
    site: str
    sni: str | None


class Request(Struct, frozen=True, kw_only=True, tag_field="kind", tag="http"):
    """A request was answered.

    ``number`` counts requests of one connection from 1. ``client_port`` and ``address`` (the
    server's) name the connection in a capture. ``records_before``: TLS records that the server
    had sent as application data on this connection before the first one of this answer.
    """

    at: float
    site: str
    address: str
    client_port: int
    version: str
    host: str
    path: str
    status: int
    number: int
    records_before: int


class Query(Struct, frozen=True, kw_only=True, tag_field="kind", tag="dns"):
    """A DNS query was answered. ``transport``: ``udp``, ``tcp`` or ``https``."""

    at: float
    address: str
    transport: str
    name: str
    type: str
    rcode: str


Event = Handshake | Request | Query


class Log:
    """Appends events to a file, or forgets them."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._stream = stream

    def add(self, event: Event) -> None:
        """Write one event; whoever reads the file sees it at once."""
        if self._stream is not None:
            self._stream.write(msgspec.json.encode(event) + b"\n")
            self._stream.flush()


def now() -> float:
    """Unix seconds."""
    return time.time()


def read(path: Path) -> list[Event]:
    """All events so far."""
    decoder = msgspec.json.Decoder(Event)
    return [decoder.decode(line) for line in path.read_bytes().splitlines()]
