"""Making bundles: what those do who keep a list for others (docs/lists.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from probe import __version__
from probe.commands.key_file import made_or_kept, private_key
from probe.commands.output import write
from probe.config.bundle import (
    FORMAT,
    MOST_BYTES,
    MOST_HANDOVERS,
    BundleFile,
    BundleRefusedError,
    Handover,
    KeySignature,
    Manifest,
    SignedText,
    digest_of,
    form_of_bundle,
    handover_to_sign,
    manifest_of,
    manifest_to_sign,
    signed_handover,
    signed_manifest,
)
from probe.config.bundle_nodes import mistakes_of
from probe.config.readable import Unreadable, read_text
from probe.config.signing import public_key
from probe.config.signing import sign as signature_of
from probe.config.units import parse_seconds
from probe.model.foreign import read_json

# Whoever stops keeping a list should be missed while somebody remembers it.
_LONGEST_SECONDS = 10 * 366 * 86_400.0
_FILE = click.Path(path_type=Path, dir_okay=False)
_KEYS = click.option(
    "-k", "--key", "keys", type=_FILE, multiple=True, help="Sign with this private key (again)."
)
_OUTPUT = click.option("-o", "--output", type=_FILE, required=True, help="The file to write.")


@click.command()
@click.argument("file", type=_FILE)
def key(file: Path) -> None:
    """Make a key pair: the private key in FILE, and print the public one.

    A FILE that is there is kept, and its public key printed. Whoever takes bundles names the public
    one in `targets.keys`.
    """
    click.echo(made_or_kept(file))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@_OUTPUT
@_KEYS
@click.option("--after", type=_FILE, help="The bundle before this one: the version is one more.")
@click.option("--version", type=click.IntRange(1, 2**53), help="The version, if not by --after.")
@click.option("--valid", default="90d", show_default=True, help="For how long it may be taken.")
@click.option("--least-program", default=__version__, help="The oldest release that can use it.")
@click.option("--handover", "handovers", type=_FILE, multiple=True, help="To be carried with it.")
def bundle(
    folder: Path,
    output: Path,
    keys: tuple[Path, ...],
    after: Path | None,
    version: int | None,
    valid: str,
    least_program: str,
    handovers: tuple[Path, ...],
) -> None:
    """Make a bundle of the definitions in FOLDER (*.yaml), and sign it.

    Each file is checked like a configuration. Others sign the same bundle with `targets sign`.
    Handovers that the bundle of --after carries are carried on.
    """
    before = None if after is None else _bundle_in(after)
    if version is None:
        version = 1 if before is None else manifest_of(before).version + 1
    elif before is not None and version <= manifest_of(before).version:
        raise click.UsageError(f"--version {version} is not above that of --after")
    texts = {file.name: _text(file) for file in sorted(folder.glob("*.yaml"))}
    if not texts:
        raise click.ClickException(f"{folder}: no *.yaml in it")
    mistakes = mistakes_of(texts)
    if mistakes:
        raise click.ClickException("\n".join(map(str, mistakes)))
    try:
        manifest = msgspec.convert(
            {
                "format": FORMAT,
                "version": version,
                "expires": datetime.fromtimestamp(int(time.time() + _seconds(valid)), UTC),
                "least_program": least_program,
                "files": {name: digest_of(text) for name, text in texts.items()},
            },
            Manifest,
        )
    except msgspec.ValidationError as error:
        raise click.ClickException(f"it cannot be a bundle: {error}") from error
    carried = () if before is None else before.handovers
    carried = tuple(dict.fromkeys((*carried, *map(_handover_in, handovers))))
    if len(carried) > MOST_HANDOVERS:
        raise click.ClickException(f"more than {MOST_HANDOVERS} handovers")
    signed = _signed(SignedText(signed_manifest(manifest)), keys, manifest_to_sign)
    _write(BundleFile(signed, texts, carried), output)
    click.echo(f"bundle {version}: {len(texts)} file(s), {len(signed.signatures)} signature(s)")


@click.command()
@click.argument("file", type=_FILE)
@_KEYS
def sign(file: Path, keys: tuple[Path, ...]) -> None:
    """Add signatures to FILE, a bundle or a handover.

    Look at what you sign: `targets check FILE` for a bundle, the file itself for a handover.
    """
    if not keys:
        raise click.UsageError("no --key to sign with")
    try:
        found = _handover_in(file)
    except click.ClickException:
        whole = _bundle_in(file)
        manifest_of(whole)
        signed = _signed(whole.manifest, keys, manifest_to_sign)
        _write(replace(whole, manifest=signed), file)
    else:
        signed = _signed(found, keys, handover_to_sign)
        write([msgspec.json.encode(signed)], file)
    click.echo(f"{len(signed.signatures)} signature(s)")


@click.command()
@_OUTPUT
@click.option("--before", multiple=True, required=True, help="A public key that signs now (again).")
@click.option("--before-threshold", type=int, default=1, help="How many of them are needed.")
@click.option("--after", multiple=True, required=True, help="One that signs from then on (again).")
@click.option("--after-threshold", type=int, default=1, help="How many of them are needed.")
@_KEYS
def handover(
    output: Path,
    before: tuple[str, ...],
    before_threshold: int,
    after: tuple[str, ...],
    after_threshold: int,
    keys: tuple[Path, ...],
) -> None:
    """Say that others sign from now on: a file for `targets bundle --handover`.

    It counts once enough of the keys before and enough of those after have signed it (`targets
    sign`): a key with a slip of the pen in it would leave nobody who can sign.
    """
    try:
        made = msgspec.convert(
            {
                "before": {"keys": before, "threshold": before_threshold},
                "after": {"keys": after, "threshold": after_threshold},
            },
            Handover,
        )
    except msgspec.ValidationError as error:
        raise click.ClickException(f"it cannot be a handover: {error}") from error
    for one in (made.before, made.after):
        if one.threshold > len(set(one.keys)):
            raise click.UsageError(f"{one.threshold} signatures of {len(set(one.keys))} key(s)")
    signed = _signed(SignedText(signed_handover(made)), keys, handover_to_sign)
    write([msgspec.json.encode(signed)], output)
    click.echo(f"handover: {len(signed.signatures)} signature(s)")


def _signed(text: SignedText, keys: Iterable[Path], to_sign: Callable[[str], str]) -> SignedText:
    signatures = {one.key: one for one in text.signatures}
    for file in keys:
        pem = private_key(file)
        own = public_key(pem)
        signatures[own] = KeySignature(own, signature_of(pem, to_sign(text.text)))
    return replace(text, signatures=tuple(signatures.values()))


def _write(file: BundleFile, output: Path) -> None:
    body = msgspec.json.encode(file)
    if len(body) > MOST_BYTES:
        raise click.ClickException(f"{len(body):,} bytes; a bundle has at most {MOST_BYTES:,}")
    write([body], output)


def _bundle_in(file: Path) -> BundleFile:
    try:
        return form_of_bundle(_text(file).encode())
    except BundleRefusedError as error:
        raise click.ClickException(f"{file}: {error}") from error


def _handover_in(file: Path) -> SignedText:
    try:
        found = read_json(_text(file), SignedText)
        read_json(found.text, Handover)
    except ValueError as error:
        raise click.ClickException(f"{file}: no handover") from error
    return found


def _text(file: Path) -> str:
    try:
        return read_text(file)
    except Unreadable as error:
        raise click.ClickException(f"{file}: {error}") from error


def _seconds(text: str) -> float:
    try:
        seconds = parse_seconds(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds <= _LONGEST_SECONDS:
        raise click.UsageError(
            f"--valid {text!r}: expected a duration such as 90d, ten years at most"
        )
    return seconds
