"""The command ``throttlewatch``: commands, printing, exit statuses."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from probe import __version__
from probe.commands.group import Commands
from probe.commands.measuring import Measuring
from probe.commands.options import config_option
from probe.commands.options import load_config as _load
from probe.commands.output import tell, write
from probe.commands.recorded import RecordedError
from probe.commands.risk import RISK
from probe.config import contacts, load, warnings
from probe.config.definition import Definition
from probe.config.schema import Config
from probe.measure.trust import ssl_version
from probe.model.identity import RoundKind
from probe.model.observation import FIRST_PROBER, LegObservation, RoundObservation, SkippedLeg
from probe.model.verdict import State as VerdictState
from probe.model.verdict import Verdict
from probe.publish.log import event_lines as logs
from probe.verdict.about import about
from probe.verdict.decide import decide
from probe.verdict.memory import Memory

if TYPE_CHECKING:
    from rich.table import Table

    from probe.publish.privacy.configured_names import Named

# Exit statuses of ``once --exit-code``, worst last.
STATUS: dict[VerdictState, int] = {
    VerdictState.OK: 0,
    VerdictState.UNKNOWN: 10,
    VerdictState.DEGRADED: 11,
    VerdictState.DOWN: 12,
    VerdictState.OFFLINE: 13,
    VerdictState.WITHHELD: 16,
    VerdictState.IMPAIRED: 17,
    VerdictState.THROTTLED: 14,
    VerdictState.BLOCKED: 15,
}


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `throttlewatch platforms` to see what would be contacted, then "
    "`throttlewatch once` for one round now, then `throttlewatch run`.",
)
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
    config = _load(path)
    if not config.settings.acknowledge_risks:
        tell(RISK)
    # The daemon and its server are needed by this command only, and cost time and memory.
    from probe.app import Daemon
    from probe.publish.web.server import ListenError

    logs.configure(config.settings.log.level, config.settings.log.format, sys.stderr)
    logs.catch_all()
    _warn(config)
    # What is loaded by now stays. To look through it again for garbage stops the event loop, and
    # with it a transfer that is under way, for several times as long as all the rest.
    gc.collect()
    gc.freeze()

    async def measure(daemon: Daemon) -> None:
        try:
            await daemon.run()
        finally:
            hold()

    try:
        asyncio.run(measure(Daemon(config, lambda: load(path, os.environ))))
    except ListenError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@config_option
@click.option("-p", "--platform", "platforms", multiple=True, help="Only this platform (again).")
@click.option("-v", "--vantage", "vantages", multiple=True, help="Only from this vantage (again).")
@click.option("--light", is_flag=True, help="A light round: handshakes and first bytes only.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was observed as JSON.")
@click.option("--exit-code", is_flag=True, help="Exit with the status of the worst verdict.")
def once(
    path: Path | None,
    platforms: tuple[str, ...],
    vantages: tuple[str, ...],
    light: bool,
    as_json: bool,
    exit_code: bool,
) -> None:
    """Make one round of every platform now, and print what it saw.

    With --exit-code the status is that of the worst verdict: 0 ok, 10 unknown, 11 degraded,
    12 down, 13 offline, 16 withheld, 17 impaired, 14 throttled, 15 blocked.
    """
    from probe.publish.privacy.configured_names import Named
    from probe.publish.privacy.exported_fields import Scrubber
    from probe.publish.terminal.console import Doing, console
    from probe.publish.terminal.round_table import render_rounds, to_json

    config = _load(path)
    _known("platform", platforms, (p.name for p in config.platforms))
    _known("vantage", vantages, (v.name for v in config.settings.vantages))
    logs.configure("error", config.settings.log.format, sys.stderr)
    kind = RoundKind.LIGHT if light else RoundKind.TRANSFER
    chosen = [p for p in config.platforms if not platforms or p.name in platforms]
    places = [v.name for v in config.settings.vantages if not vantages or v.name in vantages]
    with Doing("starting") as doing:
        rounds = asyncio.run(_one_round_each(config, chosen, places, kind, doing.now))
    verdicts = [
        decide(
            Memory(),
            observed,
            about(
                config,
                definition,
                may_burst=False,
                tls_stack=ssl_version(),
                families=config.settings.families[:1],
            ),
        ).verdict
        for definition, observed in rounds
    ]
    observations = [observed for _, observed in rounds]
    if as_json:
        scrubber = Scrubber(Named.of(config))
        write([to_json(observations, verdicts, scrubber), b"\n"], None)
    else:
        render_rounds(console(), observations, verdicts)
    if exit_code:
        sys.exit(_status(verdicts))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@config_option
@click.option("-t", "--threshold", "changes", multiple=True, metavar="NAME=VALUE")
@click.option("--all", "every", is_flag=True, help="Show every round, not only changes.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each round.")
def replay(
    files: tuple[Path, ...], path: Path | None, changes: tuple[str, ...], every: bool, as_json: bool
) -> None:
    """Judge recorded rounds again, by the present rules; nothing is measured.

    FILES are stored rounds as JSON Lines, outputs of `once --json`, or the daemon's history. Shows
    what would have been said and when, beside what was said then. --threshold changes a number of
    docs/method.md.
    """
    from probe.commands import replay as replaying
    from probe.publish.terminal.console import console

    config, tally = _load(path), replaying.ReplayTally()
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
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
@click.option("--online", is_flag=True, help="Also fetch every target once, and say which answer.")
def check(file: Path | None, path: Path | None, online: bool) -> None:
    """Check the configuration without sending a packet.

    Mistakes are all shown at once, with file, line and key; the exit status is then 2. With
    --online every target is fetched once; the status is 1 if any does not give what is expected.
    """
    config = _load(file or path)
    _warn(config)
    click.echo(
        f"configuration is right: {len(config.platforms)} platforms, {len(config.controls)} "
        f"controls, {len(config.settings.vantages)} vantage(s)"
    )
    if online and not asyncio.run(_check_online(config)):
        sys.exit(1)


@main.command()
@config_option
def platforms(path: Path | None) -> None:
    """List every host that would be contacted, and why. Nothing is hidden, nothing is sent."""
    from rich.table import Table

    from probe.publish.terminal.console import console

    config = _load(path)
    table = Table(box=None, pad_edge=False)
    for heading in ("for", "host", "port"):
        table.add_column(heading, overflow="fold", no_wrap=True)
    table.add_column("purpose", overflow="fold")
    for contact in contacts(config):
        table.add_row(
            contact.owner, contact.host, f"{contact.port}/{contact.transport}", contact.purpose
        )
    console().print(table)


@main.command()
@config_option
def plan(path: Path | None) -> None:
    """Print how much data would be used, and how often rounds would be made. Sends nothing."""
    from probe.commands.plan import show_plan
    from probe.publish.terminal.console import console

    show_plan(_load(path), console())


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"throttlewatch {__version__}")


def _warn(config: Config) -> None:
    for warning in warnings(config):
        tell(f"warning: {warning}")


def _known(what: str, wanted: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    for name in wanted:
        if name not in names:
            _usage(f"no {what} {name!r} in the configuration; there is: {', '.join(names)}")


def _usage(message: str) -> NoReturn:
    raise click.UsageError(message)


def _status(verdicts: Iterable[Verdict]) -> int:
    """That of the worst."""
    worst = list(STATUS)
    return STATUS[max((verdict.state for verdict in verdicts), key=worst.index)]


async def _one_round_each(
    config: Config,
    chosen: Iterable[Definition],
    vantages: Iterable[str],
    kind: RoundKind,
    tell: Callable[[str], None],
) -> list[tuple[Definition, RoundObservation]]:
    """One vantage after the other would be slow; platforms of one vantage must not overlap."""
    measuring = Measuring(config)
    family = config.settings.families[0]
    definitions = list(chosen)

    async def of_vantage(vantage: str) -> list[tuple[Definition, RoundObservation]]:
        done = []
        for definition in definitions:
            tell(f"measuring {definition.title} from vantage {vantage}")
            observed = await measuring.rounds.measure(
                platform=definition.name, vantage=vantage, kind=kind, family=family
            )
            measuring.counted(observed)
            done.append((definition, observed))
        return done

    found = await asyncio.gather(*map(of_vantage, vantages))
    return [one for several in found for one in several]


async def _check_online(config: Config) -> bool:
    from rich.table import Table

    from probe.publish.privacy.configured_names import Named
    from probe.publish.terminal.console import Doing, console

    measuring, named = Measuring(config), Named.of(config)
    vantage = config.settings.vantages[0].name
    family = config.settings.families[0]
    table = Table(box=None, pad_edge=False)
    for heading in ("of", "target", "leg", "result", "url"):
        table.add_column(heading, overflow="fold")
    fine = True
    with Doing("asking") as doing:
        for definition in (*config.platforms, *config.controls):
            doing.now(f"asking {definition.title}")
            seen = await measuring.rounds.visit(definition, vantage=vantage, family=family)
            measuring.counted(seen)
            for leg in sorted(seen.every_leg, key=lambda o: o.leg.target):
                fine = fine and leg.ok
                _add_row(table, definition, leg, _result(leg), named)
            for missing in seen.skipped:
                fine = False
                _add_row(table, definition, missing, f"not asked: {missing.reason}", named)
    console().print(table)
    return fine


def _result(leg: LegObservation) -> str:
    if leg.failure is None:
        read = "the head" if leg.body_bytes is None else f"{leg.body_bytes} bytes"
        return f"fine, {read}"
    status = f" ({leg.http.status})" if leg.http is not None else ""
    return f"{leg.failure.reason} in {leg.failure.phase}{status}"


def _add_row(
    table: Table,
    definition: Definition,
    made: LegObservation | SkippedLeg,
    result: str,
    named: Named,
) -> None:
    leg = made.leg
    role = leg.role if leg.prober == FIRST_PROBER else f"{leg.role}, {leg.prober}"
    table.add_row(definition.name, leg.target, role, result, named.url(leg.url))
