"""How far the phases of a leg are from what the packets say.

``python -m benchmarks.wire_accuracy`` (as root) builds a lab with a path of 30 ms, makes legs and
DNS measurements in it, 20 at once, records the client's interface, and prints for each phase how
far the observation was from the capture: once with an idle machine, once with every core burning.
The kernel stamps the packets of the capture, in nanoseconds.

``--card`` gives the client a network card (``Topology``), whose segments the kernel merges while
nobody reads them; ``--line 100mbit`` lets them come as over a line and not as fast as this machine
can forward them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import sys
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from lab.busy_cores import burning
from lab.capture import ByPort, Connection, TlsRecord, connections, dns_exchanges
from lab.lab import Lab
from lab.net import WORLD_ADDRESS, WORLD_INTERFACE
from lab.world.events import Request
from lab.world.spec import ANY, Certificate, Object, Site, WorldSpec
from probe.config.schema import VantageConfig
from probe.measure.connection.lookout import Lookout
from probe.measure.names.dns import measure_dns
from probe.measure.names.resolvers import Resolver
from probe.measure.one_leg.leg import measure_leg
from probe.measure.tls.trust import Trust
from probe.model.identity import EVERY_LEG, Compares, Family, LegRole, Phase
from probe.model.observation import Clock, DnsObservation, Leg, LegObservation

HOST = "x.com"
ADDRESS = "198.18.1.10"
# What a light round reads of an object, and what a transfer round does.
SIZES = (1_024, 65_536)
HOLD_SECONDS = 0.015
LATENCY_SECONDS = 0.010
KINDS = [(version, size) for version in ("http/1.1", "h2") for size in SIZES]
# What the client has sent as records of type "data" before its request: Finished, and over
# HTTP/2 the preface with its settings.
BEFORE_REQUEST = {"http/1.1": 1, "h2": 2}
DATA_RECORD = 23
# A goodbye (close_notify) is shorter than any record of an answer here.
GOODBYE_BYTES = 64
SESSION_TICKETS = 2
SAME_STAMP_NS = 20_000
LATE_MS = 0.1

WORLD = WorldSpec(
    zone={HOST: (ADDRESS,), f"*.{HOST}": (ADDRESS,)},
    resolvers=((WORLD_ADDRESS, 53),),
    session_tickets=SESSION_TICKETS,
    sites=(
        Site(
            name="x",
            addresses=(ADDRESS,),
            certificates=(Certificate(names=(HOST,), file="x.pem"),),
            objects={
                HOST: {ANY: Object(size_bytes=max(SIZES), latency_seconds=LATENCY_SECONDS)},
            },
        ),
    ),
)


class Measured(Struct, frozen=True):
    """What the client wrote down. Leg and query number n carry n in path and name."""

    legs: list[LegObservation]
    dns: list[DnsObservation]


class Error(Struct, frozen=True):
    """Observed minus true duration of one phase, in seconds; ``stamped``: by the kernel.

    ``merged``: the answer's first byte bears the time of a later segment. The kernel may merge
    segments that wait to be read, and a merged buffer carries the stamp of its last segment.
    """

    seconds: float
    stamped: bool
    merged: bool = False


class NotWholeError(Exception):
    """The capture lacks packets of a connection."""


Errors = dict[tuple[str, Phase], list[Error]]


def leg_for(number: int, version: str, size: int) -> Leg:
    """A leg that the world can tell from all others."""
    return Leg(
        role=LegRole.TARGET,
        owner="x",
        target="object",
        connect_to=HOST,
        port=443,
        url=f"https://{HOST}/{number}",
        sni=HOST,
        certificate_name=HOST,
        compares=Compares.GOODPUT,
        http_versions=(version,),
        min_bytes=size,
        max_bytes=size,
        range_bytes=size,
    )


async def measure(ca_file: str, rounds: int, at_once: int) -> Measured:
    """Inside the client's namespace: ``rounds`` times ``at_once`` queries and legs of each kind."""
    trust = Trust.load(ca_file)
    via = VantageConfig(name="default")
    resolver = Resolver(name="lab", transport="udp", address=WORLD_ADDRESS, port=53)
    measured = Measured([], [])

    async def one(number: int, version: str, size: int) -> None:
        measured.dns.extend(
            await measure_dns(
                f"n{number}.{HOST}",
                Family.IPV4,
                resolver,
                via=via,
                deadline_seconds=5.0,
                linger_seconds=0.05,
                allow_private=True,
            )
        )
        leg = leg_for(number, version, size)
        measured.legs.append(
            await measure_leg(
                leg,
                address=ADDRESS,
                via=via,
                trust=trust,
                deadline_seconds=20.0,
                order=0,
                lookout=lookout,
            )
        )

    gc.collect()
    gc.freeze()  # as in the daemon, like the lookout
    number = 0
    with Lookout() as lookout:
        for _ in range(rounds):
            for version, size in KINDS:
                batch = range(number, number + at_once)
                await asyncio.gather(*(one(n, version, size) for n in batch))
                number += at_once
    return measured


