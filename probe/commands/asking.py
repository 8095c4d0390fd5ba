"""Asking a running daemon: where it is, who asks, and what went wrong in words for a person."""

from __future__ import annotations

import base64
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import click

from probe.config.environment import PASSWORD
from probe.config.schema import Config
from probe.publish.web.auth import unfit

SECONDS = 10.0
_MOST_BYTES = 8 * 1024 * 1024

Decorated = Callable[..., Any]


def asking(command: Decorated) -> Decorated:
    """The options of every command that asks: ``--url --user``."""
    for option in (
        click.option(
            "--user",
            metavar="NAME",
            help=f"Where a password is asked for; it is taken from {PASSWORD}.",
        ),
        click.option("--url", metavar="URL", help="The daemon there; by default that at `listen`."),
    ):
        command = option(command)
    return command


def url_of(config: Config) -> str:
    """Where the daemon of ``config`` can be asked from this machine."""
    host, _, port = config.settings.listen.rpartition(":")
    if host in ("", "0.0.0.0", "[::]"):  # noqa: S104  every address: it is here as well
        host = "127.0.0.1"
    scheme = "http" if config.web.tls_server_config is None else "https"
    return f"{scheme}://{host}:{port}"


def ask(url: str, path: str, *, user: str | None = None, post: bool = False) -> bytes:
    """What the daemon at ``url`` answers. Raises ``click.ClickException``."""
    if not url.startswith(("http://", "https://")):
        raise click.ClickException(f"{url!r} is no http:// or https:// address")
    request = urllib.request.Request(  # noqa: S310  checked above
        url.rstrip("/") + path, data=b"" if post else None
    )
    if user is not None:
        password = os.environ.get(PASSWORD, "")
        if password and (why := unfit(password)):
            raise click.ClickException(f"{PASSWORD}: {why}")
        whole = f"{user}:{password}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(whole).decode()}")
    # A daemon on this machine is never asked through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            body: bytes = answer.read(_MOST_BYTES)
            return body
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(4_096).decode(errors="replace").strip()
        if error.code == HTTPStatus.UNAUTHORIZED:
            said = f"it asks for a password: --user NAME, and the password in {PASSWORD}"
        raise click.ClickException(f"{url} answered {error.code} {error.reason}: {said}") from error
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        reason = getattr(reason, "strerror", None) or reason
        raise click.ClickException(
            f"no daemon answers at {url} ({reason}); is `throttlewatch run` running?"
        ) from error
