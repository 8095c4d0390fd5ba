"""``throttlewatch plan``: what would be spent, and how often each kind of round would be made."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from probe.commands.options import config_option, json_option, load_for_here
from probe.commands.output import write
from probe.config.installed import OverQuic, over_quic, said_of_quic
from probe.config.schema import Config
from probe.publish.terminal.console import console
from probe.schedule.forecast import Forecast, costs_of, forecast
from probe.schedule.round_pace import Costs, Pace

MEGABYTE = 1_000_000


class Planned(Struct, frozen=True, kw_only=True):
    """What ``plan --json`` prints: estimated bytes of a round of each platform by kind, what each
    vantage will spend, and whether that is with legs over QUIC."""

    rounds: dict[str, Costs]
    vantages: tuple[Forecast, ...]
    over_quic: OverQuic


@click.command()
@config_option
@json_option
def plan(path: Path | None, as_json: bool) -> None:
    """Print how much data would be used, and how often rounds would be made. Sends nothing."""
    config = load_for_here(path)
    if as_json:
        planned = Planned(
            rounds=costs_of(config),
            vantages=tuple(forecast(config, vantage) for vantage in config.settings.vantages),
            over_quic=over_quic(config),
        )
        write([msgspec.json.encode(planned), b"\n"], None)
    else:
        show_plan(config, console())


def show_plan(config: Config, console: Console) -> None:
    """Print the plan. Sends nothing; the bytes are estimates, the daemon counts what it uses."""
    rounds = Table(
        box=None, pad_edge=False, title="one round, kB (estimated)", title_justify="left"
    )
    for heading in ("platform", "light", "transfer", "long"):
        rounds.add_column(heading, justify="left" if heading == "platform" else "right")
    for name, costs in costs_of(config).items():
        rounds.add_row(
            name, *(f"{size / 1_000:,.0f}" for size in (costs.light, costs.transfer, costs.long))
        )
    console.print(rounds)
    console.print("light: handshakes; transfer: an object is read, too; long: a larger one")
    console.print(said_of_quic(config), highlight=False, soft_wrap=True)
    for vantage in config.settings.vantages:
        console.print()
        for line in _lines(config, forecast(config, vantage)):
            console.print(line)


def _lines(config: Config, plan: Forecast) -> list[str]:
    schedule = config.settings.schedule
    lasts = (
        "for as long as it takes"
        if plan.reserve_days is None
        else f"for {plan.reserve_days:.0f} days out of the reserve"
    )
    lines = [
        f"vantage {plan.vantage}: {plan.budget / MEGABYTE:,.0f} MB in any 31 days, of which "
        f"{plan.reserve / MEGABYTE:,.0f} MB are kept for suspicious days",
        f"  calm: {_intervals(config, plan.calm)}: "
        f"{plan.calm_bytes_per_day / MEGABYTE:,.0f} MB a day",
        f"  all platforms suspicious: {_intervals(config, plan.alert)}: "
        f"{plan.alert_bytes_per_day / MEGABYTE:,.0f} MB a day and bursts, {lasts}",
    ]
    if schedule.quiet_hours:
        lines.append(f"  nothing at all at {', '.join(schedule.quiet_hours)}")
    if schedule.metered_hours:
        lines.append(f"  handshakes only at {', '.join(schedule.metered_hours)}")
    return lines


def _intervals(config: Config, pace: Pace) -> str:
    light = float(config.settings.schedule.light) * pace.every
    return (
        f"a round every {_minutes(light)}, one that reads every {_minutes(pace.transfer_seconds)}"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60.0 else f"{seconds / 60.0:.3g} min"
