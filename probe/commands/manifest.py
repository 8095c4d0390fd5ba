"""A list of SHA-256 sums beside what was written, in the form that ``sha256sum -c`` reads, and its
signature (Ed25519, in Base64) in a file beside it."""

from __future__ import annotations

import hashlib
import os
import re
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
_LINE = re.compile(
    # As `sha256sum` writes it, of a text and of bytes, and with `--tag`; a backslash before it says
    # that those in the name are escapes.
    r"(?P<escaped>\\)?(?:(?P<sum>[0-9a-fA-F]{64}) [ *](?P<name>.+)"
    r"|SHA256 \((?P<tagged>.+)\) = (?P<tag>[0-9a-fA-F]{64}))",
    re.DOTALL,
)
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_MEANT = {escape: letter for letter, escape in _ESCAPES.items()}


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
    if manifest is None:
        return
    for file in files:
        if file is None or str(file) == "-":
            raise click.UsageError("--manifest lists files by their names: give one with -o")
        if in_folder(manifest, os.path.relpath(file, manifest.parent)) is None:
            raise click.UsageError(
                f"{file} lies outside the folder of {manifest}: who is given the folder could not "
                "check it; put both into one"
            )


def add_to_manifest(manifest: Path, files: Iterable[Path], key: Path | None) -> None:
    """Put the sums of ``files`` into ``manifest``, by names that hold from its folder; those of
    others that are there stay. It is signed with ``key``. Raises ``click.ClickException``."""
    try:
        known = sums_in(read_text(manifest)) if manifest.exists() else {}
        for file in files:
            if not file.is_file():
                raise click.ClickException(f"{file} is no file, so it has no sum")
            known[os.path.relpath(file, manifest.parent)] = sum_of(file)
        text = "".join(_line(name, digest) for name, digest in known.items()).encode()
    except NoSums as error:
        raise click.ClickException(
            f"{manifest} is no list of sums ({error}); give another name"
        ) from error
    except UnicodeEncodeError as error:
        raise click.ClickException("a name that is not in UTF-8 cannot be listed") from error
    except (OSError, Unreadable) as error:
        raise click.ClickException(f"{manifest}: {error}") from error
    write([text], manifest)
    if key is not None:
        signed = signature_of(private_key(key), text.decode())
        write([f"{signed}\n".encode()], signature_file(manifest))
    elif signature_file(manifest).exists():
        tell(f"{signature_file(manifest)} is of the list as it was: sign it again with --sign")


def in_folder(manifest: Path, name: str) -> Path | None:
    """Where ``name`` in a list leads, if that is in the folder of the list, or below it; ``None``
    for what lies elsewhere, also through a link. Raises ``ValueError``: no file can be called so.
    """
    folder = Path(os.path.realpath(manifest.parent))
    real = Path(os.path.realpath(folder / name))
    inside = real.is_relative_to(folder) and not Path(name).is_absolute()
    return real if inside else None


def sum_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises ``OSError``."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


class NoSums(Exception):  # noqa: N818 - it is about the list
    """What is no list of sums; the text says why."""


def sums_in(text: str) -> dict[str, str]:
    """The sum of each name in a list, in any form that ``sha256sum`` writes. Raises ``NoSums``:
    also where a name stands in it twice, since one reader would go by the first sum and another by
    the last."""
    found: dict[str, str] = {}
    names: set[str] = set()
    if not text:
        return found
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None or "\0" in line:
            raise NoSums(f"line {number} is no sum and name")
        name, digest = match["name"] or match["tagged"], match["sum"] or match["tag"]
        if match["escaped"]:
            name = re.sub(r"\\[\\nr]", lambda one: _MEANT[one[0]], name)
        if os.path.normpath(name) in names:
            raise NoSums(f"line {number} has a name for the second time: {name}")
        names.add(os.path.normpath(name))
        found[name] = digest.lower()
    return found


def _line(name: str, digest: str) -> str:
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in name)
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"
