"""A fleet's traffic at a hub: ``python -m benchmarks.hub [--vantages 1000] [--minutes 6]``.

So many vantages join the register; then each sends, at its own moment of every minute, the samples
of a real page of four platforms, as a daemon would, and comes again after a failure as one does.
The hub is the real command, behind it stands a real Prometheus. After a third of the time the hub
is ended and begun anew, after two thirds the engine is killed and begun anew. Prints how long
requests took (those of the two restarts apart), the hub's memory and CPU, and whether any sample is
missing in the engine. Loopback only, Linux only (``/proc``).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import cramjam
import httpx
from prometheus_client.parser import text_string_to_metric_families as parse

from benchmarks.fleet import pages
from lab.loopback.prometheus import Program, free_address
from probe.config.dump import dump
from probe.hub.enrolled import FleetPlace
from probe.hub.register import Register
from probe.publish.forward.remote_write_message import HEADERS, WriteRequest
from probe.publish.metrics import metric_names as names

MINUTE = 60.0
GRID_MILLISECONDS = 60_000
# Six bytes each, as every moment of these decades has: one takes the other's place in a body.
PLACEHOLDER = 1_600_000_000_000
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 30.0
AWAY_SECONDS = 5.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Fleet:
    """The vantages: their credentials, bodies, and how their requests went."""

    def __init__(self, url: str, register: Path, count: int, networks: int) -> None:
        self.url = url
        self.sent = 0
        # When each attempt ended, how long it took, and its status (0: none).
        self.attempts: list[tuple[float, float, int]] = []
        pages_of = pages(count, networks)
        book = Register(register)
        self.members: list[tuple[str, bytes]] = []
        now = time.time()
        for index in range(count):
            place = FleetPlace(country="PK", asn=64_500 + index % networks)
            who, credential = book.join(book.invite(place, until=now + 3_600, now=now), now)
            page = pages_of[index].replace(f'"v{index}"'.encode(), f'"{who.name}"'.encode())
            self.members.append((credential, _body(page)))
        book.close()

    async def run(self, minutes: int) -> None:
        """Every vantage sends so many times, and is done when all was taken."""
        limits = httpx.Limits(max_connections=len(self.members), max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=60.0, limits=limits) as client,
            asyncio.TaskGroup() as group,
        ):
            for credential, body in self.members:
                group.create_task(self._vantage(client, credential, body, minutes))

    async def _vantage(
        self, client: httpx.AsyncClient, credential: str, body: bytes, minutes: int
    ) -> None:
        headers = {**HEADERS, "Authorization": f"Bearer {credential}"}
        begun = asyncio.get_running_loop().time() + random.uniform(0.0, MINUTE)
        first = int(time.time() * 1_000) // GRID_MILLISECONDS * GRID_MILLISECONDS
        for minute in range(minutes):
            due = begun + minute * MINUTE
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            at = first + minute * GRID_MILLISECONDS
            packed = bytes(
                cramjam.snappy.compress_raw(body.replace(_varint(PLACEHOLDER), _varint(at)))
            )
            pause = FIRST_PAUSE
            while not await self._send(client, headers, packed):
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, LONGEST_PAUSE)
            self.sent += 1

    async def _send(self, client: httpx.AsyncClient, headers: dict[str, str], body: bytes) -> bool:
        began = time.monotonic()
        try:
            answer = await client.post(self.url + "/api/v1/write", content=body, headers=headers)
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        now = time.monotonic()
        self.attempts.append((now, now - began, status))
        return status // 100 == 2


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


def _body(page: bytes) -> bytes:
    """The page as a request, unpacked, each sample at a moment that is put in later."""
    request = WriteRequest()
    for family in parse(page.decode()):
        for sample in family.samples:
            one = request.timeseries.add()
            labels = {**sample.labels, "__name__": sample.name, "job": "throttlewatch"}
            for name, value in sorted(labels.items()):
                if value:
                    one.labels.add(name=name, value=value)
            one.samples.add(value=float(sample.value), timestamp=PLACEHOLDER)
    return bytes(request.SerializeToString())


class Running:
    """A program that is ended and begun anew."""

    def __init__(self, folder: Path, name: str, url: str, ready: str, *command: str) -> None:
        self._command, self._folder, self._log = command, folder, folder / f"{name}.log"
        self._ready = Program(url, ready)
        self.start()

    def start(self) -> None:
        """Begin it, and wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, cwd=self._folder, stdout=log, stderr=log)
        self._ready.wait_until_ready(self.process, self._log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self.process.send_signal(how)
        self.process.wait(60)

    def own(self) -> tuple[float, float]:
        """Its largest resident memory in bytes, and seconds of CPU so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        most = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(most.split()[1]) * 1_024, (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def engine(folder: Path, listen: str) -> Running:
    """A real Prometheus that takes remote write."""
    configuration: dict[str, Any] = {"storage": {"tsdb": {"out_of_order_time_window": "1h"}}}
    (folder / "prometheus.yml").write_text(dump(configuration))
    return Running(
        *(folder, "engine", f"http://{listen}", "/-/ready", "prometheus"),
        *("--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"),
        *(f"--web.listen-address={listen}", "--web.enable-remote-write-receiver"),
    )


async def restarts(hub: Running, behind: Running, seconds: float) -> list[tuple[float, float]]:
    """End the hub and the engine in their time; from when to when that may be felt."""
    felt = []
    for one, how in ((hub, signal.SIGTERM), (behind, signal.SIGKILL)):
        await asyncio.sleep(seconds / 3)
        began = time.monotonic()
        await asyncio.to_thread(one.stop, how)
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(one.start)
        # Those that were sent away come back within this.
        felt.append((began, time.monotonic() + LONGEST_PAUSE))
    return felt


def told(what: str, seconds: list[float]) -> None:
    """How long requests took."""
    if len(seconds) > 1:
        hundredths = quantiles(seconds, n=100)
        print(
            f"{what}: {len(seconds)} requests, median {median(seconds) * 1e3:.0f} ms, "
            f"p99 {hundredths[98] * 1e3:.0f} ms, longest {max(seconds) * 1e3:.0f} ms"
        )


async def measure(vantages: int, minutes: int) -> None:
    """Play it, and print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        register, listen, behind = folder / "hub.sqlite3", free_address(), free_address()
        fleet = Fleet(f"http://{listen}", register, vantages, max(5, vantages // 10))
        answers = engine(folder, behind)
        program = (sys.executable, "-m", "probe", "hub", "serve", "--register", str(register))
        url = f"http://{behind}/api/v1/write"
        hub = Running(
            *(folder, "hub", f"http://{listen}", "/-/healthy", *program),
            *("--listen", listen, "--metrics-listen", free_address(), "--engine", url),
        )
        try:
            begun, cpu = time.monotonic(), os.times()
            load = asyncio.create_task(fleet.run(minutes))
            first = hub.process
            felt = await restarts(hub, answers, minutes * MINUTE)
            assert hub.process is not first
            await load
            memory, seconds = hub.own()
            took = time.monotonic() - begun
            after = os.times()
            calm = [
                spent
                for at, spent, status in fleet.attempts
                if status // 100 == 2 and not any(since <= at <= until for since, until in felt)
            ]
            all_of = [spent for _, spent, status in fleet.attempts if status // 100 == 2]
            print(f"{vantages} vantages, {minutes} minutes, {len(fleet.members[0][1])} bytes each")
            told("calm", calm)
            told("with both restarts", all_of)
            print(f"sent away or cut: {len(fleet.attempts) - fleet.sent}")
            print(
                f"the hub since its restart: {memory / 1e6:.0f} MB at most, {seconds:.0f} s of CPU"
            )
            own = after.user + after.system - cpu.user - cpu.system
            print(
                f"took {took:.0f} s; this program {own:.0f} s of CPU; load {os.getloadavg()[0]:.1f}"
            )
            with httpx.Client(base_url=f"http://{behind}", trust_env=False, timeout=60.0) as client:
                query = f"sum(count_over_time({names.VANTAGE_TIME.name}[{minutes + 30}m]))"
                answer = client.get("/api/v1/query", params={"query": query}).json()
                found = float(answer["data"]["result"][0]["value"][1])
            print(f"in the engine: {found:.0f} of {vantages * minutes} points")
        finally:
            hub.stop()
            answers.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vantages", type=int, default=1_000)
    parser.add_argument("--minutes", type=int, default=6)
    given = parser.parse_args()
    asyncio.run(measure(given.vantages, given.minutes))


if __name__ == "__main__":
    main()
