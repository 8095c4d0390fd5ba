"""Asking a running daemon: where it is, who asks, and what went wrong in words for a person."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import click
import httpx

from probe.config.environment import PASSWORD
from probe.config.schema import Config
from probe.model.foreign import printable
from probe.publish.web.auth import unfit

SECONDS = 10.0
_MOST_BYTES = 8 * 1024 * 1024
_PART_BYTES = 65_536
_MOST_SAID_BYTES = 4_096
_ELSEWHERE = range(300, 400)

_Decorated = Callable[..., Any]


def asking(command: _Decorated) -> _Decorated:
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
    """What the daemon at ``url`` answers, and nobody to whom it would send on. Raises
    ``click.ClickException``."""
    if not url.startswith(("http://", "https://")):
        raise click.ClickException(f"{url!r} is no http:// or https:// address")
    headers = {"Accept-Encoding": "identity"}
    if user is not None:
        headers["Authorization"] = f"Basic {_credentials(user)}"
    try:
        _ = urlsplit(url).port  # raises for one that none has
        asked = asyncio.run(_asked(url.rstrip("/") + path, headers, "POST" if post else "GET"))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise click.ClickException(
            f"no daemon answers at {url} ({_reason(error)}); is `throttlewatch run` running?"
        ) from error
    status, body = asked
    if status == HTTPStatus.OK:
        return body
    said = printable(body[:_MOST_SAID_BYTES].decode(errors="replace")).strip()
    if status == HTTPStatus.UNAUTHORIZED:
        said = f"it asks for a password: --user NAME, and the password in {PASSWORD}"
    elif status in _ELSEWHERE:
        said = "it sends on to somewhere else, which is not followed"
    raise click.ClickException(f"{url} answered {status}: {said}")


async def _asked(url: str, headers: Mapping[str, str], method: str) -> tuple[int, bytes]:
    """Status and body, within ``SECONDS``."""
    authorities = await asyncio.to_thread(ssl.create_default_context)
    body = b""
    async with (
        asyncio.timeout(SECONDS),
        # A daemon on this machine is never asked through a proxy.
        httpx.AsyncClient(trust_env=False, verify=authorities, timeout=SECONDS) as client,
        client.stream(method, url, headers=headers) as response,
    ):
        async for part in response.aiter_raw(_PART_BYTES):
            body += part
            if len(body) > _MOST_BYTES:
                raise ValueError("its answer is too long")
        return response.status_code, body


def _credentials(user: str) -> str:
    password = os.environ.get(PASSWORD, "")
    if password and (why := unfit(password)):
        raise click.ClickException(f"{PASSWORD}: {why}")
    return base64.b64encode(os.fsencode(f"{user}:{password}")).decode()


def _reason(error: Exception) -> str:
    """Why, in our words or the system's."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"nothing whole within {SECONDS:g} seconds"
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return "what answers speaks no HTTP"
    if isinstance(error, httpx.HTTPError):
        return "the connection failed"
    return printable(str(error))
