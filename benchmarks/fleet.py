"""What a fleet costs in a real Prometheus: series, samples, memory, CPU, time to evaluate rules.

    python -m benchmarks.fleet [--verdicts] [--slowest N] [--seconds N] [VANTAGES ...]

Each vantage is a target of its own that serves a real page of four platforms (loopback only); six
in ten are throttled, so that every rule has work. Networks have ten vantages each, at least five.
Before it starts, Prometheus is given a day of ``asn:throttlewatch_vantages:count``, which is what
the longest window of the rules reads. ``--verdicts`` keeps only the series that the rules need;
``--slowest`` names the rules that took longest in the last evaluation.
Scrapes and rules run four times as often as by default, so that a run is short: at the default of
one minute the CPU is a quarter of what is printed. Linux only (``/proc``).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families as parse

from lab.loopback.prometheus import Prometheus, free_address, running
from probe.config import load
from probe.config.dump import dump
from probe.config.schema import NationConfig, Settings, VantageConfig
from probe.model.verdict import State
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import Registry, encode
from probe.publish.rules.known_vantages import KNOWN
from probe.publish.rules.rule_file import rule_file
from synth.shape import PLATFORMS, config, full_round, verdict_of

INTERVAL_SECONDS = 15
NEEDED = (
    "throttlewatch_(verdict_(state|info|since_timestamp_seconds|control_info)"
    "|transport_(info|since_timestamp_seconds|timestamp_seconds)|impaired_(info)|vouched_(timestamp_seconds)|vantage_(info|time_seconds))"
)
THROTTLED_OF_TEN = 6
DAY_MINUTES = 1_440
BLOCK_SECONDS = 7_200
"""Prometheus' own, which begin at multiples of it."""


class Cost(Struct, frozen=True, kw_only=True):
    """What was measured at one size; memory in bytes, times in seconds."""

    vantages: int
    networks: int
    scraped: float
    series: float
    memory: float
    cpu: float
    record: float
    alert: float
    slowest: tuple[tuple[float, str], ...]


def pages(vantages: int, networks: int) -> list[bytes]:
    """The page of each vantage."""
    made = {state: page(state) for state in (State.OK, State.THROTTLED)}
    return [
        made[State.THROTTLED if n % 10 < THROTTLED_OF_TEN else State.OK]
        .replace(b"NAME", f"v{n}".encode())
        .replace(b'asn="1"', f'asn="{64_500 + n % networks}"'.encode())
        for n in range(vantages)
    ]


def page(state: State) -> bytes:
    """The page of one vantage, called NAME, of which every platform is in that state."""
    settings = Settings(
        vantages=(VantageConfig(name="NAME", country="PK", asn=1),),
        platforms=tuple(p.name for p in PLATFORMS),
        dns=load(None, {}).settings.dns,
    )
    of = config(settings=settings)
    board = Board(of)
    for platform in of.platforms:
        observed = full_round(of, platform.name, vantage="NAME")
        board.round_finished(observed, verdict_of(observed, state))
    collector = Registry("1").collector(board.snapshot())
    return encode(collector, accept="", accept_encoding="").body


@contextmanager
def exporters(bodies: list[bytes]) -> Iterator[str]:
    """Serves each body at ``/N/metrics``; the address as host:port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = bodies[int(self.path.split("/")[1])]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def configuration(address: str, vantages: int, verdicts_only: bool) -> dict[str, Any]:
    """Prometheus' configuration: a target for each vantage."""
    interval = f"{INTERVAL_SECONDS}s"
    job: dict[str, Any] = {
        "job_name": "throttlewatch",
        "static_configs": [
            {
                "targets": [address],
                "labels": {"__metrics_path__": f"/{n}/metrics", "instance": f"v{n}"},
            }
            for n in range(vantages)
        ],
    }
    if verdicts_only:
        job["metric_relabel_configs"] = [
            {"source_labels": ["__name__"], "regex": NEEDED, "action": "keep"}
        ]
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["rules.yml"],
        "scrape_configs": [job],
    }


