"""What is sent is judged by itself: by how long its acknowledgements take, and by nothing else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import HttpFacts, Leg, LegObservation
from probe.model.verdict import Method, State, TransportFinding, Trigger
from probe.observe.effort import TIMEOUT
from probe.verdict.decide import decide
from tests.verdict.both_ways import UPLOAD, BothWays, Manner
from tests.verdict.country import WELL, Act, Country, Done, nothing

CALM = 24
ROUNDS = 8
REFUSED = Failure(phase=Phase.PROCESSING, reason="http_unexpected_status_code", detail="status 413")


def by_name(done: Done) -> Act:
    """Only what is sent under the platform's name."""
    return lambda leg, address: done if leg.role is LegRole.TARGET else WELL


def everybody(done: Done) -> Act:
    return lambda leg, address: done


def found(country: BothWays) -> TransportFinding:
    (one,) = country.verdicts[-1].over
    assert one.transport == UPLOAD
    assert one.direction == "up"
    return one


def played(up: Act, rounds: int = ROUNDS, *, with_swap: bool = True, seed: int = 1) -> BothWays:
    country = BothWays(seed, with_swap=with_swap)
    country.run(CALM)
    country.up = up
    country.run(rounds)
    return country


def with_manner(manner: Manner, rounds: int = 3 * ROUNDS) -> BothWays:
    """Servers that have always done so, and then for the platform's name only."""
    country = BothWays()
    country.run(CALM)
    country.manner = lambda seen: manner(seen) if seen.leg.role is LegRole.TARGET else seen
    country.run(rounds)
    return country


def accused(country: Country, since: int = 0) -> set[State]:
    said = {one.state for v in country.verdicts[since:] for one in v.over}
    return said & {State.THROTTLED, State.BLOCKED, State.IMPAIRED}


def test_without_uploads_nothing_changes() -> None:
    plain, both = Country(), BothWays()
    both.uploads = False
    for one in (plain, both):
        one.run(CALM)
        one.act = by_name(Done(transfer=12.0))
        one.run(ROUNDS)
    assert both.verdicts == plain.verdicts
    assert both.memory.platforms == plain.memory.platforms


def test_calm_is_calm_and_says_nothing_more() -> None:
    country = played(nothing)
    assert found(country).state is State.OK
    assert "uploads of up to 64 KiB were tested" in found(country).sentence
    assert "upload" not in country.verdicts[-1].sentence
    assert country.upload_bursts == 0


@pytest.mark.parametrize("times", [12.0, 40.0])
def test_uploads_alone_slow_by_name(times: float) -> None:
    country = played(by_name(Done(transfer=times)))
    verdict, one = country.verdicts[-1], found(country)
    assert verdict.state is State.OK
    assert (one.state, one.trigger) == (State.THROTTLED, Trigger.NAME)
    assert one.factor == pytest.approx(times, rel=0.35)
    assert "uploads to it" in one.sentence
    assert one.sentence in verdict.sentence
    assert "What comes down from it is not" in verdict.sentence
    assert "fall back" not in verdict.sentence
    assert country.bursts == country.upload_bursts > 0


def test_what_comes_down_slow_says_nothing_of_what_is_sent() -> None:
    country = BothWays()
    country.run(CALM)
    country.act = by_name(Done(transfer=12.0))
    verdict = country.run(ROUNDS)
    assert verdict.state is State.THROTTLED
    assert verdict.direction == "down"
    assert found(country).state is State.OK
    assert "What is slowed or fails is what comes down." in verdict.sentence
    assert country.upload_bursts == 0


def test_each_has_its_own_factor() -> None:
    country = BothWays()
    country.run(CALM)
    country.act, country.up = by_name(Done(transfer=40.0)), by_name(Done(transfer=10.0))
    verdict = country.run(ROUNDS)
    assert verdict.state is found(country).state is State.THROTTLED
    assert verdict.factor == pytest.approx(40.0, rel=0.35)
    assert found(country).factor == pytest.approx(10.0, rel=0.35)


def test_evidence_is_never_added_across_directions() -> None:
    """Whatever is done to uploads, what is known of what comes down is the same to the letter."""
    country = BothWays()
    country.run(CALM)
    country.up = by_name(Done(transfer=12.0))
    memory, about = country.memory, country.about
    both = alone = memory
    for _ in range(ROUNDS):
        country.now += 900.0
        observed = country.a_round()
        both = decide(both, observed, about).memory
        alone = decide(alone, replace(observed, beside=()), replace(about, lanes=())).memory
    assert both.platforms == alone.platforms
    assert both.levels == alone.levels
    assert both.lanes[UPLOAD].platforms["x"].episode is not None


