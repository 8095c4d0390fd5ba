"""The table of legs as Parquet, for whoever reads a year of it: columns with their types, and a
fraction of the size of CSV.

Written by Apache Arrow (the extra ``parquet``), which is imported when it is asked for: it takes
some 40 MB of memory by itself, and has no wheels for 32-bit ARM.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from probe import __version__
from probe.model.identity import Vantage
from probe.model.stored import StoredRound
from probe.publish.export.leg_table import COLUMNS, SCHEMA_VERSION, leg_rows
from probe.publish.privacy.configured_names import NOTHING
from probe.publish.privacy.exported_fields import Scrubber

# What is held in memory at once, about 10 MB.
GROUP_ROWS = 4_096
MISSING = (
    "Parquet is written by pyarrow, which is not installed here: install the extra `parquet` "
    "(docs/install.md), or export CSV, which has the same columns. There is no pyarrow for 32-bit "
    "ARM."
)


class NoParquetError(Exception):
    """The library is not there; the text says so, and what would be right, for a person."""


class _Sink:
    """A file of which only what was not taken yet is held."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """What is written is there."""

    def close(self) -> None:
        """What is left can still be taken."""

    def taken(self) -> Iterator[bytes]:
        parts, self._parts = self._parts, []
        yield from parts


def parquet_parts(
    rounds: Iterable[StoredRound],
    vantages: Mapping[str, Vantage],
    scrubber: Scrubber | None = None,
    *,
    group_rows: int = GROUP_ROWS,
) -> Iterator[bytes]:
    """The file, part by part: a row for each leg, ``group_rows`` of them in memory at once. Each
    column bears its meaning (``description``). Raises ``NoParquetError``."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise NoParquetError(MISSING) from error
    types = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
    }
    schema = pyarrow.schema(
        [
            pyarrow.field(one.name, types[one.kind], metadata={"description": one.meaning})
            for one in COLUMNS
        ],
        metadata={
            "exported_by": f"throttlewatch {__version__}",
            "schema_version": str(SCHEMA_VERSION),
        },
    )
    rows = leg_rows(rounds, vantages, scrubber or Scrubber(NOTHING))
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        while some := list(islice(rows, group_rows)):
            arrays = [
                pyarrow.array(column, field.type)
                for column, field in zip(zip(*some, strict=True), schema, strict=True)
            ]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            yield from sink.taken()
    yield from sink.taken()
