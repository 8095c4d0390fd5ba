"""What a day of the default schedule takes off a data plan: ``python -m benchmarks.bytes_per_day``
(``--no-quic``: where the extra is not installed; ``--all``: with uploads, too).

As root: in a lab (certificate chains of real weight, a path of 40 ms) every kind of round of every
default platform is made some times; its bytes are the kernel's count of each connection, with all
headers, and those of every DNS message. A day is what the schedule makes of them at its two paces.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from statistics import mean

import click
import msgspec
from msgspec.structs import replace

from lab.lab import Lab
from lab.world.build import world_for
from probe.config import load
from probe.config.schema import Config
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.measure.tls.trust import Trust
from probe.model.identity import SCHEDULED, RoundKind
from probe.schedule.data_budget import wire_bytes
from probe.schedule.round_pace import Costs, Pace, bytes_per_second, fastest, pace_of

DELAY_SECONDS = 0.02
DAY_SECONDS = 86_400.0
MEGABYTE = 1_000_000.0
Sizes = dict[str, dict[RoundKind, list[int]]]


async def measure(config: Config, times: int) -> Sizes:
    """Inside the client's namespace: bytes of each round, by platform and kind."""
    rounds = Rounds(config, Trust.load(config.settings.ca_file), BetweenRounds())
    sizes: Sizes = {}
    for platform in config.platforms:
        of = sizes.setdefault(platform.name, {kind: [] for kind in SCHEDULED})
        for kind in list(SCHEDULED) * times:
            observed = await rounds.measure(
                platform=platform.name,
                vantage=config.settings.vantages[0].name,
                kind=kind,
                family=config.settings.families[0],
            )
            made = (*observed.legs, *observed.beside)
            failed = [leg.failure for leg in made if not leg.ok]
            if failed or observed.skipped:
                raise RuntimeError(f"a round was not whole: {failed or observed.skipped}")
            # The daily look for an object is no part of most rounds.
            of[kind].append(wire_bytes(observed) - observed.page_wire_bytes)
    return sizes


def show(config: Config, sizes: Sizes) -> None:
    """Print the table and the days."""
    print(f"{'kB per round':14}" + "".join(f"{kind.value:>10}" for kind in SCHEDULED))
    costs = []
    for platform, of in sizes.items():
        means = {kind: mean(of[kind]) for kind in SCHEDULED}
        print(f"{platform:14}" + "".join(f"{means[kind] / 1e3:10.0f}" for kind in SCHEDULED))
        costs.append(Costs(**{kind.value: size for kind, size in means.items()}))
    settings = config.settings
    calm = pace_of(
        settings.schedule, costs, budget=int(settings.data_budget), used=0, suspicious=False
    )
    for title, pace in (("calm", calm), ("as configured", fastest(settings.schedule))):
        minutes = pace.transfer_seconds / 60
        print(
            f"{title}: {day(config, costs, pace):.0f} MB a day, a transfer every {minutes:.3g} min"
        )


def day(config: Config, costs: list[Costs], pace: Pace) -> float:
    """Megabytes of a day at ``pace``."""
    return bytes_per_second(config.settings.schedule, costs, pace) * DAY_SECONDS / MEGABYTE


@click.command(help=__doc__)
@click.option("--times", default=5, help="Rounds of each kind and platform.")
@click.option("--quic/--no-quic", default=True, help="Whether the extra `quic` is installed.")
@click.option("--all", "everything", is_flag=True, help="With uploads, too.")
@click.option("--client", type=click.Path(path_type=Path), hidden=True)
def main(times: int, quic: bool, everything: bool, client: Path | None) -> None:
    """Measure in a lab and print."""
    if client is not None:
        sizes = asyncio.run(measure(load(client, {}), times))
        sys.stdout.buffer.write(msgspec.json.encode(sizes))
        return
    world = replace(world_for(load(None, {})), quic=quic)
    with Lab(world, delay_seconds=DELAY_SECONDS) as lab:
        path = lab.daemon_config({"quic": quic, "upload": everything})
        own = [sys.executable, "-m", "benchmarks.bytes_per_day", "--times", str(times)]
        done = lab.exec([*own, "--client", str(path)], timeout_seconds=600)
        if done.returncode:
            raise RuntimeError(done.stderr)
        show(load(path, {}), msgspec.json.decode(done.stdout, type=Sizes))


if __name__ == "__main__":
    main()
