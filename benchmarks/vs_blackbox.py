"""A leg beside an HTTP probe of Prometheus' blackbox_exporter: CPU, exactness, memory.

    python -m benchmarks.vs_blackbox [--rounds 20] [--hold SECONDS]

As root, with blackbox_exporter installed.

Same lab, same servers, same names, same object of 64 KiB, same machine; batches of both take turns.
Both resolve the name, connect, shake hands, ask and read everything; the phases are compared with a
capture of the packets (kernel stamps, nanoseconds). One probe alone; five one after another, as a
daemon makes the legs of a round (which asks for all its names first, at once); and twenty at once;
with an idle machine and with every core burning. Each of the three has processes of its own: one
that has made twenty legs at once takes some per cent more for one alone afterwards. Like a
daemon's, the URLs are few and come again and again. CPU is user and system time of the process that
measures and does nothing else; for blackbox_exporter it includes answering the scrape, which is how
it gives a result.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Protocol

import click
import httpx
import msgspec
from msgspec import Struct

from benchmarks.leg_process import LegProcess, Made, Order
from benchmarks.wire_accuracy import (
    ADDRESS,
    HOLD_SECONDS,
    HOST,
    WORLD,
    NotWholeError,
    p95,
    truth,
)
from lab.busy_cores import burning
from lab.capture import ByPort, connections
from lab.lab import Lab
from lab.world.events import Request
from probe.model.identity import Phase

PROGRAM = "prometheus-blackbox-exporter"
PORT = 9115
BYTES = 65_536
VERSIONS = {"http/1.1": "http1", "h2": "http2"}
US, THEM = "leg", "blackbox"
# As many as a daemon with some platforms and controls has, and more than are asked for at once.
PATHS = 100
# With every core burning the capture misses a packet now and then.
MOST_NOT_WHOLE = 0.02
PHASE = re.compile(r'^probe_http_duration_seconds\{phase="(\w+)"\} (\S+)$', re.MULTILINE)
# blackbox_exporter 0.23 gives the time of the look-up twice; both are the same.
COMPARED = (Phase.CONNECT, Phase.TLS, Phase.PROCESSING, Phase.TRANSFER)
CONFIG = """\
modules:
  http1: {prober: http, timeout: 20s, http: &http
    {preferred_ip_protocol: ip4, enable_http2: false, tls_config: {ca_file: CA}}}
  http2: {prober: http, timeout: 20s, http:
    {preferred_ip_protocol: ip4, enable_http2: true, tls_config: {ca_file: CA}}}
"""


class Shape(Struct, frozen=True):
    """How many probes belong together, and whether one is made after another."""

    name: str
    probes: int
    in_turn: bool = False
    times: int = 1
    """How often in a round."""


WARM_UP = 1
"""Rounds that do not count."""
SHAPES = (
    Shape("alone", 1, in_turn=True, times=5),
    Shape("5 in turn", 5, in_turn=True),
    Shape("20 at once", 20),
)


class Probe(Struct, frozen=True):
    """One measurement: who made it, of which path, how, and the phases in seconds."""

    who: str
    number: int
    shape: str
    phases: dict[Phase, float]


class Cost(Struct, frozen=True):
    """CPU seconds of ``probes`` measurements."""

    who: str
    version: str
    shape: str
    probes: int
    cpu_seconds: float


class Taken(Struct, frozen=True):
    """What the client wrote down. ``by_loop``: legs without the kernel's stamps. Resident memory in
    bytes, after everything."""

    probes: list[Probe]
    costs: list[Cost]
    by_loop: int
    resident: dict[str, int]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process until now, by the kernel's scheduler (nanoseconds)."""
    # linux/posix-timers.h, CPUCLOCK_SCHED: the clock of another process; /proc has ticks of 10 ms.
    return time.clock_gettime(~pid << 3 | 2)