def truth(connection: Connection, request: Request) -> dict[Phase, int]:
    """The phases of a connection by its packets, in nanoseconds.

    TLS runs from the ClientHello to the last byte of the server's flight, processing from the
    request to the first byte of the answer's first record, transfer from there to the last byte.
    Raises ``NotWholeError``.
    """
    begun = connection.syn, connection.syn_ack, connection.client_hello
    sent = [r for r in connection.sent.records() if r.type == DATA_RECORD]
    if None in begun or len(sent) <= BEFORE_REQUEST[request.version]:
        raise NotWholeError(f"{request.path}: {begun}, {len(sent)} records sent")
    assert connection.syn is not None
    assert connection.syn_ack is not None
    assert connection.client_hello is not None
    finished, asked = sent[0], sent[BEFORE_REQUEST[request.version]]
    received = connection.received.records()
    flight = [r for r in received if r.ended <= finished.begun]
    answer = answer_records(received[len(flight) :], request)
    if not flight or not answer:
        raise NotWholeError(f"{request.path}: {len(received)} records received")
    return {
        Phase.CONNECT: connection.syn_ack - connection.syn,
        Phase.TLS: flight[-1].ended - connection.client_hello,
        Phase.PROCESSING: answer[0].begun - asked.begun,
        Phase.TRANSFER: answer[-1].ended - answer[0].begun,
    }


def answer_records(after_handshake: list[TlsRecord], request: Request) -> list[TlsRecord]:
    """The records of the answer: after the tickets and what the server had said unasked."""
    answer = after_handshake[SESSION_TICKETS + request.records_before :]
    return [r for r in answer if r.bytes > GOODBYE_BYTES]


def head_was_merged(connection: Connection, request: Request, leg: LegObservation) -> bool:
    """Whether the leg's first byte bears the time of a later segment, as nearly as we can tell."""
    asked = [r for r in connection.sent.records() if r.type == DATA_RECORD]
    asked_at = asked[BEFORE_REQUEST[request.version]].begun
    observed = asked_at + round(leg.phases[Phase.PROCESSING] * 1e9)
    true = asked_at + truth(connection, request)[Phase.PROCESSING]
    arrivals = [at for _, at, _ in connection.received.segments]
    nearest = min(arrivals, key=lambda at: abs(at - observed))
    return nearest > true and abs(nearest - observed) < SAME_STAMP_NS


