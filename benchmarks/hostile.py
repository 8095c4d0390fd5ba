"""Legs and queries against far ends that mean harm: time, bytes and memory, whatever comes.

    python -m benchmarks.hostile [--quic] [--cases 20000] [--seconds S] [--seed SEED]

The far ends run in a process of their own, on loopback, so the memory is the client's alone. Every
case must end with an observation whose failure, if any, is a word of the closed set; in time;
without having read more than a leg may; and without making the event loop turn for nothing. Exits
with 1 if one does not. ``met`` says for how many a far end over QUIC had time: it goes on until all
are, three times as many at most, with fewer at once where far ends do not get to answer. Cases are
drawn from the seed and the number of the connection; ``--at-once 1`` repeats a run
exactly.
"""

from __future__ import annotations

import asyncio
import gc
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import TypeVar
from urllib.parse import urlsplit

import click
import httpx

from benchmarks.attack import DEADLINE_SECONDS, MOST_TURNS, Figures, attack, resident_bytes
from lab.loopback.hostile import PAGES, answers_to, link
from lab.loopback.turns import counted
from probe.measure.names.dns_message import build_query, read_reply
from probe.measure.objects.links import Unusable, search, usable, written_out
from probe.measure.one_leg.failures import NetworkError
from probe.model.identity import Family

SEARCH_SECONDS = 1.0
SEARCHES_AT_ONCE = 2
LATE_TIMES = 20
SHARES = {
    "dns messages": 0.3,
    "dns": 0.15,
    "tls": 0.12,
    "http/1.1": 0.13,
    "http/2": 0.13,
    "deaf": 0.02,
    "proxy": 0.05,
    "links": 0.078,
    "pages": 0.002,
    "certificate of 1,000 names": 0.01,
    "certificate of 6,000 names": 0.01,
}


QUIC_SHARES = {
    "quic packets": 0.3,
    "quic handshake": 0.2,
    "quic frames": 0.25,
    "http/3": 0.23,
    "quic certificate of 100 names": 0.01,
    "quic certificate of 6,000 names": 0.01,
}

T = TypeVar("T")


def parse(cases: int, *, seed: str) -> Figures:
    """Read ``cases`` hostile DNS messages without any network."""
    random, query = Random(seed), build_query("www.example.com", Family.IPV4)
    wire = query.to_wire()

    def messages() -> Iterator[bytes]:
        while True:
            yield from answers_to(wire, random)

    def read(message: bytes) -> str:
        return read_reply(query, message, seconds=0.0).rejected or "an answer"

    return _each("dns messages", cases, messages(), read)


def judge_links(cases: int, *, seed: str) -> Figures:
    """Judge ``cases`` hostile links; what is not refused must be fit for a leg."""
    random = Random(seed)

    def links() -> Iterator[str]:
        while True:
            yield link(random)

    def judge(raw: str) -> str:
        found = usable("https://abs.twimg.com/", written_out(raw), ("abs.twimg.com", "*.cdn.test"))
        if isinstance(found, Unusable):
            return found.why
        httpx.URL(found)
        port = urlsplit(found).port
        return "usable" if port is None or 0 < port < 65_536 else "a port that is none"

    return _each("links", cases, links(), judge)


def _each(kind: str, cases: int, given: Iterator[T], judge: Callable[[T], str]) -> Figures:
    outcomes, broken, longest = Counter[str](), [], 0.0
    before, start, cpu = resident_bytes(), time.monotonic(), time.process_time()
    for one in islice(given, cases):
        # Nothing is waited for here: the processor's time, which no other program makes longer.
        began = time.thread_time()
        try:
            outcomes[judge(one)] += 1
        except Exception as error:
            broken.append(f"{type(error).__name__}: {error} on {one!r}"[:300])
        longest = max(longest, time.thread_time() - began)
    gc.collect()
    return Figures(
        kind=kind,
        cases=cases,
        deadline_seconds=DEADLINE_SECONDS,
        longest_seconds=longest,
        most_bytes=0,
        allowed_bytes=0,
        outcomes=dict(outcomes),
        broken=tuple(broken),
        grown_bytes=resident_bytes() - before,
        seconds=time.monotonic() - start,
        turns=0.0,
        cpu_seconds=time.process_time() - cpu,
    )


