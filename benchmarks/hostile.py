"""Legs and queries against far ends that mean harm: time, bytes and memory, whatever comes.

    python -m benchmarks.hostile [--cases 12000] [--seed SEED]

The far ends run in a process of their own, on loopback, so the memory is the client's alone. Every
case must end with an observation whose failure, if any, is a word of the closed set; in time; and
without having read more than a leg may. Exits with 1 if one does not. Cases are drawn from the seed
and the number of the connection; ``--at-once 1`` repeats a run exactly.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import resource
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import click
from msgspec import Struct

from probe.measure.attempt import most_wire_bytes
from probe.measure.dns import measure_dns
from probe.measure.dns_message import build_query, read_reply
from probe.measure.resolvers import Resolver
from probe.model.failure import REASONS
from probe.model.identity import Family
from probe.model.observation import DnsObservation, LegObservation
from tests.measure.hostile import Resolver as HostileResolver
from tests.measure.hostile import answers_to, contexts, scripted
from tests.measure.servers import HERE, authority, certificate, leg_to, measure, serve, trust

DEADLINE_SECONDS = 1.0
BODY_BYTES = 65_536
# What one read may take beyond the limit, and what the kernel holds unread.
ONE_READ_BYTES = 16_384
HEADERS_SHARE = 1.2
UNREAD_BYTES = 6_400_000
SHARES = {
    "dns messages": 0.4,
    "dns": 0.2,
    "tls": 0.14,
    "http/1.1": 0.12,
    "http/2": 0.12,
    "certificate of 1,000 names": 0.01,
    "certificate of 6,000 names": 0.01,
}


class Figures(Struct, frozen=True, kw_only=True):
    """Of all cases of one kind. ``broken``: what no case may do, as text. ``most_bytes`` is what
    the hungriest read from its socket."""

    kind: str
    cases: int
    deadline_seconds: float
    longest_seconds: float
    most_bytes: int
    allowed_bytes: int
    outcomes: dict[str, int]
    broken: tuple[str, ...]
    grown_bytes: int
    seconds: float


def resident_bytes() -> int:
    """Memory that this process has in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def run_far_end(kind: str, seed: str, ports: Connection) -> None:
    """Be the far end of ``kind`` until the parent ends this process."""

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # clients go away in mid-flood

    async def be() -> None:
        if kind == "dns":
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: HostileResolver(seed), local_addr=("127.0.0.1", 0)
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


async def _attack(kind: str, cases: int, at_once: int, port: int) -> Figures:
    outcomes: Counter[str] = Counter()
    broken: list[str] = []
    longest, most = 0.0, 0
    resolver = Resolver(name="hostile", transport="udp", address="127.0.0.1", port=port)

    async def one() -> LegObservation | DnsObservation:
        if kind == "dns":
            (seen, *_) = await measure_dns(
                "www.example.com",
                Family.IPV4,
                resolver,
                via=HERE,
                deadline_seconds=DEADLINE_SECONDS,
                linger_seconds=0.05,
            )
            return seen
        leg = leg_to(port, max_bytes=BODY_BYTES, min_bytes=BODY_BYTES)
        return await measure(leg, deadline=DEADLINE_SECONDS)

    async def worker(share: int) -> None:
        nonlocal longest, most
        for _ in range(share):
            began = time.monotonic()
            try:
                seen = await one()
            except Exception as error:  # what the whole program exists to find
                broken.append(f"{type(error).__name__}: {error}")
                continue
            longest = max(longest, time.monotonic() - began)
            received = seen.wire_bytes_received or 0
            if isinstance(seen, LegObservation) and seen.curve:
                received = min(received, seen.curve[-1].bytes + most_wire_bytes(0))
            most = max(most, received)
            word = "fine" if seen.failure is None else seen.failure.reason
            if seen.failure is not None and word not in REASONS:
                broken.append(f"a word that nobody knows: {word}")
            outcomes[word] += 1

    shares = [cases // at_once + (i < cases % at_once) for i in range(at_once)]
    # What is made once (the first leg's imports and caches) is no growth.
    await worker(min(2, cases))
    outcomes.clear()
    gc.collect()
    before, began = resident_bytes(), time.monotonic()
    await asyncio.gather(*map(worker, shares))
    gc.collect()
    return Figures(
        kind=kind,
        cases=sum(outcomes.values()) + len(broken),
        deadline_seconds=DEADLINE_SECONDS,
        longest_seconds=longest,
        most_bytes=most,
        allowed_bytes=round(most_wire_bytes(BODY_BYTES) * HEADERS_SHARE) + UNREAD_BYTES,
        outcomes=dict(outcomes),
        broken=tuple(broken),
        grown_bytes=resident_bytes() - before,
        seconds=time.monotonic() - began,
    )


def parse(cases: int, *, seed: str) -> Figures:
    """Read ``cases`` hostile DNS messages without any network."""
    random, query = Random(seed), build_query("www.example.com", Family.IPV4)
    wire, outcomes, broken = query.to_wire(), Counter[str](), []
    longest, done = 0.0, 0
    before, start = resident_bytes(), time.monotonic()
    while done < cases:
        for message in answers_to(wire, random)[: cases - done]:
            began = time.monotonic()
            try:
                reply = read_reply(query, message, seconds=0.0)
                outcomes[reply.rejected or "an answer"] += 1
            except Exception as error:
                broken.append(f"{type(error).__name__}: {error} on {message[:100]!r}")
            longest, done = max(longest, time.monotonic() - began), done + 1
    gc.collect()
    return Figures(
        kind="dns messages",
        cases=done,
        deadline_seconds=DEADLINE_SECONDS,
        longest_seconds=longest,
        most_bytes=0,
        allowed_bytes=0,
        outcomes=dict(outcomes),
        broken=tuple(broken),
        grown_bytes=resident_bytes() - before,
        seconds=time.monotonic() - start,
    )


@click.command()
@click.option("--cases", default=12_000, help="Of all kinds together.")
@click.option("--at-once", default=20, help="Legs at the same time.")
@click.option("--seed", default="1", help="Draws other cases.")
def main(cases: int, at_once: int, seed: str) -> None:
    """Print the figures of each kind."""
    failed = False
    print(f"{'':28}{'cases':>7}{'s':>7}{'longest':>9}{'most kB':>9}{'grown kB':>9}  outcomes")
    for kind, share in SHARES.items():
        count = round(cases * share)
        found = (
            parse(count, seed=seed)
            if kind == "dns messages"
            else attack(kind, count, at_once=at_once, seed=seed)
        )
        words = ", ".join(f"{n} {word}" for word, n in Counter(found.outcomes).most_common(6))
        print(
            f"{kind:28}{found.cases:7}{found.seconds:7.1f}{found.longest_seconds:9.2f}"
            f"{found.most_bytes / 1e3:9.0f}{found.grown_bytes / 1e3:9.0f}  {words}",
            flush=True,
        )
        for text in found.broken[:10]:
            print(f"    BROKEN {text}")
        failed = failed or bool(found.broken)
    sys.exit(failed)


if __name__ == "__main__":
    main()
