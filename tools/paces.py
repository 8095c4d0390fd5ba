"""What ``throttlewatch export -f paces`` wrote on many lines, as one number for each target.

    python tools/paces.py 2026-11 FILE...

Prints, for each target that enough lines have told of, the share of the fastest site abroad that
nineteen of twenty lines reach (docs/data.md), of how many lines, and the month, as YAML.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec

LEAST_LINES = 20
"""So many lines at least tell what nineteen of twenty have."""


class Told(msgspec.Struct, frozen=True):
    """Of one target on one line."""

    share: float
    days: int


def paces(lines: Iterable[str], evidence: str) -> list[str]:
    """A line of YAML for each target."""
    shares: dict[str, list[float]] = defaultdict(list)
    for line in lines:
        for name, told in msgspec.json.decode(line, type=dict[str, Told]).items():
            shares[name].append(told.share)
    return [
        f"{name}: {{share: {_reached(found):.3f}, lines: {len(found)}, evidence: {evidence}}}"
        for name, found in sorted(shares.items())
        if len(found) >= LEAST_LINES
    ]


def _reached(shares: list[float]) -> float:
    """What nineteen of twenty reach."""
    return sorted(shares)[len(shares) // LEAST_LINES]


if __name__ == "__main__":
    files = [Path(name).read_text(encoding="utf-8") for name in sys.argv[2:]]
    print("\n".join(paces([line for text in files for line in text.splitlines()], sys.argv[1])))
