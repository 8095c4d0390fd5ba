"""``throttlewatch targets paces``: what many lines tell of how fast targets are, into a list of
targets (docs/lists.md)."""

from __future__ import annotations

import time
from pathlib import Path

import click
import msgspec

from probe.commands.output import write
from probe.config.definition import LEAST_LINES
from probe.config.readable import Unreadable, read_text
from probe.config.values import Month
from probe.publish.export.usual_paces import block, usual_paces, written


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
    lines: list[str] = []
    for file in files:
        try:
            lines += read_text(file).splitlines()
        except Unreadable as error:
            raise click.ClickException(f"{file}: {error}") from error
    try:
        found = usual_paces(lines, month)
    except msgspec.DecodeError as error:
        raise click.ClickException(
            f"a line is not what `throttlewatch export -f paces` writes: {error}"
        ) from error
    if not found:
        raise click.ClickException(
            f"{len(lines)} lines have told; {LEAST_LINES} must have, of one target at least"
        )
    for platform, usual in found.items():
        if into is None:
            click.echo(f"# {platform}\n{block(usual)}", nl=False)
            continue
        file = into / f"{platform}.yaml"
        try:
            text = read_text(file)
        except Unreadable as error:
            raise click.ClickException(f"{file}: {error}") from error
        write([written(text, usual).encode()], file)
        click.echo(f"{file}: {len(usual)}")
