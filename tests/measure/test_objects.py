"""What a target fetches: discovered, remembered, replaced when it is gone."""

from __future__ import annotations

import pytest

from probe.config.definition import Discovery, Fallback, Target
from probe.config.values import Bytes
from probe.measure.objects import (
    MOST_REFUSED,
    REMEMBER_SECONDS,
    RETRY_SECONDS,
    ChosenObject,
    KnownObject,
    after_leg,
    after_page,
    object_now,
    page_due,
)
from probe.model.failure import BODY_TOO_SHORT, Failure
from probe.model.identity import Phase

DISCOVERY = Discovery(page="https://x.test/", pattern="main.js", hosts=("x.test",))
FALLBACK = Fallback(url="https://x.test/fallback.js", min_bytes=Bytes(70_000))
FIXED = Target(name="page", url="https://x.test/main.js", min_bytes=Bytes(90_000))
FOUND = Target(name="page", discover=DISCOVERY, fallback=FALLBACK, min_bytes=Bytes(90_000))
ALONE = Target(name="page", discover=DISCOVERY, min_bytes=Bytes(90_000))
LINK = "https://x.test/main.abc.js"
GONE = Failure(phase=Phase.PROCESSING, reason="http_unexpected_status_code")
SHORT = Failure(phase=Phase.TRANSFER, reason=BODY_TOO_SHORT)
RESET = Failure(phase=Phase.TLS, reason="connection_reset")


def test_a_fixed_url_needs_no_page() -> None:
    assert object_now(FIXED, KnownObject(), 0.0) == ChosenObject(
        url=FIXED.url or "", min_bytes=90_000
    )
    assert not page_due(FIXED, KnownObject(), 0.0)


def test_until_a_link_is_found_the_fallback_serves() -> None:
    assert page_due(FOUND, KnownObject(), 0.0)
    assert object_now(FOUND, KnownObject(), 0.0) == ChosenObject(url=FALLBACK.url, min_bytes=70_000)
    assert object_now(ALONE, KnownObject(), 0.0) is None


def test_a_found_link_is_kept_for_a_day() -> None:
    memory = after_page(KnownObject(), LINK, 10.0)
    assert object_now(FOUND, memory, 11.0) == ChosenObject(url=LINK, min_bytes=90_000)
    assert not page_due(FOUND, memory, 9.0 + REMEMBER_SECONDS)
    assert page_due(FOUND, memory, 10.0 + REMEMBER_SECONDS)


def test_a_page_that_gives_nothing_keeps_the_last_link_and_is_not_asked_at_once() -> None:
    memory = after_page(after_page(KnownObject(), LINK, 0.0), None, REMEMBER_SECONDS)
    assert object_now(FOUND, memory, REMEMBER_SECONDS) == ChosenObject(url=LINK, min_bytes=90_000)
    assert not page_due(FOUND, memory, REMEMBER_SECONDS + RETRY_SECONDS - 1.0)
    assert page_due(FOUND, memory, REMEMBER_SECONDS + RETRY_SECONDS)


@pytest.mark.parametrize("failure", [GONE, SHORT])
def test_an_object_that_is_gone_gives_way_to_the_fallback_and_is_looked_for_again(
    failure: Failure,
) -> None:
    memory = after_leg(FOUND, after_page(KnownObject(), LINK, 0.0), failure, 2 * RETRY_SECONDS)
    assert memory.refused == (LINK,)
    current = object_now(FOUND, memory, 2 * RETRY_SECONDS)
    assert current is not None
    assert current.url == FALLBACK.url
    assert page_due(FOUND, memory, 2 * RETRY_SECONDS)
    again = after_page(memory, LINK, 2 * RETRY_SECONDS)
    renewed = object_now(FOUND, again, 2 * RETRY_SECONDS)
    assert renewed is not None
    assert renewed.url == LINK


def test_a_fallback_that_is_gone_too_gives_way_to_the_first() -> None:
    memory = after_leg(FOUND, after_page(KnownObject(), LINK, 0.0), GONE, 1.0)
    memory = after_leg(FOUND, memory, GONE, 2.0)
    current = object_now(FOUND, memory, 3.0)
    assert current is not None
    assert current.url == LINK


def test_only_the_latest_links_that_were_gone_are_remembered() -> None:
    memory = KnownObject()
    for n in (0, *range(MOST_REFUSED + 2), 4):
        memory = after_leg(ALONE, after_page(memory, f"{LINK}?{n}", float(n)), GONE, n + 1.0)
    assert memory.refused == tuple(f"{LINK}?{n}" for n in (2, 3, 5, 6, 7, 4))


def test_a_gone_object_does_not_make_us_hammer_its_page() -> None:
    memory = after_leg(ALONE, after_page(KnownObject(), LINK, 0.0), GONE, 1.0)
    assert not page_due(ALONE, memory, RETRY_SECONDS - 1.0)
    assert page_due(ALONE, memory, RETRY_SECONDS)


@pytest.mark.parametrize("failure", [None, RESET])
def test_a_failing_network_says_nothing_about_the_object(failure: Failure | None) -> None:
    memory = after_page(KnownObject(), LINK, 0.0)
    assert after_leg(FOUND, memory, failure, 5_000.0) == memory
