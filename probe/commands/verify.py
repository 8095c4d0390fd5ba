"""``throttlewatch verify``: whether what somebody hands on is as it was made, and by whom."""

from __future__ import annotations

from pathlib import Path

import click

from probe.commands.manifest import NoSums, in_folder, signature_file, sum_of, sums_in
from probe.config.readable import Unreadable, must_be_file, read_text
from probe.config.signing import is_signed
from probe.model.foreign import one_line


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path), default="SHA256SUMS")
@click.option("-k", "--key", help="The public key of whoever should have signed the list.")
def verify(manifest: Path, key: str | None) -> None:
    """See whether the files that MANIFEST lists are as they were made.

    Files outside the folder of the list are not looked at, and count as not as they were made.
    With --key also whether the owner of that key has signed the list. The key is worth as much as
    the way by which you know whose it is.
    """
    try:
        text = read_text(manifest)
    except Unreadable as error:
        raise click.ClickException(f"{manifest}: {error}") from error
    try:
        sums = sums_in(text)
    except NoSums as error:
        raise click.ClickException(f"{manifest} is no list of sums: {error}") from error
    if not sums:
        raise click.ClickException(f"{manifest} is no list of sums: it is empty")
    wrong = 0
    for name, digest in sums.items():
        said = _looked_at(manifest, name, digest)
        wrong += said != "as it was made"
        click.echo(f"{one_line(name)}: {said}")
    if wrong:
        raise click.ClickException(f"{wrong} of {len(sums)} are not as they were made")
    if key is None:
        click.echo("who made them was not looked at: give a key with --key")
        return
    sealed = signature_file(manifest)
    try:
        signature = read_text(sealed, any_bytes=True).strip()
    except Unreadable as error:
        raise click.ClickException(f"the list is not signed: {sealed}: {error}") from error
    if not is_signed(key, text, signature):
        raise click.ClickException(f"{sealed} is no signature of this list by that key")
    click.echo(f"signed by {key}")


def _looked_at(manifest: Path, name: str, digest: str) -> str:
    try:
        file = in_folder(manifest, name)
        if file is None:
            return "OUTSIDE the folder of the list, and not looked at"
        must_be_file(file)
        return "as it was made" if sum_of(file) == digest else "ALTERED"
    except FileNotFoundError:
        return "MISSING"
    except (OSError, ValueError) as error:
        return f"UNREADABLE ({getattr(error, 'strerror', None) or type(error).__name__})"
