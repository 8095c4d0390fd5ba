"""Inside a lab: experiments on one target, one after the other, until nothing more is asked; prints
what was found and by which reads as JSON.

``python -m lab.law_reads CA_FILE SPEC_FILE FIRST_BYTES DEADLINE_SECONDS [PROBER]``
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lab.small import CONFIG
from lab.world.dns import Zone
from lab.world.spec import WorldSpec
from probe.config.schema import Config, DnsConfig, Settings, VantageConfig
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.measure.tls.trust import Trust
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares
from probe.model.law import Law, TriedRead
from probe.observe.tried_read import tried
from probe.verdict.law.law_found import law_of
from probe.verdict.law.next_experiment import next_experiment

PLATFORM, TARGET, HOST = "pictures", "large", "static.xx.fbcdn.net"
MOST = 12


class LawRead(Struct, frozen=True):
    """What was found (``None``: nothing), and by what."""

    law: Law | None
    reads: tuple[TriedRead, ...]


async def found(
    trust: Trust, spec: WorldSpec, first_bytes: int, seconds: float, over: str = ""
) -> LawRead:
    """Ask until it is known, by the prober ``over`` (empty: TCP). No read lasts longer than
    ``seconds``, so that a test does not."""
    addresses: tuple[str, ...] = tuple(Zone(spec.zone, spec.ttl_seconds).lookup(HOST) or ())
    settings = Settings(
        vantages=(VantageConfig(name="default"),),
        dns=DnsConfig(system=False, resolvers=()),
        resolve={HOST: addresses[:1]},
    )
    config = Config(settings=settings, platforms=CONFIG.platforms, controls=CONFIG.controls)
    rounds = Rounds(config, trust, BetweenRounds())
    reads: tuple[TriedRead, ...] = ()
    for _ in range(MOST):
        asked = next_experiment(reads, first_bytes=first_bytes, spent_bytes=0, over=over)
        if asked is None:
            break
        asked = replace(asked, deadline_seconds=seconds)
        burst = Burst(
            target=TARGET,
            compares=Compares.GOODPUT,
            read_bytes=asked.read_bytes,
            each=asked.reads,
            over=over,
            experiment=asked,
        )
        observed = await rounds.experiments.made(PlannedBurst(PLATFORM, burst), vantage="default")
        if not observed.every_leg:
            break  # its host has been asked often enough
        made = [
            tried(leg, asked, place=place, began=observed.started_at)
            for place, leg in enumerate(observed.every_leg)
        ]
        reads = (*reads, *(one for one in made if one is not None))
    return LawRead(law_of(reads), reads)


def main(ca_file: str, spec_file: str, first_bytes: str, seconds: str, over: str = "") -> None:
    """Measure and print."""
    spec = msgspec.json.decode(Path(spec_file).read_bytes(), type=WorldSpec)
    made = asyncio.run(found(Trust.load(ca_file), spec, int(first_bytes), float(seconds), over))
    sys.stdout.buffer.write(msgspec.json.encode(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
