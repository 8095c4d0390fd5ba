"""Durations and sizes as people write them."""

from __future__ import annotations

import re
from fractions import Fraction

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
BYTES = {
    "B": 1,
    "kB": 1_000,
    "KB": 1_000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
    "TB": 1_000_000_000_000,
    "KiB": 1_024,
    "MiB": 1_048_576,
    "GiB": 1_073_741_824,
    "TiB": 1_099_511_627_776,
}
# A month is 31 days, so that no month of a bill has more than was meant.
DAYS_PER_MONTH = 31
_PERIODS = {"month": 1, "day": DAYS_PER_MONTH}
_WORDS = {"sec": "s", "min": "m", "hour": "h", "hr": "h", "day": "d", "byte": "B"}
_NUMBER_AND_UNIT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)", re.ASCII)

_AMOUNT_AND_PERIOD = re.compile(
    r"([0-9.]{1,25} ?[a-z]+)(?: ?(?:/|per|a|each|every)? ?(m|mo|month|monthly|d|day|daily))?"
)


def parse_seconds(text: str) -> float:
    """``10s``, ``2m``, ``6h``, ``1d`` or a bare number, in seconds. Raises ``ValueError``."""
    return float(_parse(text, SECONDS, "s"))


def parse_bytes(text: str) -> int:
    """``64KiB``, ``1MB`` or a bare whole number, in bytes. Raises ``ValueError``."""
    amount = _parse(text, BYTES, "B")
    if amount.denominator != 1:
        raise ValueError(f"{text!r} is no whole number of bytes")
    return int(amount)


def parse_monthly_bytes(text: str) -> int:
    """``3GB/month`` or ``100MB/day``, in bytes for a month of 31 days. Raises ``ValueError``."""
    amount, slash, period = text.partition("/")
    if not slash or period.strip() not in _PERIODS:
        raise ValueError(f"{text!r} is no size by month or day")
    return parse_bytes(amount) * _PERIODS[period.strip()]


def near_unit(text: str, units: dict[str, int]) -> str:
    """``text`` with the unit that was probably meant; empty when none is near."""
    match = _NUMBER_AND_UNIT.fullmatch(text.strip())
    if match is None:
        return ""
    number, written = match.groups()
    wanted = written.lower()
    near = [unit for unit in units if unit.lower() == wanted]
    # `64K` and `64Ki` mean the binary unit.
    near += [unit for unit in units if unit.lower() == f"{wanted.removesuffix('i')}ib"]
    near += [unit for word, unit in _WORDS.items() if wanted.startswith(word) and unit in units]
    return f"{number}{near[0]}" if near and near[0] != written else ""


def near_monthly(text: str) -> str:
    """The amount of data that was probably meant by ``3GB``, ``3 gb per month``; empty when none
    is."""
    match = _AMOUNT_AND_PERIOD.fullmatch(" ".join(text.lower().split()))
    if match is None:
        return ""
    amount = near_unit(match[1].strip(), BYTES) or match[1].strip()
    meant = f"{amount}/{'day' if (match[2] or '').startswith('d') else 'month'}"
    try:
        return meant if parse_monthly_bytes(meant) > 0 else ""
    except ValueError:
        return ""


def _parse(text: str, units: dict[str, int], bare: str) -> Fraction:
    # Exact arithmetic, so that 0.1KB is a hundred bytes and not nearly so.
    match = _NUMBER_AND_UNIT.fullmatch(text.strip())
    if match is None or (match[2] or bare) not in units:
        raise ValueError(f"{text!r} is no number with one of the units {', '.join(units)}")
    return Fraction(match[1]) * units[match[2] or bare]
