"""What becomes of an object in the world of numbers, at its own servers: moved, gone, hidden.

Nobody on the way has a hand in it, so whoever asks meets the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from probe.config.candidates import candidates_of, mark_of
from probe.config.definition import Definition, Target
from probe.model.identity import Answer, Compares, LegRole
from probe.model.observation import Leg
from scenarios.model import Impostor
from synth.exchange import TIMEOUT, Server


class Rot(StrEnum):
    """What is so of one candidate of a target. ``NO_LINK``: the page that led to it names none any
    more, and what it led to is gone; of a candidate that has no page: it is gone."""

    SAME_HOST_REDIRECT = "same-host redirect"
    REDIRECT_ELSEWHERE = "redirect elsewhere"
    NOT_FOUND = "404"
    SHRUNK = "shrunk"
    LOGIN_PAGE = "login page"
    ENDED = "requests ended by the server"
    EXPIRED = "expired certificate"
    OTHER_CERTIFICATE = "another CDN's certificate"
    BUSY = "503 with Retry-After"
    SILENT = "silence"
    NO_LINK = "page without links"

    @property
    def harmless(self) -> bool:
        """What is asked for comes all the same."""
        return self is Rot.SAME_HOST_REDIRECT

    @property
    def told_by_its_owner(self) -> bool:
        """Its own server says that the object is not there; else the network may be the cause."""
        return self not in (Rot.SAME_HOST_REDIRECT, Rot.OTHER_CERTIFICATE, Rot.SILENT)


Rotten = dict[str, Rot]
"""By the marks of candidates."""
SHRUNK_BYTES = 4_000
ASKED_SECONDS = 86_400.0
_STATUSES = {Rot.REDIRECT_ELSEWHERE: 302, Rot.NOT_FOUND: 404, Rot.NO_LINK: 404, Rot.BUSY: 503}


def struck(definitions: Iterable[Definition], rot: Rot, *, first: bool = False) -> Rotten:
    """Every candidate of every target of ``definitions`` as ``rot`` has it; ``first``: only the
    first of each that is read."""
    return {
        mark_of(candidate): rot
        for target in _targets(definitions)
        if not first or target.compares is Compares.GOODPUT
        for candidate in candidates_of(target)[: 1 if first else None]
    }


def _targets(definitions: Iterable[Definition]) -> Iterator[Target]:
    for definition in definitions:
        yield from definition.targets


def apply(rot: Rot, server: Server, leg: Leg) -> None:
    """``server`` as ``leg`` meets it. A handshake that takes any answer meets what answers
    handshakes; a decoy is asked elsewhere."""
    if leg.role is LegRole.DECOY:
        return
    if rot is Rot.SILENT:
        server.dead = TIMEOUT
    elif rot is Rot.OTHER_CERTIFICATE:
        server.impostor = Impostor.OTHER_NAME
    elif leg.answer is Answer.ANY:
        return
    elif rot is Rot.EXPIRED:
        server.expired = True
    elif rot is Rot.SAME_HOST_REDIRECT:
        server.redirects = 302
    elif rot is Rot.SHRUNK:
        server.whole_bytes = SHRUNK_BYTES
    elif rot is Rot.ENDED:
        server.ends = True
    elif rot is Rot.LOGIN_PAGE:
        server.login_page = True
    else:
        server.status = _STATUSES[rot]
        server.retry_after = ASKED_SECONDS if rot is Rot.BUSY else None
