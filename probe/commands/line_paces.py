"""``throttlewatch targets paces``: what many lines tell of how fast targets are, into a list of
targets (docs/lists.md)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from probe.commands.output import tell, write
from probe.config.definition import LEAST_LINES, UsualPace
from probe.config.readable import Unreadable, read_lines, read_text
from probe.config.values import Month
from probe.config.written_paces import NotWritten, block, readable_targets, with_paces
from probe.publish.export.usual_paces import UsualPaces


@click.command()
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--month", metavar="YYYY-MM", help="Until when the lines have told; default: this one."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Write them into the definitions in this folder, in place of those that are there.",
)
def paces(files: tuple[Path, ...], month: str | None, into: Path | None) -> None:
    """Make of what `throttlewatch export -f paces` wrote on many lines what nineteen of twenty of
    them reach, for each target and kind of line.

    Prints it as definitions have it, or puts it into those of a folder, of which `throttlewatch
    targets bundle` makes a bundle. A probe that has it says of a platform that is slower than that
    beside other sites that it is, from its first day on.
    """
    month = month or time.strftime("%Y-%m", time.gmtime())
    try:
        msgspec.convert(month, Month)
    except msgspec.ValidationError:
        raise click.BadParameter("give a month such as 2026-11", param_hint="--month") from None
    told = UsualPaces()
    for file in files:
        _add(told, file)
    found = told.found(month)
    if not found:
        raise click.ClickException(
            f"{told.lines} lines have told; {LEAST_LINES} must have, of one target at least"
        )
    if into is None:
        for platform, usual in found.items():
            click.echo(f"# {platform}\n{block(usual)}", nl=False)
        return
    made = {}
    for platform, usual in found.items():
        file = into / f"{platform}.yaml"
        if (one := _definition(file, usual)) is not None:
            made[file] = one
    if not made:
        raise click.ClickException(f"{into}: nothing is written")
    for file, (text, number) in made.items():
        write([text.encode()], file)
        click.echo(f"{file}: {number}")


def _add(told: UsualPaces, file: Path) -> None:
    try:
        for number, line in read_lines(file):
            try:
                told.add(line)
            except ValueError as error:
                raise click.ClickException(
                    f"{file}: line {number} is not what `throttlewatch export -f paces` writes: "
                    f"{error}"
                ) from error
    except Unreadable as error:
        raise click.ClickException(f"{file}: {error}") from error


def _definition(file: Path, usual: Sequence[UsualPace]) -> tuple[str, int] | None:
    """The definition in ``file`` with those of ``usual`` that are about targets of its own, and how
    many these are; ``None``, and a word of it, if nothing can be written: strangers may tell of
    what this list does not have."""
    try:
        text = read_text(file)
    except Unreadable as error:
        tell(f"{file}: {error}; left out")
        return None
    known = readable_targets(text, file.name)
    own = [one for one in usual if one.target in known]
    for target in sorted({one.target for one in usual} - known):
        tell(f"{file}: {target} is no target of it that is read; left out")
    if not own:
        return None
    try:
        return with_paces(text, own, file.name), len(own)
    except NotWritten as error:
        raise click.ClickException(f"{file} stays as it is: {error}") from error
