"""A chain that is wrong in its dates alone, by real handshakes: told apart from every forgery."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from itertools import product

import pytest
import trustme

from lab.loopback.servers import (
    NAME,
    Visit,
    authority,
    leg_to,
    measure,
    serve,
    server_context,
    stranger,
)
from probe.model.identity import Dates, Verify
from probe.model.observation import LegObservation
from probe.observe.effort import Measure, effort, failed, hard, misdated, refused

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
PAST = (NOW - 90 * DAY, NOW - 3 * DAY)
FUTURE = (NOW + 3 * DAY, NOW + 90 * DAY)
PRESENT = (NOW - 3 * DAY, NOW + 90 * DAY)
Span = tuple[datetime.datetime, datetime.datetime]


async def answer(visit: Visit) -> None:
    await visit.answer(b"x")


def leaf(span: Span, *names: str, of: trustme.CA | None = None) -> trustme.LeafCert:
    signer = (of or authority()).create_child_ca()
    return signer.issue_cert(*(names or (NAME,)), not_before=span[0], not_after=span[1])


async def met(leaf: trustme.LeafCert, verify: Verify = Verify.STRICT) -> LegObservation:
    async with serve(answer, server_context(leaf)) as server:
        return await measure(leg_to(server.port, verify=verify))


@pytest.mark.parametrize("verify", list(Verify))
@pytest.mark.parametrize(
    ("span", "kind", "moment"),
    [(PAST, Dates.EXPIRED, PAST[1]), (FUTURE, Dates.NOT_YET_VALID, FUTURE[0])],
)
async def test_dates_alone_are_told_with_their_day_and_are_no_failure_of_the_way(
    span: Span, kind: Dates, moment: datetime.datetime, verify: Verify
) -> None:
    observed = await met(leaf(span), verify)
    assert observed.failure is not None
    assert observed.failure.reason == "ssl_invalid_certificate"
    assert observed.tls is not None
    assert observed.tls.dates is kind
    assert observed.tls.dates_at == pytest.approx(moment.timestamp(), abs=1.0)
    assert misdated(observed) is kind
    assert refused(observed)
    assert not failed(observed)
    assert hard(observed) is None
    assert [effort(observed, one) for one in (Measure.HANDSHAKE, Measure.TRANSFER)] == [None, None]


FAULTS: tuple[tuple[str, Callable[[Span], trustme.LeafCert]], ...] = (
    ("another authority", lambda span: leaf(span, of=stranger())),
    ("another name", lambda span: leaf(span, "other.example")),
)


@pytest.mark.parametrize(("fault", "span"), list(product(FAULTS, (PAST, FUTURE, PRESENT))))
async def test_whatever_else_is_wrong_is_not_excused_by_its_dates(
    fault: tuple[str, Callable[[Span], trustme.LeafCert]], span: Span
) -> None:
    observed = await met(fault[1](span))
    assert observed.failure is not None
    assert misdated(observed) is None
    assert failed(observed)
    assert hard(observed) is not None


async def test_a_forged_leaf_below_a_true_authority_that_has_ended_is_not_excused() -> None:
    # OpenSSL would meet the date of the intermediate before it looks at the leaf's signature.
    forger = stranger().create_child_ca()
    forged = forger.issue_cert(NAME, not_before=PAST[0], not_after=PAST[1])
    true = authority().create_child_ca().issue_cert(NAME)
    forged.cert_chain_pems[1:] = true.cert_chain_pems[1:]
    observed = await met(forged)
    assert failed(observed)
    assert misdated(observed) is None


async def test_a_chain_that_is_valid_now_has_no_wrong_dates() -> None:
    signer = authority().create_child_ca()
    observed = await met(signer.issue_cert(NAME, not_before=PRESENT[0], not_after=PRESENT[1]))
    assert observed.ok
    assert observed.tls is not None
    assert observed.tls.dates is None


async def test_what_a_far_ends_clock_says_is_noted() -> None:
    async def late(visit: Visit) -> None:
        await visit.answer(b"x", fields="Date: Sat, 20 Jan 2024 13:00:00 GMT\r\n")

    async def junk(visit: Visit) -> None:
        await visit.answer(b"x", fields="Date: yesterday\r\n")

    dates = []
    for script in (late, junk, answer):
        async with serve(script, server_context(leaf(PRESENT))) as server:
            observed = await measure(leg_to(server.port))
        assert observed.http is not None
        dates.append(observed.http.date)
    assert dates == [1_705_755_600.0, None, None]
