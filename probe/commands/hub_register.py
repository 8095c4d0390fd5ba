"""The register of a hub, as its commands open it: mistakes become sentences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from probe.config.readable import home_of
from probe.hub.register import NoRegisterError, NoSuchVantageError, Register

REGISTER = click.option(
    "--register",
    "file",
    type=click.Path(path_type=Path),
    default="/var/lib/throttlewatch/hub.sqlite3",
    show_default=True,
    help="The file that knows who takes part.",
)


@contextmanager
def opened_register(file: Path, *, make: bool = True) -> Iterator[Register]:
    """Made if it is not there, unless a command only looks or takes away. Raises
    ``click.ClickException``."""
    path = home_of(str(file))
    if not make and _missing(path):
        raise click.ClickException(
            f"there is no register at {path}: `throttlewatch hub invite` makes one; --register "
            "names another"
        )
    try:
        register = Register(path)
    except NoRegisterError as error:
        raise click.ClickException(str(error)) from error
    try:
        yield register
    except NoSuchVantageError as error:
        raise click.ClickException(str(error)) from error
    except sqlite3.Error as error:
        raise click.ClickException(f"{file}: {error}") from error
    finally:
        with suppress(sqlite3.Error):
            register.close()


def _missing(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass  # opening it says what is wrong
    return False
