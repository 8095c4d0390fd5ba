"""What the hub answers: joining, the gate, and how it is itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from probe.hub.allowance import Allowance
from probe.hub.engine import Engine
from probe.hub.enrolled import Enrolled
from probe.hub.gate import MOST_BODY_BYTES, UnreadableRequestError, passing
from probe.hub.register import NotInvitedError, Register
from probe.hub.welcome import JOIN_PATH, WRITE_PATH, Welcome

# One line with a secret.
MOST_JOIN_BYTES = 4_096
# What cannot be written now is sent again: soon, and not by all at once (each adds its own chance).
AGAIN_SECONDS = 30


class _Invitation(Struct, frozen=True, forbid_unknown_fields=True):
    invitation: str


class _Numbers:
    """What the hub publishes of itself: names of vantages and counts, nothing of who or where."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.heard = Gauge(
            "throttlewatch_hub_heard_timestamp_seconds",
            "Unix time at which something of this vantage last passed the gate.",
            ("vantage", "country"),
            registry=self.registry,
        )
        self.passed = Counter(
            "throttlewatch_hub_passed_samples",
            "Samples that passed the gate and that the engine took.",
            ("vantage",),
            registry=self.registry,
        )
        self.dropped = Counter(
            "throttlewatch_hub_dropped",
            "Series, or samples because of their time, that did not pass the gate, by reason.",
            ("vantage", "reason"),
            registry=self.registry,
        )
        self.refused = Counter(
            "throttlewatch_hub_refused_requests",
            "Requests of which nothing passed, by reason.",
            ("reason",),
            registry=self.registry,
        )


class Hub:
    """One hub: its register, its engine, and what it remembers while it runs. ``wall`` is the time
    of day, ``clock`` one that is not set; both in seconds."""

    def __init__(
        self,
        register: Register,
        engine: Engine,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._register, self._engine = register, engine
        self._wall, self._clock = wall, clock
        self._allowances: dict[str, Allowance] = {}
        self._numbers = _Numbers()

    def app(self) -> Starlette:
        """What answers; its engine's connections are closed when it ends."""

        @asynccontextmanager
        async def living(_: Starlette) -> Any:
            yield
            await self._engine.close()

        return Starlette(
            routes=[
                Route(WRITE_PATH, self._write, methods=["POST"]),
                Route(JOIN_PATH, self._join, methods=["POST"]),
                Route("/metrics", self._metrics, methods=["GET"]),
                Route("/-/healthy", self._healthy, methods=["GET"]),
            ],
            lifespan=living,
        )

    async def _write(self, request: Request) -> Response:
        try:
            who = self._register.bearer(_bearer(request))
        except sqlite3.Error:
            return self._later("register")
        if who is None:
            return self._refused("credential", 401, "not of this fleet")
        body = await _body(request, MOST_BODY_BYTES)
        if body is None:
            return self._refused("size", 413, "too large")
        try:
            found = passing(body, who, self._wall())
        except UnreadableRequestError as error:
            return self._refused("unreadable", 400, str(error))
        for reason, count in found.dropped.items():
            self._numbers.dropped.labels(who.name, reason.value).inc(count)
        if not found.samples:
            # Kept at the probe until somebody has put right what it calls itself, or its clock.
            return self._refused("nothing", 403, f"nothing of this is of {who.name}, and of now")
        now = self._clock()
        allowance = self._allowances.setdefault(who.name, Allowance(now))
        if not allowance.knows(found.series, now):
            return self._refused("series", 429, "too many different series", wait=3_600)
        if wait := allowance.wait(found.samples, now):
            return self._refused("rate", 429, "too many samples", wait=int(wait) + 1)
        answer = await self._engine.write(found.body)
        if answer.status == 503 or answer.status >= 500:
            return self._later("engine")
        if answer.status // 100 == 2:
            self._heard(who, found.samples)
            return Response(status_code=204)
        # What the engine says of samples is for who sent them: they are cut in halves by it.
        return PlainTextResponse(answer.text, status_code=answer.status)

    async def _join(self, request: Request) -> Response:
        body = await _body(request, MOST_JOIN_BYTES)
        try:
            given = msgspec.json.decode(body or b"", type=_Invitation)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._refused("unreadable", 400, "expected JSON with an invitation")
        try:
            who, credential = self._register.join(given.invitation, self._wall())
        except NotInvitedError as error:
            return self._refused("invitation", 403, str(error))
        except sqlite3.Error:
            return self._later("register")
        welcome = Welcome(
            vantage=who.name,
            country=who.place.country,
            asn=who.place.asn,
            access=who.place.access,
            role=who.place.role,
            upstream=who.place.upstream,
            credential=credential,
        )
        return JSONResponse(msgspec.to_builtins(welcome), headers={"Cache-Control": "no-store"})

    async def _metrics(self, _: Request) -> Response:
        return PlainTextResponse(generate_latest(self._numbers.registry))

    async def _healthy(self, _: Request) -> Response:
        return PlainTextResponse("healthy\n")

    def _heard(self, who: Enrolled, samples: int) -> None:
        self._numbers.passed.labels(who.name).inc(samples)
        self._numbers.heard.labels(who.name, who.place.country).set(self._wall())

    def _later(self, reason: str) -> Response:
        return self._refused(reason, 503, "not now", wait=AGAIN_SECONDS)

    def _refused(self, reason: str, status: int, text: str, wait: int | None = None) -> Response:
        self._numbers.refused.labels(reason).inc()
        headers = {} if wait is None else {"Retry-After": str(wait)}
        return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)


def _bearer(request: Request) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


async def _body(request: Request, most: int) -> bytes | None:
    """The whole body; ``None``: it is larger than ``most``, or the client went away."""
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > most:
                return None
    except ClientDisconnect:
        return None
    return bytes(found)
