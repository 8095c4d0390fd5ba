"""A list of SHA-256 sums beside what was written, in the form that ``sha256sum -c`` reads, and its
signature (Ed25519, in Base64) in a file beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import click

from probe.commands.key_file import private_key
from probe.commands.output import tell, write
from probe.config.readable import Unreadable, read_text
from probe.config.signing import sign as signature_of

manifest_option = click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="Also put the SHA-256 of what is written into this list, for `sha256sum -c`.",
)
sign_option = click.option(
    "--sign",
    "key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sign that list with this private key (`throttlewatch targets key` makes one).",
)
_DIGITS = 64


def signature_file(manifest: Path) -> Path:
    """Where the signature of a list is."""
    return manifest.with_name(f"{manifest.name}.sig")


def listable(manifest: Path | None, files: Iterable[Path | None], key: Path | None) -> None:
    """Said before anything is written: what goes to standard output has no sum, and what signs is a
    key. Raises ``click.UsageError`` and ``click.ClickException``."""
    if key is not None:
        if manifest is None:
            raise click.UsageError("--sign signs the list that --manifest writes: give both")
        private_key(key)
    if manifest is not None and any(file is None or str(file) == "-" for file in files):
        raise click.UsageError("--manifest lists files by their names: give one with -o")


def add_to_manifest(manifest: Path, files: Iterable[Path], key: Path | None) -> None:
    """Put the sums of ``files`` into ``manifest``, by names that hold from its folder; those of
    others that are there stay. It is signed with ``key``. Raises ``click.ClickException``."""
    try:
        known = sums_in(read_text(manifest)) if manifest.exists() else {}
        if known is None:
            raise click.ClickException(f"{manifest} is no list of sums; give another name")
        for file in files:
            if not file.is_file():
                raise click.ClickException(f"{file} is no file, so it has no sum")
            known[os.path.relpath(file, manifest.parent)] = sum_of(file)
    except (OSError, Unreadable) as error:
        raise click.ClickException(f"{manifest}: {error}") from error
    text = "".join(f"{digest}  {name}\n" for name, digest in known.items())
    write([text.encode()], manifest)
    if key is not None:
        write([f"{signature_of(private_key(key), text)}\n".encode()], signature_file(manifest))
    elif signature_file(manifest).exists():
        tell(f"{signature_file(manifest)} is of the list as it was: sign it again with --sign")


def sum_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises ``OSError``."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def sums_in(text: str) -> dict[str, str] | None:
    """The sum of each name in a list; ``None``: it is none."""
    lines = text.splitlines()
    if not all(map(_is_sum, lines)):
        return None
    return {line[_DIGITS + 2 :]: line[:_DIGITS] for line in lines}


def _is_sum(line: str) -> bool:
    head = line[:_DIGITS]
    named = line[_DIGITS : _DIGITS + 2] == "  " and len(line) > _DIGITS + 2
    return named and set(head) <= set("0123456789abcdef")
