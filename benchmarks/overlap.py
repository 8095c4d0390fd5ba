"""What overlapping rounds cost in truth: ratios of a platform to its controls, alone and beside.

    python -m benchmarks.overlap [--repeats N]      (as root)

In the lab, over one bottleneck that all share: a transfer round of each platform by itself, and
those of all at once, in turns. The ratio of each target's goodput to its control's in the same
round is what the product judges by; here its median alone is set against that beside three other
rounds: all well; one of them silent after 16 KiB; two policed; and a joint burst beside rounds.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random

import click
from msgspec import Struct

from lab.box.line import MEGABIT, Direction, Line
from lab.box.rules import CutOff, Match, Police, Rule
from lab.box.spec import BoxSpec
from lab.lab import Lab
from probe.config import load
from probe.config.schema import Config
from probe.measure.connection.kernel_stamps import Stamping
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.measure.tls.trust import Trust
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares, Family, LegRole, RoundKind
from probe.model.observation import RoundObservation
from probe.observe.pairs import ratios
from probe.schedule.host_budget import HostBudget

ALONE, BESIDE, BURST = "alone", "beside", "beside a burst"
RATE = 8
NAMES: Mapping[str, tuple[str, ...]] = {
    "x": ("abs.twimg.com", "platform.x.com"),
    "facebook": (".fbcdn.net", "connect.facebook.net"),
    "instagram": (".cdninstagram.com",),
    "youtube": (".googlevideo.com", ".ytimg.com", "www.youtube.com"),
}
SILENT = CutOff(after_bytes=16_384)
POLICED = Police(rate_bits_per_second=1.0 * MEGABIT, burst_bytes=16_384)


class Case(Struct, frozen=True, kw_only=True):
    """What is done to whom; of the others the ratios are compared."""

    name: str
    rules: Mapping[str, CutOff | Police]


CASES = (
    Case(name="all well", rules={}),
    Case(name="x silent after 16 KiB", rules={"x": SILENT}),
    Case(name="x and youtube policed to 1 Mbit/s", rules={"x": POLICED, "youtube": POLICED}),
)


def line() -> Line:
    """DSL, as it were: what is read is bound by the line, so two bodies at once would show."""
    way = Direction(delay_seconds=0.02, rate_bits_per_second=RATE * MEGABIT)
    return Line(down=way, up=way)


class Measures:
    """Rounds with fresh budgets over one vantage's line."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._trust = Trust.load(config.settings.ca_file)
        self._state = BetweenRounds()
        self._vantage = config.settings.vantages[0].name

    def _rounds(self) -> Rounds:
        self._state.budget = HostBudget()
        return Rounds(self._config, self._trust, self._state, random=Random())

    async def round(self, platform: str) -> list[RoundObservation]:
        """One that reads."""
        return [
            await self._rounds().measure(
                platform=platform,
                vantage=self._vantage,
                kind=RoundKind.TRANSFER,
                family=Family.IPV4,
            )
        ]

    async def burst(self) -> list[RoundObservation]:
        """A joint one of all platforms."""
        rounds = self._rounds()
        plan = Burst(target="", compares=Compares.GOODPUT, read_bytes=65_536)
        planned = [
            PlannedBurst(
                platform.name,
                Burst(
                    target=next(t.name for t in platform.targets if t.compares is plan.compares),
                    compares=plan.compares,
                    read_bytes=plan.read_bytes,
                ),
            )
            for platform in self._config.platforms
        ]
        return [*await rounds.bursts.made(planned, vantage=self._vantage)]


async def take(config_file: str, repeats: int, platforms: list[str]) -> None:
    """Inside the client's namespace: print the goodput ratios, by how they were made."""
    measures = Measures(load(Path(config_file), {}))
    found: dict[str, list[float]] = defaultdict(list)

    def note(how: str, seen: list[RoundObservation]) -> None:
        for one in seen:
            for ratio in ratios(one):
                if ratio.measure == "goodput" and ratio.versus is LegRole.CONTROL:
                    found[f"{how}/{one.platform}"].append(ratio.value)

    async def at_once(how: str, *made: Callable[[], Awaitable[list[RoundObservation]]]) -> None:
        for seen in await asyncio.gather(*(make() for make in made)):
            note(how, [one for one in seen if one.kind is RoundKind.TRANSFER])

    rounds = [lambda name=name: measures.round(name) for name in platforms]
    with Stamping():
        for _ in range(repeats):
            for one in rounds:
                await at_once(ALONE, one)
            await at_once(BESIDE, *rounds)
            await at_once(BURST, measures.burst, *rounds)
    sys.stdout.write(json.dumps(found))


def run(case: Case, repeats: int, platforms: list[str]) -> dict[str, list[float]]:
    """The ratios of each platform, by ``how/platform``."""
    rules = tuple(
        Rule(name=name, action=action, match=Match(names=NAMES[name]))
        for name, action in case.rules.items()
    )
    spec = Lab.of(load(None, {})).spec
    with Lab(spec, path=BoxSpec(line=line(), rules=rules)) as lab:
        client = [sys.executable, "-m", "benchmarks.overlap", "--repeats", str(repeats)]
        client += ["--client", str(lab.daemon_config())]
        client += [part for name in platforms for part in ("--platform", name)]
        done = lab.exec(client, timeout_seconds=1_200)
        if done.returncode:
            raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout))


@click.command()
@click.option("--repeats", default=7, help="Of each way of measuring.")
@click.option("--client", hidden=True, help="Measure, inside the lab.")
@click.option("--platform", "platforms", multiple=True, default=list(NAMES))
@click.option("--case", "wanted", default="", help="Only those with this in their name.")
def main(repeats: int, client: str | None, platforms: tuple[str, ...], wanted: str) -> None:
    """Print the medians and their ratios."""
    if client is not None:
        asyncio.run(take(client, repeats, [*platforms]))
        return
    print(f"goodput of targets over their control's, medians; {RATE} Mbit/s, 40 ms")
    print(f"{'case':36}{'platform':12}{'n':>4}{ALONE:>8}{BESIDE:>8}{'':>7}{BURST:>16}")
    for case in (case for case in CASES if wanted in case.name):
        found = run(case, repeats, [*platforms])
        for name in platforms:
            alone = found.get(f"{ALONE}/{name}", [])
            if not alone:
                continue
            middle = statistics.median(alone)
            text = f"{case.name:36}{name:12}{len(alone):4}{middle:8.2f}"
            for how in (BESIDE, BURST):
                other = statistics.median(found[f"{how}/{name}"])
                text += f"{other:8.2f} ({other / middle - 1.0:+.0%})"
            print(text, flush=True)


if __name__ == "__main__":
    main()
