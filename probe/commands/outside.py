"""``throttlewatch outside``: a reference's key, and what references say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from probe.commands.key_file import made_or_kept
from probe.commands.options import config_option, load_config


@click.group()
def outside() -> None:
    """References: vantages abroad that publish what they see, for those inside to compare with.

    docs/fleet.md says how to set one up.
    """


@outside.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def key(file: Path) -> None:
    """Make a key pair: the private key in FILE, and print the public one.

    A FILE that is there is kept, and its public key printed. The private key signs what this
    reference publishes (`outside_key_file`); daemons inside are given the public one
    (`outside: [{url, key}]`).
    """
    click.echo(made_or_kept(file))


@outside.command()
@config_option
def read(path: Path | None) -> None:
    """Read every reference of the configuration once, and print what each says.

    The exit status is 1 if any cannot be used.
    """
    from probe.measure.this_host.reference_reader import GOOD, ReferenceReader

    config = load_config(path)
    if not config.settings.outside:
        raise click.ClickException("the configuration has no reference (`outside`)")
    every = ReferenceReader(config)
    results = asyncio.run(every.look())
    said = every.verdicts()
    for number, result in sorted(results.items()):
        click.echo(f"{number}  {result.value}")
        for verdict in said:
            if verdict.vantage == f"outside-{number}":
                reason = f" ({verdict.reason})" if verdict.reason else ""
                click.echo(f"   {verdict.platform}: {verdict.state.value}{reason}")
    if not set(results.values()) <= GOOD:
        raise SystemExit(1)
