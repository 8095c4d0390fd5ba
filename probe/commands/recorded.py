"""Recorded rounds from files: JSON Lines, what ``once --json`` prints, the history, or a hub's
archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from probe.config.readable import Unreadable, must_be_file, read_lines
from probe.config.schema import Config
from probe.model.observation import RoundObservation
from probe.model.stored import StoredRound
from probe.model.verdict import Verdict
from probe.publish.parcels.archive import is_archive
from probe.publish.parcels.archive_reader import ArchivedHistory
from probe.store.files import SQLITE
from probe.store.history import History, HistoryError, not_yours
from probe.verdict.replay import Recorded

MOST_ROUNDS_BYTES = 67_108_864
"""Of one line: `once --json` prints the rounds of all vantages in one, some 30 kB each."""


class RecordedError(Exception):
    """A file cannot be read as rounds; the text says which, where and why."""


class Once(Struct, frozen=True):
    """What ``once --json`` prints."""

    verdicts: tuple[Verdict, ...]
    rounds: tuple[RoundObservation, ...]


_line = msgspec.json.Decoder(StoredRound)
_once = msgspec.json.Decoder(Once)


def read(path: Path) -> Iterator[Recorded]:
    """The rounds in ``path``, in its order. Raises ``RecordedError``."""
    try:
        if is_archive(path):
            yield from _past(ArchivedHistory(path))
            return
        must_be_file(path)
        with path.open("rb") as file:
            if file.read(len(SQLITE)) != SQLITE:
                yield from _json(path)
                return
        yield from _past(History(path))
    except PermissionError as error:
        raise RecordedError(str(not_yours(path))) from error
    except OSError as error:
        raise RecordedError(f"{path}: {error.strerror or error}") from error
    except HistoryError as error:
        raise RecordedError(str(error)) from error


def _json(path: Path) -> Iterator[Recorded]:
    try:
        for number, line in read_lines(path, most_bytes=MOST_ROUNDS_BYTES):
            try:
                if line.startswith(b'{"verdicts"'):
                    yield from _of_once(_once.decode(line))
                else:
                    stored = _line.decode(line)
                    yield Recorded(observed=stored.observed, verdict=stored.verdict)
            except (ValueError, RecursionError) as error:
                raise RecordedError(f"{path}, line {number}: no stored round: {error}") from error
    except Unreadable as error:
        raise RecordedError(f"{path}: {error}") from error


def _of_once(made: Once) -> Iterator[Recorded]:
    said = {(verdict.vantage, verdict.platform): verdict for verdict in made.verdicts}
    for observed in made.rounds:
        yield Recorded(observed=observed, verdict=said.get((observed.vantage, observed.platform)))


def placed_by(paths: Sequence[Path], config: Config) -> Config:
    """``config``, with the vantages of the archives among ``paths``, where their hub says that they
    are. Raises ``RecordedError``."""
    for path in paths:
        if is_archive(path):
            try:
                with ArchivedHistory(path) as archived:
                    config = archived.placed(config)
            except HistoryError as error:
                raise RecordedError(str(error)) from error
    return config


def _past(history: History | ArchivedHistory) -> Iterator[Recorded]:
    """As they were judged. One whose blob is damaged is passed over; the history warns of it."""
    with history:
        for stored in history.rounds(as_judged=True):
            yield Recorded(observed=stored.observed, verdict=stored.verdict)
