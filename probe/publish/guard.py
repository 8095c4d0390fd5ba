"""Keeps strangers out: other people's web pages, and whoever has no password.

A page in the operator's browser can make a name of its own lead to 127.0.0.1 (DNS rebinding) and
then read whatever answers there, or send a form to it without reading. So a server bound to
loopback answers only to loopback's own names, and no server takes a POST from another site. What
listens elsewhere takes no POST at all from somebody who has not shown who they are. Health is told
to anyone, since a container's check has no password.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from probe.config.schema import WebConfig
from probe.publish.auth import Users

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS = frozenset({"/-/healthy", "/-/ready"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def allowed_hosts(bound_to: str) -> frozenset[str] | None:
    """The names that a server bound to this host answers to; ``None``: any, it is not loopback."""
    host = bound_to.lower()
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return LOOPBACK_NAMES | {host} if loopback else None


class Guard:
    """Answers 403 to requests with a foreign ``Host`` and to those that another site makes, and 401
    to those without a password where one is asked for."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: frozenset[str] | None,
        web: WebConfig = WebConfig(),  # noqa: B008
    ) -> None:
        self._app = app
        self._hosts = hosts
        self.use(web)

    def use(self, web: WebConfig) -> None:
        """``web`` holds from now on."""
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

        refusal = self._refusal(scope)
        if refusal is not None:
            response: Response | None = PlainTextResponse(refusal + "\n", status_code=403)
        elif scope["path"] in OPEN_PATHS:
            response = None
        else:
            response = await self._users.refusal(Headers(scope=scope))
        await (response or self._app)(scope, receive, answer)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and _name("//" + host) not in self._hosts:
            return "refused: this server listens on loopback and answers to localhost only"
        if scope["method"] in _SAFE_METHODS:
            return None
        if self._hosts is None and not self._authenticates:
            return "refused: without a password (web_config) nothing is changed from elsewhere"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "refused: the request comes from another site"
        return None


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
