"""The routes: metrics, the last result of one target, the landing page, health, reload.

A scrape takes a snapshot on the event loop (copies of a few dictionaries) and renders it in a
thread, so it neither waits for a round nor delays one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from probe import __version__
from probe.model.number import whole
from probe.publish.languages.offered import OFFERED, wanted
from probe.publish.languages.tongue import Tongue
from probe.publish.latest.board import Board
from probe.publish.latest.snapshot import Snapshot
from probe.publish.metrics import blackbox
from probe.publish.metrics.exposition import Exposition, Registry, encode
from probe.publish.metrics.nation_rows import findings_json
from probe.publish.web.outside_document import OutsidePage

# Scrapes beyond this wait their turn; rendering is all CPU, so more at once only slows rounds.
RENDERERS = 2
DRILL_MINUTES = 15
MOST_DRILL_MINUTES = 240

# Python's only words for it.
NO_THREAD = "can't start new thread"
LACKING = {
    errno.EMFILE: "no file descriptor",
    errno.ENFILE: "no file descriptor",
    errno.ENOMEM: "no memory",
    errno.EAGAIN: "no thread",
}

T = TypeVar("T")

log = logging.getLogger(__name__)


class ReloadResult(Struct, frozen=True, kw_only=True):
    """How a reload of the configuration ended; ``text`` is for a person."""

    ok: bool
    text: str


def create_app(
    board: Board, reload: Callable[[], Awaitable[ReloadResult]], *, version: str = __version__
) -> Starlette:
    """The application over ``board``; ``reload`` is what ``POST /-/reload`` does."""
    views = _Views(board, reload, version)
    app = Starlette(
        routes=[
            Route("/", views.page),
            Route("/metrics", views.metrics),
            Route("/probe", views.probe),
            Route("/api/v1/findings", views.findings),
            Route("/api/v1/outside", views.outside),
            Route("/-/healthy", views.healthy),
            Route("/-/ready", views.ready),
            Route("/-/reload", views.reload, methods=["POST"]),
            Route("/-/drill", views.drill, methods=["POST"]),
        ],
        exception_handlers=dict.fromkeys((OSError, MemoryError, RuntimeError), _lacking),
    )
    # To /metrics/ it would answer with a way to wherever the request's Host says.
    app.router.redirect_slashes = False
    return app


class _Views:
    def __init__(
        self, board: Board, reload: Callable[[], Awaitable[ReloadResult]], version: str
    ) -> None:
        self._board = board
        self._reload = reload
        self._version = version
        self._registry = Registry(version)
        self._rendering = asyncio.Semaphore(RENDERERS)
        self._waiting: dict[tuple[str, ...], asyncio.Task[Exposition]] = {}
        self._reloading = asyncio.Lock()
        self._outside = OutsidePage()

    async def _aside(self, render: Callable[[], T]) -> T:
        async with self._rendering:
            return await asyncio.to_thread(render)

    async def metrics(self, request: Request) -> Response:
        """Who comes while such a page still waits to be made gets the same one: it shows what holds
        when it is made, and a storm of scrapes makes two of them."""
        negotiated = _negotiation(request)
        key = tuple(negotiated.values())
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = asyncio.create_task(self._metrics(negotiated))
        return _response(await asyncio.shield(waiting))

    async def _metrics(self, negotiated: dict[str, str]) -> Exposition:
        async with self._rendering:
            self._waiting.pop(tuple(negotiated.values()), None)
            snapshot = self._board.snapshot()
            return await asyncio.to_thread(
                lambda: encode(self._registry.collector(snapshot), **negotiated)
            )

    async def probe(self, request: Request) -> Response:
        target = request.query_params.get("target")
        if not target:
            return _text("the parameter target is missing, as in /probe?target=x", 400)
        snapshot = self._board.snapshot()
        found = blackbox.lookup(snapshot, target, request.query_params.get("vantage"))
        if isinstance(found, blackbox.NoResult):
            return _text(found.message, 503 if found.known else 404)
        page = await self._aside(lambda: encode(blackbox.collector(found), **_negotiation(request)))
        return _response(page)

    async def findings(self, request: Request) -> Response:
        snapshot = self._board.snapshot()
        body = await self._aside(lambda: findings_json(snapshot))
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    async def outside(self, request: Request) -> Response:
        snapshot = self._board.snapshot()
        try:
            found = await self._aside(lambda: self._outside.answer(snapshot))
        except (OSError, ValueError) as error:
            log.error("outside_key_file cannot be used", extra={"error": error})
            return _text("the key cannot be used: see the log", 503)
        if found is None:
            return _text("nothing is published here for others: see outside_key_file", 404)
        headers = {"ETag": found.etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.body, media_type="application/json", headers=headers)

    async def page(self, request: Request) -> Response:
        snapshot = self._board.snapshot()
        asked = request.query_params.get("language", "")
        language = (
            asked
            if asked in OFFERED
            else wanted(request.headers.get("accept-language", ""), snapshot.language)
        )
        html, policy = await self._aside(lambda: _page(snapshot, self._version, language))
        return HTMLResponse(
            html,
            headers={
                "Content-Security-Policy": policy,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
                "Content-Language": language,
                "Vary": "Accept-Language",
            },
        )

    async def healthy(self, request: Request) -> Response:
        return _text("healthy")

    async def ready(self, request: Request) -> Response:
        if self._board.ready:
            return _text("ready")
        return _text("not ready: the first rounds have not ended yet", 503)

    async def drill(self, request: Request) -> Response:
        minutes = whole(request.query_params.get("minutes", f"{DRILL_MINUTES:g}"))
        if minutes is None or minutes > MOST_DRILL_MINUTES:
            return _text(f"minutes must be a whole number up to {MOST_DRILL_MINUTES:g}", 400)
        drill = self._board.drill_begun(float(minutes))
        if not drill.on(drill.since):
            return _text("no drill is going on any more")
        until = datetime.fromtimestamp(drill.until, UTC)
        return _text(f"a drill goes on until {until:%Y-%m-%d %H:%M:%S} UTC, then ends by itself")

    async def reload(self, request: Request) -> Response:
        async with self._reloading:
            result = await self._reload()
        return _text(result.text, 200 if result.ok else 500)


def _negotiation(request: Request) -> dict[str, str]:
    return {
        "accept": request.headers.get("accept", ""),
        "accept_encoding": request.headers.get("accept-encoding", ""),
    }


async def _lacking(request: Request, error: Exception) -> Response:
    """Where this machine lacks what a page takes: it may have it again in a minute."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    elif isinstance(error, RuntimeError) and str(error) == NO_THREAD:
        number = errno.EAGAIN
    if number not in LACKING:
        raise error
    log.warning("a page could not be made", extra={"reason": LACKING[number]})
    return _text(f"this machine has {LACKING[number]} left: ask again", 503)


def _page(snapshot: Snapshot, version: str, language: str) -> tuple[str, str]:
    """The landing page and its content security policy."""
    # The templates' engine is 3 MB that a daemon needs only once somebody looks at its page.
    from probe.publish.web.landing_page import CONTENT_SECURITY_POLICY, render_page

    return render_page(snapshot, version, Tongue(language)), CONTENT_SECURITY_POLICY


def _response(page: Exposition) -> Response:
    return Response(page.body, headers=page.headers)


def _text(text: str, status: int = 200) -> PlainTextResponse:
    return PlainTextResponse(text.rstrip("\n") + "\n", status_code=status)
