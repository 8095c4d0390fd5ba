"""What the hub answers: joining, the gates, and how it is itself."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from probe.config.hub_wishes import BUNDLE_PATH, WISHES_PATH
from probe.hub.allowance import Allowance
from probe.hub.engine import Engine
from probe.hub.enrolled import ArchivedRounds, Enrolled, VantageHeard
from probe.hub.gate import (
    AHEAD_SECONDS,
    MOST_BODY_BYTES,
    Dropped,
    Passed,
    UnreadableRequestError,
    passing,
)
from probe.hub.hub_numbers import HubNumbers
from probe.hub.ledger import NoLedgerError, PublicIncident
from probe.hub.register import NotInvitedError, Register
from probe.hub.released import read_released, restricted_for
from probe.hub.rounds_desk import NO_ROOM, NotNowError, RoundsDesk
from probe.hub.rounds_gate import UnreadableParcelError
from probe.hub.welcome import JOIN_PATH, WRITE_PATH, Welcome
from probe.hub.wish_list import etag_of, wishes_for
from probe.publish.parcels.parcel import MOST_PACKED_BYTES, ROUNDS_PATH

# One line with a secret.
MOST_JOIN_BYTES = 4_096
# Whoever joins is a stranger, and holds no connection for longer.
JOIN_SECONDS = 15.0
# What cannot be written now is sent again: soon, and not by all at once (each adds its own chance).
AGAIN_SECONDS = 30
NO_ROOM_SECONDS = 3_600
"""Old rounds go by the day, and a person has to do the rest."""
# How often it is kept when each was heard: a hub that dies forgets no more than that.
KEEP_HEARD_SECONDS = 60.0
FORGET_SECONDS = 3_600.0


class _Invitation(Struct, frozen=True, forbid_unknown_fields=True):
    invitation: str


class Hub:
    """One hub: its register, its engine, and what it remembers while it runs. ``rounds`` takes
    rounds (``None``: none are kept here), ``ledger`` has what was found and released (``None``:
    probes are told nothing of it). ``wall`` is the time of day, ``clock`` one that is not set; both
    in seconds."""

    def __init__(
        self,
        register: Register,
        engine: Engine,
        *,
        rounds: RoundsDesk | None = None,
        ledger: Path | None = None,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._register, self._engine, self._rounds = register, engine, rounds
        self._ledger = ledger
        self._released: tuple[PublicIncident, ...] = ()
        self._wall, self._clock = wall, clock
        self._allowances: dict[str, Allowance] = {}
        self._numbers = HubNumbers()
        self._heard = register.heard()
        self._unkept: dict[str, VantageHeard] = {}
        self._archived: dict[str, ArchivedRounds] = {}

    def app(self) -> Starlette:
        """What answers; its engine's connections are closed when it ends."""

        @asynccontextmanager
        async def living(_: Starlette) -> Any:
            self.give_bundle()
            await self._read_released()
            tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._forget())]
            yield
            for task in tasks:
                task.cancel()
            self.keep_heard()
            await self._engine.close()

        return Starlette(
            routes=[
                Route(WRITE_PATH, self._write, methods=["POST"]),
                Route(ROUNDS_PATH, self._take_rounds, methods=["POST"]),
                Route(JOIN_PATH, self._join, methods=["POST"]),
                Route(WISHES_PATH, self._wishes, methods=["GET"]),
                Route(BUNDLE_PATH, self._bundle, methods=["GET"]),
                Route("/-/healthy", self._healthy, methods=["GET"]),
            ],
            lifespan=living,
        )

    def numbers_app(self) -> Starlette:
        """What answers those who look after the fleet: it names vantages, so it is no part of
        what everybody reaches."""
        return Starlette(
            routes=[
                Route("/metrics", self._metrics, methods=["GET"]),
                Route("/-/healthy", self._healthy, methods=["GET"]),
            ]
        )

    def _who(self, request: Request) -> Enrolled | Response:
        """Whose credential it is, or the answer that it is nobody's."""
        try:
            who = self._register.bearer(_bearer(request))
        except sqlite3.Error:
            return self._later("register")
        return who or self._refused("credential", 401, "not of this fleet")

    async def _write(self, request: Request) -> Response:
        who = self._who(request)
        if isinstance(who, Response):
            return who
        body = await _body(request, MOST_BODY_BYTES)
        if body is None:
            return self._refused("size", 413, "too large")
        who = self._who(request)  # it may have been revoked while that came
        if isinstance(who, Response):
            return who
        try:
            found = passing(body, who, self._wall())
        except UnreadableRequestError as error:
            return self._refused("unreadable", 400, str(error))
        ahead = _ahead(request, self._wall())
        if Dropped.TIME in found.dropped and abs(ahead or 0.0) > AHEAD_SECONDS:
            # Whose clock is wrong nobody knows: it is sent again when both are right.
            return self._later("clock")
        for reason, count in found.dropped.items():
            self._numbers.dropped.labels(who.name, reason.value).inc(count)
        if set(found.dropped) == {Dropped.TIME} and not found.samples and ahead is not None:
            # Of a time at which that clock was wrong: no other answer would let the next ones in.
            return self._refused("time", 400, "out of bounds: of another time than now")
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
            self._passed(who, found, request)
            return Response(status_code=204)
        # What the engine says of samples is for who sent them: they are cut in halves by it.
        return PlainTextResponse(answer.text, status_code=answer.status)

    async def _take_rounds(self, request: Request) -> Response:
        who = self._who(request)
        if isinstance(who, Response):
            return who
        desk = self._rounds
        if desk is None:
            return self._refused("no_archive", 404, "no rounds are kept here")
        try:
            desk.enter(who)
        except NotNowError as error:
            return self._later(error.reason)
        try:
            return await self._kept(desk, who, request)
        finally:
            desk.leave(who)

    async def _kept(self, desk: RoundsDesk, who: Enrolled, request: Request) -> Response:
        body = await _body(request, MOST_PACKED_BYTES)
        if body is None:
            return self._refused("size", 413, "too large")
        still = self._who(request)  # it may have been revoked while that came
        if isinstance(still, Response):
            return still
        now = self._clock()
        allowance = self._allowances.setdefault(who.name, Allowance(now))
        if wait := allowance.wait_rounds(len(body), now):
            return self._refused("rate", 429, "too many rounds", wait=int(wait) + 1)
        try:
            taken = await desk.take(body, who, _ahead(request, self._wall()))
        except UnreadableParcelError as error:
            return self._refused("unreadable", 400, str(error))
        except NotNowError as error:
            if error.reason == NO_ROOM:
                text = "no room for more rounds of this vantage"
                return self._refused(NO_ROOM, 507, text, wait=NO_ROOM_SECONDS)
            return self._later(error.reason)
        self._numbers.rounds.labels(who.name).inc(taken.receipt.taken)
        for reason, count in taken.left_out.items():
            self._numbers.left_out.labels(who.name, reason.value).inc(count)
        return JSONResponse(msgspec.to_builtins(taken.receipt))

    async def _join(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                body = await _body(request, MOST_JOIN_BYTES)
        except TimeoutError:
            return self._refused("size", 408, "too slow")
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
        kept = self._register.bundle()
        welcome = Welcome(
            vantage=who.name,
            country=who.place.country,
            asn=who.place.asn,
            access=who.place.access,
            role=who.place.role,
            upstream=who.place.upstream,
            credential=credential,
            target_keys=() if kept is None else kept[1].keys,
            target_threshold=1 if kept is None else kept[1].threshold,
        )
        return JSONResponse(msgspec.to_builtins(welcome), headers={"Cache-Control": "no-store"})

    async def _wishes(self, request: Request) -> Response:
        who = self._who(request)
        if isinstance(who, Response):
            return who
        try:
            now = self._wall()
            told = restricted_for(who, self._released, now)
            wishes = wishes_for(who, self._register.wishes(), self._register.asked(now), now, told)
        except sqlite3.Error:
            return self._later("register")
        return _document(request, msgspec.json.encode(wishes))

    async def _bundle(self, request: Request) -> Response:
        """For anybody: it is signed, and says nothing of who is here."""
        try:
            found = self._register.bundle()
        except sqlite3.Error:
            return self._later("register")
        if found is None:
            return PlainTextResponse("there is none\n", status_code=404)
        return _document(request, found[0])

    async def _metrics(self, _: Request) -> Response:
        try:
            everybody = self._register.everybody()
        except sqlite3.Error:
            return self._later("register")
        archived = {} if self._rounds is None else self._rounds.kept()
        return PlainTextResponse(self._numbers.text(everybody, self._heard, archived))

    async def _healthy(self, _: Request) -> Response:
        return PlainTextResponse("healthy\n")

    def _passed(self, who: Enrolled, found: Passed, request: Request) -> None:
        now = self._wall()
        self._numbers.passed.labels(who.name).inc(found.samples)
        before = self._heard.get(who.name)
        self._heard[who.name] = self._unkept[who.name] = VantageHeard(
            at=now,
            newest_at=max(found.newest, 0.0 if before is None else before.newest_at),
            ahead_seconds=_ahead(request, now),
        )

    def keep_heard(self) -> None:
        """Keep when each was heard since the last time, and what is kept of its rounds, as far as
        the register can be used."""
        heard, self._unkept = self._unkept, {}
        try:
            self._register.keep_heard(heard)
        except sqlite3.Error:
            self._unkept = heard | self._unkept
        self._keep_archived()

    def give_bundle(self) -> None:
        """What the bundle names that probes get here may stand in their rounds."""
        if self._rounds is not None:
            with suppress(sqlite3.Error):
                self._rounds.give(self._register.bundle())

    def _keep_archived(self) -> None:
        archived = {} if self._rounds is None else self._rounds.kept()
        news = {name: one for name, one in archived.items() if self._archived.get(name) != one}
        if news:
            with suppress(sqlite3.Error):
                self._register.keep_archived(news)
                self._archived |= news

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_HEARD_SECONDS)
            self.keep_heard()
            self.give_bundle()
            await self._read_released()

    async def _read_released(self) -> None:
        """What was released since the last time; as it was, where the file cannot be read now."""
        if self._ledger is not None:
            with suppress(NoLedgerError, sqlite3.Error):
                self._released = await asyncio.to_thread(read_released, self._ledger)

    async def _forget(self) -> None:
        while self._rounds is not None:
            await self._rounds.forget()
            await asyncio.sleep(FORGET_SECONDS)

    def _later(self, reason: str) -> Response:
        return self._refused(reason, 503, "not now", wait=AGAIN_SECONDS)

    def _refused(self, reason: str, status: int, text: str, wait: int | None = None) -> Response:
        self._numbers.refused.labels(reason).inc()
        headers = {} if wait is None else {"Retry-After": str(wait)}
        return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)


def _document(request: Request, body: bytes) -> Response:
    """JSON, or that it is the one that the client has."""
    etag = etag_of(body)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _bearer(request: Request) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _ahead(request: Request, now: float) -> float | None:
    """How far the sender's clock is ahead of ``now``, from what it says in ``Date``, in whole
    seconds as that is; ``None``: it says nothing, or what is no time."""
    said = request.headers.get("date", "")
    try:
        return parsedate_to_datetime(said).timestamp() - float(int(now))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


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
