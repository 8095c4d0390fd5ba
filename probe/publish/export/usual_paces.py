"""What ``throttlewatch export -f paces`` wrote on many lines, as one number for each target and
kind of line.

Strangers wrote these lines: each is read by type and within bounds, and however many there are, no
more is kept of them than how many told each share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Annotated

import msgspec
from msgspec import Meta

from probe.config.definition import LEAST_LINES, UsualPace
from probe.model.foreign import read_json
from probe.model.identity import Access

MOST_TARGETS = 1_000
"""Of all lines. The shipped platforms have some dozens."""
_MOST_OF_A_LINE = 256
_MOST_DAYS = 36_600
_NAME = r"[a-z0-9][a-z0-9_-]{0,39}"
TargetName = Annotated[str, Meta(pattern=rf"^{_NAME}/{_NAME}\Z")]


class PaceTold(msgspec.Struct, frozen=True):
    """Of one target on one line: its ``share`` of what the fastest site abroad gave, and on how
    many ``days`` that was seen."""

    share: Annotated[float, Meta(ge=0.0, le=1.0)]
    days: Annotated[int, Meta(ge=1, le=_MOST_DAYS)]


class LineTold(msgspec.Struct, frozen=True):
    """What one line tells: by ``platform/target``."""

    access: Access
    targets: Annotated[dict[TargetName, PaceTold], Meta(max_length=_MOST_OF_A_LINE)]


class UsualPaces:
    """What lines have told so far."""

    def __init__(self) -> None:
        self.lines = 0
        self._told: dict[str, dict[Access, Counter[float]]] = {}

    def add(self, line: bytes | str) -> None:
        """One line more. Raises ``ValueError``."""
        told = read_json(line, LineTold)
        self.lines += 1
        for name, one in told.targets.items():
            if name not in self._told and len(self._told) >= MOST_TARGETS:
                raise ValueError(f"with this line they are of more than {MOST_TARGETS:,} targets")
            kinds = self._told.setdefault(name, {})
            kinds.setdefault(told.access, Counter())[shown_share(one.share)] += 1

    def found(self, month: str) -> dict[str, tuple[UsualPace, ...]]:
        """By platform: what nineteen of twenty of the lines reach, of each target and kind of line
        of which enough have told, and of all kinds together."""
        found: dict[str, list[UsualPace]] = defaultdict(list)
        for name, kinds in sorted(self._told.items()):
            platform, _, target = name.partition("/")
            of_all = sum(kinds.values(), Counter[float]())
            for access, shares in ((None, of_all), *sorted(kinds.items())):
                lines = shares.total()
                share = _reached(shares, lines // LEAST_LINES)
                if lines >= LEAST_LINES and share > 0.0:
                    found[platform].append(
                        UsualPace(
                            target=target, share=share, lines=lines, evidence=month, access=access
                        )
                    )
        return {platform: tuple(paces) for platform, paces in found.items()}


def shown_share(share: float) -> float:
    """With three digits that say something, to a hundred-thousandth: what is less is nothing."""
    return round(float(f"{share:.3g}"), 5)


def _reached(shares: Counter[float], place: int) -> float:
    """The share at ``place`` of all in their order, from the least."""
    for share, count in sorted(shares.items()):
        if place < count:
            return share
        place -= count
    return 0.0