def test_nothing_at_all_goes_up_under_the_name() -> None:
    stopped = Failure(phase=Phase.TRANSFER, reason=TIMEOUT)
    country = played(by_name(Done(fails=stopped)))
    one = found(country)
    assert one.state in (State.BLOCKED, State.THROTTLED)
    assert one.method is not Method.QUIC
    assert "QUIC" not in country.verdicts[-1].sentence
    assert country.verdicts[-1].state is State.OK


def test_without_a_swap_nobody_is_accused() -> None:
    """References look at what comes down: they vouch for nothing that goes up."""
    country = BothWays(with_swap=False, vouched=True)
    country.run(CALM)
    country.up = by_name(Done(transfer=12.0))
    country.run(ROUNDS)
    assert found(country).state is State.IMPAIRED
    assert "nobody has looked from outside" in found(country).sentence


@pytest.mark.parametrize("times", [3.0, 12.0, 60.0])
def test_a_household_that_sends_photographs(times: float) -> None:
    """The way up is full: whatever is sent is slow, to everybody."""
    country = played(everybody(Done(transfer=times)), rounds=3 * ROUNDS)
    assert not accused(country)
    assert {v.state for v in country.verdicts[4:]} == {State.OK}


def refuses_early(seen: LegObservation) -> LegObservation:
    assert seen.upload is not None
    few = replace(seen.upload, acked_bytes=20_000, seconds=seen.upload.seconds)
    http = HttpFacts(version="1.1", status=413)
    return replace(seen, upload=few, failure=REFUSED, http=http)


def resets(seen: LegObservation) -> LegObservation:
    assert seen.upload is not None
    few = replace(seen.upload, acked_bytes=30_000)
    failed = Failure(phase=Phase.TRANSFER, reason="connection_reset")
    return replace(seen, upload=few, failure=failed, http=None)


def reads_slowly(seen: LegObservation) -> LegObservation:
    assert seen.upload is not None
    took = 20.0 * (seen.upload.seconds or 0.1)
    slow = replace(seen.upload, seconds=took, window_limited_seconds=0.9 * took)
    return replace(seen, upload=slow, phases={**seen.phases, Phase.TRANSFER: took})


def stops_reading(seen: LegObservation) -> LegObservation:
    assert seen.upload is not None
    part = replace(seen.upload, acked_bytes=30_000, seconds=0.3, window_limited_seconds=29.0)
    failed = Failure(phase=Phase.TRANSFER, reason=TIMEOUT)
    phases = {**seen.phases, Phase.TRANSFER: 30.0}
    return replace(seen, upload=part, failure=failed, http=None, phases=phases)


@pytest.mark.parametrize("manner", [refuses_early, resets, reads_slowly, stops_reading])
def test_a_servers_own_manners_accuse_nobody(manner: Manner) -> None:
    """Even if it has them for one of its names alone, and since yesterday."""
    country = with_manner(manner)
    assert not accused(country)
    assert country.upload_bursts == 0


@pytest.mark.parametrize("status", [403, 405, 413, 451, 500, 503])
def test_a_no_to_what_was_carried_is_as_good_as_a_yes(status: int) -> None:
    """The far end's kernel had acknowledged all of it: that is what is compared."""

    def refuses(seen: LegObservation) -> LegObservation:
        upload = seen.upload
        if upload is None or upload.acked_bytes < upload.whole_bytes:
            return seen
        http = HttpFacts(version="1.1", status=status)
        return replace(seen, failure=REFUSED, http=http)

    country = BothWays()
    country.manner = refuses
    country.run(CALM)
    assert found(country).state is State.OK
    country.up = by_name(Done(transfer=12.0))
    country.run(ROUNDS)
    assert (found(country).state, found(country).trigger) == (State.THROTTLED, Trigger.NAME)


def test_a_proxy_that_acknowledges_hides_it_and_accuses_nobody() -> None:
    """Whatever is done behind it, what it takes comes at the line's own pace."""
    assert not accused(played(nothing, rounds=3 * ROUNDS))


def test_a_longer_one_has_a_level_of_its_own() -> None:
    """A bucket that forgives 64 KiB: long rounds send 512 KiB."""

    def long_ones(leg: Leg, address: str) -> Done:
        slow = leg.role is LegRole.TARGET and leg.max_bytes > 65_536
        return Done(transfer=12.0) if slow else WELL

    country = BothWays()
    country.run(CALM)
    country.run(10, RoundKind.LONG)
    country.up = long_ones
    country.run(4, RoundKind.LONG)
    one = found(country)
    assert (one.state, one.trigger) == (State.THROTTLED, Trigger.NAME)


def test_it_ends() -> None:
    country = played(by_name(Done(transfer=12.0)))
    country.up = nothing
    country.run(ROUNDS)
    assert found(country).state is State.OK
    assert "upload" not in country.verdicts[-1].sentence
