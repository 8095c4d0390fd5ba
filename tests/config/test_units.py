from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.units import (
    BYTES,
    SECONDS,
    near_unit,
    parse_bytes,
    parse_monthly_bytes,
    parse_seconds,
)

amounts = st.integers(min_value=0, max_value=10**9)


@given(amounts, st.sampled_from(sorted(SECONDS)))
def test_a_whole_duration_is_its_number_times_its_unit(amount: int, unit: str) -> None:
    assert parse_seconds(f"{amount}{unit}") == amount * SECONDS[unit]
    assert parse_seconds(f" {amount} {unit} ") == amount * SECONDS[unit]


@given(amounts, st.sampled_from(sorted(BYTES)))
def test_a_whole_size_is_its_number_times_its_unit(amount: int, unit: str) -> None:
    assert parse_bytes(f"{amount}{unit}") == amount * BYTES[unit]


@given(amounts)
def test_a_bare_number_is_seconds_or_bytes(amount: int) -> None:
    assert parse_seconds(str(amount)) == amount
    assert parse_bytes(str(amount)) == amount


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=0, max_value=999))
def test_decimal_sizes_are_exact(whole: int, thousandths: int) -> None:
    assert parse_bytes(f"{whole}.{thousandths:03}kB") == whole * 1000 + thousandths


@given(st.text(max_size=12))
def test_anything_else_is_refused_and_never_negative(text: str) -> None:
    for parse in (parse_seconds, parse_bytes):
        try:
            assert parse(text) >= 0
        except ValueError:
            pass


@given(st.text(max_size=12))
def test_a_suggestion_is_right_itself_and_not_what_was_written(text: str) -> None:
    for units, parse in ((SECONDS, parse_seconds), (BYTES, parse_bytes)):
        suggestion = near_unit(text, units)
        if suggestion and "." not in suggestion:
            assert parse(suggestion) >= 0
            assert suggestion != text


@pytest.mark.parametrize("text", ["", "s", "-1s", "1ms", "1w", "1h30m", "1,5s", "inf", "1e3", "٣s"])
def test_wrong_durations(text: str) -> None:
    with pytest.raises(ValueError, match="units"):
        parse_seconds(text)


@pytest.mark.parametrize("text", ["", "B", "-1B", "64K", "64kib", "0.5B", "1.0001kB", "1s"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"units|whole"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "units", "meant"),
    [
        ("5min", SECONDS, "5m"),
        ("10 Sec", SECONDS, "10s"),
        ("2hours", SECONDS, "2h"),
        ("500ms", SECONDS, ""),
        ("64k", BYTES, "64KiB"),
        ("64kib", BYTES, "64KiB"),
        ("1mb", BYTES, "1MB"),
        ("lots", BYTES, ""),
    ],
)
def test_what_was_probably_meant(text: str, units: dict[str, int], meant: str) -> None:
    assert near_unit(text, units) == meant


def test_a_month_has_the_days_of_the_longest() -> None:
    assert parse_monthly_bytes("3GB/month") == 3 * 10**9
    assert parse_monthly_bytes("100 MB / day") == 31 * 10**8
    for text in ("3GB", "3GB/week", "/month", "3/month/day"):
        with pytest.raises(ValueError, match=r"size|units"):
            parse_monthly_bytes(text)
