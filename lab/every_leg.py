"""Inside a lab: make every leg of the default configuration once; print the observations as JSON.

``python -m lab.every_leg CA_FILE SPEC_FILE``. Objects that a page leads to are taken from
the lab's own content, so that nothing but legs is measured.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from lab.world.build import BEACON
from lab.world.content import PAGES
from lab.world.dns import Zone
from lab.world.spec import WorldSpec
from probe.config import load
from probe.config.candidates import candidates_of
from probe.config.definition import Target
from probe.config.formats import is_address
from probe.config.neutral import neutral_names
from probe.config.schema import Config, VantageConfig
from probe.measure.names.drawn_names import with_drawn_names
from probe.measure.objects.objects import ChosenObject
from probe.measure.one_leg.leg import measure_leg
from probe.measure.one_round.legs import Endpoint, declare
from probe.measure.tls.trust import Trust
from probe.model.identity import RoundKind
from probe.model.observation import Leg, LegObservation


def object_of(target: Target) -> ChosenObject:
    """What a target fetches here."""
    url = target.url or (PAGES[target.discover.page].link if target.discover is not None else "")
    return ChosenObject(url=url, min_bytes=int(target.min_bytes))


def legs(config: Config) -> Iterator[Leg]:
    """Every leg of every kind of round."""
    every = [
        Endpoint(definition=definition, target=candidate, object=object_of(candidate))
        for definition in (*config.platforms, *config.controls)
        for target in definition.targets
        for candidate in candidates_of(target)
    ]
    targets = [endpoint for endpoint in every if endpoint.definition.kind == "platform"]
    controls = [endpoint for endpoint in every if endpoint.definition.kind == "control"]
    neutral = neutral_names(config.controls)
    for kind in RoundKind:
        made, _ = declare(targets, (), kind, legs=config.settings.legs, beacon=BEACON)
        yield from with_drawn_names(made, lambda leg: neutral, Random(1))
        for control in controls:
            made, _ = declare((), [control], kind, legs=config.settings.legs, beacon=None)
            yield from made


async def measure(ca_file: str, spec: WorldSpec) -> list[LegObservation]:
    """All of them, a few at a time."""
    zone = Zone(spec.zone, spec.ttl_seconds)
    trust, at_once = Trust.load(ca_file), asyncio.Semaphore(8)

    async def one(order: int, leg: Leg) -> LegObservation:
        name = leg.connect_to
        address = name if is_address(name) else (zone.lookup(name) or [None])[0]
        async with at_once:
            return await measure_leg(
                leg,
                address=address,
                via=VantageConfig(name="default"),
                trust=trust,
                deadline_seconds=20.0,
                order=order,
            )

    return await asyncio.gather(*(one(n, leg) for n, leg in enumerate(legs(load(None, {})))))


def main(ca_file: str, spec_file: str) -> None:
    """Measure and print."""
    spec = msgspec.json.decode(Path(spec_file).read_bytes(), type=WorldSpec)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(measure(ca_file, spec))))


if __name__ == "__main__":
    main(*sys.argv[1:])
