"""CPU time of one leg, beside the same exchange with stock httpx.

The servers run in a process of their own, so only the client's CPU is counted. Stock httpx gets a
new client for each exchange (no connection is kept, as in a leg) and a shared TLS context.

    python -m benchmarks.leg_cpu [LEGS]
"""

from __future__ import annotations

import asyncio
import multiprocessing
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import httpx

from lab.loopback.servers import (
    NAME,
    Http2,
    Visit,
    authority,
    certificate,
    leg_to,
    measure,
    serve,
    server_context,
    trust,
)

LEGS = 300
WARM_UP = 20
SIZES = {"light, 1 KiB": 1_024, "64 KiB": 65_536}
PROTOCOLS = ("http/1.1", "h2")
Exchange = Callable[[int, str, int], Awaitable[None]]


async def answer_http1(visit: Visit) -> None:
    await visit.answer(b"x" * 65_536)
    await visit.gone()


async def answer_http2(visit: Visit) -> None:
    http = Http2(visit)
    stream = await http.request()
    await http.head(stream, ("content-length", "65536"))
    await http.body(stream, b"x" * 65_536)
    await visit.gone()


def run_servers(ports: Connection) -> None:
    """Serve both protocols until the parent is gone."""

    async def serve_both() -> None:
        leaf = certificate()
        async with (
            serve(answer_http1, server_context(leaf)) as http1,
            serve(answer_http2, server_context(leaf, alpn=("h2",))) as http2,
        ):
            ports.send((http1.port, http2.port))
            await asyncio.Event().wait()

    asyncio.run(serve_both())


async def our_leg(port: int, protocol: str, size: int) -> None:
    observed = await measure(leg_to(port, http_versions=(protocol,), max_bytes=size))
    assert observed.body_bytes == size, observed.failure


def stock_httpx() -> Exchange:
    context = ssl.create_default_context()
    authority().configure_trust(context)

    async def exchange(port: int, protocol: str, size: int) -> None:
        async with (
            httpx.AsyncClient(verify=context, http2=protocol == "h2", trust_env=False) as client,
            client.stream(
                "GET",
                f"https://127.0.0.1:{port}/object",
                headers={"Host": NAME, "Accept-Encoding": "identity"},
                extensions={"sni_hostname": NAME},
            ) as response,
        ):
            read = 0
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read >= size:
                    break
        assert read >= size

    return exchange


async def cpu_milliseconds(
    exchange: Exchange, port: int, protocol: str, size: int, legs: int
) -> float:
    """CPU per exchange, after a warm-up."""
    for _ in range(WARM_UP):
        await exchange(port, protocol, size)
    began = time.process_time()
    for _ in range(legs):
        await exchange(port, protocol, size)
    return (time.process_time() - began) / legs * 1_000


def main() -> None:
    legs = int(sys.argv[1]) if len(sys.argv) > 1 else LEGS
    trust()  # made before the fork: both sides then know the same authority
    certificate()
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    servers = context.Process(target=run_servers, args=(theirs,), daemon=True)
    servers.start()
    ports = dict(zip(PROTOCOLS, ours.recv(), strict=True))
    stock = stock_httpx()
    print(f"CPU per leg in milliseconds, mean of {legs}; 1 core of this machine")
    print(f"{'':14}{'':10}{'leg':>8}{'httpx':>8}{'ratio':>8}")
    for title, size in SIZES.items():
        for protocol in PROTOCOLS:
            port = ports[protocol]
            mine = asyncio.run(cpu_milliseconds(our_leg, port, protocol, size, legs))
            other = asyncio.run(cpu_milliseconds(stock, port, protocol, size, legs))
            print(f"{title:14}{protocol:10}{mine:8.2f}{other:8.2f}{mine / other:8.2f}")
    servers.terminate()
    servers.join()


if __name__ == "__main__":
    main()
