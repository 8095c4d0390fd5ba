"""``throttlewatch check``: is the configuration right, and does each target give what it should?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from rich.table import Table

from probe.commands.ask_candidates import CandidateAnswer, CandidatesFound, ask_candidates
from probe.commands.options import (
    CONFIG_ERROR,
    config_option,
    json_option,
    load_for_here,
    read_for_here,
    warn,
)
from probe.commands.output import tell, write
from probe.config import ConfigErrors, warnings
from probe.config.definition import Definition
from probe.config.handful import SITES
from probe.config.installed import over_quic, said_of_quic
from probe.config.probers import judged_beside
from probe.config.schema import Config
from probe.model.identity import FIRST_PROBER
from probe.publish.terminal.console import Doing, console


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
@click.option(
    "--online",
    is_flag=True,
    help="Also ask every candidate of every target once, and say what each gives.",
)
@json_option
def check(file: Path | None, path: Path | None, online: bool, as_json: bool) -> None:
    """Check the configuration without sending a packet.

    Mistakes are all shown at once, with file, line and key; the exit status is then 2. With
    --online every candidate of every target is asked once; the status is 1 if any does not give
    what is expected. What --online --json writes says nothing of who asked, and can be sent to
    those who keep the list.
    """
    if as_json:
        _for_machines(file or path, online)
        return
    config = load_for_here(file or path)
    warn(config)
    click.echo(
        f"configuration is right: {len(config.platforms)} platforms, {_controls(config)}, "
        f"{len(config.settings.vantages)} vantage(s)"
    )
    click.echo(said_of_quic(config))
    if over_quic(config).on and config.by_installed:
        click.echo("  before version 0.2.0 it was off unless asked for; `quic: false` keeps it off")
    if online:
        asked = _asked(config)
        console().print(_table(asked))
        _end(asked)


def _for_machines(file: Path | None, online: bool) -> None:
    try:
        config = read_for_here(file)
    except ConfigErrors as wrong:
        _write({"right": False, "mistakes": wrong.errors})
        sys.exit(CONFIG_ERROR)
    if online:
        found = _asked(config)
        _write({"right": True, "mistakes": (), "online": found})
        _end(found)
        return
    _write(
        {
            "right": True,
            "mistakes": (),
            "warnings": warnings(config),
            "platforms": [platform.name for platform in config.platforms],
            "controls": [control.name for control in _named(config)],
            "drawn": {"least": _drawn(config), "of": [control.name for control in config.pool]},
            "vantages": [vantage.name for vantage in config.settings.vantages],
            "over_quic": over_quic(config),
            # Not asked is not the same as nothing to ask.
            "online": None,
        }
    )


def _controls(config: Config) -> str:
    """How many controls a daemon has. Which ones it draws of its pool, its history alone says."""
    named, drawn = len(_named(config)), _drawn(config)
    if not drawn:
        return f"{named} controls"
    least = "at least " if judged_beside(config.settings) else ""
    which = f"{drawn} drawn" if named else "drawn"
    return f"{least}{named + drawn} controls ({which} from {len(config.pool)})"


def _named(config: Config) -> list[Definition]:
    """The controls that every daemon with this configuration has."""
    return [control for control in config.controls if not (config.pool and control.pool)]


def _drawn(config: Config) -> int:
    return min(SITES, len(config.pool))


def _write(checked: Mapping[str, object]) -> None:
    write([msgspec.json.encode(checked), b"\n"], None)


def _end(asked: CandidatesFound) -> None:
    if asked.found and not any(one.certificate or one.status for one in asked.found):
        tell(
            "Nothing answered, sites that nobody has a reason to slow included: this tells of this "
            "machine or its line, and of no target."
        )
    if not all(one.fine for one in asked.found):
        sys.exit(1)


def _asked(config: Config) -> CandidatesFound:
    with Doing("asking") as doing:
        return asyncio.run(ask_candidates(config, doing.now))


def _table(found: CandidatesFound) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("of", "target", "", "leg", "result", "certificate", "url"):
        table.add_column(heading, overflow="fold")
    for one in found.found:
        leg = one.leg if one.prober == FIRST_PROBER else f"{one.leg}, {one.prober}"
        place = f"{one.candidate}{' used' if one.used else ''}"
        certificate = one.certificate.replace("_", " ")
        table.add_row(one.of, one.target, place, leg, _result(one), certificate, one.url)
    return table


def _result(one: CandidateAnswer) -> str:
    if one.skipped:
        return f"not asked: {one.skipped}{f', {one.page}' if one.page else ''}"
    told = [f"{one.seconds:.2f} s"] if one.seconds is not None else []
    if one.redirect_status is not None:
        told.append(f"after a {one.redirect_status} on the same host")
    if one.failure is None:
        whole = "" if one.whole_bytes is None else f" of {one.whole_bytes}"
        read = "the head" if one.body_bytes is None else f"{one.body_bytes}{whole} bytes"
        return ", ".join(("fine", read, *told))
    status = "" if one.status is None else f" ({one.status})"
    return ", ".join((f"{one.failure.reason} in {one.failure.phase}{status}", *told))
