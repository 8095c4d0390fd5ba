"""The command ``throttlewatch``: the group of all commands, and the one that stays (``run``)."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import click

from probe import __version__
from probe.commands.group import Commands
from probe.commands.options import config_option, load_config, load_for_here, read_for_here, warn
from probe.commands.output import tell
from probe.commands.risk import RISK
from probe.config.bundle import Bundle
from probe.config.installed import said_of_quic
from probe.config.schema import Config
from probe.config.shipped import forget_shipped
from probe.publish.log import event_lines as logs
from probe.store import heap


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `throttlewatch platforms` to see what would be contacted, then "
    "`throttlewatch now` to find out what is happening, then `throttlewatch run` to keep watching.",
)
@click.version_option(__version__, message="throttlewatch %(version)s")
def main() -> None:
    """Measure whether X, Facebook, Instagram or YouTube are being throttled on this line.

    Every platform is measured side by side with controls that nobody has a reason to slow down.
    Only hosts that the configuration names are ever contacted.

    Measuring can be noticed by whoever runs your network. Read "The risk to you" in the README
    before you run this where that matters.
    """


@main.command()
@config_option
@click.pass_obj
def run(hold: Callable[[], None] | None, path: Path | None) -> None:
    """Measure on schedule until stopped, and serve /metrics.

    SIGTERM and SIGINT stop it within 5 seconds; SIGHUP or `POST /-/reload` reload the
    configuration, and a wrong one leaves the old one running.
    """
    # None where signals are somebody else's (tests). What is sent from now on is heard later: the
    # configuration may change while it is read.
    hold = hold or (lambda: None)
    hold()
    config = load_for_here(path)
    forget_shipped()  # before what is loaded next, which takes its place
    if not config.settings.acknowledge_risks:
        tell(RISK)
    # The daemon and its server are needed by this command only, and cost time and memory.
    from probe.app import Daemon
    from probe.commands.see_page import how_to_see
    from probe.daemon.made_ready import make_ready
    from probe.publish.web.server import ListenError

    tell(how_to_see(config))
    tell(said_of_quic(config))
    told = config.settings.log
    heap.one_arena()  # before the first thread, which is the log's
    logs.configure(told.level, told.format, sys.stderr, patient=True)
    logs.catch_all()
    warn(config)
    make_ready(config)
    # What is loaded by now stays. To look through it again for garbage stops the event loop, and
    # with it a transfer that is under way, for several times as long as all the rest.
    gc.collect()
    gc.freeze()

    def read(bundle: Bundle | None = None) -> Config:
        try:
            return read_for_here(path, bundle=bundle)
        finally:
            forget_shipped()

    async def measure(daemon: Daemon) -> None:
        try:
            await daemon.run()
        finally:
            hold()

    try:
        asyncio.run(measure(Daemon(config, read, tried=read)))
    except ListenError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@config_option
@click.option("-t", "--threshold", "changes", multiple=True, metavar="NAME=VALUE")
@click.option("--all", "every", is_flag=True, help="Show every round, not only changes.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each round.")
def replay(
    files: tuple[Path, ...], path: Path | None, changes: tuple[str, ...], every: bool, as_json: bool
) -> None:
    """Judge recorded rounds again, by the present rules; nothing is measured.

    FILES are stored rounds as JSON Lines, outputs of `once --json`, the daemon's history, or a
    hub's archive. Shows what would have been said and when, beside what was said then. --threshold
    changes a number of docs/method.md.
    """
    from probe.commands import replay as replaying
    from probe.commands.recorded import RecordedError
    from probe.publish.terminal.console import console

    config, tally = load_config(path), replaying.ReplayTally()
    try:
        rounds = replaying.replayed(files, config, replaying.thresholds_of(changes), tally)
        if as_json:
            for line in replaying.json_lines(rounds):
                click.echo(line, nl=False)
        else:
            replaying.print_table(console(), rounds, tally, every=every)
    except (RecordedError, ValueError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"throttlewatch {__version__}")
