"""Who may ask to be left alone, for how long, and what of it is heeded."""

from __future__ import annotations

import time
from datetime import UTC
from email.utils import format_datetime, formatdate, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lab.loopback.servers import (
    HERE,
    Http2,
    Script,
    Visit,
    certificate,
    leg_to,
    measure,
    serve,
    server_context,
    trust,
)
from probe.measure.one_leg.upload import measure_upload
from probe.measure.one_round.manners import (
    Wish,
    answered_at,
    http_date,
    retry_after,
    spared,
    wish_of,
)
from probe.model.identity import FIRST_PROBER, LegRole, Verify
from probe.schedule.host_budget import MOST_CLOSED_SECONDS, HostBudget

NOON = b"Fri, 20 Jan 2023 12:00:00 GMT"
NOW = 1_674_216_000.0
"""``NOON`` as Unix seconds."""


@pytest.mark.parametrize("role", LegRole)
@pytest.mark.parametrize("prober", [FIRST_PROBER, "quic"])
def test_only_what_a_round_cannot_do_without_takes_the_last_tokens(
    role: LegRole, prober: str
) -> None:
    leg = replace(leg_to(1), role=role, prober=prober)
    needed = role in (LegRole.TARGET, LegRole.CONTROL) and prober == FIRST_PROBER
    assert (spared(leg) == 0.0) is needed


@pytest.mark.parametrize(
    ("field", "date", "seconds"),
    [
        (None, NOON, None),
        (b"120", NOON, 120.0),
        (b" 120 ", None, 120.0),
        (b"Fri, 20 Jan 2023 12:10:00 GMT", NOON, 600.0),
        (b"Fri, 20 Jan 2023 12:10:00 GMT", None, 600.0),
        # The far end's clock is a day behind ours, or a year ahead: it is counted from its own.
        (b"Thu, 19 Jan 2023 12:10:00 GMT", b"Thu, 19 Jan 2023 12:00:00 GMT", 600.0),
        (b"Sat, 20 Jan 2024 12:10:00 GMT", b"Sat, 20 Jan 2024 12:00:00 GMT", 600.0),
        (b"Fri, 20 Jan 2023 11:00:00 GMT", NOON, 0.0),
        # A date that is none: our clock.
        (b"Fri, 20 Jan 2023 12:10:00 GMT", b"today", 600.0),
        # The two old forms (RFC 9110, 5.6.7).
        (b"Friday, 20-Jan-23 12:10:00 GMT", NOON, 600.0),
        (b"Fri Jan 20 12:10:00 2023", NOON, 600.0),
        (b"soon", NOON, None),
        (b"-5", NOON, None),
        (b"9" * 400, NOON, None),
        (b"Fri, 20 Jan 99999999999 12:10:00 GMT", NOON, None),
        (NOON * 3_000, NOON, None),
    ],
)
def test_how_long(field: bytes | None, date: bytes | None, seconds: float | None) -> None:
    assert retry_after(field, date, NOW) == seconds


@given(st.binary(max_size=80), st.one_of(st.none(), st.binary(max_size=80)))
def test_whatever_is_said_the_wait_is_none_or_not_negative(
    field: bytes, date: bytes | None
) -> None:
    seconds = retry_after(field, date, NOW)
    assert seconds is None or seconds >= 0.0


@given(st.datetimes(), st.datetimes())
def test_our_own_clock_does_not_matter(until: object, date: object) -> None:
    said = [format_datetime(one).encode() for one in (until, date)]  # type: ignore[arg-type]
    assert retry_after(said[0], said[1], 0.0) == retry_after(said[0], said[1], 4e9)


def busy(fields: str) -> Script:
    async def script(visit: Visit) -> None:
        await visit.answer(b"later", status="503 Service Unavailable", fields=fields)

    return script


@pytest.mark.parametrize(
    ("verify", "name", "heeded"),
    [
        (Verify.STRICT, "www.example.com", True),
        (Verify.RECORD, "www.example.com", True),
        (Verify.RECORD, "www.censor.example", False),
        (Verify.STRICT, "www.censor.example", False),
    ],
)
async def test_only_the_host_that_was_asked_is_heeded(
    verify: Verify, name: str, heeded: bool
) -> None:
    context = server_context(certificate(name))
    async with serve(busy("Retry-After: 86400\r\n"), context) as server:
        observed = await measure(leg_to(server.port, verify=verify, connect_to="swap.example"))

    assert observed.failure is not None
    assert wish_of(observed) == (Wish("www.example.com", 86_400.0) if heeded else None)


