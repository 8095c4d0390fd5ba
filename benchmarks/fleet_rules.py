"""What a fleet's rules cost to evaluate: ``python -m benchmarks.fleet_rules [VANTAGES ...]``.

As ``benchmarks.fleet --verdicts``, but what is evaluated is written to Prometheus (remote write)
and not scraped, so that nothing else takes the machine's time, and thousands of vantages fit. Six
in ten vantages are throttled, a day of what the longest window reads is there. Prints series, how
long a group of rules took (wall time, so it says little on a busy machine), and how much CPU
Prometheus used for an evaluation: what it used for so many rounds of writing and evaluating, less
what it used for as many of writing alone. ``--slowest N`` names rules. Many vantages need more time
between two evaluations: 10,000 do with ``--interval 45 --rounds 2``, ten minutes and some 3 GB.
Loopback only, Linux only.
"""

from __future__ import annotations

import argparse
import re
import struct
import tempfile
import time
from pathlib import Path
from statistics import median

import cramjam
import httpx
from prometheus_client.parser import text_string_to_metric_families as parse

from benchmarks.fleet import NEEDED, THROTTLED_OF_TEN, backfill, groups, own, page, rules
from lab.loopback.prometheus import Prometheus, free_address, running
from probe.config.dump import dump
from probe.config.schema import NationConfig
from probe.model.verdict import State
from probe.publish.forward.remote_write_message import HEADERS, WriteRequest
from probe.publish.metrics import metric_names as names
from probe.publish.rules.rule_file import rule_file
from synth.shape import PLATFORMS

INTERVAL_SECONDS = 15
CHUNK = 250
MADE_AT = 1_768_910_399_999
"""What the time of a sample is in a request that is made once (milliseconds)."""
Sample = tuple[dict[str, str], float]


def samples(state: State) -> list[Sample]:
    """The series that rules need of the page of one vantage."""
    needed = re.compile(NEEDED)
    return [
        ({**sample.labels, "__name__": sample.name}, sample.value)
        for family in parse(page(state).decode())
        for sample in family.samples
        if needed.fullmatch(sample.name)
    ]


def requests(vantages: int, networks: int) -> list[bytes]:
    """Everybody's series, in some messages of remote write, at ``MADE_AT``."""
    of = {state: samples(state) for state in (State.OK, State.THROTTLED)}
    found = []
    for first in range(0, vantages, CHUNK):
        request = WriteRequest()
        for number in range(first, min(first + CHUNK, vantages)):
            throttled = number % 10 < THROTTLED_OF_TEN
            own_labels = {"vantage": f"v{number}", "instance": f"v{number}"}
            for labels, value in of[State.THROTTLED if throttled else State.OK]:
                whole = labels | own_labels
                if "asn" in whole:
                    whole["asn"] = str(64_500 + number % networks)
                one = request.timeseries.add()
                for name, text in sorted(whole.items()):
                    if text:
                        one.labels.add(name=name, value=text)
                clock = labels["__name__"] == names.VANTAGE_TIME.name
                value = MADE_AT / 1_000 if clock else value
                one.samples.add(value=value, timestamp=MADE_AT)
        found.append(request.SerializeToString())
    return found


def body(request: bytes, at: int) -> bytes:
    """The request with another time (milliseconds), of samples and of clocks, as it is sent."""
    timed = request.replace(_timed(MADE_AT), _timed(at)).replace(_clock(MADE_AT), _clock(at))
    return bytes(cramjam.snappy.compress_raw(timed))


def _clock(at: int) -> bytes:
    """The value of a sample, as it is written."""
    return struct.pack("<d", at / 1_000)


def _timed(at: int) -> bytes:
    """The time of a sample, as it is written: always as many bytes."""
    sample = WriteRequest().timeseries.add().samples.add(timestamp=at)
    return bytes(sample.SerializeToString())


def measure(vantages: int, rounds: int, slowest: int, interval_seconds: int) -> None:
    """Run one size with rules and without, and print what it took."""
    networks = max(5, vantages // 10)
    used, made = {}, requests(vantages, networks)
    for with_rules in (True, False):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            interval = f"{interval_seconds}s"
            file = rule_file(NationConfig(), [p.name for p in PLATFORMS])
            for group in file["groups"]:
                group["interval"] = interval
            (folder / "rules.yml").write_text(dump(file if with_rules else {"groups": []}))
            (folder / "prometheus.yml").write_text(
                dump({"global": {"evaluation_interval": interval}, "rule_files": ["rules.yml"]})
            )
            backfill(folder, vantages, networks)
            listen = free_address()
            command = (
                *("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"),
                *(f"--web.listen-address={listen}", "--web.enable-remote-write-receiver"),
                "--log.level=error",
            )
            server = Prometheus(f"http://{listen}", "/-/ready")
            with running(command, folder, server):
                used[with_rules] = _rounds(server, made, rounds, interval_seconds)
                if with_rules:
                    _tell(server, vantages, slowest)
    print(f"{vantages:>8} CPU of an evaluation {(used[True] - used[False]) / rounds:.2f} s")


def _rounds(server: Prometheus, made: list[bytes], rounds: int, interval_seconds: int) -> float:
    """Write ``rounds`` times, an interval apart, after two to begin with; seconds of CPU."""
    before = 0.0
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60.0) as client:
        due = time.monotonic()
        for number in range(rounds + 2):
            time.sleep(max(0.0, due - time.monotonic()))
            due = time.monotonic() + interval_seconds
            if number == 2:
                before = own(server.url)["process_cpu_seconds_total"]
            at = int(time.time() * 1_000)
            for request in made:
                content = body(request, at)
                answer = client.post("/api/v1/write", content=content, headers=HEADERS)
                assert answer.status_code == 204, answer.text
        time.sleep(max(0.0, due - time.monotonic()))
    return own(server.url)["process_cpu_seconds_total"] - before


def _tell(server: Prometheus, vantages: int, slowest: int) -> None:
    """What Prometheus says of itself."""
    said, took = own(server.url), groups(server.url)
    heard = server.query('sum(country:throttlewatch_covered_networks:count{kind="restricted"})')
    each = [rule[0] for rule in rules(server.url)]
    print(
        f"{vantages:>8} vantages, {heard[0][1]:.0f} networks and platforms, "
        f"{said['prometheus_tsdb_head_series']:.0f} series, "
        f"{said['process_resident_memory_bytes'] / 1e6:.0f} MB; "
        f"recorded in {took['throttlewatch'] * 1e3:.0f} ms, alerts in "
        f"{took['throttlewatch-alerts'] * 1e3:.0f} ms, the median rule in "
        f"{median(each) * 1e3:.1f} ms",
        flush=True,
    )
    for seconds, name in rules(server.url)[:slowest]:
        print(f"{seconds * 1e3:>9.1f} ms {name}", flush=True)


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slowest", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--interval", type=int, default=INTERVAL_SECONDS)
    parser.add_argument("vantages", nargs="*", type=int, default=[100, 1_000])
    given = parser.parse_args()
    for size in given.vantages:
        measure(size, given.rounds, given.slowest, given.interval)


if __name__ == "__main__":
    main()
