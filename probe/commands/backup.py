"""``throttlewatch backup``: a whole copy of the history, while the daemon runs."""

from __future__ import annotations

from pathlib import Path

import click

from probe.commands.options import config_option, load_config
from probe.commands.output import tell
from probe.store.backup import BackupError
from probe.store.backup import backup as copy
from probe.store.history import HistoryError, path_of


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--history",
    "source",
    type=click.Path(path_type=Path),
    help="Copy this file and not the daemon's own history.",
)
@config_option
def backup(target: Path, source: Path | None, path: Path | None) -> None:
    """Copy the history to FILE, also while the daemon runs.

    A copy made with cp lacks what was written lately. What still waits in the daemon's memory, five
    minutes of calm at most, is in neither; an orderly stop writes it.
    """
    try:
        source = source or path_of(load_config(path).settings.store)
        rounds = copy(source, target)
    except (BackupError, HistoryError) as error:
        raise click.ClickException(str(error)) from error
    tell(f"{target}: {rounds:,} rounds, {target.stat().st_size / 1e6:.1f} MB")
