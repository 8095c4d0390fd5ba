"""Segments that came out of order: the kernel's stamps of them are early, their bytes are not."""

from __future__ import annotations

from probe.measure.connection import kernel_stamps

MILLISECOND = 1_000_000


def test_bytes_that_waited_for_a_lost_segment_came_when_it_came() -> None:
    early, filled = 500 * MILLISECOND, 900 * MILLISECOND
    assert kernel_stamps.in_order(early, filled_ns=filled, before_ns=0) == filled
    assert kernel_stamps.in_order(early, filled_ns=None, before_ns=0) == early


def test_no_byte_came_before_the_one_ahead_of_it() -> None:
    assert kernel_stamps.in_order(500, filled_ns=None, before_ns=600) == 600
