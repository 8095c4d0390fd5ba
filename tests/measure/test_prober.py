"""The table of probers: every line leads to a coroutine of the right form, and old rounds read."""

from __future__ import annotations

import inspect
import re

import msgspec
import pytest
from msgspec.structs import replace

from probe.config.probers import BESIDE, NAME_PROBERS, PROBERS, NameProber, Prober
from probe.measure.names.doh import ask as ask_doh
from probe.measure.one_leg.leg import measure_leg
from probe.measure.one_leg.prober import Asks, Measures, asks, measures
from probe.model.identity import FIRST_PROBER
from probe.model.observation import Leg, RoundObservation
from probe.schedule.data_budget import wire_bytes
from synth.shape import config, full_round

# That they fit is what mypy says of these lines; the table names them by their place.
_LEGS: tuple[Measures, ...] = (measure_leg,)
_NAMES: tuple[Asks, ...] = (ask_doh,)


def parameters(function: object) -> list[tuple[str, object]]:
    assert callable(function)
    signature = inspect.signature(function)
    return [(one.name, one.default) for one in signature.parameters.values()]


@pytest.mark.parametrize("prober", PROBERS, ids=lambda prober: prober.name)
def test_each_prober_of_legs_is_called_as_the_others_are(prober: Prober) -> None:
    if prober.library:
        pytest.importorskip(prober.library)
    assert inspect.iscoroutinefunction(measures(prober.name))
    assert parameters(measures(prober.name)) == parameters(measure_leg)


@pytest.mark.parametrize("prober", NAME_PROBERS, ids=lambda prober: prober.transport)
def test_each_prober_of_names_is_called_as_the_others_are(prober: NameProber) -> None:
    assert parameters(asks(prober)) == parameters(ask_doh)


def test_names_are_unique_and_fit_into_names_of_metrics() -> None:
    names = [prober.name for prober in PROBERS]
    assert names[0] == FIRST_PROBER
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*", name) for name in names)
    assert len({one.transport for one in NAME_PROBERS}) == len(NAME_PROBERS)


def test_the_stored_form_of_legs_is_the_one_it_always_had() -> None:
    """Rounds and exports of earlier versions are read, and later ones by them."""
    observed = full_round(config(), "x")
    (first, *_) = observed.legs
    over = replace(first, leg=replace(first.leg, prober="quic"))
    blob = msgspec.json.encode(replace(observed, beside=(over,)))
    plain = msgspec.json.decode(blob)
    assert plain["quic"][0]["leg"]["transport"] == "quic"
    assert plain["legs"][0]["leg"]["transport"] == "tcp"
    assert "beside" not in plain
    assert msgspec.json.decode(blob, type=RoundObservation).beside == (over,)
    del plain["quic"], plain["legs"][0]["leg"]["transport"]
    before = msgspec.convert(plain, RoundObservation)
    assert before == observed


@pytest.mark.parametrize("prober", BESIDE, ids=lambda prober: prober.name)
def test_what_others_sent_is_counted_as_well(prober: Prober) -> None:
    observed = full_round(config(), "x")
    (first, *_) = observed.legs
    leg: Leg = prober.leg(first.leg, 1_024)
    over = replace(first, leg=leg, wire_bytes_sent=700, wire_bytes_received=3_300)
    both = replace(observed, beside=(over,))
    assert wire_bytes(both) == wire_bytes(observed) + 4_000
    assert both.every_leg == (*observed.legs, over)
