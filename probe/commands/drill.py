"""``throttlewatch drill``: a drill on a running daemon, so that people see an alert come."""

from __future__ import annotations

from pathlib import Path

import click

from probe.commands.asking import ask, asking, url_of
from probe.commands.options import config_option, load_config
from probe.commands.output import tell
from probe.model.foreign import printable

PATH = "/-/drill"


@click.command()
@config_option
@click.option(
    "--minutes",
    type=click.IntRange(1, 240),
    default=15,
    show_default=True,
    help="How long. A finding must hold for `nation.hold` before it is called national, and the "
    "alert waits a minute more.",
)
@click.option("--stop", is_flag=True, help="End the drill that goes on.")
@asking
def drill(path: Path | None, minutes: int, stop: bool, url: str | None, user: str | None) -> None:
    """Make a running daemon publish a made-up national event, marked as a drill.

    Six made-up vantages (drill-1 to drill-5, drill-abroad) say that every platform is throttled.
    Each series carries drill="true", each alert's name begins with DRILL_, and nothing of it enters
    what is really found. It ends by itself.
    """
    config = load_config(path)
    if not stop and minutes * 60.0 < float(config.settings.nation.hold) + 180.0:
        hold = float(config.settings.nation.hold) / 60.0
        tell(f"warning: with nation.hold of {hold:g} minutes no alert arrives within {minutes}")
    asked = f"{PATH}?minutes={0 if stop else minutes}"
    answer = ask(url or url_of(config), asked, user=user, post=True)
    click.echo(printable(answer.decode(errors="replace")).strip())
