"""Keeps strangers out: other people's web pages, and whoever has no password.

A page in the operator's browser can make a name of its own lead to 127.0.0.1 (DNS rebinding) and
then read whatever answers there, or send a form to it without reading. So a server bound to
loopback answers only to loopback's own names and those that the configuration allows (behind a
reverse proxy), and no server takes a POST from another site. What comes from elsewhere is no POST
at all unless it shows who sends it. Health is told to anyone, since a container's check has no
password.

The order matters. The host is compared first, so that no page can try passwords. Nothing else of a
request is looked at before its password, and nothing is taken apart that comparing whole texts can
decide: what a client sends can then be refused, and never fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from probe.config.formats import is_loopback
from probe.config.schema import WebConfig
from probe.publish.web.auth import Users

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS = frozenset({"/-/healthy", "/-/ready", "/api/v1/outside"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# RFC 9110, 7.2: a name or an address, and a port.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::[0-9]{0,5})?")
# Proxies name in these whom they speak for.
_FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip")


def answered_names(bound_to: str, allowed: Iterable[str] = ()) -> frozenset[str] | None:
    """The names that a server bound to this host answers to; ``None``: any, because it is not bound
    to loopback and the configuration allows no names in particular."""
    names = {name.lower() for name in allowed}
    if not names and not is_loopback(bound_to):
        return None
    return LOOPBACK_NAMES | names | {bound_to.lower()}


class Guard:
    """Answers 403 to requests with a foreign ``Host`` and to those that another site makes, and 401
    to those without a password where one is asked for. ``bound_to`` is the address that the server
    listens on, ``allowed`` the configuration's ``allowed_hosts``."""

    def __init__(
        self,
        app: ASGIApp,
        bound_to: str,
        web: WebConfig = WebConfig(),  # noqa: B008
        allowed: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._bound_to = bound_to
        self._own = (
            LOOPBACK_NAMES | {bound_to.lower()} if is_loopback(bound_to) else frozenset[str]()
        )
        self.use(web, allowed)

    def use(self, web: WebConfig, allowed: Iterable[str]) -> None:
        """These hold from now on."""
        self._names = answered_names(self._bound_to, allowed)
        self._users = Users(web.basic_auth_users)
        self._authenticates = web.authenticates
        self._headers = [
            (name.lower().encode(), value.encode())
            for name, value in web.http_server_config.headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        headers = Headers(scope=scope)
        response = self._by_host(headers)
        if response is None and scope["path"] not in OPEN_PATHS:
            response = await self._users.refusal(headers)
        if response is None and scope["method"] not in _SAFE_METHODS:
            response = self._by_sender(headers)
        await (response or self._app)(scope, receive, answer)

    def _by_host(self, headers: Headers) -> Response | None:
        """Whether it was meant for this server."""
        name = _name(headers.get("host", ""))
        if self._names is None:
            return None if name is not None else _refusal("the Host header names no host", 400)
        if name in self._names:
            return None
        return _refusal(
            "this server answers to localhost and to allowed_hosts of its configuration only"
            if self._own
            else "this server answers to allowed_hosts of its configuration only"
        )

    def _by_sender(self, headers: Headers) -> Response | None:
        """Whether its sender may change something."""
        host = headers.get("host", "")
        here = _name(host) in self._own and not any(key in headers for key in _FORWARDING)
        if not here and not self._authenticates:
            return _refusal("without a password (web_config) nothing is changed from elsewhere")
        # An origin is a scheme, :// and what the Host header says (RFC 6454, 6.2), or null.
        if any(
            origin.partition("://")[2].lower() != host.lower()
            for origin in headers.getlist("origin")
        ):
            return _refusal("the request comes from another site")
        return None


def _refusal(why: str, status: int = 403) -> Response:
    return PlainTextResponse(f"refused: {why}\n", status_code=status)


def _name(host: str) -> str | None:
    match = _HOST.fullmatch(host)
    return None if match is None else (match[1] or match[2]).lower().removesuffix(".")
