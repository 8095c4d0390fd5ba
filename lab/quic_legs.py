"""Inside a lab: what a round has of one platform over QUIC, and the same target over TCP; prints
the observations as JSON. ``python -m lab.quic_legs CA_FILE SPEC_FILE PLATFORM``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from random import Random

import msgspec
from msgspec.structs import replace

from lab.every_leg import object_of
from lab.world.dns import Zone
from lab.world.spec import WorldSpec
from probe.config import load
from probe.config.neutral import neutral_names
from probe.config.probers import BY_NAME
from probe.config.schema import Config, VantageConfig
from probe.measure.names.drawn_names import with_drawn_names
from probe.measure.one_leg.beside import made_beside
from probe.measure.one_leg.prober import measures
from probe.measure.one_round.legs import Endpoint, declare, in_order
from probe.measure.tls.trust import Trust
from probe.model.identity import RoundKind
from probe.model.observation import Leg, LegObservation

CONTROLS = "control-jquery,control-cdnjs"
SECONDS = 4.0


class Reads(Random):
    """Draws what makes a round read over QUIC, too."""

    def random(self) -> float:
        return 0.0


def configured() -> Config:
    """The default configuration, over QUIC and with controls that speak it."""
    return load(None, {"THROTTLEWATCH_QUIC": "true", "THROTTLEWATCH_CONTROLS": CONTROLS})


def legs(config: Config, platform: str) -> list[Leg]:
    """Those of a round that reads: over QUIC, and the targets that speak it over TCP."""
    quic = BY_NAME["quic"]
    own = next(one for one in config.platforms if one.name == platform)

    def endpoints(*definitions: object) -> list[Endpoint]:
        return [
            Endpoint(definition=one, target=target, object=object_of(target))
            for one in (own, *config.controls)
            if one in definitions
            for target in one.targets
            if quic.speaks(target)
        ]

    controls = endpoints(*config.controls)
    plain, _ = declare(
        endpoints(own), controls, RoundKind.TRANSFER, legs=config.settings.legs, beacon=None
    )
    over = made_beside(
        quic,
        plain,
        controls,
        RoundKind.TRANSFER,
        speaks={(leg.owner, leg.target) for leg in plain},
        settings=config.settings.legs,
        random=Reads(1),
    )
    neutral = neutral_names(config.controls)
    return in_order(with_drawn_names((*plain, *over), lambda leg: neutral, Random(1)), Random(1))


async def measure(ca_file: str, spec: WorldSpec, platform: str) -> list[LegObservation]:
    """One after the other, as a round does."""
    zone = Zone(spec.zone, spec.ttl_seconds)
    trust, made = Trust.load(ca_file), []
    for order, leg in enumerate(legs(configured(), platform)):
        found = await measures(leg.prober)(
            replace(leg, min_bytes=0),
            address=(zone.lookup(leg.connect_to) or [None])[0],
            via=VantageConfig(name="default"),
            trust=trust,
            deadline_seconds=SECONDS,
            order=order,
        )
        made.append(found)
    return made


def main(ca_file: str, spec_file: str, platform: str) -> None:
    """Measure and print."""
    spec = msgspec.json.decode(Path(spec_file).read_bytes(), type=WorldSpec)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(measure(ca_file, spec, platform))))


if __name__ == "__main__":
    main(*sys.argv[1:])
