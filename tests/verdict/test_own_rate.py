"""What fails because of how often we ask accuses nobody; what fails at once, whoever asks, does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import groupby
from random import Random

import pytest
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase
from probe.model.observation import Leg, RoundObservation, TlsFacts
from probe.model.verdict import Method, State
from probe.observe.effort import Measure
from probe.verdict.burst import own_rate
from probe.verdict.one_round.first_ones import FirstOnes
from probe.verdict.remembered.memory import OpenSuspicion
from tests.verdict.country import ADDRESSES, INTERVAL, WELL, Act, Country, Done, nothing

CONTROLS = ("amazon", "debian", "jquery", "kernel", "microsoft", "ubuntu", "videolan")
WAYS = {
    "refused": Done(fails=Failure(phase=Phase.CONNECT, reason="connection_refused")),
    "silent": Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error")),
    "reset": Done(fails=Failure(phase=Phase.TLS, reason="connection_reset")),
    "no answer": Done(fails=Failure(phase=Phase.PROCESSING, reason="connection_reset")),
    "429": Done(status=429),
    "503": Done(status=503),
}
PER: dict[str, Callable[[Leg, str], object]] = {
    "address": lambda leg, address: address,
    "name": lambda leg, address: leg.sni,
    "platform": lambda leg, address: leg.owner,
}


def limited(country: Country, how: Done, *, most: int, per: str) -> Act:
    """So many connections are taken after a pause, and no more until the next one."""
    taken: dict[tuple[object, float], int] = Counter()

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        key = (PER[per](leg, address), country.now)
        taken[key] += 1
        return WELL if taken[key] <= most else how

    return act


def calm(*, swaps: bool) -> Country:
    country = Country(swaps=swaps, vouched=True, controls=CONTROLS)
    country.run(24)
    country.verdicts.clear()
    return country


@pytest.mark.parametrize("swaps", [False, True])
@pytest.mark.parametrize("per", PER)
@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS.keys())
def test_a_limit_on_connections_accuses_nobody(how: Done, most: int, per: str, swaps: bool) -> None:
    country = calm(swaps=swaps)
    country.act = limited(country, how, most=most, per=per)
    country.run(24)
    assert not [one.sentence for one in country.verdicts if one.restricted]
    country.act = nothing
    country.run(6)
    assert not any(one.restricted for one in country.verdicts)


@pytest.mark.parametrize("how", ["refused", "silent", "reset", "no answer"])
def test_what_fails_at_once_is_found_as_soon(how: str) -> None:
    country = calm(swaps=False)
    country.act = lambda leg, address: WELL if leg.role is LegRole.CONTROL else WAYS[how]
    country.run(4)
    assert country.verdicts[-1].state is State.BLOCKED
    assert country.verdicts[-1].basis is Basis.REFERENCE


def test_a_reset_on_the_name_that_also_condemns_the_address_for_minutes_is_found() -> None:
    """As with the Great Firewall: after a match, nothing more to the address for some minutes."""
    country = calm(swaps=True)
    condemned: set[tuple[str, float]] = set()

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        hit = (address, country.now)
        if hit not in condemned and leg.role is not LegRole.TARGET:
            return WELL
        condemned.add(hit)
        return WAYS["reset"]

    country.act = act
    country.run(3)
    assert country.verdicts[-1].state is State.BLOCKED


SHUT_OUT = [
    (first, then)
    for first in ("reset", "no answer")
    for then in ("reset", "silent", "refused")
    if (first, then) != ("reset", "reset")
]
"""What whoever says the name first meets, and what all do who come to that address after him."""


def condemning(country: Country, first: str, then: str, per: str) -> Act:
    """Whoever says the name is shut out, and for some minutes so is all that comes after him."""
    condemned: set[tuple[object, float]] = set()

    def act(leg: Leg, address: str) -> Done:
        hit = (PER[per](leg, address), country.now)
        if leg.role is LegRole.CONTROL:
            return WELL
        if hit in condemned:
            return WAYS[then]
        if leg.role is not LegRole.TARGET:
            return WELL
        condemned.add(hit)
        return WAYS[first]

    return act


@pytest.mark.parametrize("swaps", [False, True])
@pytest.mark.parametrize("per", ["address", "platform"])
@pytest.mark.parametrize(("first", "then"), SHUT_OUT)
def test_a_box_that_shuts_out_earlier_whoever_follows_the_name_is_found(
    first: str, then: str, per: str, swaps: bool
) -> None:
    """As where the address, or all of a platform's, is dropped for minutes after the name was said:
    most legs of a burst cannot even connect, yet it is no limit that the first ones are cut by."""
    country = calm(swaps=swaps)
    country.act = condemning(country, first, then, per)
    while country.run(1).state is not State.BLOCKED:  # once what is suspected was the first
        assert len(country.verdicts) < 32
    last = country.verdicts[-1]
    assert (last.state, last.basis) == (State.BLOCKED, Basis.REFERENCE)
    assert last.method is (Method.TLS if first == "reset" else Method.HTTP)
    country.act = nothing
    country.run(6)
    assert country.verdicts[-1].state is State.OK


SERVERS_OWN = {
    "small packets alone": Done(
        fails=Failure(phase=Phase.TLS, reason="generic_timeout_error"), lost=2, received=0
    ),
    "an alert": Done(
        fails=Failure(phase=Phase.TLS, reason="ssl_failed_handshake"),
        tls=TlsFacts(alert="handshake_failure"),
    ),
}


@pytest.mark.parametrize("trouble", SERVERS_OWN.values(), ids=SERVERS_OWN.keys())
@pytest.mark.parametrize("how", ["refused", "silent"])
def test_first_ones_that_fail_at_another_layer_of_themselves_do_not_count(
    how: str, trouble: Done
) -> None:
    """A front that refuses the second connection, on a way that takes no large packets, or that
    turns the first one away itself."""
    country = calm(swaps=False)
    refused = limited(country, WAYS[how], most=1, per="platform")

    def act(leg: Leg, address: str) -> Done:
        done = refused(leg, address)
        return trouble if leg.role is LegRole.TARGET and done is WELL else done

    country.act = act
    country.run(12)
    assert not [one.sentence for one in country.verdicts if one.restricted]


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("most", [1, 2])
def test_a_target_out_of_order_before_a_limit_accuses_nobody_of_another(
    most: int, seed: int
) -> None:
    """The object is reset by its own servers, and the page only comes too late at their front."""
    country = Country(seed, swaps=False, vouched=True, controls=CONTROLS)
    country.run(24)
    country.verdicts.clear()
    taken = limited(country, WAYS["silent"], most=most, per="platform")

    def act(leg: Leg, address: str) -> Done:
        done = taken(leg, address)
        return WAYS["reset"] if done is WELL and leg.target == "object" else done

    country.act = lambda leg, address: WELL if leg.role is LegRole.CONTROL else act(leg, address)
    country.run(24)
    accused = {one.target for one in country.verdicts if one.restricted}
    assert "page" not in accused


def test_the_sentence_says_what_the_first_connections_met() -> None:
    country = calm(swaps=False)
    country.act = limited(country, WAYS["reset"], most=1, per="platform")
    country.run(16)
    last = country.verdicts[-1]
    assert last.state is State.IMPAIRED
    assert "first after a pause" in last.sentence
    assert "how often is asked" in last.sentence


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("seed", range(1, 4))
def test_what_fails_now_and_then_at_first_is_one_event_of_one_state(
    share: float, seed: int
) -> None:
    """A ``share`` of the first connections after a pause fails, and all that follow do."""
    country, random = Country(seed, swaps=False, vouched=True, controls=CONTROLS), Random(seed)
    country.run(24)
    country.verdicts.clear()
    asked: set[float] = set()

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        first = country.now not in asked
        asked.add(country.now)
        return WELL if first and random.random() >= share else WAYS["silent"]

    country.act = act
    country.run(40)
    said = [one.state for one in country.verdicts if one.proven]
    turns = [state for state, _ in groupby(said)]
    assert turns.count(State.BLOCKED) <= 1  # once taken back, it is not said again
    if share < 0.4:
        assert turns[-1] is State.IMPAIRED
    if share > 0.9:
        assert turns[-1] is State.BLOCKED


@pytest.mark.parametrize(
    ("met", "may_be"),
    [
        (FirstOnes(failed=2, at=Method.TCP), False),
        (FirstOnes(failed=3, behind=1, at=Method.TCP), True),
        (FirstOnes(failed=3, foremost=2, behind=1, at=Method.TCP), False),
        (FirstOnes(failed=2, behind=1, at=Method.TLS), True),
    ],
)
def test_what_fails_behind_one_that_came_through_must_fail_before_all(
    met: FirstOnes, may_be: bool
) -> None:
    assert own_rate.by_our_rate(replace(suspected(), first_ones=met), Basis.REFERENCE) is may_be


def test_a_dead_address_that_was_asked_before_is_no_pause() -> None:
    """As if it had been the first: what is dead uses a limit up, too."""
    country = calm(swaps=False)
    for page, behind, failed in ((WAYS["silent"], 0, 1), (WELL, 1, 0)):
        done = {"page": page, "object": WAYS["refused"]}
        country.act = partial(at_targets, done)
        met = own_rate.noted(suspected(), asked_last(country, "object"), rested=True).first_ones
        assert (met.behind, met.failed, met.foremost) == (behind, failed, 0)


def at_targets(done: dict[str, Done], leg: Leg, address: str) -> Done:
    return WELL if leg.role is LegRole.CONTROL else done[leg.target]


def suspected() -> OpenSuspicion:
    return OpenSuspicion(
        target="object",
        measure=Measure.HANDSHAKE,
        family=Family.IPV4,
        onset_at=0.0,
        last_at=0.0,
        failures=("connect/connection_refused",) * 3,
    )


def asked_last(country: Country, target: str) -> RoundObservation:
    """A round in which ``target`` was asked after the platform's others."""
    while True:
        observed = country.a_round()
        legs = observed.by_role(LegRole.TARGET)
        if max(legs, key=lambda leg: leg.order).leg.target == target:
            return observed