def search_pages(cases: int) -> Figures:
    """Search ``cases`` pages that are made to hurt, while the event loop goes on."""
    return asyncio.run(_search_pages(cases))


async def _search_pages(cases: int) -> Figures:
    outcomes, broken, longest = Counter[str](), list[str](), 0.0
    room = asyncio.Semaphore(SEARCHES_AT_ONCE)

    async def one(number: int) -> None:
        nonlocal longest
        async with room:
            began = time.monotonic()
            try:
                found = await search(*PAGES[number % len(PAGES)], seconds=SEARCH_SECONDS)
                outcomes["found" if found else "nothing"] += 1
            except NetworkError as error:
                outcomes[error.detail] += 1
            except Exception as error:
                broken.append(f"{type(error).__name__}: {error}")
            longest = max(longest, time.monotonic() - began)

    before, start, cpu = resident_bytes(), time.monotonic(), time.process_time()
    with counted() as turns:
        await asyncio.gather(*map(one, range(cases)))
    if turns.count > MOST_TURNS * cases:
        broken.append(f"the event loop turned {turns.count} times for {cases} cases")
    return Figures(
        kind="pages",
        cases=cases,
        deadline_seconds=SEARCH_SECONDS,
        longest_seconds=longest,
        most_bytes=0,
        allowed_bytes=0,
        outcomes=dict(outcomes),
        broken=tuple(broken),
        grown_bytes=resident_bytes() - before,
        seconds=time.monotonic() - start,
        turns=turns.count / max(1, cases),
        cpu_seconds=time.process_time() - cpu,
    )


def figures_of(
    kind: str, cases: int, *, at_once: int, seed: str, most_seconds: float = math.inf
) -> Figures:
    """Of one kind of either table of shares."""
    match kind:
        case "dns messages":
            return parse(cases, seed=seed)
        case "links":
            return judge_links(cases, seed=seed)
        case "pages":
            return search_pages(cases)
        case _:
            return attack(
                kind, cases, at_once=at_once, seed=seed, all_met=True, most_seconds=most_seconds
            )


def beyond(found: Figures) -> Iterator[str]:
    """What was more than it may be. A busy machine gets to a deadline late, so time is bounded
    loosely: what hangs is found."""
    if found.most_bytes > found.allowed_bytes:
        yield f"{found.most_bytes} bytes were read, of at most {found.allowed_bytes}"
    if found.longest_seconds > LATE_TIMES * found.deadline_seconds:
        yield f"one took {found.longest_seconds:.0f} s, of {found.deadline_seconds:.0f}"


def _counted(number: int | None) -> str:
    return "" if number is None else str(number)


@click.command()
@click.option("--cases", default=20_000, help="Of all kinds together.")
@click.option("--quic", is_flag=True, help="Far ends over QUIC, in place of all others.")
@click.option("--at-once", default=20, help="Legs at the same time.")
@click.option("--seconds", default=math.inf, help="For each kind, at most.")
@click.option("--seed", default="1", help="Draws other cases.")
def main(cases: int, quic: bool, at_once: int, seconds: float, seed: str) -> None:
    """Print the figures of each kind."""
    failed = False
    print(
        f"{'':32}{'cases':>7}{'met':>7}{'s':>7}{'longest':>9}{'most kB':>9}{'grown kB':>9}"
        f"{'turns':>7}{'CPU ms':>8}  outcomes"
    )
    for kind, share in (QUIC_SHARES if quic else SHARES).items():
        count = round(cases * share)
        found = figures_of(kind, count, at_once=at_once, seed=seed, most_seconds=seconds)
        words = ", ".join(f"{n} {word}" for word, n in Counter(found.outcomes).most_common(6))
        print(
            f"{kind:32}{found.cases:7}{_counted(found.met):>7}{found.seconds:7.1f}{found.longest_seconds:9.2f}"
            f"{found.most_bytes / 1e3:9.0f}{found.grown_bytes / 1e3:9.0f}"
            f"{found.turns:7.0f}{1e3 * found.cpu_seconds / max(1, found.cases):8.1f}  {words}",
            flush=True,
        )
        wrong = (*found.broken[:10], *beyond(found))
        for text in wrong:
            print(f"    BROKEN {text}")
        failed = failed or bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
