"""Sites near here are slow while the line has bad moments: nobody is accused, and each sentence
follows from the numbers beside it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.config.handful import Handful, filled, with_handful
from probe.model.verdict import State
from scenarios.lines import LINES
from synth.contradictions import contradictions
from synth.curtain_play import fine_outside
from synth.drive import Daemon, Said
from synth.edges import CALM
from synth.play import line_of
from synth.troubles import Kind, Trouble
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0


def heard(seed: int, every: float, lasts: float, loss: float, times: float) -> list[Said]:
    """Three calm hours and two in which X's servers take ``times`` as long while, once in ``every``
    seconds, a share ``loss`` of all packets is lost for ``lasts`` seconds. A reference is fine."""
    config = with_handful(CONFIG, filled(Handful(f"{seed:032x}"), CONFIG.pool))
    config = replace(config, platforms=tuple(p for p in config.platforms if p.name == "x"))
    config = replace(config, settings=replace(config.settings, platforms=("x",)))
    line = line_of(LINES[("fibre", "dsl")[seed % 2]])
    world = World(config, line, seed=seed, edges=CALM, begin=BEGIN, least_addresses=2)
    daemon, now, end = Daemon(config, world, begin=BEGIN), BEGIN, BEGIN + 5 * HOUR
    bad = BEGIN + 3 * HOUR
    moments = [
        Trouble(
            begin=bad + n * every, end=bad + n * every + lasts, kind=Kind.WIFI, whom="", value=loss
        )
        for n in range(int(2 * HOUR / every))
    ]
    slow = Trouble(begin=bad, end=end, kind=Kind.SITE_SLOW, whom="x-corp-", value=times)
    world.trouble([*moments, slow])
    found: list[Said] = []
    while now < end:
        now += 60.0
        daemon.references = {p.name: (fine_outside(p.name, now),) for p in config.platforms}
        found += daemon.run(now)
    return found


@pytest.mark.parametrize("seed", [13, 17, 20, 24, 38])
@pytest.mark.parametrize("every", [2.0, 12.0])
def test_what_is_said_follows_from_the_numbers_beside_it(every: float, seed: int) -> None:
    for lasts, loss, times in ((1.0, 0.3, 30.0), (0.4, 0.5, 12.0)):
        found = heard(seed, every, lasts, loss, times)
        said = {one.verdict.state for one in found}
        assert State.UNKNOWN in said
        assert not {State.THROTTLED, State.BLOCKED} & said
        assert not contradictions(found)
