"""Legs and queries against a far end that means harm and has a process of its own."""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import multiprocessing
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lab.loopback import hostile_quic
from lab.loopback.hostile import Resolver as HostileResolver
from lab.loopback.hostile import contexts, scripted
from lab.loopback.servers import HERE, authority, certificate, leg_to, measure, serve, trust
from lab.loopback.turns import counted
from probe.config.schema import VantageConfig
from probe.measure.names.dns import measure_dns
from probe.measure.names.resolvers import Resolver
from probe.measure.one_leg.attempt import most_wire_bytes
from probe.measure.over_quic.quic import measure_quic
from probe.measure.over_quic.quic_bounds import BODY_PER_DATAGRAM, MOST_DATAGRAMS
from probe.measure.over_quic.quic_ping import MOST_NOT_ANSWERS
from probe.measure.tls.trust import Trust
from probe.model.failure import REASONS
from probe.model.identity import Compares, Family
from probe.model.observation import DnsObservation, LegObservation

DEADLINE_SECONDS = 1.0
# A packet without a name is waited for first, for 1.2 s.
QUIC_DEADLINE_SECONDS = 2.0
BODY_BYTES = 65_536
# What one read may take beyond the limit, and what the kernel holds unread.
ONE_READ_BYTES = 16_384
HEADERS_SHARE = 1.2
UNREAD_BYTES = 6_400_000
# Of a case, on average: an honest leg has some ten turns of the loop, one that gets a byte at a
# time until its deadline a hundred. A socket that nobody empties makes thousands.
MOST_TURNS = 200
# Over QUIC each datagram may come by itself: as many as are looked at, and some timers.
MOST_QUIC_TURNS = MOST_DATAGRAMS + BODY_BYTES // BODY_PER_DATAGRAM + MOST_NOT_ANSWERS + 80

# What answers the packet without a name, over IPv6 and with as many versions as there may be.
NAMELESS_BYTES = 200

Asks = Callable[[int], Awaitable[LegObservation | DnsObservation]]


class Figures(Struct, frozen=True, kw_only=True):
    """Of all cases of one kind. ``broken``: what no case may do, as text. ``most_bytes`` is what
    the hungriest read from its socket, ``grown_bytes`` what was kept after all of them,
    ``peak_bytes`` by how much the most memory at any time was raised, ``turns`` how often the event
    loop turned for a case, on average, and ``cpu_seconds`` what this process took. ``met``: in so
    many cases the far end did more than say that it is there; on a machine too busy for a far end
    the others have tried nothing (``None``: not counted)."""

    kind: str
    cases: int
    deadline_seconds: float
    longest_seconds: float
    most_bytes: int
    allowed_bytes: int
    outcomes: dict[str, int]
    broken: tuple[str, ...]
    grown_bytes: int
    peak_bytes: int = 0
    seconds: float
    turns: float
    cpu_seconds: float
    met: int | None = None


def resident_bytes() -> int:
    """Memory that this process has in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_bytes() -> int:
    """The most memory that this process ever had in RAM."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_far_end(kind: str, seed: str, ports: Connection) -> None:
    """Be the far end of ``kind`` until the parent ends this process."""

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # clients go away in mid-flood

    async def be() -> None:
        if kind == "dns" or kind in hostile_quic.KINDS:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: HostileResolver(seed) if kind == "dns" else hostile_quic.Door(kind, seed),
                local_addr=("127.0.0.1", 0),
            )
            ports.send(transport.get_extra_info("sockname")[1])
            await asyncio.Event().wait()
        make, context = contexts()[kind]
        async with serve(scripted(make, f"{seed}/{kind}"), context) as server:
            ports.send(server.port)
            await asyncio.Event().wait()

    asyncio.run(be())


def attack(kind: str, cases: int, *, at_once: int, seed: str) -> Figures:
    """Measure ``cases`` times against the far end of ``kind``."""
    trust()  # made before the fork: both sides then know the same authority
    certificate()
    authority()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=run_far_end, args=(kind, seed, theirs), daemon=True
    )
    process.start()
    try:
        return asyncio.run(_attack(kind, cases, at_once, ours.recv()))
    finally:
        process.terminate()
        process.join()


def deadline_of(kind: str) -> float:
    """How long a leg may take, in seconds."""
    return QUIC_DEADLINE_SECONDS if kind in hostile_quic.KINDS else DEADLINE_SECONDS


