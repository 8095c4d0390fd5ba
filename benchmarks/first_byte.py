"""The least error that a socket's stamps can have for the first byte of an answer, on this machine.

    python -m benchmarks.first_byte      (as root)

The kernel merges segments that wait to be read and keeps one stamp for them. Here processes that do
nothing else wait in a blocking ``recvmsg``, which takes bytes and stamp within the kernel, before
any code of theirs runs: what they see late, every reader sees late. One at a time and twenty at
once, idle and with every core burning, against a capture of the packets, as in
``benchmarks.wire_accuracy``, which does the same to legs.
"""

from __future__ import annotations

import os
import socket
import ssl
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor

import click
import msgspec
from msgspec import Struct

from benchmarks.wire_accuracy import (
    ADDRESS,
    DATA_RECORD,
    HOLD_SECONDS,
    HOST,
    WORLD,
    answer_records,
    burning,
    p95,
)
from probe.measure import clock
from tests.lab.capture import Connection, connections
from tests.lab.lab import Lab
from tests.lab.world.events import Request

BODY_BYTES = 65_536
PIECE_BYTES = 2_048


class Seen(Struct, frozen=True):
    """One exchange: its path's number, and for each read how many bytes had been received and the
    kernel's stamp, Unix nanoseconds."""

    number: int
    reads: list[tuple[int, int]]


def exchange(context: ssl.SSLContext, number: int) -> Seen:
    """One HTTPS exchange on a blocking socket."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    reads: list[tuple[int, int]] = []
    with socket.create_connection((ADDRESS, 443)) as sock:
        clock.enable_stamps(sock)

        def read() -> None:
            data, ancillary, _, _ = sock.recvmsg(PIECE_BYTES, clock.ANCILLARY_BYTES)
            reads.append(
                (len(data) + (reads[-1][0] if reads else 0), clock.stamp_ns(ancillary) or 0)
            )
            incoming.write(data)

        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                read()
        wanted = (
            f"GET /{number} HTTP/1.1\r\nHost: {HOST}\r\nRange: bytes=0-{BODY_BYTES - 1}\r\n\r\n"
        )
        session.write(wanted.encode())
        sock.sendall(outgoing.read())
        got = 0
        while got < BODY_BYTES:
            try:
                got += len(session.read(BODY_BYTES))
            except ssl.SSLWantReadError:
                read()
    return Seen(number, reads)


def late_seconds(connection: Connection, request: Request, seen: Seen) -> float:
    """How long after the answer's first byte the stamp is that its read got."""
    finished = next(r for r in connection.sent.records() if r.type == DATA_RECORD)
    records = connection.received.records()
    flight = [r for r in records if r.ended <= finished.begun]
    first = answer_records(records[len(flight) :], request)[0]
    place = sum(r.bytes for r in records[: records.index(first)])
    stamp = next(at for received, at in seen.reads if received > place)
    return (stamp - first.begun) / 1e9


def read_many(ca_file: str, first: int, rounds: int) -> list[Seen]:
    """One process' exchanges, one after the other."""
    context = ssl.create_default_context(cafile=ca_file)
    return [exchange(context, first + n) for n in range(rounds)]


def run(rounds: int, at_once: int, cores: int) -> list[float]:
    """How late each stamp was, in seconds: ``at_once`` processes, ``rounds`` exchanges each."""
    with Lab(WORLD, delay_seconds=HOLD_SECONDS) as lab:
        client = [sys.executable, "-m", "benchmarks.first_byte", "--client", str(lab.ca_file)]
        client += ["--rounds", str(rounds), "--at-once", str(at_once)]
        with lab.capture() as capture, burning(cores):
            done = lab.exec(client, timeout_seconds=100)
        if done.returncode:
            raise RuntimeError(done.stderr)
        by_port = {c.client[1]: c for c in connections(capture.path)}
        requests = {e.path: e for e in lab.events() if isinstance(e, Request)}
    late = []
    for seen in msgspec.json.decode(done.stdout, type=list[Seen]):
        request = requests[f"/{seen.number}"]
        late.append(late_seconds(by_port[request.client_port], request, seen))
    return late


@click.command()
@click.option("--rounds", default=40, help="Exchanges of each process.")
@click.option("--client", hidden=True, help="Read, inside the lab.")
@click.option("--at-once", default=1, hidden=True)
def main(rounds: int, client: str | None, at_once: int) -> None:
    """Print how late the stamps are."""
    if client is not None:
        with ProcessPoolExecutor(at_once) as pool:
            firsts = range(0, at_once * rounds, rounds)
            made = pool.map(read_many, [client] * at_once, firsts, [rounds] * at_once)
            seen = [one for several in made for one in several]
        sys.stdout.buffer.write(msgspec.json.encode(seen))
        return
    print("stamp of the answer's first byte, late by, ms")
    print(f"{'at once':>8}{'cores burning':>15}{'n':>6}{'median':>9}{'p95':>9}{'max':>9}")
    for at_once in (1, 20):
        for cores in (0, os.cpu_count() or 1):
            late = [seconds * 1e3 for seconds in run(rounds, at_once, cores)]
            print(
                f"{at_once:8}{cores:15}{len(late):6}{statistics.median(late):9.3f}"
                f"{p95(late):9.3f}{max(late):9.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
