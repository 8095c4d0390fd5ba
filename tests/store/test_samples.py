"""Reading what was recorded, and letting go of it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from probe.config.schema import StoreConfig
from probe.store.files import set_aside
from probe.store.samples import Samples
from probe.store.writer import Store


def test_closing_waits_for_a_read_that_is_under_way(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    Store.open(StoreConfig(path=str(path))).close(5.0)
    samples = Samples(path)
    reading, closing, found = threading.Event(), threading.Event(), []

    def slowly(connection: sqlite3.Connection) -> int:
        reading.set()
        closing.wait(5.0)
        # Time for a close that does not wait to be over before the statement runs.
        closer.join(0.2)
        return int(connection.execute("SELECT 1").fetchone()[0])

    def close() -> None:
        reading.wait(5.0)
        closing.set()
        samples.close()

    closer = threading.Thread(target=close)
    reader = threading.Thread(target=lambda: found.append(samples._try(slowly)))
    closer.start()
    reader.start()
    reader.join()
    closer.join()
    assert found == [1]


def test_a_file_that_was_set_aside_is_not_read_any_more(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"

    def record(at: int) -> None:
        store = Store.open(StoreConfig(path=str(path)))
        store.sample(at, {(("__name__", "a"),): float(at)})
        assert store.close(5.0)

    record(60)
    samples = Samples(path)
    assert [frame.at for frame in samples.frames(0, 10)] == [60]
    set_aside(path, "corrupt", 0.0)
    record(120)
    assert [frame.at for frame in samples.frames(0, 10)] == [120]
    samples.close()
