"""``throttlewatch platforms``: every host that would be contacted, and why."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.table import Table

from probe.commands.options import config_option, json_option, load_for_here
from probe.commands.output import write
from probe.config import contacts
from probe.config.contact import names_said, under_one_of
from probe.config.installed import said_of_quic
from probe.publish.terminal.console import console


@click.command()
@config_option
@json_option
def platforms(path: Path | None, as_json: bool) -> None:
    """List every host that would be contacted, and why. Nothing is hidden, nothing is sent."""
    config = load_for_here(path)
    found, names = contacts(config), names_said(config)
    if as_json:
        write([msgspec.json.encode(found), b"\n"], None)
        return
    # A line for each contact, also in a pipe: the names that many of them list have lines below.
    table = Table(box=None, pad_edge=False)
    for heading in ("for", "host", "port"):
        table.add_column(heading, overflow="fold", no_wrap=True)
    table.add_column("purpose", overflow="fold")
    listed = under_one_of(names)
    for contact in found:
        port = f"{contact.port}/{contact.transport}"
        purpose = contact.purpose.replace(listed, "under a neutral name")
        table.add_row(contact.owner, contact.host, port, purpose)
    out = console()
    out.print(table)
    out.print(f"\n{said_of_quic(config)}", highlight=False, soft_wrap=True)
    if any(listed in contact.purpose for contact in found):
        out.print("\nneutral names, which are said and not contacted for it:")
        for name in names:
            out.print(f"  {name}")
