"""``throttlewatch hub health``: how the probes of the fleet are."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import click
import msgspec

from probe.commands.hub_register import REGISTER, opened_register
from probe.commands.hub_urls import EngineSaid
from probe.commands.options import json_option
from probe.commands.output import tell, write
from probe.publish.terminal.console import console


@click.command()
@REGISTER
@click.option(
    "--engine", type=EngineSaid(), help="The engine's API, for what probes say of themselves."
)
@click.option("--page", type=click.Path(path_type=Path), help="Write a page of it to this file.")
@json_option
def health(file: Path, engine: str | None, page: Path | None, as_json: bool) -> None:
    """How the probes are: who is silent, whose clock is wrong, what else needs a hand.

    The exit status is 1 if anything is wrong. The page names vantages: show it to nobody else.
    """
    from rich.table import Table

    from probe.hub import health_words
    from probe.hub.engine_query import EngineQuery, EngineQueryError
    from probe.hub.fleet_health import HEALTH_QUERY, fleet_health

    now, series = time.time(), None
    with opened_register(file, make=False) as register:
        members, heard, archived = register.everybody(), register.heard(), register.archived()
    if engine is not None:
        try:
            with closing(EngineQuery(engine)) as query:
                series = query.over(HEALTH_QUERY, now, now, 60.0)
        except EngineQueryError as error:
            tell(f"{error}: only what the hub itself knows is shown")
    fleet = fleet_health(members, heard, series, now, archived)
    if page is not None:
        write([health_words.page(fleet)], page)
    if as_json:
        write([msgspec.json.encode(fleet), b"\n"], None)
    else:
        table = Table(box=None, pad_edge=False)
        for heading in health_words.HEADINGS:
            # A name that is cut in two is none that could be searched for.
            table.add_column(heading, overflow="fold", no_wrap=heading == "vantage")
        for row in health_words.rows(fleet):
            table.add_row(*row)
        console().print(table)
        tell(health_words.summary(fleet))
    if any(one.troubles for one in fleet.vantages):
        raise SystemExit(1)
