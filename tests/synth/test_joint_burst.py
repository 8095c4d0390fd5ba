"""A joint burst in the world of numbers: what it consists of; everything in it counts once."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from math import log
from random import Random
from statistics import pstdev

import pytest
from msgspec import Struct

from probe.config import load
from probe.measure.bursts.joint_burst import joined
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares, Family, LegRole, Phase, Vantage
from probe.model.observation import LegObservation, RoundObservation
from probe.model.stored import StoredRound
from probe.model.verdict import State, Verdict
from probe.observe.effort import Measure, effort
from probe.publish.export.export_csv import csv_lines
from probe.publish.export.export_ooni import measurements
from probe.publish.latest.board import Board
from probe.publish.report.gather import gather
from probe.publish.report.report_parts import Window
from probe.schedule.data_budget import LOOKUP_BYTES, wire_bytes
from probe.verdict.burst.score import SMALL_SAMPLE, score
from probe.verdict.thresholds import DEFAULT
from synth.edges import CALM
from synth.lines import FIBRE
from synth.rounds import VANTAGE, Rounds
from synth.shape import verdict_of
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
CONTROLS = ("control-microsoft/object", "control-ubuntu/object", "control-videolan/object")
READS = Burst(
    target="object", compares=Compares.GOODPUT, read_bytes=65_536, controls=CONTROLS, each=3
)
PLANNED = [PlannedBurst(name, READS) for name in ("x", "facebook", "instagram")]


class Made(Struct):
    """The legs that were really made, and what was said of them for each platform."""

    legs: list[LegObservation]
    seen: tuple[RoundObservation, ...]


@cache
def made() -> Made:
    world = World(CONFIG, FIBRE, seed=3, edges=CALM, begin=BEGIN)
    legs, leg = [], world.leg

    def noted(*args: object, **more: object) -> tuple[LegObservation, float]:
        observed, end = leg(*args, **more)  # type: ignore[arg-type]
        legs.append(observed)
        return observed, end

    world.leg = noted  # type: ignore[method-assign]
    seen, _ = Rounds(CONFIG, world).burst(PLANNED, BEGIN)
    return Made(legs, seen)


def test_one_order_and_one_set_of_controls_for_all() -> None:
    legs, seen = made().legs, made().seen
    assert [one.platform for one in seen] == ["x", "facebook", "instagram"]
    assert len(legs) == 4 * 3
    assert sorted(leg.order for leg in legs) == [*range(12)]
    for one in seen:
        assert one.burst is not None
        assert one.burst.joint == ("x", "facebook", "instagram")
        own = [leg for leg in legs if leg.leg.owner == one.platform]
        controls = [leg for leg in legs if leg.leg.role is LegRole.CONTROL]
        wanted = sorted([*own, *controls], key=lambda leg: leg.order)
        assert [leg.order for leg in one.legs] == [leg.order for leg in wanted]
        assert [leg.phases for leg in one.legs] == [leg.phases for leg in wanted]
        assert len(own) == len(controls) == 3
        assert {leg.leg.max_bytes for leg in one.legs} == {65_536}
    # Drawn: neither platform by platform nor controls first.
    assert [leg.leg.owner for leg in legs] != sorted(leg.leg.owner for leg in legs)


Counts = Callable[[tuple[RoundObservation, ...]], float]


def _board(seen: tuple[RoundObservation, ...]) -> Board:
    board = Board(CONFIG)
    for one in seen:
        board.round_finished(one, _verdict(one))
    return board


def _verdict(one: RoundObservation) -> Verdict:
    return verdict_of(one, State.OK)


def _stored(seen: tuple[RoundObservation, ...]) -> list[StoredRound]:
    return [StoredRound(observed=one, verdict=_verdict(one)) for one in seen]


def _rows(seen: tuple[RoundObservation, ...]) -> list[dict[str, str]]:
    text = b"".join(csv_lines(_stored(seen), {})).decode()
    return [*csv.DictReader(text.splitlines())]


def _report(seen: tuple[RoundObservation, ...]) -> tuple[int, int]:
    found = gather(_stored(seen), Window(start=BEGIN - 1, end=BEGIN + 900, bin_seconds=60.0))
    return found.legs, found.wire_bytes


def _histograms(seen: tuple[RoundObservation, ...]) -> float:
    counted = _board(seen).snapshot().counted.histograms
    return sum(sum(h.counts) for key, h in counted.items() if key.phase is Phase.TLS)


def _ooni(seen: tuple[RoundObservation, ...], of: str) -> float:
    every = [m for one in _stored(seen) for m in measurements(one, Vantage(name=VANTAGE))]
    return sum(("throttlewatch_leg" in m["annotations"]) == (of == "legs") for m in every)


def _metric_bytes(seen: tuple[RoundObservation, ...]) -> float:
    return sum(_board(seen).snapshot().counted.wire_bytes.values())


def _leg_bytes() -> float:
    return sum((leg.wire_bytes_sent or 0) + (leg.wire_bytes_received or 0) for leg in made().legs)


def _names() -> int:
    return len({leg.leg.connect_to for leg in made().legs})


# Who counts what of a round, and how much of it a joint burst really was.
COUNTED: dict[str, tuple[Counts, Callable[[], float]]] = {
    "data budget, bytes": (
        lambda seen: sum(map(wire_bytes, seen)),
        lambda: _leg_bytes() + _names() * LOOKUP_BYTES,
    ),
    "metrics, bytes": (_metric_bytes, _leg_bytes),
    "metrics, histograms": (_histograms, lambda: len(made().legs)),
    "report, legs": (lambda seen: _report(seen)[0], lambda: len(made().legs)),
    "report, bytes": (lambda seen: _report(seen)[1], _leg_bytes),
    "CSV, rows that count": (
        lambda seen: sum(row["leg_counted"] == "true" for row in _rows(seen)),
        lambda: len(made().legs),
    ),
    "CSV, bytes": (
        lambda seen: sum(
            float(row[f"wire_bytes_{way}"] or 0)
            for row in _rows(seen)
            for way in ("sent", "received")
        ),
        _leg_bytes,
    ),
    "OONI, legs": (lambda seen: _ooni(seen, "legs"), lambda: len(made().legs)),
    "OONI, names": (lambda seen: _ooni(seen, "names"), _names),
    "look-ups": (lambda seen: sum(len(one.dns) for one in seen), _names),
}


@pytest.mark.parametrize("who", COUNTED)
def test_what_several_platforms_share_is_counted_once(who: str) -> None:
    counts, real = COUNTED[who]
    assert real() > 0
    assert counts(made().seen) == real()


def test_what_controls_differed_by_is_learnt_once() -> None:
    first, second, _ = (
        score(one, Measure.TRANSFER, levels={}, thresholds=DEFAULT) for one in made().seen
    )
    assert first.noise is not None
    assert second.noise is not None
    own = [effort(leg, Measure.TRANSFER) for leg in made().seen[1].by_role(LegRole.TARGET)]
    assert second.noise == pytest.approx(SMALL_SAMPLE * pstdev([log(x) for x in own if x]))


def _reads(planned: PlannedBurst) -> int:
    return planned.burst.read_bytes


ABROAD = {"a/o": "A", "b/o": "B", "c/o": "C", "a2/o": "A"}


@pytest.mark.parametrize(
    ("mine", "theirs", "together"),
    [
        ({}, {}, True),
        ({"controls": ("a/o", "b/o")}, {"controls": ("b/o", "a/o", "c/o")}, True),
        ({"controls": ("a/o", "b/o")}, {}, True),
        ({"controls": ("a/o", "b/o")}, {"controls": ("b/o", "c/o")}, False),
        ({"controls": ("a/o", "a2/o")}, {"controls": ("a/o", "a2/o")}, False),
        ({"controls": ("a/o", "home/o")}, {"controls": ("a/o", "home/o")}, False),
        ({"read_bytes": 65_536}, {"read_bytes": 16_384}, False),
        ({"compares": Compares.HANDSHAKE}, {}, False),
        ({"family": Family.IPV6}, {}, False),
        ({"each": 4}, {}, False),
        ({"address": "192.0.2.1", "with_swap": True}, {"deadline_seconds": 9.0}, True),
    ],
)
def test_which_bursts_can_be_one(
    mine: dict[str, object], theirs: dict[str, object], together: bool
) -> None:
    def plan(more: dict[str, object]) -> Burst:
        common: dict[str, object] = {
            "target": "object",
            "compares": Compares.GOODPUT,
            "read_bytes": 65_536,
        }
        return Burst(**{**common, **more})  # type: ignore[arg-type]

    planned = [PlannedBurst("x", plan(mine)), PlannedBurst("y", plan(theirs))]
    for order in (planned, planned[::-1]):
        assert len(joined(order, _reads, ABROAD)) == 1 + together


def test_a_platform_whose_host_may_not_be_asked_is_left_out_and_the_others_go_on() -> None:
    world = World(CONFIG, FIBRE, seed=3, edges=CALM, begin=BEGIN)
    rounds = Rounds(CONFIG, world)
    # All of X's, or what another of its candidates gives would be read meanwhile.
    for host in next(platform.hosts for platform in CONFIG.platforms if platform.name == "x"):
        rounds.state.budget.close(VANTAGE, host, BEGIN, BEGIN + 60.0)
    (x, facebook, instagram), _ = rounds.burst(PLANNED, BEGIN)
    assert x.legs == ()
    assert {skip.reason for skip in x.skipped} == {"host_budget"}
    assert x.burst is not None
    assert x.burst.joint == ()
    for one in (facebook, instagram):
        assert one.burst is not None
        assert one.burst.joint == ("facebook", "instagram")
        assert len(one.legs) == 6
    assert not facebook.shares_controls
    assert instagram.shares_controls


def test_when_no_control_may_be_asked_nobody_is() -> None:
    world = World(CONFIG, FIBRE, seed=3, edges=CALM, begin=BEGIN)
    rounds = Rounds(CONFIG, world)
    for leg in made().seen[0].by_role(LegRole.CONTROL):
        rounds.state.budget.close(VANTAGE, leg.leg.connect_to, BEGIN, BEGIN + 60.0)
    every = Random(1)
    seen, _ = rounds.burst(every.sample(PLANNED, len(PLANNED)), BEGIN)
    assert all(one.legs == () and one.burst and one.burst.joint == () for one in seen)