def compare(lab: Lab, pcap: Path, measured: Measured) -> Errors:
    """The errors of each kind of leg (and of ``udp``), by phase. Raises if one failed."""
    by_port = ByPort(connections(pcap))
    requests = {e.path: e for e in lab.events() if isinstance(e, Request)}
    queries = {exchange.name: exchange for exchange in dns_exchanges(pcap)}
    errors: Errors = {}
    for seen in measured.legs:
        if seen.failure is not None:
            raise RuntimeError(f"a leg failed: {seen.failure}")
        request = requests["/" + seen.leg.url.rpartition("/")[2]]
        connection = by_port.at(request.client_port, request.at)
        merged = head_was_merged(connection, request, seen)
        kind = f"{request.version}, {seen.leg.max_bytes // 1024} KiB"
        for phase, true_ns in truth(connection, request).items():
            error = Error(
                seconds=seen.phases[phase] - true_ns / 1e9,
                stamped=seen.clock is Clock.KERNEL,
                merged=merged and phase in (Phase.PROCESSING, Phase.TRANSFER),
            )
            errors.setdefault((kind, phase), []).append(error)
    for query in measured.dns:
        if query.failure is not None:
            raise RuntimeError(f"a query failed: {query.failure}")
        exchange = queries[query.name]
        seconds = query.seconds - (exchange.answers[0] - exchange.sent) / 1e9
        error = Error(seconds=seconds, stamped=query.clock is Clock.KERNEL)
        errors.setdefault(("udp", Phase.RESOLVE), []).append(error)
    return errors


def run(rounds: int, at_once: int, cores: int, *, card: bool, line: str | None) -> Errors:
    """One lab, one capture, one client process."""
    with Lab(WORLD, delay_seconds=HOLD_SECONDS, card=card) as lab:
        if line is not None:
            shape = f"tc qdisc add dev {WORLD_INTERFACE} root tbf rate {line} burst 1600 latency 1s"
            lab.topology.world.run(shape.split(), check=True)
        client = [sys.executable, "-m", "benchmarks.wire_accuracy", "--rounds", str(rounds)]
        client += ["--at-once", str(at_once), "--client", str(lab.ca_file)]
        with lab.capture() as capture, burning(cores):
            done = lab.exec(client, timeout_seconds=100)
        if done.returncode:
            raise RuntimeError(done.stderr)
        if capture.dropped:
            raise RuntimeError(f"the capture lacks {capture.dropped} packets")
        measured = msgspec.json.decode(done.stdout, type=Measured)
        return compare(lab, capture.path, measured)


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def show(title: str, errors: Errors) -> None:
    """Print one table."""
    print(f"\n{title}: |observed - captured|, ms; how many are late by more than {LATE_MS} ms,")
    print("and how many of those because the kernel had merged the first segment with a later one")
    head = ("n", "kernel", "median", "p95", "max", "late", "merged")
    print(f"{'':18}{'phase':12}" + "".join(f"{word:>8}" for word in head))
    order = list(EVERY_LEG)
    for (kind, phase), found in sorted(
        errors.items(), key=lambda e: (e[0][0], order.index(e[0][1]))
    ):
        sizes = [abs(error.seconds) * 1e3 for error in found]
        late = [error for error in found if abs(error.seconds) * 1e3 > LATE_MS]
        print(
            f"{kind:18}{phase.value:12}{len(found):8}{sum(e.stamped for e in found):8}"
            f"{statistics.median(sizes):8.3f}{p95(sizes):8.3f}{max(sizes):8.3f}"
            f"{len(late):8}{sum(e.merged for e in late):8}"
        )


@click.command()
@click.option("--rounds", default=5, help="Batches of each kind of leg.")
@click.option("--at-once", default=20, help="Legs in a batch, all at once.")
@click.option("--card", is_flag=True, help="The client has a network card.")
@click.option("--line", metavar="RATE", help="As tc writes it; without it there is no limit.")
@click.option("--client", hidden=True, help="Measure, inside the lab.")
def main(rounds: int, at_once: int, *, card: bool, line: str | None, client: str | None) -> None:
    """Print the errors, idle and burning."""
    if client is not None:
        sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(measure(client, rounds, at_once))))
        return
    cores = os.cpu_count() or 1
    show("idle", run(rounds, at_once, 0, card=card, line=line))
    show(f"{cores} cores burning", run(rounds, at_once, cores, card=card, line=line))


if __name__ == "__main__":
    main()
