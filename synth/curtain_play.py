"""A curtain around operators of controls in the world of numbers, with and without a platform that
is slowed beside it, or behind it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from probe.config.handful import Handful, filled, with_handful
from probe.config.schema import Config
from probe.model.curtain import Curtain
from probe.model.verdict import Evidence, State, Verdict
from probe.observe.effort import Measure
from scenarios.model import CutOff, Effect, Policed, Restricted, Whom, exactly
from synth.drive import Daemon, Said
from synth.edges import CALM
from synth.line import LineModel
from synth.world import World

BEGIN = 1_699_920_000.0
HOUR = 3_600.0
STEP = 60.0
FROZEN: Effect = CutOff(after_bytes=exactly(16 * 1_024))
SLOWED: Effect = Policed(rate_bits_per_second=exactly(128_000), burst_bytes=exactly(4_500))
X_NAMES = (".x.com", ".twimg.com")


class CurtainPlayed(Struct, frozen=True):
    """What was ``said`` while it hung, by platform; the curtains that ``hung`` last, and when the
    first was seen (seconds after it began; ``None``: never); all that was ``heard``, and what hung
    ``after`` its end."""

    said: dict[str, list[Verdict]]
    hung: tuple[Curtain, ...]
    seen_after: float | None
    heard: tuple[Said, ...]
    after: tuple[Curtain, ...]

    def states(self, platform: str) -> set[State]:
        """What it was called."""
        return {verdict.state for verdict in self.said[platform]}


def drawn(config: Config, operators: Sequence[str], seed: int) -> Config:
    """``config`` with a handful in which these operators' sites are, two of each at most."""
    names: list[str] = []
    for operator in operators:
        names += [one.name for one in config.pool if one.operator == operator][:2]
    handful = Handful(f"{Random(seed).getrandbits(128):032x}", tuple(names))
    return with_handful(config, filled(handful, config.pool))


def play(
    config: Config,
    line: LineModel,
    operators: Sequence[str],
    effect: Effect,
    *,
    seed: int,
    slowed: bool = False,
    behind: bool = False,
    vouched: bool = True,
    calm_hours: float = 3.0,
    hours: float = 2.5,
    after_hours: float = 0.0,
) -> CurtainPlayed:
    """Play it: ``slowed``: X is policed by its name meanwhile; ``behind``: its servers are in the
    network of the first of ``operators``."""
    config = drawn(config, operators, seed)
    world = World(config, line, seed=seed, edges=CALM, begin=BEGIN, least_addresses=2)
    hosts = {h for c in config.controls if c.operator in operators for h in c.hosts}
    if behind:
        own = {h for p in config.platforms if p.name == "x" for h in p.hosts}
        hosts |= own
        ranges = tuple(f"{a}/32" for h in sorted(own) for a in world.zone.get(h, ()))
        first = next(c for c in config.controls if c.operator == operators[0])
        controls = (*(c for c in config.controls if c is not first), replace(first, ranges=ranges))
        config = replace(config, controls=controls)
    daemon = Daemon(config, world, begin=BEGIN)
    now, heard = BEGIN, list[Said]()

    def run(hours: float) -> list[Said]:
        nonlocal now
        found, until = list[Said](), now + hours * HOUR
        while now < until:
            now += STEP
            if vouched:
                daemon.references = {p.name: (fine_outside(p.name, now),) for p in config.platforms}
            found += daemon.run(now)
        heard.extend(found)
        return found

    run(calm_hours)
    acts = [Restricted(whom=Whom(hosts=tuple(sorted(hosts))), effects=(effect,))]
    if slowed:
        acts.append(Restricted(whom=Whom(names=X_NAMES), effects=(SLOWED,)))
    world.restrict(acts)
    began = now
    during = run(hours)
    hung = daemon.memory.curtains.values()
    world.restrict(())
    run(after_hours)
    seen = next((s.verdict.at - began for s in during if s.verdict.curtains), None)
    said: dict[str, list[Verdict]] = {p.name: [] for p in config.platforms}
    for one in during:
        said[one.observed.platform].append(one.verdict)
    return CurtainPlayed(
        said, tuple(hung), seen, tuple(heard), tuple(daemon.memory.curtains.values())
    )


def fine_outside(platform: str, at: float) -> Verdict:
    """What a reference says that has just read and found all well."""
    return Verdict(
        vantage="abroad",
        platform=platform,
        state=State.OK,
        rule_id="ok",
        sentence="",
        at=at,
        since=at,
        read_at=at,
        evidence=tuple(
            Evidence(name=f"{measure}_slowdown_ratio", subject="object", value=1.0)
            for measure in Measure
        ),
    )
