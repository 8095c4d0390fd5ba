"""What the history costs a disk: `python -m benchmarks.store [days]` prints it.

Writes days of rounds of four platforms at the default pace, one commit a minute as the daemon does,
and counts what the kernel says this process gave to the disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from probe.config.schema import Seconds, StoreConfig
from probe.model.identity import RoundKind
from probe.store.history import History
from probe.store.writer import Store
from tests.store.rounds import START, stored

PLATFORMS = ("x", "facebook", "instagram", "youtube")
INTERVAL = 300.0


def written_bytes() -> int:
    """Bytes that this process has given to the disk."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def main(days: float) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path = Path(folder) / "history.sqlite3"
        store = Store.open(StoreConfig(path=str(path), batch=Seconds(3_600.0)))
        before, number = written_bytes(), 0
        for turn in range(int(days * 86_400 / INTERVAL)):
            for place, platform in enumerate(PLATFORMS):
                kind = RoundKind.TRANSFER if turn % 3 == 0 else RoundKind.LIGHT
                at = START + turn * INTERVAL + 75.0 * place
                one = stored(number, at=at, platform=platform, kind=kind)
                number += 1
                store.round_finished(one.observed, one.verdict)
                # At this pace each batch of a minute has one round.
                store.flush()
                while store.health().queued:
                    time.sleep(0.0005)
        store.close(60)
        written = written_bytes() - before
        size = path.stat().st_size
        print(f"{number} rounds in {days:g} days, a commit each")
        print(f"file: {size / number:.0f} bytes a round, {size / days / 1e6:.2f} MB a day")
        print(f"written to the disk: {written / days / 1e6:.1f} MB a day")
        began = time.perf_counter()
        with History(path) as history:
            count = sum(1 for _ in history.rounds())
        seconds = time.perf_counter() - began
        print(f"read: {count} rounds in {seconds:.1f} s, {count / seconds:.0f} a second")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 7.0)
