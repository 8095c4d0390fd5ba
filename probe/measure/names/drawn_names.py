"""Which neutral names swaps say: drawn anew for each leg that takes any answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from urllib.parse import urlsplit

from msgspec.structs import replace

from probe.config.definition import Target
from probe.config.neutral import OBSCURE
from probe.measure.one_round.legs import with_host
from probe.model.identity import Answer, Fame
from probe.model.observation import Leg


def with_drawn_names(
    legs: Sequence[Leg], names: Callable[[Leg], Sequence[str]], random: Random
) -> tuple[Leg, ...]:
    """``legs``, with a name drawn for each that takes any answer, out of ``names`` of it, or an
    obscure one if that is asked for; without it where there is none. No rule that exempts one name
    then exempts such a leg."""
    made = []
    for leg in legs:
        if leg.answer is not Answer.ANY:
            made.append(leg)
        elif able := names(leg):
            place = random.randrange(len(able))
            obscure = leg.fame is Fame.OBSCURE
            name = OBSCURE[place % len(OBSCURE)] if obscure else able[place]
            made.append(replace(leg, sni=name, url=with_host(urlsplit(leg.url), name)))
    return tuple(made)


def one_any_answer(legs: Sequence[Leg], random: Random) -> tuple[Leg, ...]:
    """``legs`` with one of those of each prober that take any answer, drawn: a handshake that moves
    nothing is not worth one for every target in every round. Bursts make them all."""
    able: dict[str, list[Leg]] = {}
    for leg in legs:
        if leg.answer is Answer.ANY:
            able.setdefault(leg.prober, []).append(leg)
    kept = [random.choice(some) for some in able.values()]
    return tuple(
        leg for leg in legs if leg.answer is not Answer.ANY or any(leg is one for one in kept)
    )


def swap_names(target: Target, neutral: Sequence[str]) -> Sequence[str]:
    """The names that a swap of ``target`` which takes any answer is drawn from: its own, or those
    that the configuration knows as ``neutral``."""
    return (target.swap and target.swap.names) or neutral