def asking(kind: str, port: int) -> Asks:
    """How the far end of ``kind`` is asked; the number is that of the case."""
    if kind == "dns":
        resolver = Resolver(name="hostile", transport="udp", address="127.0.0.1", port=port)

        async def dns(number: int) -> DnsObservation:
            (seen, *_) = await measure_dns(
                "www.example.com",
                Family.IPV4,
                resolver,
                via=HERE,
                deadline_seconds=DEADLINE_SECONDS,
                linger_seconds=0.05,
            )
            return seen

        return dns

    if kind in hostile_quic.KINDS:

        async def quic(number: int) -> LegObservation:
            return await over_quic(port, deadline_seconds=QUIC_DEADLINE_SECONDS)

        return quic

    leg = leg_to(port, max_bytes=BODY_BYTES, min_bytes=BODY_BYTES)
    # A client of a proxy that is not one gets nowhere else.
    proxies = [
        VantageConfig(name="proxied", proxy=f"{scheme}://127.0.0.1:{port}")
        for scheme in ("socks5", "http")
    ]

    async def tcp(number: int) -> LegObservation:
        via = proxies[number % 2] if kind == "proxy" else HERE
        return await measure(leg, via=via, deadline=DEADLINE_SECONDS)

    return tcp


async def over_quic(port: int, *, deadline_seconds: float) -> LegObservation:
    """A leg that reads ``BODY_BYTES`` over HTTP/3 from a port on loopback."""
    leg = leg_to(port, max_bytes=BODY_BYTES, min_bytes=BODY_BYTES)
    return await measure_quic(
        replace(leg, prober="quic", compares=Compares.GOODPUT),
        address="127.0.0.1",
        via=HERE,
        trust=Trust.load(_authority_file()),
        deadline_seconds=deadline_seconds,
        order=0,
    )


@cache
def _authority_file() -> str:
    """Where QUIC's own TLS reads it, in each leg: it stays as long as this process does."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "authority.pem"
    authority().cert_pem.write_to_path(str(path))
    return str(path)


async def _attack(kind: str, cases: int, at_once: int, port: int) -> Figures:
    outcomes: Counter[str] = Counter()
    broken: list[str] = []
    longest, most, met = 0.0, 0, 0
    one = asking(kind, port)

    async def worker(share: int) -> None:
        nonlocal longest, most, met
        for number in range(share):
            began = time.monotonic()
            try:
                seen = await one(number)
            except Exception as error:  # what the whole program exists to find
                broken.append(f"{type(error).__name__}: {error}")
                continue
            longest = max(longest, time.monotonic() - began)
            received = seen.wire_bytes_received or 0
            if isinstance(seen, LegObservation) and seen.curve:
                received = min(received, seen.curve[-1].bytes + most_wire_bytes(0))
            most = max(most, received)
            met += received > NAMELESS_BYTES
            word = "fine" if seen.failure is None else seen.failure.reason
            if seen.failure is not None and word not in REASONS:
                broken.append(f"a word that nobody knows: {word}")
            outcomes[word] += 1

    shares = [cases // at_once + (i < cases % at_once) for i in range(at_once)]
    # What is made once (the first leg's imports and caches) is no growth.
    await worker(min(2, cases))
    outcomes.clear()
    met = 0
    gc.collect()
    before, began, cpu = resident_bytes(), time.monotonic(), time.process_time()
    peak = peak_bytes()
    with counted() as turns:
        await asyncio.gather(*map(worker, shares))
    gc.collect()
    if turns.count > (MOST_QUIC_TURNS if kind in hostile_quic.KINDS else MOST_TURNS) * cases:
        broken.append(f"the event loop turned {turns.count} times for {cases} cases")
    return Figures(
        kind=kind,
        cases=sum(outcomes.values()) + len(broken),
        deadline_seconds=deadline_of(kind),
        longest_seconds=longest,
        most_bytes=most,
        allowed_bytes=round(most_wire_bytes(BODY_BYTES) * HEADERS_SHARE) + UNREAD_BYTES,
        outcomes=dict(outcomes),
        broken=tuple(broken),
        grown_bytes=resident_bytes() - before,
        peak_bytes=peak_bytes() - peak,
        seconds=time.monotonic() - began,
        turns=turns.count / max(1, cases),
        cpu_seconds=time.process_time() - cpu,
        met=met,
    )
