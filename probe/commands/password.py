"""``throttlewatch password``: the hash of a password, as a web configuration takes it."""

from __future__ import annotations

import sys

import click

from probe.publish.web.auth import PasswordError, hashed

# More than a password may have, so that a longer one is not cut but refused.
_MOST_LETTERS = 4_096


@click.command()
@click.argument("name")
def password(name: str) -> None:
    """Print the line of `basic_auth_users` for NAME.

    The password is asked for twice, or read from standard input. Nothing is written anywhere.
    """
    if sys.stdin is None:
        raise click.ClickException("there is no standard input to read a password from")
    if sys.stdin.isatty():
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline(_MOST_LETTERS).rstrip("\r\n")
    if ":" in name or not name.strip() or not name.isprintable():
        raise click.ClickException("a user's name is one line without a colon")
    try:
        click.echo(f"  {name}: {hashed(given)}")
    except PasswordError as error:
        raise click.ClickException(str(error)) from error