def backfill(folder: Path, vantages: int, networks: int) -> None:
    """A day of the series that the longest window reads: a block at a time, since promtool reads
    the whole of a file once for each block that is in it."""
    now = int(time.time()) // 60 * 60 - 3_600
    first = now - (DAY_MINUTES - 60) * 60
    of = [
        f'{KNOWN}{{country="PK",asn="{asn}",upstream="{asn}",vantage="v{index}"}}'
        for index in range(vantages)
        for asn in [64_500 + index % networks]
    ]
    for start in range(first // BLOCK_SECONDS * BLOCK_SECONDS, now, BLOCK_SECONDS):
        minutes = range(max(start, first), min(start + BLOCK_SECONDS, now), 60)
        ends = [f" {at} {at}\n" for at in minutes]
        with (folder / "block.om").open("w") as out:
            out.write(f"# TYPE {KNOWN} gauge\n")
            for series in of:
                out.write("".join(series + end for end in ends))
            out.write("# EOF\n")
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "block.om", "data"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    (folder / "block.om").unlink()


def measure(vantages: int, seconds: float, verdicts_only: bool) -> Cost:
    """Run one size for so many seconds, and read what Prometheus says of itself."""
    networks = max(5, vantages // 10)
    with (
        tempfile.TemporaryDirectory() as name,
        exporters(pages(vantages, networks)) as address,
    ):
        folder = Path(name)
        (folder / "prometheus.yml").write_text(
            dump(configuration(address, vantages, verdicts_only))
        )
        file = rule_file(NationConfig(), [p.name for p in PLATFORMS])
        for group in file["groups"]:
            group["interval"] = f"{INTERVAL_SECONDS}s"
        (folder / "rules.yml").write_text(dump(file))
        backfill(folder, vantages, networks)
        listen = free_address()
        command = (
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address={listen}",
            "--log.level=error",
        )
        server = Prometheus(f"http://{listen}", "/-/ready")
        with running(command, folder, server):
            time.sleep(2 * INTERVAL_SECONDS)
            before, begun = own(server.url), time.monotonic()
            durations: dict[str, list[float]] = {}
            while time.monotonic() - begun < seconds:
                time.sleep(INTERVAL_SECONDS)
                for group, took in groups(server.url).items():
                    durations.setdefault(group, []).append(took)
            after, elapsed = own(server.url), time.monotonic() - begun
            heard = server.query(
                'sum(country:throttlewatch_covered_networks:count{kind="restricted"})'
            )
            assert heard[0][1] == networks * len(PLATFORMS), heard
            scraped = server.query("sum(scrape_samples_post_metric_relabeling)")[0][1]
            slowest = rules(server.url)
    cpu = after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
    return Cost(
        vantages=vantages,
        networks=networks,
        scraped=scraped,
        series=after["prometheus_tsdb_head_series"],
        memory=after["process_resident_memory_bytes"],
        cpu=cpu / elapsed,
        record=median(durations["throttlewatch"]),
        alert=median(durations["throttlewatch-alerts"]),
        slowest=slowest,
    )


def own(url: str) -> dict[str, float]:
    """Prometheus' metrics of itself that have no labels."""
    text = httpx.get(f"{url}/metrics", trust_env=False, timeout=30.0).text
    return {s.name: s.value for family in parse(text) for s in family.samples if not s.labels}


def groups(url: str) -> dict[str, float]:
    """How long each group of rules took, the last time."""
    text = httpx.get(f"{url}/metrics", trust_env=False, timeout=30.0).text
    return {
        s.labels["rule_group"].rpartition(";")[2]: s.value
        for family in parse(text)
        for s in family.samples
        if s.name == "prometheus_rule_group_last_duration_seconds"
    }


def rules(url: str) -> tuple[tuple[float, str], ...]:
    """Each rule's seconds in the last evaluation and its name with its kind, slowest first."""
    said = httpx.get(f"{url}/api/v1/rules", trust_env=False, timeout=30.0).json()
    took = [
        (rule["evaluationTime"], f"{rule['name']} {rule.get('labels', {}).get('kind', '')}".strip())
        for group in said["data"]["groups"]
        for rule in group["rules"]
    ]
    return tuple(sorted(took, reverse=True))


def main() -> None:
    """Measure each size, and print a line for it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--verdicts", action="store_true")
    parser.add_argument("--slowest", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("vantages", nargs="*", type=int, default=[10, 100, 1_000])
    given = parser.parse_args()
    print(
        f"{'vantages':>8} {'networks':>8} {'scraped':>8} {'series':>8} {'memory':>8} "
        f"{'CPU':>6} {'record':>9} {'alert':>8}"
    )
    for size in given.vantages:
        cost = measure(size, given.seconds, given.verdicts)
        print(
            f"{cost.vantages:>8} {cost.networks:>8} {cost.scraped:>8.0f} {cost.series:>8.0f} "
            f"{cost.memory / 1e6:>5.0f} MB {cost.cpu:>6.1%} {cost.record * 1e3:>6.0f} ms "
            f"{cost.alert * 1e3:>5.0f} ms",
            flush=True,
        )
        for took, name in cost.slowest[: given.slowest]:
            print(f"{took * 1e3:>9.1f} ms {name}", flush=True)


if __name__ == "__main__":
    main()
