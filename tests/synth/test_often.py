"""What is slow or failing at times, or at a part of the addresses, in the whole daemon: it is said
with a number, its end is, and nobody is accused. ``benchmarks.power`` has many more."""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import median

import pytest

from probe.config import load
from probe.model.basis import Basis
from probe.model.identity import RoundKind
from probe.model.verdict import State
from scenarios.model import Lossy, Restricted, Silent, Whom, exactly
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import hosts_of, names_of
from synth.lines import FIBRE
from synth.slowing import Mechanism, done
from synth.world import World

CONFIG = load(None, {})
PLATFORM = "facebook"
DEFINITION = next(p for p in CONFIG.platforms if p.name == PLATFORM)
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
TRANSFER_SECONDS = float(CONFIG.settings.schedule.transfer)
Does = Callable[[World], None]
ONE, SEVEN = range(7, 8), range(7, 14)


def some_loss(world: World) -> None:
    """5 % of the packets, each way."""
    whom = Whom(names=names_of(DEFINITION))
    world.restrict([Restricted(whom=whom, effects=(Lossy(probability=exactly(0.05)),))])


def half_of_the_connections(world: World) -> None:
    distance = world.distance(PLATFORM)
    what = done(CONFIG, PLATFORM, Mechanism.HALF, 30.0, FIBRE, distance, by_name=True)
    world.restrict([what.restricted], share=what.share, turns=what.turns)


def half_of_the_addresses(world: World) -> None:
    whom = Whom(hosts=hosts_of(DEFINITION), edges=2)
    world.restrict([Restricted(whom=whom, effects=(Silent(),))])


@pytest.mark.parametrize(
    ("does", "addresses", "seeds", "most", "bases", "words"),
    [
        # What is missing in bursts may tell this before the share of suspicious rounds does.
        (
            some_loss,
            2,
            ONE,
            24,
            (Basis.ADDRESSES, Basis.SHARE),
            "as long as normal, on this line|on this line since",
        ),
        (half_of_the_connections, 2, ONE, 24, (Basis.SHARE,), "rounds on this line since"),
        # Of 46 seeds three took more than 8, up to 9.2: at that share the middle one of seven
        # does less than once in a thousand.
        (
            half_of_the_addresses,
            4,
            SEVEN,
            8,
            (Basis.SHARE,),
            "addresses that were tried do not answer from this line",
        ),
    ],
)
def test_it_is_said_with_a_number_and_its_end_too(
    does: Does, addresses: int, seeds: range, most: int, bases: tuple[Basis, ...], words: str
) -> None:
    assert median(said_after(does, addresses, seed, bases, words) for seed in seeds) <= most


def said_after(
    does: Does, addresses: int, seed: int, bases: tuple[Basis, ...], words: str
) -> float:
    """The time until it is said, in transfer rounds; nobody is accused, and its end is said."""
    world = World(CONFIG, FIBRE, seed=seed, edges=EdgeModel(), begin=BEGIN, addresses=(addresses,))
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=(PLATFORM,))
    for _ in daemon.run(BEGIN + 48 * HOUR):
        pass
    does(world)
    began, found = daemon.now, None
    for one in daemon.run(began + 12 * HOUR):
        assert not one.verdict.restricted
        if one.verdict.basis in bases and re.search(words, one.verdict.sentence):
            # What is suspected is read oftener than usual: what counts is the time.
            found = (one.verdict.at - began) / TRANSFER_SECONDS
            break
    assert found is not None
    world.restrict(())
    last = State.UNKNOWN
    for one in daemon.run(daemon.now + 8 * HOUR):
        if one.observed.kind is not RoundKind.BURST:
            last = one.verdict.state
    assert last is State.OK
    return found
