"""A list of SHA-256 sums beside what was written, in the form that ``sha256sum -c`` reads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import click

from probe.commands.output import write
from probe.config.readable import Unreadable, read_text

manifest_option = click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="Also put the SHA-256 of what is written into this list, for `sha256sum -c`.",
)
_DIGITS = 64


def listable(manifest: Path | None, files: Iterable[Path | None]) -> None:
    """Said before anything is written: what goes to standard output has no sum. Raises
    ``click.UsageError``."""
    if manifest is not None and any(file is None or str(file) == "-" for file in files):
        raise click.UsageError("--manifest lists files by their names: give one with -o")


def add_to_manifest(manifest: Path, files: Iterable[Path]) -> None:
    """Put the sums of ``files`` into ``manifest``, by names that hold from its folder; those of
    others that are there stay. Raises ``click.ClickException``."""
    try:
        lines = read_text(manifest).splitlines() if manifest.exists() else []
        if not all(_is_sum(line) for line in lines):
            raise click.ClickException(f"{manifest} is no list of sums; give another name")
        known = {line[_DIGITS + 2 :]: line for line in lines}
        for file in files:
            if not file.is_file():
                raise click.ClickException(f"{file} is no file, so it has no sum")
            name = os.path.relpath(file, manifest.parent)
            with file.open("rb") as source:
                known[name] = f"{hashlib.file_digest(source, 'sha256').hexdigest()}  {name}"
    except (OSError, Unreadable) as error:
        raise click.ClickException(f"{manifest}: {error}") from error
    write([f"{line}\n".encode() for line in known.values()], manifest)


def _is_sum(line: str) -> bool:
    head = line[:_DIGITS]
    return line[_DIGITS : _DIGITS + 2] == "  " and set(head) <= set("0123456789abcdef")
