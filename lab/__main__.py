"""The lab for people: ``python -m lab exec -- CMD…``, ``shell``, ``world``. Needs root."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import Any

import click

from lab.lab import Lab, LabError
from lab.net import NetError
from lab.requires import missing
from lab.scenario.command import scenarios
from lab.scenario.host import downloads
from lab.scenario.setting import changed, setting
from lab.world.build import WorldError, world_for
from probe.config import ConfigErrors, load
from scenarios.lines import LINES
from scenarios.model import LineKind, Scenario
from scenarios.table import BY_ID


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command has."""
    for option in (
        click.option(
            "--delay", default=0.0, metavar="MS", help="Hold each packet so long, either way."
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="The main file whose platforms the world shall have (default: the embedded one).",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def lab_for(config: Path | None, delay_ms: float) -> Iterator[Lab]:
    """A lab, or a sentence on why there is none."""
    if (reason := missing()) is not None:
        raise click.ClickException(reason)
    try:
        with Lab(world_for(load(config, {})), delay_seconds=delay_ms / 1000) as lab:
            yield lab
    except (ConfigErrors, LabError, NetError, WorldError) as error:
        raise click.ClickException(str(error)) from error


def recorded(lab: Lab, path: Path | None) -> AbstractContextManager[object]:
    """The capture that was asked for, or nothing."""
    return nullcontext() if path is None else lab.capture(path)


def run_in_client(lab: Lab, command: tuple[str, ...]) -> int:
    """Run a command with our terminal in the client's namespace; its exit status."""
    process = lab.topology.client.spawn(command, env={**os.environ, **lab.environment()})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal has told the command too; it decides what that means.
            continue


@click.group()
def main() -> None:
    """A network of its own: a client, and a world with real DNS and HTTPS servers that carry the
    names of the platforms and controls. Needs root; sends nothing to the internet.
    """


@main.command("exec", context_settings={"ignore_unknown_options": True})
@options
@click.option("--capture", type=click.Path(path_type=Path), help="Record the packets in this file.")
@click.option("--scenario", type=click.Choice(list(BY_ID)), help="While this happens.")
@click.option("--line", type=click.Choice(list(LINES)), help="On this line (with a scenario).")
@click.option("--seed", default=1, show_default=True, help="Draws the scenario's parameters.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(
    config: Path | None,
    delay: float,
    capture: Path | None,
    scenario: str | None,
    line: str | None,
    seed: int,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND as the client of a lab that lasts as long as it does.

    $LAB_CA is the file with the lab's authority; curl and OpenSSL's other users trust it already.
    With a scenario the lab has its platforms and controls, and $LAB_CONFIG is a daemon's main file.
    """
    if scenario is not None:
        if config is not None or delay:
            raise click.UsageError("a scenario brings its own configuration and line")
        sys.exit(run_in_scenario(BY_ID[scenario], LINES[line or "fibre"], seed, capture, command))
    if line is not None:
        raise click.UsageError("--line needs --scenario (`nothing` is one)")
    with lab_for(config, delay) as lab, recorded(lab, capture):
        status = run_in_client(lab, command)
    sys.exit(status)


def run_in_scenario(
    scenario: Scenario, kind: LineKind, seed: int, capture: Path | None, command: tuple[str, ...]
) -> int:
    """Run a command while a scenario lasts; its exit status. What befalls the daemon's own host
    (clock, processor) does not befall the command."""
    if (reason := missing()) is not None:
        raise click.ClickException(reason)
    random = Random(seed)
    drawn = scenario.drawn(random)
    with setting(drawn, kind, random=random) as made, made.lab.control() as box:
        os.environ["LAB_CONFIG"] = str(made.main_file)
        with (
            changed(drawn, made, box, random),
            downloads(drawn.happens, made.lab),
            recorded(made.lab, capture),
        ):
            return run_in_client(made.lab, command)


@main.command()
@options
def shell(config: Path | None, delay: float) -> None:
    """Open a shell as the client of a lab."""
    with lab_for(config, delay) as lab:
        describe(lab)
        status = run_in_client(lab, (os.environ.get("SHELL", "/bin/sh"),))
    sys.exit(status)


@main.command()
@options
def world(config: Path | None, delay: float) -> None:
    """Keep a lab up until ^C, for other terminals to enter."""
    with lab_for(config, delay) as lab:
        describe(lab)
        stopped = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, stopped)
        signal.sigwait(stopped)


main.add_command(scenarios)


def describe(lab: Lab) -> None:
    """Say what there is and how to use it."""
    enter = " ".join(lab.topology.client.wrap(["COMMAND"]))
    click.echo(f"to run a command as the client: {enter}")
    click.echo(f"its certificate authority:      {lab.ca_file}")
    click.echo(f"a daemon's main file:           {lab.daemon_config()}")
    click.echo(f"what the servers see:           {lab.folder / 'events.jsonl'}\n")
    for name, addresses in sorted(lab.spec.zone.items()):
        click.echo(f"{name:34} {' '.join(a for a in addresses if '.' in a)}")


if __name__ == "__main__":
    main(prog_name="python -m lab")
