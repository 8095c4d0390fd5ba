"""Legs and queries against a far end that means harm and has a process of its own."""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import math
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
# A packet without a name is waited for first, for 1.2 s, which half of the far ends do not answer
# as they should: of 2 s there were 0.8 left for a far end to read an Initial and do its worst.
QUIC_DEADLINE_SECONDS = 4.0
MOST_TRIES = 3
"""For each case that shall be met: who drops every second datagram may be one that never was."""
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

Asks = Callable[[int], Awaitable[LegObservation | DnsObservation]]


class Figures(Struct, frozen=True, kw_only=True):
    """Of all cases of one kind. ``broken``: what no case may do, as text. ``most_bytes`` is what
    the hungriest read from its socket, ``grown_bytes`` what was kept after all of them,
    ``peak_bytes`` by how much the most memory at any time was raised, ``turns`` how often the event
    loop turned for a case, on average, and ``cpu_seconds`` what this process took. ``met``: in so
    many cases the connection itself was answered by anything at all, whatever the packet without a
    name met; on a machine too busy for a far end the others have tried nothing (``None``: not
    counted, as of those who are not asked over QUIC)."""

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


def attack(
    kind: str,
    cases: int,
    *,
    at_once: int,
    seed: str,
    all_met: bool = False,
    most_seconds: float = math.inf,
) -> Figures:
    """Measure ``cases`` times against the far end of ``kind``.

    ``all_met``: until so many were met, ``MOST_TRIES`` as many at most. None is begun after
    ``most_seconds``.
    """
    trust()  # made before the fork: both sides then know the same authority
    certificate()
    authority()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=run_far_end, args=(kind, seed, theirs), daemon=True
    )
    process.start()
    try:
        run = _Run(kind, cases, at_once, all_met=all_met, most_seconds=most_seconds)
        return asyncio.run(run.against(ours.recv()))
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


class _Room:
    """How many legs are made at once: fewer while far ends do not get to answer, since a busy
    machine's far end has no time for many."""

    LESS, MORE = 0.95, 0.1

    def __init__(self, most: int) -> None:
        self._most = self._now = float(most)

    def ended(self, *, met: bool) -> None:
        more = min(self._most, self._now + self.MORE)
        self._now = more if met else max(1.0, self._now * self.LESS)

    def has(self, under_way: int) -> bool:
        return under_way < int(self._now)


class _Run:
    """The cases of one kind under way, and what became of them."""

    def __init__(
        self, kind: str, cases: int, at_once: int, *, all_met: bool, most_seconds: float
    ) -> None:
        self._kind, self._cases, self._at_once = kind, cases, at_once
        self._all_met, self._most_seconds = all_met, most_seconds
        self._over_quic = kind in hostile_quic.KINDS
        self._outcomes: Counter[str] = Counter()
        self._broken: list[str] = []
        self._longest, self._most, self._met, self._begun = 0.0, 0, 0, 0
        self._room = _Room(at_once)

    async def against(self, port: int) -> Figures:
        """Measure the far end at a port of loopback."""
        ask, cases = asking(self._kind, port), self._cases
        # What is made once (the first leg's imports and caches) is no growth.
        for number in range(min(2, cases)):
            await self._one(ask, number)
        self._outcomes.clear()
        self._met = 0
        gc.collect()
        before, began, cpu = resident_bytes(), time.monotonic(), time.process_time()
        peak = peak_bytes()
        with counted() as turns:
            await self._all(ask, began)
        gc.collect()
        if turns.count > (MOST_QUIC_TURNS if self._over_quic else MOST_TURNS) * self._begun:
            text = f"the event loop turned {turns.count} times for {self._begun} cases"
            self._broken.append(text)
        return Figures(
            kind=self._kind,
            cases=sum(self._outcomes.values()) + len(self._broken),
            deadline_seconds=deadline_of(self._kind),
            longest_seconds=self._longest,
            most_bytes=self._most,
            allowed_bytes=round(most_wire_bytes(BODY_BYTES) * HEADERS_SHARE) + UNREAD_BYTES,
            outcomes=dict(self._outcomes),
            broken=tuple(self._broken),
            grown_bytes=resident_bytes() - before,
            peak_bytes=peak_bytes() - peak,
            seconds=time.monotonic() - began,
            turns=turns.count / max(1, self._begun),
            cpu_seconds=time.process_time() - cpu,
            met=self._met if self._over_quic else None,
        )

    async def _all(self, ask: Asks, began: float) -> None:
        under_way: set[asyncio.Task[None]] = set()
        while True:
            in_time = time.monotonic() - began < self._most_seconds
            while in_time and self._wanted(len(under_way)) and self._room.has(len(under_way)):
                under_way.add(asyncio.create_task(self._one(ask, self._begun)))
                self._begun += 1
            if not under_way:
                return
            # Whoever was not met among the last is replaced, too.
            _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)

    def _wanted(self, under_way: int) -> bool:
        """Whether another case is to be begun."""
        if not (self._all_met and self._over_quic):
            return self._begun < self._cases
        return self._met + under_way < self._cases and self._begun < MOST_TRIES * self._cases

    async def _one(self, ask: Asks, number: int) -> None:
        began = time.monotonic()
        try:
            seen = await ask(number)
        except Exception as error:  # what the whole program exists to find
            self._broken.append(f"{type(error).__name__}: {error}")
            return
        self._longest = max(self._longest, time.monotonic() - began)
        received, met = seen.wire_bytes_received or 0, True
        if isinstance(seen, LegObservation):
            if seen.curve:
                received = min(received, seen.curve[-1].bytes + most_wire_bytes(0))
            if self._over_quic:
                met = seen.quic is not None and bool(seen.quic.datagrams_in)
        self._most = max(self._most, received)
        self._met += met
        self._room.ended(met=met)
        word = "fine" if seen.failure is None else seen.failure.reason
        if seen.failure is not None and word not in REASONS:
            self._broken.append(f"a word that nobody knows: {word}")
        self._outcomes[word] += 1
