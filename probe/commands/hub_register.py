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
def opened_register(file: Path) -> Iterator[Register]:
    """Made if it is not there. Raises ``click.ClickException``."""
    try:
        register = Register(home_of(str(file)))
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