@pytest.mark.parametrize("verify", Verify)
@pytest.mark.parametrize("name", ["www.example.com", "www.censor.example"])
async def test_so_it_is_over_http_2_and_for_bodies_that_are_sent(verify: Verify, name: str) -> None:
    async def script(visit: Visit) -> None:
        http = Http2(visit)
        stream = await http.request()
        await http.head(stream, ("retry-after", "86400"), status=503, end=True)

    context = server_context(certificate(name), alpn=("h2",))
    async with serve(script, context) as server:
        observed = await measure(leg_to(server.port, verify=verify))
    right = name == "www.example.com"
    assert wish_of(observed) == (Wish(name, 86_400.0) if right else None)
    if right:
        assert observed.http is not None
        assert observed.http.version == "2"
    async with serve(busy("Retry-After: 86400\r\n"), server_context(certificate(name))) as server:
        leg = leg_to(server.port, verify=verify, http_versions=("http/1.1",))
        sent = await measure_upload(
            replace(leg, prober="upload", send_bytes=1_000),
            address="127.0.0.1",
            via=HERE,
            trust=trust(),
            deadline_seconds=5.0,
            order=0,
        )
    assert wish_of(sent) == (Wish(name, 86_400.0) if right else None)


async def test_nobody_is_heeded_without_tls() -> None:
    async with serve(busy("Retry-After: 86400\r\n")) as server:
        observed = await measure(leg_to(server.port, url="http://www.example.com/"))

    assert observed.http is not None
    assert observed.http.retry_after_seconds == 86_400.0
    assert wish_of(observed) is None


@pytest.mark.parametrize(
    ("date", "age", "at"),
    [
        (NOON, None, NOW),
        (NOON, b"0", NOW),
        # Three days in a cache: the answer says when it was made, and how long ago that is.
        (NOON, b" 259200 ", NOW + 259_200.0),
        (NOON, b"-5", NOW),
        (NOON, b"soon", NOW),
        (NOON, b"9" * 40, NOW),
        (None, b"60", None),
        (b"yesterday", b"60", None),
    ],
)
def test_a_cache_tells_how_old_its_answer_is(
    date: bytes | None, age: bytes | None, at: float | None
) -> None:
    assert answered_at(date, age) == at


@given(
    at=st.integers(min_value=0, max_value=2**32),
    time_of_day=st.sampled_from(["", "23:59:59", "24:00:00", "12:60:00", "12:00:60", "1:02:03"]),
    day=st.sampled_from(["", "Mon, 31 Feb 2026", "Xyz, 05 Jan 2026", "Mon, 05 Jxn 2026"]),
    zone=st.sampled_from(["GMT", "UTC", "+0100", ""]),
)
def test_a_date_is_what_the_library_says(at: int, time_of_day: str, day: str, zone: str) -> None:
    said = formatdate(at, usegmt=True)
    assert http_date(said.encode()) == at
    said = f"{day or said[:16]} {time_of_day or said[17:25]} {zone}".strip()
    try:
        parsed = parsedate_to_datetime(said)
        expected = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        expected = None
    assert http_date(said.encode()) == expected


async def test_the_time_of_a_cached_answer_is_that_of_now() -> None:
    then = time.time() - 3 * 86_400.0
    fields = f"Date: {formatdate(then, usegmt=True)}\r\nAge: 259200\r\n"
    async with serve(busy(fields), server_context(certificate())) as server:
        observed = await measure(leg_to(server.port))

    assert observed.http is not None
    assert observed.http.date == pytest.approx(then + 3 * 86_400.0, abs=2.0)


async def test_a_date_is_counted_from_the_answers_own() -> None:
    then = time.time() - 400 * 86_400.0
    fields = f"Date: {formatdate(then, usegmt=True)}\r\nRetry-After: {formatdate(then + 90.0)}\r\n"
    async with serve(busy(fields), server_context(certificate())) as server:
        observed = await measure(leg_to(server.port))

    assert observed.http is not None
    assert observed.http.retry_after_seconds == 90.0


@given(st.floats(min_value=0.0, allow_nan=False, allow_infinity=True))
def test_no_wish_holds_for_more_than_an_hour(seconds: float) -> None:
    budget = HostBudget()
    budget.close("home", "x.test", 5.0, 5.0 + seconds)
    assert budget.has("home", "x.test", 5.0 + min(seconds, MOST_CLOSED_SECONDS) + 0.001)
