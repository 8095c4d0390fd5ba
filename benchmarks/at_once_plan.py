"""What a cell of ``benchmarks/everything_at_once.py`` is asked to do, and what it tells."""

from __future__ import annotations

from msgspec import Struct

from benchmarks.at_once_cells import Cell
from lab.box.rules import Rule


class Plan(Struct, kw_only=True):
    """``main_file``: the daemon's. ``box``: the socket of the box, which gets ``rules``
    ``onset_seconds`` after the start. Then it goes on for ``least_seconds`` at least, until the
    state ``right`` was said of each pair in ``met`` ("vantage/platform"), or, from
    ``enough_seconds`` on, that or ``impaired``; and for ``most_seconds`` at most. ``wall_begin``:
    what the wall clock says at the start (0: as it is)."""

    main_file: str
    box: str = ""
    rules: tuple[Rule, ...] = ()
    onset_seconds: float = 0.0
    least_seconds: float = 0.0
    enough_seconds: float = 0.0
    most_seconds: float
    met: tuple[str, ...] = ()
    right: str = ""
    wall_begin: float = 0.0


class Run(Struct, kw_only=True):
    """A cell in numbers: after so many seconds of calm rounds and some minutes that are drawn, if
    it is not born into it. The others are as in ``Plan``."""

    cell: Cell
    seed: int
    calm_seconds: float
    least_seconds: float
    enough_seconds: float
    most_seconds: float


class Said(Struct, kw_only=True):
    """Words that are others than before, so many seconds after the onset."""

    pair: str
    at: float
    state: str
    reason: str
    rule: str
    signature: str
    sentence: str


class Made(Struct, kw_only=True):
    """A round or burst that began so many seconds after the onset."""

    pair: str
    at: float
    kind: str


class Told(Struct, kw_only=True):
    """What came of it. ``seconds`` since the onset; ``skipped_seconds`` of the whole; ``bytes``
    since the onset; ``wall_end``: what the wall clock said at the end."""

    said: list[Said]
    made: list[Made]
    late: int
    seconds: float
    bytes: int
    skipped_seconds: float = 0.0
    wall_end: float = 0.0
