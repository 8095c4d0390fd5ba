"""``throttlewatch export``: the history as files for researchers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import click

from probe.commands.manifest import add_to_manifest, listable, manifest_option, sign_option
from probe.commands.options import config_option, load_config
from probe.commands.output import tell, write
from probe.commands.reading import (
    named_by,
    narrowed,
    opened,
    ordered,
    placed_by,
    reading,
    warn_of_strangers,
)
from probe.model.identity import Vantage
from probe.model.stored import StoredRound
from probe.publish.export.export_csv import csv_lines
from probe.publish.export.export_jsonl import jsonl_lines
from probe.publish.export.export_ooni import ooni_lines
from probe.publish.export.export_paces import pace_lines
from probe.publish.export.export_parquet import NoParquetError, parquet_parts
from probe.publish.latest.declared import Declared
from probe.publish.privacy.exported_fields import Scrubber
from probe.verdict.about import control_facts

Writer = Callable[[Iterable[StoredRound], Mapping[str, Vantage], Scrubber], Iterator[bytes]]
FORMATS: dict[str, Writer] = {
    "ooni": ooni_lines,
    "csv": csv_lines,
    "parquet": parquet_parts,
    "jsonl": lambda rounds, vantages, scrubber: jsonl_lines(rounds, scrubber),
}
PACES = "paces"
# ``throttlewatch replay`` reads it: rounds must come as they were judged.
REPLAYED = frozenset({"jsonl"})


# One line is a leg.
_OF_LEGS = frozenset({"csv", "parquet"})


class _Counted:
    """The same rounds; ``count`` are those that were taken, ``rows`` their legs over TCP, and
    ``shared`` those of them that stand with another platform's round as well."""

    def __init__(self, rounds: Iterable[StoredRound]) -> None:
        self._rounds = rounds
        self.count = self.rows = self.shared = 0

    def __iter__(self) -> Iterator[StoredRound]:
        for one in self._rounds:
            self.count += 1
            self.rows += len(one.observed.legs)
            self.shared += len(one.observed.legs) - len(one.observed.counted_legs)
            yield one


@click.command()
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice([*FORMATS, PACES]),
    required=True,
    help="What to write.",
)
@reading(None)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A file; else (or -) standard output."
)
@click.option(
    "--all-addresses",
    is_flag=True,
    help="Write every address whole, also those that are proven to be nobody's: one may be yours.",
)
@manifest_option
@sign_option
@config_option
def export(
    form: str,
    since: float | None,
    until: float,
    platform: str | None,
    vantage: str | None,
    file: Path | None,
    output: Path | None,
    all_addresses: bool,
    manifest: Path | None,
    key: Path | None,
    path: Path | None,
) -> None:
    """Write the measured rounds as OONI's data format, CSV, Parquet or JSON Lines; or (paces) how
    fast each target was beside other sites on days on which it was well.

    Works while the daemon runs, in the memory of one round. Nothing in the file says who measured;
    docs/data.md says what every field means.
    """
    ordered(since, until)
    listable(manifest, [output], key)
    config = load_config(path)
    with opened(config, file) as history:
        scrubber = Scrubber(named_by(history, config), every_address=all_addresses)
        config = placed_by(history, config)
        vantages = {vantage.name: vantage for vantage in Declared(config).vantages}
        warn_of_strangers(config, history)
        platform, vantage = narrowed(config, history, platform, vantage)
        rounds = _Counted(
            history.rounds(
                since=since,
                until=until,
                platform=platform,
                vantage=vantage,
                as_judged=form in REPLAYED,
            )
        )
        try:
            if form == PACES:
                foreign = [one.name for one in control_facts(config) if one.foreign]
                targets = [f"{p.name}/{t.name}" for p in config.platforms for t in p.targets]
                access = {name: one.access for name, one in vantages.items()}
                made = pace_lines(rounds, foreign, targets, access)
            else:
                made = FORMATS[form](rounds, vantages, scrubber)
            written = write(made, output)
        except NoParquetError as error:
            raise click.ClickException(str(error)) from error
        if not rounds.count:
            tell("nothing was measured in this time")
        elif not written:
            tell("nothing to write: no target was read and well on three whole days (docs/data.md)")
        if scrubber.unnamed:
            tell(
                f"{scrubber.unnamed} leg(s) went to hosts that this configuration does not name: "
                "they are scrubbed. Export with the configuration that measured (-c)"
            )
        if history.unreadable:
            tell(f"{history.unreadable} damaged round(s) were left out")
    if manifest is not None and output is not None:
        add_to_manifest(manifest, [output], key)
    if output is not None:
        rows = f", {_rows(rounds)}" if form in _OF_LEGS else ""
        tell(f"{output}: {written / 1e6:.1f} MB{rows}")


def _rows(of: _Counted) -> str:
    """How many rows, and how many exchanges that is, as a report counts them."""
    said = f"{of.rows:,} rows of {of.count:,} rounds"
    if not of.shared:
        return said
    return (
        f"{said}: {of.rows - of.shared:,} exchanges, and {of.shared:,} with controls that several "
        "platforms shared, which stand with each of them (leg_counted is false)"
    )
