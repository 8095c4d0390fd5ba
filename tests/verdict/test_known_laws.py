"""Which law that was reported one is like, and when two lines' are alike."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.law import Amount, Between, Law, LawEffect, Reach, Unit
from probe.verdict.law.known_laws import KNOWN, alike, likeness
from probe.verdict.words.words_law import law_words


def ends(unit: Unit, low: float, high: float) -> Law:
    return Law(effect=LawEffect.ENDS, reads=5, at=0.0, after=(Amount(unit, Between(low, high)),))


def slows(rate: float, *, bucket: float = 0.0) -> Law:
    after = (Amount(Unit.BYTES, Between(bucket, 1.02 * bucket)),) if bucket else ()
    return Law(
        effect=LawEffect.SLOWS,
        reads=5,
        at=0.0,
        after=after,
        from_start=not bucket,
        bytes_per_second=Between(rate, 1.02 * rate),
    )


@pytest.mark.parametrize(
    ("law", "like"),
    [
        (ends(Unit.PACKETS, 24, 26), "russia-2025-06"),
        (ends(Unit.PACKETS, 40, 42), None),
        (ends(Unit.PACKETS, 14, 36), None),  # so wide that it is like anything
        (ends(Unit.PACKETS_DOWN, 24, 26), None),
        (ends(Unit.SECONDS, 7.1, 7.4), "iran-2026-04"),
        (slows(16_000.0), "russia-2021-2024"),
        (slows(64_000.0), None),
        (slows(16_000.0, bucket=300_000.0), "iran-2026-05"),
        (slows(16_000.0, bucket=30_000.0), None),
    ],
)
def test_likeness(law: Law, like: str | None) -> None:
    found = likeness(law)
    assert (None if found is None else found.id) == like


def test_a_likeness_is_said_as_one() -> None:
    law = ends(Unit.PACKETS, 24, 26)
    assert "like" not in law_words(law)
    said = law_words(replace(law, like="russia-2025-06"))
    assert said.endswith(
        "That is like what was reported of Russia, since June 2025, which tells nothing of who "
        "does it."
    )
    assert len({one.id for one in KNOWN}) == len(KNOWN)
    assert all(one.source for one in KNOWN)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ends(Unit.PACKETS, 24, 26), ends(Unit.PACKETS, 25, 27), True),
        (ends(Unit.PACKETS, 24, 25), ends(Unit.PACKETS, 26, 27), False),
        (ends(Unit.SECONDS, 7.1, 7.3), ends(Unit.SECONDS, 7.4, 7.6), True),
        (ends(Unit.SECONDS, 7.1, 7.3), ends(Unit.PACKETS, 7, 8), False),
        (slows(16_000.0), slows(17_000.0), True),
        (slows(16_000.0), slows(32_000.0), False),
        (slows(16_000.0), slows(16_000.0, bucket=3e5), False),
        (slows(16_000.0, bucket=3e5), slows(16_000.0, bucket=3.1e5), True),
        (slows(16_000.0, bucket=3e5), slows(16_000.0, bucket=6e5), False),
        (replace(slows(16e3), reach=Reach.TOGETHER), replace(slows(16e3), reach=None), True),
        (
            replace(slows(16e3), reach=Reach.TOGETHER),
            replace(slows(16e3), reach=Reach.CONNECTION),
            False,
        ),
        (slows(16_000.0), ends(Unit.PACKETS, 24, 26), False),
        # Nothing is known of either.
        (replace(slows(1.0), bytes_per_second=None), slows(1.0), False),
    ],
)
def test_two_lines_laws(one: Law, other: Law, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same
