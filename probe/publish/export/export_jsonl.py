"""Rounds as JSON Lines: everything that is known of a round and its verdict, for other programs.

Field names are those of ``probe/model``; docs/data.md explains each. A line read back as a
``StoredRound`` is the round again, less what others may have said about the probe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from probe.model.stored import StoredRound
from probe.publish.privacy.configured_names import NOTHING
from probe.publish.privacy.exported_fields import Scrubber


def jsonl_lines(rounds: Iterable[StoredRound], scrubber: Scrubber | None = None) -> Iterator[bytes]:
    """One line for each round, in the order given. Without a ``scrubber`` nothing is known to be
    harmless."""
    encoder = msgspec.json.Encoder()
    scrubber = scrubber or Scrubber(NOTHING)
    for stored in rounds:
        yield encoder.encode(scrubber.stored(stored)) + b"\n"
