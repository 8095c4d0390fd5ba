"""What a scrape costs: milliseconds and CPU to take a snapshot and to render it.

    python -m benchmarks.scrape [VANTAGES ...]

Every vantage has full rounds of a configuration of the default one's shape.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

from probe.config.schema import Settings, VantageConfig
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import Registry, encode
from synth.shape import config, full_round, verdict_of

REPEATS = 30
OPENMETRICS = "application/openmetrics-text"


def filled(vantages: int) -> Board:
    """A board of this many vantages after one transfer round of every platform."""
    named = tuple(VantageConfig(name=f"vantage-{n}") for n in range(vantages))
    of = config(settings=Settings(vantages=named))
    board = Board(of)
    for vantage in named:
        for platform in of.platforms:
            observed = full_round(of, platform.name, vantage=vantage.name)
            board.round_finished(observed, verdict_of(observed))
    return board


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Median milliseconds on the clock and of CPU."""
    clock, cpu = [], []
    for _ in range(REPEATS):
        began, used = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    return median(clock) * 1_000.0, median(cpu) * 1_000.0


def main() -> None:
    """Print one line per number of vantages and format."""
    registry = Registry("benchmark")
    print("vantages series    what            bytes     ms  CPU ms")
    for vantages in map(int, sys.argv[1:] or ("1", "4", "8")):
        board = filled(vantages)
        snapshot = board.snapshot()
        text = encode(registry.collector(snapshot), accept="", accept_encoding="").body
        series = sum(not line.startswith(b"#") for line in text.splitlines())
        print(f"{vantages:8} {series:6}    snapshot     {'':8} {_figures(board.snapshot)}")
        for what, accept, encoding in (
            ("text", "", ""),
            ("text, gzip", "", "gzip"),
            ("OpenMetrics", OPENMETRICS, ""),
        ):

            def render(accept: str = accept, encoding: str = encoding) -> bytes:
                collector = registry.collector(snapshot)  # noqa: B023  (used before it changes)
                return encode(collector, accept=accept, accept_encoding=encoding).body

            print(f"{'':8} {'':6}    {what:<12} {len(render()):8} {_figures(render)}")


def _figures(work: Callable[[], object]) -> str:
    clock, cpu = cost(work)
    return f"{clock:6.2f}  {cpu:6.2f}"


if __name__ == "__main__":
    main()
