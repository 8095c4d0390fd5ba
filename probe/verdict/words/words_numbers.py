"""Numbers as people read them. The same number is written alike wherever it is said."""

from __future__ import annotations


def times(factor: float) -> str:
    """``12 times``."""
    return f"{factor:.1f} times" if factor < 10.0 else f"{factor:.0f} times"


def rate(bytes_per_second: float) -> str:
    """A rate for people."""
    if bytes_per_second >= 1e6:
        return f"{bytes_per_second / 1e6:.1f} MB/s"
    kilo = bytes_per_second / 1e3
    return f"{kilo:.1f} kB/s" if kilo < 10.0 else f"{kilo:.0f} kB/s"


def seconds(value: float) -> str:
    """``1.2 s``, ``130 ms``."""
    return f"{value:.1f} s" if value >= 1.0 else f"{1e3 * value:.0f} ms"
