"""The world's process: ``python -m lab.world --spec FILE``, inside the world's namespace."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from lab.world import dns as world_dns
from lab.world import http as world_http
from lab.world.answer import noise
from lab.world.events import Log
from lab.world.spec import Site, WorldSpec
from lab.world.tls import server_context

HTTPS = 443
# Small, so that what a slow client has not taken stays with the server and is not "sent".
WRITE_BUFFER_BYTES = 16_384


class Sites:
    """The sites as they are now: what they answer may change while they run."""

    def __init__(self, spec: WorldSpec) -> None:
        self._sites = {site.name: site for site in spec.sites}

    def named(self, name: str) -> Site:
        return self._sites[name]

    def become(self, spec: WorldSpec) -> None:
        """Take up what other objects and aliases there are; addresses and certificates stay."""
        self._sites = {site.name: site for site in spec.sites}


async def open_site(
    site: Site, sites: Sites, spec: WorldSpec, folder: Path, resolver: world_dns.Resolver, log: Log
) -> None:
    """Listen at every address of a site."""
    tickets, now_is = spec.session_tickets, partial(sites.named, site.name)
    context = server_context(now_is, folder, log=log, session_tickets=tickets)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        connection = world_http.Connection(
            reader,
            writer,
            site=now_is,
            resolver=resolver,
            log=log,
            record_bytes=spec.record_bytes,
        )
        try:
            alpn = writer.get_extra_info("ssl_object").selected_alpn_protocol()
            await world_http.serve(connection, alpn)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    for address in site.addresses:
        if spec.quic:
            # aioquic is an extra.
            from lab.world import http3

            await http3.serve(now_is, address, HTTPS, folder, log)
        listener = listen(address, HTTPS, spec.congestion)
        await asyncio.start_server(accept, sock=listener, ssl=context, backlog=512)


def listen(address: str, port: int, congestion: str) -> socket.socket:
    """A listening socket; accepted ones inherit its options."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=512)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if congestion:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    return listener


def quiet_loop_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Failed handshakes and cut connections are what the lab makes; the rest is our fault."""
    error = context.get("exception")
    if not isinstance(error, OSError) and not _told_twice(error):
        loop.default_exception_handler(context)


def no_writes_to_the_gone(record: logging.LogRecord) -> bool:
    """A filter of asyncio's log. What is still written to a client that has reset the connection
    it warns of, though only the next turn of the loop tells the writer."""
    return record.getMessage() != "SSL connection is closed"


def _told_twice(error: BaseException | None) -> bool:
    """A transport of Python 3.11 may be told twice that its connection was reset, if it was being
    closed just then, and has nothing left the second time. None of our code is in that."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    theirs = Path(asyncio.__file__).parent
    return isinstance(error, AttributeError) and all(
        Path(frame.filename).parent == theirs for frame in frames
    )


async def live(spec_file: Path, log: Log, *, with_parent: bool) -> None:
    """Open everything, say ``ready``, and serve until told to stop. SIGHUP: read the specification
    again, for other objects, and say ``ready`` again."""
    spec, folder, sites = read_spec(spec_file), spec_file.parent, Sites(read_spec(spec_file))

    def reread() -> None:
        sites.become(read_spec(spec_file))
        print("ready", flush=True)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(quiet_loop_errors)
    logging.getLogger("asyncio").addFilter(no_writes_to_the_gone)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reread)
    if with_parent:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    noise()
    resolver = world_dns.Resolver(spec, log)
    for address, port in spec.resolvers:
        await world_dns.serve(resolver, address, port)
    for site in spec.sites:
        await open_site(site, sites, spec, folder, resolver, log)
    print("ready", flush=True)
    await stop.wait()


def read_spec(spec_file: Path) -> WorldSpec:
    """The specification in a file."""
    return msgspec.json.decode(spec_file.read_bytes(), type=WorldSpec)


@contextlib.contextmanager
def opened(path: Path | None) -> Iterator[IO[bytes] | None]:
    """The log's file, if there is one."""
    if path is None:
        yield None
    else:
        with path.open("ab") as stream:
            yield stream


@click.command(help="Serve the world that FILE describes until SIGTERM.")
@click.option("--spec", "spec_file", required=True, type=click.Path(path_type=Path))
@click.option("--log", "log_file", type=click.Path(path_type=Path), help="Append events here.")
@click.option("--with-parent", is_flag=True, help="Also stop when standard input ends.")
def main(spec_file: Path, log_file: Path | None, with_parent: bool) -> None:
    """Read the specification and live."""
    with opened(log_file) as stream:
        asyncio.run(live(spec_file, Log(stream), with_parent=with_parent))


if __name__ == "__main__":
    main()
