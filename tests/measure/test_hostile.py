"""A few hundred cases of ``benchmarks/hostile.py`` in every run of the tests."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from benchmarks.attack import Figures, attack
from benchmarks.hostile import LATE_TIMES, beyond, judge_links, parse, search_pages
from lab.loopback.hostile import contexts

KINDS = tuple(contexts())


def check(figures: Figures, cases: int) -> None:
    assert figures.cases == cases
    assert figures.broken == ()
    # A deadline is kept however busy the far end keeps the event loop: twice, with all else.
    assert figures.longest_seconds < 2 * figures.deadline_seconds + 5.0
    assert figures.most_bytes <= figures.allowed_bytes


@pytest.mark.parametrize("kind", KINDS)
def test_legs_end_in_time_with_a_word_for_it_and_read_little(kind: str) -> None:
    check(attack(kind, 48, at_once=16, seed="test"), 48)


def test_dns_queries_do_too() -> None:
    check(attack("dns", 100, at_once=20, seed="test"), 100)


def test_dns_messages_are_read_whatever_they_are() -> None:
    check(parse(2_000, seed="test"), 2_000)


def test_links_are_judged_whatever_they_are() -> None:
    check(judge_links(2_000, seed="test"), 2_000)


def test_pages_are_searched_or_not_in_time() -> None:
    check(search_pages(2), 2)


def test_what_reads_too_much_or_hangs_ends_the_benchmark_badly() -> None:
    """It was printed, and the benchmark ended well."""
    well = replace(parse(1, seed="1"), longest_seconds=0.5)
    assert not list(beyond(well))
    assert list(beyond(replace(well, most_bytes=well.allowed_bytes + 1)))
    hangs = LATE_TIMES * well.deadline_seconds + 1.0
    assert list(beyond(replace(well, longest_seconds=hangs)))
