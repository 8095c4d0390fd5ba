"""What a target fetches: its candidates in order, remembered, replaced when they are gone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config.candidates import candidates_of, mark_of
from probe.config.definition import Candidate, Discovery, Fallback, Target
from probe.config.values import Bytes
from probe.measure.objects.objects import (
    MOST_REFUSED,
    MOST_REMEMBER_SECONDS,
    MOST_RETRY_SECONDS,
    NOTHING,
    REMEMBER_SECONDS,
    RETRY_SECONDS,
    ChosenObject,
    KnownTarget,
    after_leg,
    after_page,
    clock_is_right,
    is_there,
    object_now,
    out_of_date,
    page_to_ask,
)
from probe.model.failure import BODY_TOO_SHORT, PAGE_INSTEAD, REASONS, Failure
from probe.model.identity import Compares, Dates, Phase, Verify
from probe.model.observation import HttpFacts, LegObservation, TlsFacts
from tests.values import observed as leg_observed

DISCOVERY = Discovery(page="https://x.test/", pattern="main.js", hosts=("x.test",))
FALLBACK = Fallback(url="https://x.test/fallback.js", min_bytes=Bytes(70_000))
OTHER = Candidate(url="https://other.test/big.js", min_bytes=Bytes(600_000))
FIXED = Target(name="page", url="https://x.test/main.js", min_bytes=Bytes(90_000))
FOUND = Target(name="page", discover=DISCOVERY, fallback=FALLBACK, min_bytes=Bytes(90_000))
ALONE = Target(name="page", discover=DISCOVERY, min_bytes=Bytes(90_000))
THREE = replace(FOUND, candidates=(OTHER,))
LINK = "https://x.test/main.abc.js"


def used(target: Target, memory: KnownTarget, now: float) -> str | None:
    _, found = object_now(target, memory, now)
    return None if found is None else found.url


def gone(target: Target, memory: KnownTarget, now: float, there: bool = False) -> KnownTarget:
    """The candidate in use was asked, and its server said that the object is not there."""
    candidate, _ = object_now(target, memory, now)
    return memory.after(candidate, after_leg(candidate, memory.of(candidate), there, now))


def found(target: Target, memory: KnownTarget, now: float, link: str | None = LINK) -> KnownTarget:
    first = candidates_of(target)[0]
    return memory.after(first, after_page(memory.of(first), link, now))


def test_a_fixed_url_needs_no_page() -> None:
    candidate, chosen = object_now(FIXED, KnownTarget(), 0.0)
    assert candidate == FIXED
    assert chosen == ChosenObject(url=FIXED.url or "", min_bytes=90_000)
    assert page_to_ask(FIXED, KnownTarget(), 0.0) is None


def test_until_a_link_is_found_the_next_one_serves() -> None:
    assert page_to_ask(FOUND, KnownTarget(), 0.0) == candidates_of(FOUND)[0]
    assert object_now(FOUND, KnownTarget(), 0.0)[1] == ChosenObject(
        url=FALLBACK.url, min_bytes=70_000
    )
    assert object_now(ALONE, KnownTarget(), 0.0) == (ALONE, None)


def test_a_found_link_is_kept_for_a_day() -> None:
    memory = found(FOUND, KnownTarget(), 10.0)
    assert used(FOUND, memory, 11.0) == LINK
    assert page_to_ask(FOUND, memory, 9.0 + REMEMBER_SECONDS) is None
    assert page_to_ask(FOUND, memory, 10.0 + REMEMBER_SECONDS) is not None


def test_a_page_that_gives_nothing_keeps_the_last_link_and_is_asked_ever_less_often() -> None:
    at = REMEMBER_SECONDS
    memory = found(FOUND, KnownTarget(), 0.0)
    waits = []
    for _ in range(8):
        memory = found(FOUND, memory, at, None)
        assert used(FOUND, memory, at) == LINK
        again = memory.of(candidates_of(FOUND)[0]).again_at
        assert page_to_ask(FOUND, memory, again - 1.0) is None
        assert page_to_ask(FOUND, memory, again) is not None
        waits.append(again - at)
        at = again
    assert waits[0] == RETRY_SECONDS
    assert waits[-1] == MOST_RETRY_SECONDS
    assert waits == sorted(waits)


def test_an_object_that_is_gone_gives_way_to_the_next_and_is_looked_for_again() -> None:
    memory = gone(FOUND, found(FOUND, KnownTarget(), 0.0), 2 * RETRY_SECONDS)
    assert memory.of(candidates_of(FOUND)[0]).refused == (LINK,)
    assert used(FOUND, memory, 2 * RETRY_SECONDS) == FALLBACK.url
    assert page_to_ask(FOUND, memory, 2 * RETRY_SECONDS) is not None
    other = f"{LINK}?2"
    again = found(FOUND, memory, 2 * RETRY_SECONDS, other)
    assert used(FOUND, again, 2 * RETRY_SECONDS) == other


def test_a_page_that_still_names_what_is_gone_does_not_bring_it_back() -> None:
    memory = gone(FOUND, found(FOUND, KnownTarget(), 0.0), 2 * RETRY_SECONDS)
    memory = found(FOUND, memory, 2 * RETRY_SECONDS)
    assert used(FOUND, memory, 2 * RETRY_SECONDS) == FALLBACK.url
    assert page_to_ask(FOUND, memory, 3 * RETRY_SECONDS) is None


def test_each_that_is_gone_gives_way_to_the_next_and_the_first_is_tried_after_a_day() -> None:
    memory = found(THREE, KnownTarget(), 0.0)
    asked = []
    for now in (1.0, 2.0, 3.0):
        asked.append(used(THREE, memory, now))
        if now < 3.0:
            memory = gone(THREE, memory, now)
    assert asked == [LINK, FALLBACK.url, OTHER.url]
    assert used(THREE, memory, REMEMBER_SECONDS) == OTHER.url
    assert used(THREE, memory, 1.0 + REMEMBER_SECONDS) == LINK


def test_where_all_are_gone_they_take_turns() -> None:
    memory, asked = found(THREE, KnownTarget(), 0.0), []
    for now in range(1, 8):
        asked.append(used(THREE, memory, float(now)))
        memory = gone(THREE, memory, float(now))
    assert asked == [LINK, FALLBACK.url, OTHER.url] * 2 + [LINK]


def test_the_first_is_tried_ever_less_often_and_is_used_as_soon_as_it_is_back() -> None:
    memory, tried = KnownTarget(), [0.0]
    target = replace(FIXED, candidates=(OTHER,))
    for _ in range(6):
        memory = gone(target, memory, tried[-1])
        until = memory.of(candidates_of(target)[0]).gone_until
        assert used(target, memory, until - 1.0) == OTHER.url
        assert used(target, memory, until) == FIXED.url
        tried.append(until)
    waits = [later - before for before, later in pairwise(tried)]
    assert waits[0] == REMEMBER_SECONDS
    assert waits[-1] == MOST_REMEMBER_SECONDS
    memory = gone(target, memory, tried[-1], there=True)
    assert used(target, memory, tried[-1] + 1.0) == FIXED.url
    memory = gone(target, memory, tried[-1] + RETRY_SECONDS)
    assert used(target, memory, tried[-1] + RETRY_SECONDS + REMEMBER_SECONDS) == FIXED.url


def test_what_a_burst_is_told_nine_times_counts_once() -> None:
    memory = found(FOUND, KnownTarget(), 0.0)
    first = candidates_of(FOUND)[0]
    for n in range(9):
        memory = memory.after(first, after_leg(first, memory.of(first), False, 1.0 + n))
    assert used(FOUND, memory, 1.0 + REMEMBER_SECONDS) == LINK


def test_only_the_latest_links_that_were_gone_are_remembered() -> None:
    known = NOTHING
    for n in (0, *range(MOST_REFUSED + 2), 4):
        at = known.gone_at + 2 * RETRY_SECONDS if known.gone_at > 0.0 else 1.0
        known = after_leg(ALONE, after_page(known, f"{LINK}?{n}", at), False, at)
    assert known.refused == tuple(f"{LINK}?{n}" for n in (2, 3, 5, 6, 7, 4))


def test_a_gone_object_does_not_make_us_hammer_its_page() -> None:
    memory = gone(ALONE, found(ALONE, KnownTarget(), 0.0), 1.0)
    assert page_to_ask(ALONE, memory, RETRY_SECONDS - 1.0) is None
    assert page_to_ask(ALONE, memory, RETRY_SECONDS) is not None


def test_a_host_that_wants_to_be_left_alone_gives_way_to_another_one() -> None:
    """Its own other objects are none; if there is no other host, it is waited for."""

    def chosen(*closed: str) -> str | None:
        _, found = object_now(THREE, memory, 1.0, closed=lambda host: host in closed)
        return None if found is None else found.url

    memory = found(THREE, KnownTarget(), 0.0)
    assert chosen() == LINK
    assert chosen("x.test") == OTHER.url
    assert chosen("x.test", "other.test") == LINK
    memory = gone(THREE, memory, 0.5)
    assert chosen() == FALLBACK.url
    assert chosen("x.test") == OTHER.url


def test_a_failing_network_says_nothing_about_the_object() -> None:
    known = after_page(NOTHING, LINK, 0.0)
    assert after_leg(ALONE, known, None, 5_000.0) is known


# What the far end said, and under which certificate.
STATUS = Failure(phase=Phase.PROCESSING, reason="http_unexpected_status_code")
SHORT = Failure(phase=Phase.TRANSFER, reason=BODY_TOO_SHORT)
PAGE = Failure(phase=Phase.PROCESSING, reason=PAGE_INSTEAD)
RESET = Failure(phase=Phase.PROCESSING, reason="connection_reset")
WRONG_NAME = Failure(phase=Phase.TLS, reason="ssl_invalid_hostname")
EXPIRED = Failure(phase=Phase.TLS, reason="ssl_invalid_certificate")
RIGHT = TlsFacts(verify_error="")
WRONG = TlsFacts(verify_error="Hostname mismatch")
OUTDATED = TlsFacts(verify_error="certificate has expired", dates=Dates.EXPIRED)


def seen(
    failure: Failure | None,
    tls: TlsFacts | None,
    compares: Compares = Compares.GOODPUT,
    verify: Verify = Verify.STRICT,
) -> LegObservation:
    one = leg_observed(compares=compares)
    return replace(
        one, leg=replace(one.leg, verify=verify, compares=compares), failure=failure, tls=tls
    )


@pytest.mark.parametrize(
    ("observed", "there"),
    [
        (seen(None, RIGHT), True),
        (seen(None, RIGHT, Compares.HANDSHAKE), None),
        (seen(STATUS, RIGHT), False),
        (seen(SHORT, RIGHT), False),
        (seen(PAGE, RIGHT), False),
        (seen(EXPIRED, OUTDATED), False),
        (seen(STATUS, RIGHT, verify=Verify.RECORD), False),
        (seen(STATUS, WRONG, verify=Verify.RECORD), None),
        (seen(SHORT, WRONG, verify=Verify.RECORD), None),
        (seen(PAGE, WRONG, verify=Verify.RECORD), None),
        (seen(WRONG_NAME, WRONG), None),
        (seen(EXPIRED, WRONG), None),
        (seen(RESET, RIGHT), None),
        (seen(None, WRONG, verify=Verify.RECORD), None),
        (seen(STATUS, None), None),
    ],
)
def test_only_its_own_server_says_that_an_object_is_gone(
    observed: LegObservation, there: bool | None
) -> None:
    assert is_there(FIXED, observed) is there


def of(owner: str, failure: Failure | None, tls: TlsFacts | None) -> LegObservation:
    one = seen(failure, tls)
    return replace(one, leg=replace(one.leg, owner=owner))


@pytest.mark.parametrize(
    ("others", "right"),
    [
        ([], False),
        # Its own other targets share its certificates.
        ([("x", None, RIGHT)], False),
        ([("a", None, RIGHT)], True),
        ([("a", STATUS, RIGHT)], True),
        ([("a", EXPIRED, OUTDATED)], False),
        ([("a", EXPIRED, OUTDATED), ("b", None, RIGHT)], False),
        ([("a", EXPIRED, OUTDATED), ("b", None, RIGHT), ("c", None, RIGHT)], True),
        ([("a", EXPIRED, OUTDATED), ("a", None, RIGHT), ("b", None, RIGHT)], False),
        # Who only records, or shows another's, has not looked at dates.
        ([("a", None, WRONG), ("b", None, TlsFacts()), ("c", None, None)], False),
    ],
)
def test_dates_count_if_others_show_that_this_clock_is_right(
    others: list[tuple[str, Failure | None, TlsFacts | None]], right: bool
) -> None:
    own = of("x", EXPIRED, OUTDATED)
    assert out_of_date(own)
    assert clock_is_right(own, [own, *(of(*one) for one in others)]) is right


@given(
    reason=st.sampled_from(sorted(REASONS)) | st.none(),
    phase=st.sampled_from(Phase),
    status=st.integers(100, 599),
    said=st.text(min_size=1, max_size=30),
    verify=st.sampled_from(Verify),
    wait=st.floats(0.0, 1e9) | st.none(),
)
def test_nobody_else_chooses_what_is_measured(
    reason: str | None, phase: Phase, status: int, said: str, verify: Verify, wait: float | None
) -> None:
    """Whatever is answered under a certificate that is not right: the candidate stays in use."""
    failure = None if reason is None else Failure(phase=phase, reason=reason)
    observed = replace(
        seen(failure, TlsFacts(verify_error=said), verify=verify),
        http=HttpFacts(version="2", status=status, retry_after_seconds=wait, is_page=True),
    )
    for candidate in candidates_of(THREE):
        known = after_page(NOTHING, LINK, 0.0)
        assert after_leg(candidate, known, is_there(candidate, observed), 1.0) == known
        # Nor does what is gone come back by it.
        gone = after_leg(candidate, known, False, 1.0)
        assert after_leg(candidate, gone, is_there(candidate, observed), 2.0) == gone


def test_a_mark_outlives_another_link_and_tells_candidates_apart() -> None:
    marks = [mark_of(one) for one in candidates_of(THREE)]
    assert len(set(marks)) == 3
    assert marks[:2] == [mark_of(one) for one in candidates_of(FOUND)]
