"""Files with private keys: made once, never written over."""

from __future__ import annotations

import os
from pathlib import Path

import click

from probe.config.readable import Unreadable, read_text
from probe.config.signing import KeyUnusableError, new_key, public_key


def made_or_kept(file: Path) -> str:
    """The public key of the private one in ``file``, which is made if it is not there."""
    try:
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return public_key(private_key(file))
        pem = new_key()
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as out:
                out.write(pem)
        except OSError:
            # A part of a key, kept as one that is there, would stand in the way of the next.
            file.unlink()
            raise
        return public_key(pem)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    except KeyUnusableError as error:
        raise click.ClickException(f"{file}: {error}") from error


def private_key(file: Path) -> str:
    """The private key in ``file`` as PEM, if one can sign with it."""
    try:
        pem = read_text(file, any_bytes=True)
        public_key(pem)
    except (Unreadable, KeyUnusableError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    return pem
