"""``throttlewatch platforms``: every host that would be contacted, and why."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.table import Table

from probe.commands.options import config_option, json_option, load_config
from probe.commands.output import write
from probe.config import contacts
from probe.publish.terminal.console import console


@click.command()
@config_option
@json_option
def platforms(path: Path | None, as_json: bool) -> None:
    """List every host that would be contacted, and why. Nothing is hidden, nothing is sent."""
    found = contacts(load_config(path))
    if as_json:
        write([msgspec.json.encode(found), b"\n"], None)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("for", "host", "port"):
        table.add_column(heading, overflow="fold", no_wrap=True)
    table.add_column("purpose", overflow="fold")
    for contact in found:
        table.add_row(
            contact.owner, contact.host, f"{contact.port}/{contact.transport}", contact.purpose
        )
    console().print(table)
