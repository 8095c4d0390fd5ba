"""Rounds as JSON Lines: everything that was observed and said, one round to a line.

The lines are the model itself (``StoredRound``), so they can be read back and judged again with
other thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from probe.model.stored import StoredRound
from probe.publish.private import without_private


def jsonl_lines(rounds: Iterable[StoredRound]) -> Iterator[bytes]:
    """One line for each round, with its newline; what was not measured is ``null``."""
    encoder = msgspec.json.Encoder()
    for stored in rounds:
        yield encoder.encode(without_private(stored)) + b"\n"
