"""Parquet has what CSV has, with types, and is written as it is read."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from probe.cli import main
from probe.model.stored import StoredRound
from probe.publish.export.export_parquet import parquet_parts
from probe.publish.export.leg_table import COLUMNS, SCHEMA_VERSION, leg_rows
from probe.publish.privacy.configured_names import NOTHING
from probe.publish.privacy.exported_fields import Scrubber
from synth.event import ONSET, history
from tests.publish.export.test_exports import PLACES
from tests.store.rounds import stored
from tests.store.test_writer import a_store, keep


@pytest.fixture
def parquet() -> Any:
    """The library's own reader."""
    return pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")


@pytest.mark.parametrize("group_rows", [7, 4_096])
def test_read_back_it_is_the_table_of_legs(parquet: Any, group_rows: int) -> None:
    rounds = list(history(ONSET - 300.0, ONSET + 600.0))
    written = b"".join(parquet_parts(rounds, PLACES, group_rows=group_rows))
    table = parquet.read_table(io.BytesIO(written))
    names = [column.name for column in COLUMNS]
    rows = [
        dict(zip(names, row, strict=True)) for row in leg_rows(rounds, PLACES, Scrubber(NOTHING))
    ]
    assert len(rows) > 100
    assert table.to_pylist() == rows
    meant = {field.name: field.metadata[b"description"].decode() for field in table.schema}
    assert meant == {column.name: column.meaning for column in COLUMNS}
    assert table.schema.metadata[b"schema_version"] == str(SCHEMA_VERSION).encode()


def test_without_a_round_it_is_an_empty_table(parquet: Any) -> None:
    table = parquet.read_table(io.BytesIO(b"".join(parquet_parts([], PLACES))))
    assert (table.num_rows, table.num_columns) == (0, len(COLUMNS))


def test_it_is_written_as_it_is_read(parquet: Any) -> None:
    read = 0

    def rounds() -> Iterator[StoredRound]:
        nonlocal read
        for one in history(ONSET - 3_600.0, ONSET):
            read += 1
            yield one

    sizes = []
    for part in parquet_parts(rounds(), PLACES, group_rows=20):
        sizes.append((read, len(part)))
    early = sum(size for at, size in sizes if at <= read / 2)
    assert early > sum(size for _, size in sizes) / 4


def test_where_the_library_is_missing_it_is_said_and_no_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(tmp_path / "h")
    keep(store, stored(1))
    store.close(20)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    output = tmp_path / "out.parquet"
    told = CliRunner().invoke(
        main, ["export", "-f", "parquet", "--history", str(tmp_path / "h"), "-o", str(output)]
    )
    assert told.exit_code == 1
    assert "export CSV" in told.output
    assert "Traceback" not in told.output
    assert not list(tmp_path.glob("*out.parquet*"))
