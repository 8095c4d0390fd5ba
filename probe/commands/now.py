"""``throttlewatch now``: is it happening now? An answer within two minutes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from probe.commands.found_now import find_out
from probe.commands.measuring import drawn_now
from probe.commands.options import (
    chosen,
    config_option,
    json_option,
    language_option,
    load_for_here,
    platforms_of,
)
from probe.commands.output import tell, write
from probe.commands.risk import RISK
from probe.config.schema import Config
from probe.publish.languages.tongue import Tongue
from probe.publish.log import event_lines as logs
from probe.publish.privacy.configured_names import Named
from probe.publish.privacy.exported_fields import Scrubber
from probe.publish.terminal.answer import AnswerNow, answer
from probe.publish.terminal.console import Doing, console
from probe.publish.terminal.round_table import headline, to_json
from probe.store.history import History, HistoryError
from probe.store.memories import read_memory
from probe.verdict.normal.learning import known_owners
from probe.verdict.remembered.keys import name_of
from probe.verdict.remembered.memory import Memory

# Two minutes, less what it takes to start and to end.
MOST_SECONDS = 112.0


@click.command()
@click.argument("platforms", nargs=-1, metavar="[PLATFORM]...")
@config_option
@click.option("-v", "--vantage", default=None, help="From this vantage (default: the first).")
@json_option
@language_option
def now(
    platforms: tuple[str, ...],
    path: Path | None,
    vantage: str | None,
    as_json: bool,
    language: str,
) -> None:
    """Is it happening now? Measures until it is known, for two minutes at most.

    PLATFORM is one of the configuration, such as x or youtube; without one, all of them. Ends in a
    sentence, what it rests on, and what to do next. Of one platform it can find out more than of
    four in the same time. What is normal on this line is taken from the daemon's history, where
    this user may read it.
    """
    config = load_for_here(path)
    wanted = platforms_of(config, platforms)
    places = {v.name: v.name for v in config.settings.vantages}
    place = chosen("vantage", vantage or next(iter(places)), places)
    logs.configure("error", config.settings.log.format, sys.stderr)
    if not config.settings.acknowledge_risks:
        tell(RISK)
    memory = _remembered(config, place)
    known = memory.controls if memory is not None else ()
    config = drawn_now(config, dict.fromkeys(name_of(key).partition("/")[0] for key in known))
    with Doing("starting", always=True) as doing:
        tested = asyncio.run(
            find_out(
                config,
                wanted,
                place,
                memory=memory or Memory(),
                seconds=MOST_SECONDS,
                say=doing.now,
            )
        )
    every = [stored for rounds in tested.rounds.values() for stored in rounds]
    if as_json:
        observed = [stored.observed for stored in every]
        said = [stored.verdict for stored in every]
        write([to_json(observed, said, Scrubber(Named.of(config))), b"\n"], None)
        return
    out, tongue = console(), Tongue(language)
    for rounds in tested.rounds.values():
        out.print(headline(rounds[-1].observed, rounds[-1].verdict, tongue=tongue))
    titles = {platform.name: platform.title for platform in wanted}
    normal_of = None if memory is None else known_owners(memory.levels)
    _print(answer(tested.rounds, titles, normal_of=normal_of), tested.in_time, tongue)


def _print(found: AnswerNow, in_time: bool, tongue: Tongue) -> None:
    out, first, late = console(), found.rests_on[0], found.rests_on[1:]
    if not in_time:
        late = (*late, "The two minutes were over before the last test was.")
    out.print()
    out.print(tongue.plain(found.sentence))
    out.print(tongue.plain(f"It rests on: {first}"))
    for reason in late:
        out.print(f"  {tongue.plain(reason)}")
    out.print(tongue.plain(f"Next: {found.following}"))


def _remembered(config: Config, vantage: str) -> Memory | None:
    """What the daemon has learnt of this line; that there is nothing is no trouble."""
    store = config.settings.store
    if store.path is None:
        return None
    try:
        with History.open(store) as history:
            return read_memory(history, vantage)
    except HistoryError as error:
        tell(f"What is normal here is not known: {error}.")
        return None
