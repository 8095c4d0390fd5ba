"""Moments that people give on the command line."""

from __future__ import annotations

# What calendars can show, in any zone.
_EARLIEST = 0.0
_LATEST = 253_402_000_000.0


def shown_moment(at: float) -> float:
    """``at`` (Unix seconds), if it can be shown as a date. Raises ``ValueError``."""
    if not _EARLIEST <= at <= _LATEST:  # nor is NaN between them
        raise ValueError("expected a time between the years 1970 and 9999")
    return at
