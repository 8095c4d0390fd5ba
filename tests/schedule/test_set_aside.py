"""What is set aside before a round or a burst is no less than what its legs may have, in either
direction and by whichever prober."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config.amount import AFTER_SILENCE, round_bytes, round_size
from probe.config.definition import Corner, Definition, Target
from probe.config.probers import BESIDE, BY_NAME, used
from probe.config.schema import Config, ScheduleConfig, Settings
from probe.config.values import Bytes
from probe.measure.names.drawn_names import one_any_answer
from probe.measure.objects.objects import ChosenObject
from probe.measure.one_leg.attempt import most_wire_bytes
from probe.measure.one_leg.beside import made_beside
from probe.measure.one_round.legs import Endpoint, declare, declare_burst
from probe.model.burst import Burst
from probe.model.identity import FIRST_PROBER, SCHEDULED, Answer, Compares, RoundKind
from probe.model.observation import Leg
from probe.schedule.data_budget import LEG_MOST_BYTES, DataBudget, most_bytes_of
from probe.schedule.forecast import forecast
from synth.shape import config, definition

READABLE = 600_000
HEADERS = 1.1
"""What a sent body is on the wire beside itself, where segments are as small as 536 bytes."""
NEUTRAL = Corner(why="test", sni="neutral.test")
SWAPS = st.sampled_from(
    (
        None,
        NEUTRAL,
        replace(NEUTRAL, compares=Compares.GOODPUT, min_bytes=Bytes(READABLE)),
        replace(NEUTRAL, sni=None, answer=Answer.ANY),
    )
)


@st.composite
def targets(draw: st.DrawFn, name: str) -> Target:
    read = draw(st.booleans())
    return Target(
        name=name,
        url=f"https://{name}.test/object",
        compares=Compares.GOODPUT if read else Compares.HANDSHAKE,
        min_bytes=Bytes(READABLE if read else 0),
        swap=draw(SWAPS),
        quic=draw(st.booleans()),
        upload=draw(st.booleans()),
    )


@st.composite
def configurations(draw: st.DrawFn) -> Config:
    own = tuple(draw(targets(f"target{i}")) for i in range(draw(st.integers(1, 3))))
    beside = tuple(
        definition(f"control{i}", draw(targets(f"object{i}")), control=True)
        for i in range(draw(st.integers(1, 4)))
    )
    settings = Settings(
        quic=draw(st.booleans()),
        upload=draw(st.booleans()),
        schedule=ScheduleConfig(controls=draw(st.integers(1, 3))),
    )
    shaped = replace(config(settings=settings), controls=beside)
    return replace(shaped, platforms=(definition("x", *own),))


def endpoints(of: Definition) -> list[Endpoint]:
    return [
        Endpoint(
            definition=of,
            target=target,
            object=ChosenObject(url=target.url or "", min_bytes=int(target.min_bytes)),
        )
        for target in of.targets
    ]


def made(of: Config, kind: RoundKind, drawn: random.Random) -> Sequence[Leg]:
    """The legs of one round, as ``probe/measure/one_round/round.py`` puts them together."""
    settings, (platform,) = of.settings, of.platforms
    every = [one for control in of.controls for one in endpoints(control)]
    few = settings.schedule.controls
    # As after a round in which no control answered: then it has the most.
    controls = drawn.sample(every, min(AFTER_SILENCE * few, len(every)))
    legs, _ = declare(endpoints(platform), controls[:few], kind, legs=settings.legs, beacon=None)
    known = [*endpoints(platform), *every]
    for prober in used(settings):
        legs = (
            *legs,
            *made_beside(
                prober,
                [leg for leg in legs if leg.prober == FIRST_PROBER],
                every,
                kind,
                speaks={
                    (e.definition.name, e.target.name) for e in known if prober.speaks(e.target)
                },
                settings=settings.legs,
                random=drawn,
            ),
        )
    further, _ = declare((), controls[few:], RoundKind.LIGHT, legs=settings.legs, beacon=None)
    return one_any_answer((*legs, *further), drawn)


def most_of(leg: Leg) -> float:
    """Bytes that one leg can have on the wire, both ways, if nothing is sent again."""
    return most_wire_bytes(leg.max_bytes) + HEADERS * leg.send_bytes


def body_of(leg: Leg) -> int:
    return leg.send_bytes + (leg.max_bytes if leg.compares is Compares.GOODPUT else 0)


@given(configurations(), st.sampled_from(SCHEDULED), st.integers(0, 2**32))
def test_a_round_has_no_more_than_was_set_aside_for_it(
    of: Config, kind: RoundKind, seed: int
) -> None:
    legs = made(of, kind, random.Random(seed))
    size = round_size(of, of.platforms[0])
    assert len(legs) <= size.legs + size.further
    if kind is not RoundKind.LIGHT:
        assert sum(map(body_of, legs)) <= size.most_body(kind, of.settings.legs)
    assert sum(map(most_of, legs)) <= DataBudget(of).most_bytes("x", kind)


@given(
    configurations(),
    st.sampled_from((FIRST_PROBER, *(prober.name for prober in BESIDE))),
    st.sampled_from((65_536, 524_288)),
    st.booleans(),
    st.integers(1, 6),
)
def test_a_burst_has_no_more_than_was_set_aside_for_it(
    of: Config, prober: str, size: int, with_swap: bool, each: int
) -> None:
    burst = Burst(
        target="target0",
        compares=Compares.GOODPUT,
        read_bytes=size,
        over="" if prober == FIRST_PROBER else prober,
        each=each,
        with_swap=with_swap,
    )
    every = [one for control in of.controls for one in endpoints(control)]
    controls = [every[i % len(every)] for i in range(each)]
    legs = declare_burst(endpoints(of.platforms[0])[:1], controls, burst, legs=of.settings.legs)
    assert legs
    assert sum(map(body_of, legs)) <= len(legs) * size
    assert sum(map(most_of, legs)) <= most_bytes_of(burst)


def with_bodies(*, upload: bool) -> Config:
    """Each target takes bodies; whether some are sent is the question."""
    of = config(settings=Settings(upload=upload))

    def taking(one: Definition) -> Definition:
        return replace(one, targets=tuple(replace(t, upload=True) for t in one.targets))

    return replace(
        of, platforms=tuple(map(taking, of.platforms)), controls=tuple(map(taking, of.controls))
    )


@pytest.mark.parametrize("kind", [RoundKind.TRANSFER, RoundKind.LONG])
def test_what_is_sent_is_set_aside_before_the_round(kind: RoundKind) -> None:
    with_, without = with_bodies(upload=True), with_bodies(upload=False)
    legs = with_.settings.legs
    size = int(legs.transfer_bytes if kind is RoundKind.TRANSFER else legs.long_bytes)
    for platform in with_.platforms:
        more = DataBudget(with_).most_bytes(platform.name, kind) - DataBudget(without).most_bytes(
            platform.name, kind
        )
        assert more >= 2 * (size + LEG_MOST_BYTES)


def test_a_plan_counts_what_is_sent() -> None:
    """By what each round is expected to cost, and so in a day and in the pace of a month."""
    with_, without = with_bodies(upload=True), with_bodies(upload=False)
    for platform in with_.platforms:
        for kind in (RoundKind.TRANSFER, RoundKind.LONG):
            sizes = [round_size(of, platform) for of in (with_, without)]
            expected = [
                round_bytes(of, size, kind)
                for of, size in zip((with_, without), sizes, strict=True)
            ]
            share = BY_NAME["upload"].read_share if kind is RoundKind.TRANSFER else 1.0
            size = with_.settings.legs
            body = int(size.transfer_bytes if kind is RoundKind.TRANSFER else size.long_bytes)
            assert expected[0] - expected[1] >= share * 2 * body
        light = [
            round_bytes(of, round_size(of, platform), RoundKind.LIGHT) for of in (with_, without)
        ]
        assert light[0] == pytest.approx(light[1])
    days = [forecast(of, of.settings.vantages[0]).alert_bytes_per_day for of in (with_, without)]
    assert days[0] > 1.3 * days[1]
