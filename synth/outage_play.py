"""An outage of an operator, played by a whole daemon, with references outside or none."""

from __future__ import annotations

from probe.config import load
from probe.model.identity import RoundKind
from probe.model.verdict import Verdict
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import hosts_of
from synth.line import LineModel
from synth.lines import FIBRE
from synth.outages import Outage, end, strike
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
OPERATORS = {"x": ("x",), "meta": ("facebook", "instagram"), "google": ("youtube",)}
STEP_SECONDS = 300.0


def hosts(platforms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(h for p in CONFIG.platforms if p.name in platforms for h in hosts_of(p))


def world(seed: int, line: LineModel) -> World:
    return World(CONFIG, line, seed=seed, edges=EdgeModel(), begin=BEGIN, least_addresses=2)


def played(
    outage: Outage,
    operator: str,
    *,
    seed: int = 1,
    references: int = 0,
    line: LineModel = FIBRE,
) -> tuple[list[Verdict], list[Verdict]]:
    """What is said of the operator's platforms in three hours of it, and in the two after it."""
    struck = OPERATORS[operator]
    only = tuple(dict.fromkeys((*struck, "x", "youtube")))
    worlds = [world(seed + n, line) for n in range(references + 1)]
    inside = Daemon(CONFIG, worlds[0], begin=BEGIN, only=only)
    outside = [
        Daemon(CONFIG, at, begin=BEGIN, only=struck, vantage=f"abroad-{n}", outside=True)
        for n, at in enumerate(worlds[1:])
    ]
    everybody = [inside, *outside]
    latest: dict[tuple[str, str], Verdict] = {}
    said: dict[str, list[Verdict]] = {"calm": [], "during": [], "after": []}
    now = BEGIN

    def until(phase: str, when: float) -> None:
        nonlocal now
        while now < when:
            now += STEP_SECONDS
            for daemon in everybody:
                if daemon is inside and outside:
                    daemon.references = {
                        p: tuple(v for (_, q), v in latest.items() if q == p) for p in struck
                    }
                for one in daemon.run(now):
                    if daemon is inside:
                        said[phase].append(one.verdict)
                    elif one.observed.kind is not RoundKind.BURST:
                        latest[one.observed.vantage, one.observed.platform] = one.verdict

    until("calm", BEGIN + 8 * HOUR)
    for at in worlds:
        strike(at, outage, hosts(struck))
    until("during", BEGIN + 11 * HOUR)
    for at in worlds:
        end(at)
    until("after", BEGIN + 13 * HOUR)
    assert not any(v.restricted for v in said["calm"])
    of_it = {phase: [v for v in told if v.platform in struck] for phase, told in said.items()}
    return of_it["during"], of_it["after"]
