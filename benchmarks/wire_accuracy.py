"""How far the phases of a leg are from what the packets say.

``python -m benchmarks.wire_accuracy`` (as root) builds a lab with a path of 30 ms, makes legs and
DNS measurements in it, 20 at once, records the client's interface, and prints for each phase how
far the observation was from the capture: once with an idle machine, once with every core burning.
The kernel stamps the packets of the capture, in nanoseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from probe.config.schema import VantageConfig
from probe.measure.dns import measure_dns
from probe.measure.leg import measure_leg
from probe.measure.resolvers import Resolver
from probe.measure.trust import Trust
from probe.model.identity import Compares, Family, LegRole, Phase
from probe.model.observation import Clock, DnsObservation, Leg, LegObservation
from tests.lab.capture import Connection, TlsRecord, connections, dns_exchanges
from tests.lab.lab import Lab
from tests.lab.net import WORLD_ADDRESS
from tests.lab.world.events import Request
from tests.lab.world.spec import ANY, Certificate, Object, Site, WorldSpec

HOST = "x.com"
ADDRESS = "198.18.1.10"
BODY_BYTES = 65_536
HOLD_SECONDS = 0.015
LATENCY_SECONDS = 0.010
AT_ONCE = 20
VERSIONS = {"h1": "http/1.1", "h2": "h2"}
# What the client has sent as records of type "data" before its request: Finished, and over
# HTTP/2 the preface with its settings.
BEFORE_REQUEST = {"http/1.1": 1, "h2": 2}
DATA_RECORD = 23
# A goodbye (close_notify) is shorter than any record of an answer here.
GOODBYE_BYTES = 64
SESSION_TICKETS = 2

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
                HOST: {ANY: Object(size_bytes=BODY_BYTES, latency_seconds=LATENCY_SECONDS)},
            },
        ),
    ),
)


class Measured(Struct, frozen=True):
    """What the client wrote down. Leg and query number n carry n in path and name."""

    legs: list[LegObservation]
    dns: list[DnsObservation]


class Errors(Struct):
    """Observed minus true durations of one phase, in seconds; ``stamped`` by the kernel."""

    seconds: list[float]
    stamped: int = 0


def leg_for(number: int, version: str) -> Leg:
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
        min_bytes=BODY_BYTES,
        max_bytes=BODY_BYTES,
    )


async def measure(ca_file: str, rounds: int) -> Measured:
    """Inside the client's namespace: ``rounds`` times ``AT_ONCE`` queries and legs per version."""
    trust = Trust.load(ca_file)
    via = VantageConfig(name="default")
    resolver = Resolver(name="lab", transport="udp", address=WORLD_ADDRESS, port=53)
    measured = Measured([], [])

    async def one(number: int, version: str) -> None:
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
        leg = leg_for(number, version)
        measured.legs.append(
            await measure_leg(
                leg, address=ADDRESS, via=via, trust=trust, deadline_seconds=20.0, order=0
            )
        )

    number = 0
    for _ in range(rounds):
        for version in VERSIONS.values():
            batch = range(number, number + AT_ONCE)
            await asyncio.gather(*(one(n, version) for n in batch))
            number += AT_ONCE
    return measured


def truth(connection: Connection, request: Request) -> dict[Phase, int]:
    """The phases of a connection by its packets, in nanoseconds.

    TLS runs from the ClientHello to the last byte of the server's flight, processing from the
    request to the first byte of the answer's first record, transfer from there to the last byte.
    """
    assert connection.syn is not None
    assert connection.syn_ack is not None
    assert connection.client_hello is not None
    sent = [r for r in connection.sent.records() if r.type == DATA_RECORD]
    finished, asked = sent[0], sent[BEFORE_REQUEST[request.version]]
    received = connection.received.records()
    flight = [r for r in received if r.ended <= finished.begun]
    answer = answer_records(received[len(flight) :], request)
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


def compare(lab: Lab, pcap: Path, measured: Measured) -> dict[tuple[str, Phase], Errors]:
    """The errors, by HTTP version (or ``udp``) and phase. Raises if a measurement failed."""
    by_port = {connection.client[1]: connection for connection in connections(pcap)}
    requests = {e.path: e for e in lab.events() if isinstance(e, Request)}
    queries = {exchange.name: exchange for exchange in dns_exchanges(pcap)}
    errors: dict[tuple[str, Phase], Errors] = {}

    def note(kind: str, phase: Phase, seconds: float, true_ns: int, clock: Clock) -> None:
        found = errors.setdefault((kind, phase), Errors([]))
        found.seconds.append(seconds - true_ns / 1e9)
        found.stamped += clock is Clock.KERNEL

    for leg in measured.legs:
        if leg.failure is not None:
            raise RuntimeError(f"a leg failed: {leg.failure}")
        request = requests["/" + leg.leg.url.rpartition("/")[2]]
        for phase, true_ns in truth(by_port[request.client_port], request).items():
            note(request.version, phase, leg.phases[phase], true_ns, leg.clock)
    for query in measured.dns:
        if query.failure is not None:
            raise RuntimeError(f"a query failed: {query.failure}")
        exchange = queries[query.name]
        note("udp", Phase.RESOLVE, query.seconds, exchange.answers[0] - exchange.sent, query.clock)
    return errors


@contextlib.contextmanager
def burning(cores: int) -> Iterator[None]:
    """Keep this many cores busy."""
    fires = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield
    finally:
        for fire in fires:
            fire.kill()
            fire.wait()


def run(rounds: int, cores: int) -> dict[tuple[str, Phase], Errors]:
    """One lab, one capture, one client process."""
    with Lab(WORLD, delay_seconds=HOLD_SECONDS) as lab:
        client = [sys.executable, "-m", "benchmarks.wire_accuracy", "--rounds", str(rounds)]
        client += ["--client", str(lab.ca_file)]
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


def show(title: str, errors: dict[tuple[str, Phase], Errors]) -> None:
    """Print one table."""
    print(f"\n{title}: |observed - captured|, ms")
    print(f"{'':10}{'phase':12}{'n':>5}{'kernel':>8}{'median':>9}{'p95':>9}{'max':>9}{'bias':>9}")
    for (kind, phase), found in sorted(errors.items()):
        sizes = [abs(error) * 1e3 for error in found.seconds]
        bias = statistics.median(found.seconds) * 1e3
        print(
            f"{kind:10}{phase.value:12}{len(sizes):5}{found.stamped:8}"
            f"{statistics.median(sizes):9.3f}{p95(sizes):9.3f}{max(sizes):9.3f}{bias:+9.3f}"
        )


@click.command()
@click.option("--rounds", default=5, help=f"Batches of {AT_ONCE} legs for each HTTP version.")
@click.option("--client", hidden=True, help="Measure, inside the lab.")
def main(rounds: int, client: str | None) -> None:
    """Print the errors, idle and burning."""
    if client is not None:
        sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(measure(client, rounds))))
        return
    cores = os.cpu_count() or 1
    show("idle", run(rounds, 0))
    show(f"{cores} cores burning", run(rounds, cores))


if __name__ == "__main__":
    main()
