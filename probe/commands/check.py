"""``throttlewatch check``: is the configuration right, and does each target give what it should?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from msgspec import Struct
from rich.table import Table

from probe.commands.measuring import Measuring
from probe.commands.options import CONFIG_ERROR, config_option, json_option, load_config, warn
from probe.commands.output import write
from probe.config import ConfigErrors, load, warnings
from probe.config.definition import Definition
from probe.config.handful import with_whole_pool
from probe.config.schema import Config
from probe.model.failure import Failure
from probe.model.identity import FIRST_PROBER
from probe.model.observation import LegObservation, SkippedLeg
from probe.publish.privacy.configured_names import Named
from probe.publish.terminal.console import Doing, console


class TargetAnswer(Struct, frozen=True, kw_only=True):
    """One target that was asked once. ``skipped``: why it was not (empty: it was). ``status`` is of
    HTTP, ``body_bytes`` what was read of the body (``None``: nothing came)."""

    of: str
    target: str
    leg: str
    prober: str
    url: str
    fine: bool
    failure: Failure | None = None
    status: int | None = None
    body_bytes: int | None = None
    skipped: str = ""


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
@click.option("--online", is_flag=True, help="Also fetch every target once, and say which answer.")
@json_option
def check(file: Path | None, path: Path | None, online: bool, as_json: bool) -> None:
    """Check the configuration without sending a packet.

    Mistakes are all shown at once, with file, line and key; the exit status is then 2. With
    --online every target is fetched once; the status is 1 if any does not give what is expected.
    """
    if as_json:
        _for_machines(file or path, online)
        return
    config = load_config(file or path)
    warn(config)
    click.echo(
        f"configuration is right: {len(config.platforms)} platforms, {len(config.controls)} "
        f"controls, {len(config.settings.vantages)} vantage(s)"
    )
    if online:
        asked = asyncio.run(ask_each(config))
        console().print(_table(asked))
        _end(asked)


def _for_machines(file: Path | None, online: bool) -> None:
    try:
        config = load(file, os.environ)
    except ConfigErrors as wrong:
        _write({"right": False, "mistakes": wrong.errors})
        sys.exit(CONFIG_ERROR)
    asked = asyncio.run(ask_each(config)) if online else None
    _write(
        {
            "right": True,
            "mistakes": (),
            "warnings": warnings(config),
            "platforms": [platform.name for platform in config.platforms],
            "controls": [control.name for control in config.controls],
            "vantages": [vantage.name for vantage in config.settings.vantages],
            # Not asked is not the same as nothing to ask.
            "online": asked,
        }
    )
    _end(asked or ())


def _write(checked: Mapping[str, object]) -> None:
    write([msgspec.json.encode(checked), b"\n"], None)


def _end(asked: tuple[TargetAnswer, ...]) -> None:
    if not all(one.fine for one in asked):
        sys.exit(1)


async def ask_each(config: Config) -> tuple[TargetAnswer, ...]:
    """Every target of every platform and control, each asked once from the first vantage."""
    measuring, named = Measuring(config), Named.of(config)
    vantage = config.settings.vantages[0].name
    family = config.settings.families[0]
    found: list[TargetAnswer] = []
    with Doing("asking") as doing:
        for definition in (*config.platforms, *with_whole_pool(config).controls):
            doing.now(f"asking {definition.title}")
            seen = await measuring.rounds.visit(definition, vantage=vantage, family=family)
            measuring.counted(seen)
            legs = sorted(seen.every_leg, key=lambda o: o.leg.target)
            found += [_asked(definition, leg, named) for leg in legs]
            found += [_not_asked(definition, missing, named) for missing in seen.skipped]
    return tuple(found)


def _asked(definition: Definition, leg: LegObservation, named: Named) -> TargetAnswer:
    return TargetAnswer(
        of=definition.name,
        target=leg.leg.target,
        leg=leg.leg.role.value,
        prober=leg.leg.prober,
        url=named.url(leg.leg.url),
        fine=leg.ok,
        # What a far end says of itself stays here.
        failure=None
        if leg.failure is None
        else Failure(phase=leg.failure.phase, reason=leg.failure.reason),
        status=None if leg.http is None else leg.http.status,
        body_bytes=leg.body_bytes,
    )


def _not_asked(definition: Definition, missing: SkippedLeg, named: Named) -> TargetAnswer:
    return TargetAnswer(
        of=definition.name,
        target=missing.leg.target,
        leg=missing.leg.role.value,
        prober=missing.leg.prober,
        url=named.url(missing.leg.url),
        fine=False,
        skipped=missing.reason,
    )


def _table(asked: tuple[TargetAnswer, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("of", "target", "leg", "result", "url"):
        table.add_column(heading, overflow="fold")
    for one in asked:
        leg = one.leg if one.prober == FIRST_PROBER else f"{one.leg}, {one.prober}"
        table.add_row(one.of, one.target, leg, _result(one), one.url)
    return table


def _result(one: TargetAnswer) -> str:
    if one.skipped:
        return f"not asked: {one.skipped}"
    if one.failure is None:
        read = "the head" if one.body_bytes is None else f"{one.body_bytes} bytes"
        return f"fine, {read}"
    status = "" if one.status is None else f" ({one.status})"
    return f"{one.failure.reason} in {one.failure.phase}{status}"
