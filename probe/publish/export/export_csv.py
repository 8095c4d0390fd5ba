"""The table of legs as comma-separated values, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from probe.model.identity import Vantage
from probe.model.stored import StoredRound
from probe.publish.export.leg_row import TableValue
from probe.publish.export.leg_table import COLUMNS, leg_rows
from probe.publish.privacy.configured_names import NOTHING
from probe.publish.privacy.exported_fields import Scrubber


def csv_lines(
    rounds: Iterable[StoredRound],
    vantages: Mapping[str, Vantage],
    scrubber: Scrubber | None = None,
) -> Iterator[bytes]:
    """The header, then one line for each leg. ``vantages`` says what is configured of each; one
    that the configuration no longer names has only its name. Without a ``scrubber`` nothing is
    known to be harmless."""
    yield _line([column.name for column in COLUMNS])
    for row in leg_rows(rounds, vantages, scrubber or Scrubber(NOTHING)):
        yield _line([_text(value) for value in row])


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _text(value: TableValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.9g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)
