"""What is done to a platform, by mechanism and factor: the rows of the power table."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from random import Random
from statistics import median

from msgspec import Struct

from probe.config.schema import Config
from scenarios.model import (
    CutOff,
    Delayed,
    Effect,
    HelloDropped,
    Lossy,
    Restricted,
    SynDropped,
    Whom,
    exactly,
)
from synth import effects
from synth.censor import Meeting
from synth.effects import FLIGHTS, How, hosts_of, names_of, usual_seconds
from synth.line import LineAtWork, LineModel
from synth.tcp import Flow, deliver

CUT_BYTES = 16_384
READS = 41
BISECTIONS = 9
MOST_LOSS = 0.6
MOST_SECONDS = 600.0


class Mechanism(StrEnum):
    """``some``: a policer that meets a third of the connections; ``half``: half of them; ``turns``:
    one at work for five minutes of twenty-five."""

    POLICER = "policer"
    SHAPER = "shaper"
    LOSS = "loss"
    DELAY = "delay"
    CUT = "cut"
    DROPPED = "dropped"
    SOME = "some"
    HALF = "half"
    TURNS = "turns"


SLOWING = (Mechanism.POLICER, Mechanism.SHAPER, Mechanism.LOSS, Mechanism.DELAY)
AT_TIMES = (Mechanism.SOME, Mechanism.HALF, Mechanism.TURNS)


class Done(Struct, frozen=True):
    """A restriction, to which ``share`` of the connections, and in which ``turns`` (seconds of how
    many)."""

    restricted: Restricted
    share: float = 1.0
    turns: tuple[float, float] | None = None


def done(
    config: Config,
    platform: str,
    mechanism: Mechanism,
    factor: float,
    line: LineModel,
    distance_seconds: float,
    *,
    by_name: bool,
) -> Done:
    """What makes ``platform`` so many times slower. ``factor`` is not looked at where nothing is
    slowed (``cut``, ``dropped``)."""
    definition = next(p for p in config.platforms if p.name == platform)
    whom = Whom(names=names_of(definition)) if by_name else Whom(hosts=hosts_of(definition))

    def alone(effect: Effect) -> Done:
        return Done(Restricted(whom=whom, effects=(effect,)))

    match mechanism:
        case Mechanism.CUT:
            return alone(CutOff(after_bytes=exactly(CUT_BYTES)))
        case Mechanism.DROPPED:
            return alone(HelloDropped() if by_name else SynDropped())
        case Mechanism.LOSS:
            return alone(Lossy(probability=exactly(loss_for(line, distance_seconds, factor))))
        case Mechanism.DELAY:
            more = (factor - 1.0) * usual_seconds(line, distance_seconds) / FLIGHTS
            return alone(Delayed(round_trip_seconds=exactly(more)))
    how = How.SHAPER if mechanism is Mechanism.SHAPER else How.POLICER
    effect = effects.Effect(factor=factor, how=how, by_name=by_name)
    made = effects.restriction(config, platform, effect, line, distance_seconds)
    match mechanism:
        case Mechanism.SOME:
            return Done(made, share=1.0 / 3.0)
        case Mechanism.HALF:
            return Done(made, share=0.5)
        case Mechanism.TURNS:
            return Done(made, turns=(300.0, 1_500.0))
    return Done(made)


def loss_for(line: LineModel, distance_seconds: float, factor: float) -> float:
    """The share of lost packets at which a read takes ``factor`` times as long (at the median)."""
    return _loss_for(line, round(distance_seconds, 3), factor)


@cache
def _loss_for(line: LineModel, distance_seconds: float, factor: float) -> float:
    usual = _read_seconds(line, distance_seconds, 0.0)
    least, most = 0.0, MOST_LOSS
    for _ in range(BISECTIONS):
        middle = (least + most) / 2.0
        if _read_seconds(line, distance_seconds, middle) < factor * usual:
            least = middle
        else:
            most = middle
    return (least + most) / 2.0


def _read_seconds(line: LineModel, distance_seconds: float, loss: float) -> float:
    random = Random(1)
    work = LineAtWork(line, random, 0.0)
    work.begin_round(0.0)
    took, at = [], 0.0
    for _ in range(READS):
        work.begin_leg(at)
        flow = Flow(work, random, Meeting(loss=loss), work.round_trip(distance_seconds))
        made = deliver(flow, at, effects.TRANSFER_BYTES, at + MOST_SECONDS)
        seconds = made.samples[-1][0] - at if made.whole else MOST_SECONDS
        took.append(flow.round_trip + seconds)
        at += MOST_SECONDS
    return median(took)
