"""Real Prometheus and Alertmanager on loopback, for the length of a test.

``with prometheus(folder, scrape=[address], rules=text) as server: server.wait_for(query)``
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx

from lab.programs import need
from probe.config.dump import dump

START_SECONDS = 60.0
_POLL_SECONDS = 0.2
# Linux gives connections ports from 32768 on.
_PORTS = (20_000, 32_000)


class Program:
    """A running program with an HTTP API at ``url``."""

    def __init__(self, url: str, ready: str) -> None:
        self.url = url
        self._ready = ready
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=30.0)

    def get(self, path: str, **parameters: str) -> Any:
        """The JSON that ``path`` answers."""
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Return when it answers. Fails with its log if it ends or takes too long."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            assert process.poll() is None, log.read_text()
            try:
                if self.client.get(self._ready).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(_POLL_SECONDS)
        raise AssertionError(f"not ready after {START_SECONDS:.0f} s:\n{log.read_text()}")


class Prometheus(Program):
    """A running Prometheus."""

    def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """The samples of an instant query: labels and value."""
        found = self.get("/api/v1/query", query=expr)["data"]["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or firing."""
        found: list[dict[str, Any]] = self.get("/api/v1/alerts")["data"]["alerts"]
        return found

    def wait_for(self, expr: str, seconds: float = 60.0) -> list[tuple[dict[str, str], float]]:
        """The samples of ``expr`` as soon as there are any."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.query(expr)
            if found:
                return found
            time.sleep(_POLL_SECONDS)
        targets = self.get("/api/v1/targets")["data"]["activeTargets"]
        raise AssertionError(f"no data within {seconds:.0f} s: {expr}; targets: {targets}")


class Alertmanager(Program):
    """A running Alertmanager."""

    def alerts(self) -> list[dict[str, Any]]:
        """What it has been told of."""
        found: list[dict[str, Any]] = self.get("/api/v2/alerts")
        return found

    def wait_for(self, name: str, seconds: float = 60.0) -> dict[str, Any]:
        """The alert called ``name`` as soon as it is there."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for alert in self.alerts():
                if alert["labels"]["alertname"] == name:
                    return alert
            time.sleep(_POLL_SECONDS)
        raise AssertionError(f"no alert {name} within {seconds:.0f} s: {self.alerts()}")


@contextmanager
def prometheus(
    folder: Path,
    *,
    scrape: Sequence[str] = (),
    rules: str = "",
    alertmanager: str = "",
    interval: str = "1s",
    more: dict[str, Any] | None = None,
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the addresses in ``scrape`` (``host:port``), evaluates ``rules``
    (the text of a rule file), tells ``alertmanager`` (``host:port``) and takes remote writes at
    ``/api/v1/write``. ``more`` is added to its configuration, over what is there. Skips the test
    where it is not installed."""
    need("prometheus", "prometheus")
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "scrape_configs": [
            {"job_name": "throttlewatch", "static_configs": [{"targets": list(scrape)}]}
        ],
    }
    config.update(more or {})
    if rules:
        (folder / "rules.yml").write_text(rules)
        config["rule_files"] = ["rules.yml"]
    if alertmanager:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    (folder / "prometheus.yml").write_text(dump(config))
    address = free_address()
    command = (
        "prometheus",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address={address}",
        "--web.enable-remote-write-receiver",
        "--log.level=warn",
    )
    server = Prometheus(f"http://{address}", "/-/ready")
    with running(command, folder, server):
        yield server


@contextmanager
def alertmanager(folder: Path, config: str | None = None) -> Iterator[Alertmanager]:
    """An Alertmanager with the configuration ``config`` (text; by default one receiver that tells
    nobody). It neither listens to nor looks for others of its kind."""
    need("prometheus-alertmanager", "prometheus-alertmanager")
    folder.mkdir(parents=True, exist_ok=True)
    quiet = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    (folder / "alertmanager.yml").write_text(dump(quiet) if config is None else config)
    address = free_address()
    command = (
        "prometheus-alertmanager",
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        "--log.level=warn",
    )
    server = Alertmanager(f"http://{address}", "/-/ready")
    with running(command, folder, server):
        yield server


def free_address() -> str:
    """A loopback address that nobody listens on just now: a port below those that the kernel gives
    to connections, so that none of these takes it before whoever asked does."""
    chance = Random()
    while True:
        address = ("127.0.0.1", chance.randrange(*_PORTS))
        with suppress(OSError), socket.create_server(address):
            return f"{address[0]}:{address[1]}"


@contextmanager
def running(command: Sequence[str], folder: Path, server: Program) -> Iterator[None]:
    """``command`` runs in ``folder`` until the block ends; ready when it begins."""
    log = folder / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
    try:
        server.wait_until_ready(process, log)
        yield
    finally:
        server.client.close()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
