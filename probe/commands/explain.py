"""``throttlewatch explain``: how the verdict on one platform came about."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from probe.commands.found_now import find_out
from probe.commands.measuring import drawn_now
from probe.commands.options import (
    chosen,
    config_option,
    json_option,
    language_option,
    load_config,
    load_for_here,
    platform_of,
)
from probe.commands.output import write
from probe.commands.reading import (
    history_option,
    named_by,
    opened,
    placed_by,
    warn_of_strangers,
)
from probe.config.definition import Definition
from probe.config.schema import Config
from probe.model.stored import StoredRound
from probe.publish.languages.tongue import Tongue
from probe.publish.log import event_lines as logs
from probe.publish.privacy.configured_names import Named
from probe.publish.privacy.exported_fields import Scrubber
from probe.publish.report.times import listed
from probe.publish.terminal.console import Doing, console
from probe.publish.terminal.explanation import explain as show
from probe.publish.terminal.round_table import to_json
from probe.verdict.remembered.memory import Memory

# How far back from its end the history is read for the last round of a platform.
LOOK_BACK_SECONDS = 6 * 3_600.0


@click.command()
@click.argument("platform", required=False)
@config_option
@click.option("-p", "--platform", "name", default=None, help="The platform to explain.")
@click.option("-v", "--vantage", default=None, help="From this vantage (default: the first).")
@click.option("--now", "measure", is_flag=True, help="Measure now, without a history.")
@history_option
@json_option
@language_option
def explain(
    platform: str | None,
    path: Path | None,
    name: str | None,
    vantage: str | None,
    measure: bool,
    file: Path | None,
    as_json: bool,
    language: str,
) -> None:
    """Show how the last verdict on PLATFORM (or -p) came about.

    Prints the square (name x address) of the daemon's last round and of the bursts that it asked
    for, with their numbers, the evidence, the rule that spoke, and what may be claimed. With --now
    it makes one transfer round and its bursts itself; it then knows nothing of what is normal here,
    and says so by saying less. `throttlewatch now` knows it, and says what it means.
    """
    if measure and file is not None:
        raise click.UsageError("--now measures, --history reads: give one of them")
    config = drawn_now(load_for_here(path) if measure else load_config(path))
    logs.configure("error", config.settings.log.format, sys.stderr)
    if (platform is None) is (name is None):
        there = ", ".join(one.name for one in config.platforms)
        raise click.UsageError(f"name one platform, such as `explain x`; there is: {there}")
    of = platform_of(config, platform or name or "")
    if measure:
        place = _place(config, vantage)
        with Doing(f"measuring {of.title}"):
            tested = asyncio.run(find_out(config, [of], place, memory=Memory(), most_rounds=1))
        rounds, named = tested.rounds[of.name], Named.of(config)
        known = [one.name for one in config.settings.vantages]
    else:
        named, rounds, known = _from_history(config, of, vantage, file)
    shown = rounds[-1].observed.vantage
    others = [name for name in known if name != shown] if vantage is None else []
    if as_json:
        scrubber = Scrubber(named)
        observed = [stored.observed for stored in rounds]
        said = [stored.verdict for stored in rounds]
        write([to_json(observed, said, scrubber), b"\n"], None)
    else:
        out, tongue = console(), Tongue(language)
        if others:
            out.print(tongue.plain(_one_of_several(shown, others)))
        show(out, rounds, tongue)


def _one_of_several(place: str, others: Sequence[str]) -> str:
    """Which vantage is shown where none was asked for, and how to see the others."""
    return (
        f"What {place} saw, one of {len(others) + 1} vantages; `--vantage NAME` shows what "
        f"{listed(tuple(others))} saw."
    )


def _place(config: Config, vantage: str | None) -> str:
    places = {v.name: v.name for v in config.settings.vantages}
    return chosen("vantage", vantage or next(iter(places)), places)


def _from_history(
    config: Config, platform: Definition, vantage: str | None, file: Path | None
) -> tuple[Named, list[StoredRound], list[str]]:
    """The last rounds, in an archive at a place that it knows, what may be written of them, and
    which vantages there are."""
    place = _place(config, vantage) if file is None else ""
    instead = "--now measures instead"
    try:
        with opened(config, file) as history:
            named, config = named_by(history, config), placed_by(history, config)
            place = place or _place(config, vantage)
            warn_of_strangers(config, history)
            bounds = history.bounds()
            since = None if bounds is None else bounds[1] - LOOK_BACK_SECONDS
            found = last_rounds(history.rounds(since=since, platform=platform.name, vantage=place))
    except click.ClickException as error:
        if file is not None:
            raise
        raise click.ClickException(f"{error.message}; {instead}") from error
    if not found and file is not None:
        raise click.ClickException(
            f"{file} has no round of {platform.title} from {place} in its last six hours"
        )
    if not found:
        raise click.ClickException(
            f"the daemon has not measured {platform.title} lately; {instead}"
        )
    return named, found, [one.name for one in config.settings.vantages]


def last_rounds(rounds: Iterable[StoredRound]) -> list[StoredRound]:
    """The last ordinary round and the bursts that followed it."""
    found: list[StoredRound] = []
    for stored in rounds:
        if stored.observed.burst is None:
            found = []
        found.append(stored)
    return found
