"""What gives nothing to read is said, and since when; an answer under a wrong name is nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind, Verify
from probe.model.object_record import HOUR_SECONDS, ObjectRecord, Why
from probe.model.observation import Leg, LegObservation, RoundObservation, SkippedLeg, TlsFacts
from probe.model.verdict import State
from tests.verdict.country import WELL, Country, Done

DAY = 24 * HOUR_SECONDS
RESET = Failure(phase=Phase.TLS, reason="connection_reset")
# Signed by nobody that is known, with the stamps of public logs, which may be copied.
UNKNOWN = Failure(phase=Phase.TLS, reason="ssl_unknown_authority")
LOGGED = TlsFacts(for_name=True, logged=True, verify_error="unable to get issuer")


def object_only(done: Done) -> object:
    return lambda leg, address: (
        done if leg.target == "object" and leg.role is LegRole.TARGET else WELL
    )


@given(st.lists(st.tuples(st.booleans(), st.floats(60.0, 7_200.0)), max_size=80))
def test_a_record_is_what_was_seen(seen: list[tuple[bool, float]]) -> None:
    record, at = ObjectRecord(), 1_700_000_000.0
    times: list[tuple[float, bool]] = []
    for gave, later in seen:
        at += later
        record = record.after(None if gave else Why.GONE, "a", at)
        times.append((at, gave))
    failing = 0
    for _, gave in reversed(times):
        if gave:
            break
        failing += 1
    assert record.tries == failing
    assert (record.since > 0.0) == (failing > 0)
    assert not failing or record.since == times[-failing][0]
    assert record.unread == (failing >= 2)
    hours = {int(at // HOUR_SECONDS) for at, _ in times}
    lately = [gave for when, gave in times if when // HOUR_SECONDS > at // HOUR_SECONDS - 24]
    assert record.share(at) == (sum(lately) / len(lately) if lately else None)
    assert len(record.hours) <= min(24, len(hours))


@pytest.mark.parametrize(
    ("done", "why", "hours"),
    [
        (Done(status=404), Why.GONE, 6),
        (Done(status=503), Why.GONE, 6),
        (Done(fails=RESET), Why.UNREACHED, 20),
        (Done(fails=UNKNOWN, tls=LOGGED), Why.UNREACHED, 20),
    ],
)
def test_what_gives_nothing_is_told_and_rot_within_a_day(
    done: Done, why: Why, hours: float
) -> None:
    country = Country(swaps=False)
    country.run(10)
    began = country.now
    country.act = object_only(done)  # type: ignore[assignment]
    assert not country.run(1).unread, "one may be chance"
    (found,) = country.run(1).unread
    assert (found.target, found.why, found.rotten) == ("object", why, False)
    assert began < found.since < country.now
    assert found.read_at == began
    while country.now - found.since < hours * HOUR_SECONDS:
        assert not country.verdicts[-1].unread[0].rotten
        country.run(1)
    assert country.verdicts[-1].unread[0].rotten
    assert country.now - began < DAY
    country.act = lambda leg, address: WELL
    assert not country.run(1).unread


def test_ok_without_a_read_says_so_and_claims_none() -> None:
    country = Country(swaps=False)
    assert "reads of up to 64 KiB were tested" in country.run(10).sentence
    country.act = object_only(Done(status=404))  # type: ignore[assignment]
    country.run(2)
    said = country.run(1)
    assert said.tested_bytes is None
    assert not said.restricted
    country.act = lambda leg, address: WELL
    assert country.run(1).tested_bytes == 65_536


class WithoutAnObject(Country):
    """Its page leads to nothing."""

    def _play(self, legs: list[Leg], kind: RoundKind, burst: object) -> RoundObservation:
        gone = [one for one in legs if one.target == "object" and one.role is LegRole.TARGET]
        seen = super()._play([one for one in legs if one not in gone], kind, None)
        return replace(seen, skipped=tuple(SkippedLeg(leg=leg, reason="no_object") for leg in gone))


def test_a_page_that_leads_nowhere_is_rot_and_the_sentence_says_handshakes_only() -> None:
    country = WithoutAnObject(swaps=False)
    said = country.run(30)
    (found,) = said.unread
    assert (found.why, found.rotten, found.read_at) == (Why.NO_LINK, True, 0.0)
    assert said.state is State.OK
    assert "only handshakes were tested; no object could be read since" in said.sentence


class Stranger(Country):
    """Somebody with a trusted certificate of his own stands in the way of a recording leg."""

    there = False

    def _observe(self, leg: Leg, order: int, address: str, state: float) -> LegObservation:
        if leg.target == "object" and leg.role is LegRole.TARGET:
            leg = replace(leg, verify=Verify.RECORD)
        seen = super()._observe(leg, order, address, state)
        if self.there and leg.verify is Verify.RECORD and seen.tls is not None:
            seen = replace(seen, tls=TlsFacts(version="TLSv1.3", verify_error="Hostname mismatch"))
        return seen


@pytest.mark.parametrize("before", [WELL, Done(transfer=12.0), Done(fails=RESET)])
@given(
    status=st.just(0) | st.integers(100, 599),
    faster=st.floats(0.05, 1.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=5, deadline=None)
def test_a_strangers_answer_makes_nothing_of_a_verdict(
    before: Done, status: int, faster: float, seed: int
) -> None:
    """Whatever is said under a certificate for another name: neither well, nor down, nor refused,
    and what was proven before stands."""
    country = Stranger(seed)
    country.run(20)
    country.act = object_only(before)  # type: ignore[assignment]
    proven = country.run(4).restricted
    country.there = True
    country.act = object_only(Done(status=status, transfer=faster))  # type: ignore[assignment]
    country.verdicts.clear()
    country.run(6)
    for verdict in country.verdicts:
        assert verdict.state not in (State.OK, State.DOWN, State.WITHHELD)
        assert verdict.reason not in ("refused", "server_error")
        assert verdict.restricted or not proven
    if not proven:
        assert country.verdicts[-1].rule_id == "unknown.stranger"


@pytest.mark.parametrize(
    ("status", "state"),
    [(404, State.OK), (410, State.OK), (301, State.OK), (403, State.UNKNOWN), (302, State.UNKNOWN)],
)
def test_a_file_that_is_only_reached_and_is_gone_hides_nothing(status: int, state: State) -> None:
    """Its handshake is compared as ever; whom a site turns away, it tells something else."""
    country = Country(swaps=False)
    country.run(10)
    page = Done(status=status)
    country.act = lambda leg, address: page if leg.target == "page" else WELL
    assert country.run(1).reason == "refused", "one may be chance"
    said = country.run(30)
    assert said.state is state
    if state is State.UNKNOWN:
        assert said.reason == "refused"
        assert not said.unread
        return
    (found,) = said.unread
    assert (found.target, found.why, found.rotten, found.reads) == ("page", Why.GONE, True, False)
    assert "page is reached, and what is asked of it is not there since" in said.sentence
    assert "reads of up to 64 KiB were tested" in said.sentence
    country.act = lambda leg, address: WELL
    assert not country.run(1).unread
