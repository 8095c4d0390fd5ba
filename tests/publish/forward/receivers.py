"""Real receivers of remote write on loopback, and a way to them that has faults."""

from __future__ import annotations

import json
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cramjam
import httpx

from lab.loopback.prometheus import Program, free_address
from lab.programs import need
from probe.publish.forward.remote_write_message import WriteRequest
from tests.again import SOON_SECONDS

SeriesKey = tuple[tuple[str, str], ...]
Raw = dict[SeriesKey, list[tuple[int, float]]]
"""Samples (milliseconds, value) of every series, without stale markers."""


def decode(body: bytes) -> Raw:
    """What is in a request, as a receiver reads it: the opposite of ``encode``."""
    request = WriteRequest.FromString(bytes(cramjam.snappy.decompress_raw(body)))
    return {
        tuple((label.name, label.value) for label in series.labels): [
            (sample.timestamp, sample.value) for sample in series.samples
        ]
        for series in request.timeseries
    }


class RealReceiver(ABC):
    """A program that can be killed and started again on the same data. ``settle_seconds``: how long
    what it has acknowledged may still be lost when it is killed."""

    settle_seconds = 1.0

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.address = free_address()
        self._process: subprocess.Popen[bytes] | None = None
        self.program = Program(f"http://{self.address}", "/-/ready")

    @property
    def write_url(self) -> str:
        """Where it takes remote writes."""
        return f"http://{self.address}/api/v1/write"

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    @abstractmethod
    def samples(self) -> Raw:
        """Everything that it has."""

    def start(self) -> None:
        """Returns when it answers."""
        log = self.folder / "log.txt"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=out, stderr=out
            )
        self.program.wait_until_ready(self._process, log)

    def kill(self) -> None:
        """As a cut of the power would, as far as the program is concerned."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)


class PrometheusReceiver(RealReceiver):
    """``window``: how much older than its newest sample one may be."""

    def __init__(self, folder: Path, window: str = "30d") -> None:
        need("prometheus", "prometheus")
        super().__init__(folder)
        storage = f"storage: {{tsdb: {{out_of_order_time_window: {window}}}}}\n" if window else ""
        (folder / "prometheus.yml").write_text(f"global: {{}}\n{storage}")

    def command(self) -> list[str]:
        return [
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address={self.address}",
            "--web.enable-remote-write-receiver",
        ]

    def samples(self) -> Raw:
        found = self.program.get("/api/v1/query", query='{job="throttlewatch"}[9d]')
        return {
            tuple(sorted(series["metric"].items())): [
                (round(at * 1_000), float(value)) for at, value in series["values"]
            ]
            for series in found["data"]["result"]
        }

    def alive_at(self, at: int) -> int:
        """How many series a query sees at ``at``."""
        query = 'count({job="throttlewatch"})'
        found = self.program.get("/api/v1/query", query=query, time=str(at))["data"]["result"]
        return int(found[0]["value"][1]) if found else 0


class VictoriaReceiver(RealReceiver):
    """With the de-duplication that docs/forwarding.md asks for."""

    # It writes what it has in memory to the disk every few seconds.
    settle_seconds = 12.0

    def __init__(self, folder: Path) -> None:
        need("victoria-metrics", "victoria-metrics")
        super().__init__(folder)
        self.program = Program(f"http://{self.address}", "/health")

    def command(self) -> list[str]:
        return [
            "victoria-metrics",
            "-storageDataPath=data",
            f"-httpListenAddr={self.address}",
            "-retentionPeriod=12",
            "-dedup.minScrapeInterval=1ms",
            "-memory.allowedBytes=64MB",
        ]

    def samples(self) -> Raw:
        self.program.client.get("/internal/force_flush")
        text = self.program.client.get(
            "/api/v1/export", params={"match[]": '{job="throttlewatch"}'}
        ).text
        found: Raw = {}
        for line in text.splitlines():
            series = json.loads(line)
            key = tuple(sorted(series["metric"].items()))
            pairs = zip(series["timestamps"], series["values"], strict=True)
            kept = [(at, value) for at, value in pairs if value is not None]
            found[key] = sorted(found.get(key, []) + kept)
        return found


Fault = Callable[[int], int | None]
"""From the number of a request to the status that it gets instead of the receiver's answer, or
``None``. A negative one is sent after the receiver has taken the request all the same."""


class Quiet(BaseHTTPRequestHandler):
    """Says nothing of requests on the terminal."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass


class Listening:
    """A server on loopback, in a thread of its own; ``url``: where it takes remote writes."""

    url: str

    def listen(self, handler: type[Quiet]) -> None:
        """Begin."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/api/v1/write"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class FaultyWay(Listening):
    """A server on loopback that passes requests on, or does not; with ``bearer``, only those that
    carry this token."""

    def __init__(
        self, to: str, fault: Fault, before: Callable[[int], None], *, bearer: str = ""
    ) -> None:
        self.count = 0
        way = self

        class Handler(Quiet):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                way.count += 1
                before(way.count)
                status = fault(way.count)
                if bearer and self.headers["Authorization"] != f"Bearer {bearer}":
                    status = 401
                text = b"a fault of the way"
                if status is None or status < 0:
                    passed = httpx.post(
                        to,
                        content=body,
                        timeout=SOON_SECONDS,
                        headers={
                            key: self.headers[key]
                            for key in (
                                "Content-Encoding",
                                "Content-Type",
                                "X-Prometheus-Remote-Write-Version",
                            )
                        },
                    )
                    if status is None:
                        status, text = passed.status_code, passed.content
                self.send_response(abs(status))
                if abs(status) == 429:
                    self.send_header("Retry-After", "0")
                if abs(status) != 204:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if abs(status) != 204:
                    self.wfile.write(text)

        self.listen(Handler)
