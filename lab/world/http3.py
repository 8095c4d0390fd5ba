"""HTTP/3 of one site at one address: aioquic's servers, one for each of its certificates.

aioquic shows one certificate to everybody, so the name in a client's first packet, which is read
as the box reads it, decides which server talks to that client.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, QuicEvent
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from lab.box.hello import Hello, read_message
from lab.box.quic import Initials
from lab.world.answer import Answer, answer
from lab.world.events import Handshake, Log, Request, now
from lab.world.spec import Site
from probe.config.hosts import covers

Address = tuple[Any, ...]
RECEIVE_BYTES = 4 * 1024 * 1024
# What a server that is slow sends at once.
PACED_BYTES = 1_200


async def serve(
    site: Callable[[], Site], address: str, port: int, folder: Path, log: Log
) -> asyncio.DatagramTransport:
    """Listen at one address of a site, until what is given back is closed."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    sock.bind((address, port))
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Door(site, address, folder, log), sock=sock
    )
    return transport


class _Door(asyncio.DatagramProtocol):
    """Hands each client to the server with the certificate for its name."""

    def __init__(self, site: Callable[[], Site], address: str, folder: Path, log: Log) -> None:
        self._log = log
        self._site = site
        self._of_client: dict[Address, QuicServer] = {}
        self._servers: list[tuple[tuple[str, ...], QuicServer]] = []
        for certificate in site().certificates:
            configuration = QuicConfiguration(is_client=False, alpn_protocols=list(H3_ALPN))
            # One file has the key and the chain.
            whole = (folder / certificate.file).read_bytes()
            first, *chain = load_pem_x509_certificates(whole)
            configuration.certificate, configuration.certificate_chain = first, chain
            configuration.private_key = load_pem_private_key(whole, None)
            talks = _talks(site, address, log)
            server = QuicServer(configuration=configuration, create_protocol=talks)
            self._servers.append((certificate.names, server))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        for _, server in self._servers:
            server.connection_made(transport)

    def datagram_received(self, data: bytes, client: Address) -> None:
        server = self._of_client.get(client)
        if server is None:
            server = self._servers[0][1]
            if (name := _name(data)) is not None:
                server = self._of_client[client] = self._chosen(name)
        server.datagram_received(data, cast(Any, client))

    def _chosen(self, sni: str) -> QuicServer:
        site = self._site()
        self._log.add(Handshake(at=now(), site=site.name, sni=sni))
        name = site.aliases.get(sni.lower(), sni)
        fitting = [server for names, server in self._servers if covers(names, name)]
        return (fitting or [self._servers[0][1]])[0]


def _name(datagram: bytes) -> str | None:
    initials = Initials()
    if not initials.add(datagram):
        return None
    hello = read_message(initials.data)
    return hello.server_name if isinstance(hello, Hello) else None


def _talks(
    site: Callable[[], Site], address: str, log: Log
) -> Callable[..., QuicConnectionProtocol]:
    class Talk(QuicConnectionProtocol):
        """One connection."""

        http: H3Connection | None = None
        requests = 0
        gone = False

        def quic_event_received(self, event: QuicEvent) -> None:
            if isinstance(event, ProtocolNegotiated):
                self.http = H3Connection(self._quic)
            self.gone = self.gone or isinstance(event, ConnectionTerminated)
            for one in self.http.handle_event(event) if self.http is not None else ():
                if isinstance(one, HeadersReceived):
                    self._answer(one)

        def _answer(self, event: HeadersReceived) -> None:
            fields = {k.decode(): v.decode("latin-1") for k, v in event.headers}
            host, target = fields.get(":authority", ""), fields.get(":path", "/")
            made = answer(
                site(),
                method=fields.get(":method", ""),
                host=host,
                target=target,
                range_header=fields.get("range"),
            )
            after = partial(self._give, event.stream_id, made, host, target)
            asyncio.get_running_loop().call_later(made.latency_seconds, after)

        def _give(self, stream: int, made: Answer, host: str, target: str) -> None:
            if self.gone:
                return
            assert self.http is not None
            self.requests += 1
            path = target.partition("?")[0]
            log.add(
                Request(
                    at=now(), site=site().name, address=address, client_port=0, version="h3",
                    host=host, path=path, status=made.status, number=self.requests,
                    records_before=0,
                )
            )  # fmt: skip
            head = [(b":status", str(made.status).encode())]
            head += [(name.encode(), value.encode()) for name, value in made.headers]
            self.http.send_headers(stream, head, end_stream=not made.body)
            if made.body:
                self._body(stream, made, 0)
            self.transmit()

        def _body(self, stream: int, made: Answer, sent: int) -> None:
            """All that is left of the body, or what is sent of it before the next pause."""
            if self.gone:
                return
            assert self.http is not None
            part = bytes(
                made.body[sent : sent + PACED_BYTES] if made.bytes_per_second else made.body
            )
            sent += len(part)
            self.http.send_data(stream, part, end_stream=sent >= len(made.body))
            self.transmit()
            if sent < len(made.body):
                rests = len(part) / made.bytes_per_second
                asyncio.get_running_loop().call_later(rests, self._body, stream, made, sent)

    return Talk