def from_the_middle_of_a_round(country: Country, how: Done, passed: int) -> Act:
    """Of the next round so many legs come through before it begins, and none from then on."""
    begins, asked = country.now + INTERVAL, country.bursts
    seen: list[Leg] = []

    def act(leg: Leg, address: str) -> Done:
        if leg.role is LegRole.CONTROL:
            return WELL
        if country.now == begins and country.bursts == asked:
            seen.append(leg)
            if len(seen) <= passed:
                return WELL
        return how

    return act


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("homes", [False, True])
@pytest.mark.parametrize("swaps", [False, True])
@pytest.mark.parametrize("how", ["refused", "silent", "reset", "no answer"])
def test_what_begins_in_the_middle_of_a_round_is_found_as_soon(
    how: str, swaps: bool, homes: bool, seed: int
) -> None:
    """Whoever passed in that round did so before it began, and says nothing of a limit."""
    for passed in range(4 if swaps else 2):
        country = Country(seed, swaps=swaps, vouched=True, controls=CONTROLS)
        if homes:
            country.homes = {"page": ADDRESSES, "object": ("198.18.0.3", "198.18.0.4")}
        country.run(24)
        country.act = from_the_middle_of_a_round(country, WAYS[how], passed)
        country.run(6)
        assert country.verdicts[-1].state is State.BLOCKED, passed
        assert country.verdicts[-1].basis is Basis.REFERENCE


@pytest.mark.parametrize("swaps", [False, True])
def test_a_block_that_lets_a_few_through_is_found_and_stays_found(swaps: bool) -> None:
    """One connection in seven comes through, whoever is first: no limit does that."""

    def found(seed: int) -> bool:
        country, random = Country(seed, swaps=swaps, vouched=True, controls=CONTROLS), Random(seed)
        country.run(24)
        country.verdicts.clear()

        def act(leg: Leg, address: str) -> Done:
            passes = leg.role is LegRole.CONTROL or random.random() < 0.15
            return WELL if passes else WAYS["silent"]

        country.act = act
        country.run(30)
        turns = [said for said, _ in groupby(one.restricted for one in country.verdicts)]
        assert turns.count(True) <= 1  # it is not taken back
        return True in turns

    assert sum(map(found, range(12))) >= 11
