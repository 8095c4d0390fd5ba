"""``throttlewatch once``: one round of every platform now, and its exit statuses."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from probe.commands.measuring import Measuring, drawn_now
from probe.commands.options import chosen, config_option, load_for_here, platforms_of
from probe.commands.output import write
from probe.config.definition import Definition
from probe.config.schema import Config
from probe.measure.tls.trust import ssl_version
from probe.model.identity import RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import State, Verdict
from probe.publish.log import event_lines as logs
from probe.publish.privacy.configured_names import Named
from probe.publish.privacy.exported_fields import Scrubber
from probe.publish.terminal.console import Doing, console
from probe.publish.terminal.round_table import render_rounds, to_json
from probe.verdict.about import about
from probe.verdict.decide import decide
from probe.verdict.remembered.memory import Memory

# Exit statuses of ``once --exit-code``, worst last.
STATUS: dict[State, int] = {
    State.OK: 0,
    State.UNKNOWN: 10,
    State.DEGRADED: 11,
    State.DOWN: 12,
    State.OFFLINE: 13,
    State.WITHHELD: 16,
    State.IMPAIRED: 17,
    State.THROTTLED: 14,
    State.BLOCKED: 15,
}


@click.command()
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

    One round proves nothing: `throttlewatch now` goes on until it is known what is happening.

    With --exit-code the status is that of the worst verdict: 0 ok, 10 unknown, 11 degraded,
    12 down, 13 offline, 16 withheld, 17 impaired, 14 throttled, 15 blocked.
    """
    config = drawn_now(load_for_here(path))
    places = {v.name: v.name for v in config.settings.vantages}
    wanted = platforms_of(config, platforms)
    whence = [chosen("vantage", name, places) for name in vantages] or list(places)
    logs.configure("error", config.settings.log.format, sys.stderr)
    kind = RoundKind.LIGHT if light else RoundKind.TRANSFER
    with Doing("starting") as doing:
        rounds = asyncio.run(one_round_each(config, wanted, whence, kind, doing.now))
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
                vantage=observed.vantage,
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
        _lead_on(verdicts)
    if exit_code:
        sys.exit(_status(verdicts))


def _lead_on(verdicts: Iterable[Verdict]) -> None:
    """What tells more than one round can."""
    open_ones = [verdict.platform for verdict in verdicts if verdict.provisional]
    if open_ones:
        console().print(
            f"\nOne round proves nothing. `throttlewatch now {open_ones[0]}` goes on testing, for "
            "at most two minutes."
        )


def _status(verdicts: Iterable[Verdict]) -> int:
    """That of the worst."""
    worst = list(STATUS)
    return STATUS[max((verdict.state for verdict in verdicts), key=worst.index)]


async def one_round_each(
    config: Config,
    definitions: Iterable[Definition],
    vantages: Iterable[str],
    kind: RoundKind,
    say: Callable[[str], None],
) -> list[tuple[Definition, RoundObservation]]:
    """One vantage after the other would be slow; platforms of one vantage must not overlap."""
    measuring = Measuring(config)
    family = config.settings.families[0]
    wanted = list(definitions)

    async def of_vantage(vantage: str) -> list[tuple[Definition, RoundObservation]]:
        done = []
        for definition in wanted:
            say(f"measuring {definition.title} from vantage {vantage}")
            observed = await measuring.rounds.measure(
                platform=definition.name, vantage=vantage, kind=kind, family=family
            )
            measuring.counted(observed)
            done.append((definition, observed))
        return done

    found = await asyncio.gather(*map(of_vantage, vantages))
    return [one for several in found for one in several]
