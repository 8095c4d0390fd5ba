"""Which platforms are suspected and not proven yet: every round of theirs reads for a while.

A round in three reads; waiting for the next one would put off what is said by a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Hashable

from probe.model.verdict import Verdict

# What is neither proven nor gone by then has had eight rounds that read, and may stay for days.
HASTE_SECONDS = 2_400.0


class Haste:
    """Since when each platform of a vantage is suspected without a break, on a monotonic clock."""

    def __init__(self) -> None:
        self._since: dict[Hashable, float] = {}

    def judged(self, verdict: Verdict, now: float) -> None:
        """What was said at ``now``."""
        slot = (verdict.vantage, verdict.platform)
        if verdict.suspected:
            self._since.setdefault(slot, now)
        else:
            self._since.pop(slot, None)

    def of(self, vantage: str, platform: str, now: float) -> bool:
        """Whether every round should read."""
        since = self._since.get((vantage, platform))
        return since is not None and now - since < HASTE_SECONDS