def resident_bytes(pid: int) -> int:
    """Memory that a process has in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def take(ca_file: str, rounds: int) -> Taken:
    """Inside the client's namespace: both, in turns."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = folder / "blackbox.yml"
        config.write_text(CONFIG.replace("CA", ca_file).replace("&http", ""))
        makers: dict[tuple[str, str], Maker] = {}
        for port, shape in enumerate(SHAPES, PORT):
            makers[US, shape.name] = await stack.enter_async_context(_legs(ca_file))
            makers[THEM, shape.name] = await stack.enter_async_context(_exporter(config, port))
        return await _take(makers, rounds)


async def _take(makers: dict[tuple[str, str], Maker], rounds: int) -> Taken:
    probes: list[Probe] = []
    costs: list[Cost] = []
    by_loop = 0
    paths = cycle(range(PATHS))
    for turn in range(-WARM_UP, rounds):
        for version in VERSIONS:
            for shape in chain.from_iterable([each] * each.times for each in SHAPES):
                for who in (US, THEM) if turn % 2 else (THEM, US):
                    numbers = list(islice(paths, shape.probes))
                    order = Order(numbers, version, BYTES, shape.in_turn)
                    made = await makers[who, shape.name].make(order)
                    name = shape.name if turn >= 0 else "warm-up"
                    probes.extend(
                        Probe(who, number, name, phases)
                        for number, phases in zip(numbers, made.phases, strict=True)
                    )
                    by_loop += made.by_loop
                    costs.append(Cost(who, version, name, shape.probes, made.cpu_seconds))
    resident = {
        who: max(resident_bytes(maker.pid) for (whose, _), maker in makers.items() if whose == who)
        for who in (US, THEM)
    }
    return Taken(probes, costs, by_loop, resident)


class Maker(Protocol):
    """A process that makes probes."""

    pid: int

    async def make(self, order: Order) -> Made: ...


@asynccontextmanager
async def _legs(ca_file: str) -> AsyncIterator[LegProcess]:
    process = await LegProcess.start(ca_file)
    try:
        yield process
    finally:
        await process.stop()


class Exporter:
    """A blackbox_exporter that ``client`` speaks to."""

    def __init__(self, pid: int, client: httpx.AsyncClient) -> None:
        self.pid = pid
        self._client = client

    async def make(self, order: Order) -> Made:
        """Raises ``RuntimeError`` if a probe fails."""
        before = cpu_seconds(self.pid)
        if order.in_turn:
            found = [await self._probe(number, order.version) for number in order.numbers]
        else:
            probes = (self._probe(number, order.version) for number in order.numbers)
            found = await asyncio.gather(*probes)
        return Made(found, cpu_seconds(self.pid) - before)

    async def _probe(self, number: int, version: str) -> dict[Phase, float]:
        answer = await self._client.get(
            "/probe",
            params={"target": f"https://{HOST}/{number}", "module": VERSIONS[version]},
        )
        if "probe_success 1" not in answer.text:
            raise RuntimeError(f"blackbox_exporter failed: {answer.text}")
        return {Phase(name): float(value) for name, value in PHASE.findall(answer.text)}


@asynccontextmanager
async def _exporter(config: Path, port: int) -> AsyncIterator[Exporter]:
    command = [PROGRAM, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30, limits=limits
            ) as client:
                await _until_up(client)
                yield Exporter(process.pid, client)
        finally:
            process.terminate()


async def _until_up(client: httpx.AsyncClient) -> None:
    for _ in range(100):
        try:
            await client.get("/-/healthy")
            return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise RuntimeError(f"{PROGRAM} does not start")


def run(rounds: int, cores: int, hold_seconds: float) -> None:
    """One lab, one capture, one client process; prints the tables."""
    with Lab(WORLD, delay_seconds=hold_seconds) as lab:
        client = [sys.executable, "-m", "benchmarks.vs_blackbox", "--rounds", str(rounds)]
        client += ["--client", str(lab.ca_file)]
        with lab.capture() as capture, burning(cores):
            done = lab.exec(client, timeout_seconds=300)
        if done.returncode:
            raise RuntimeError(done.stderr)
        taken = msgspec.json.decode(done.stdout, type=Taken)
        by_port = ByPort(connections(capture.path))
        requests: dict[str, deque[Request]] = defaultdict(deque)
        for event in lab.events():
            if isinstance(event, Request):
                requests[event.path].append(event)
    errors: dict[tuple[Phase, str, str], list[float]] = {}
    not_whole: list[str] = []
    for probe in taken.probes:
        # Each path was asked for again and again, and never twice at once.
        request = requests[f"/{probe.number}"].popleft()
        assert request.address == ADDRESS
        try:
            true = truth(by_port.at(request.client_port, request.at), request)
        except NotWholeError as error:
            not_whole.append(str(error))
            continue
        for phase in COMPARED:
            seconds = abs(probe.phases[phase] - true[phase] / 1e9)
            errors.setdefault((phase, probe.shape, probe.who), []).append(seconds * 1e3)
    if any(requests.values()):
        raise RuntimeError("the server was asked more than was measured")
    show(errors, taken)
    print(
        f"{len(not_whole)} of {len(taken.probes)} connections are not whole in the capture, ",
        end="",
    )
    print(f"which lacks {capture.dropped} packets: {not_whole[:3]}")
    if len(not_whole) > MOST_NOT_WHOLE * len(taken.probes):
        raise RuntimeError("too many to judge by the others")


def show(errors: dict[tuple[Phase, str, str], list[float]], taken: Taken) -> None:
    """Print errors, costs and memory."""
    print("|reported - captured|, ms (median, p95), and the ratio of the p95s")
    print(f"{'phase':12}{'':12}{'n':>7}{'leg':>18}{'blackbox':>18}{'ratio':>8}")
    for phase in COMPARED:
        for shape in SHAPES:
            mine, other = (errors[phase, shape.name, who] for who in (US, THEM))
            row = f"{phase.value:12}{shape.name:12}{len(mine):7}"
            for found in (mine, other):
                row += f"{statistics.median(found):9.3f}{p95(found):9.3f}"
            print(f"{row}{p95(mine) / p95(other):8.3f}")
    print(f"legs on the event loop's clock: {taken.by_loop}")
    print("\nCPU per probe, ms")
    print(f"{'':12}{'':12}{'leg':>9}{'blackbox':>10}{'ratio':>8}")
    for version in VERSIONS:
        for shape in SHAPES:
            mean = {}
            for who in (US, THEM):
                of = (who, version, shape.name)
                costs = [c for c in taken.costs if (c.who, c.version, c.shape) == of]
                spent = sum(cost.cpu_seconds for cost in costs)
                mean[who] = spent / sum(cost.probes for cost in costs) * 1e3
            ratio = mean[US] / mean[THEM]
            print(f"{version:12}{shape.name:12}{mean[US]:9.2f}{mean[THEM]:10.2f}{ratio:8.2f}")
    print("\nresident memory afterwards, MB: ", end="")
    print(", ".join(f"{who} {size / 1e6:.0f}" for who, size in taken.resident.items()))


@click.command()
@click.option("--rounds", default=20, help="Each with 30 probes of either program and version.")
@click.option("--hold", default=HOLD_SECONDS, help="Seconds that the path takes each way.")
@click.option("--client", hidden=True, help="Measure, inside the lab.")
def main(rounds: int, hold: float, client: str | None) -> None:
    """Print the tables, idle and burning."""
    if client is not None:
        sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(take(client, rounds))))
        return
    cores = os.cpu_count() or 1
    for title, burned in (("idle", 0), (f"{cores} cores burning", cores)):
        print(f"\n== {title}")
        run(rounds, burned, hold)


if __name__ == "__main__":
    main()
