"""What each target fetches just now. Pure: what is remembered is a value, time is an argument.

A target has candidates, in order (``candidates_of``). The first that gives what is expected is in
use, and stays so: a series compares an object with itself. When the far end says that the object is
not there any more, the next takes its place at once, and the first is tried again after a day, then
after two, and so on. A network that fails says nothing about the object, so it changes nothing: a
throttled object must stay comparable with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from probe.config.candidates import candidates_of, mark_of
from probe.config.definition import Target
from probe.model.failure import BY_THE_SERVER, NOT_THE_OBJECT
from probe.model.identity import Compares, Phase
from probe.model.observation import LegObservation

REMEMBER_SECONDS = 86_400.0
MOST_REMEMBER_SECONDS = 7 * REMEMBER_SECONDS
# A page that gave nothing is not asked again at once: it may be large, and a metered line pays.
RETRY_SECONDS = 900.0
MOST_RETRY_SECONDS = 4 * 3_600.0
MOST_REFUSED = 6
MOST_TIMES = 30
"""More in a row are not counted: each doubles the time until the next try, up to the most."""
_LONG_AGO = float("-inf")


class ChosenObject(Struct, frozen=True, kw_only=True):
    """A URL and how many bytes a goodput comparison may count on there."""

    url: str
    min_bytes: int


class KnownObject(Struct, frozen=True, kw_only=True):
    """What is remembered of one candidate from one vantage (monotonic seconds).

    ``url`` is the discovered link, ``refused`` are links that were gone (the latest last),
    ``again_at`` when its page is due again. ``gone_at``: when the far end said so last;
    ``gone_until``: for how long others are used in its place; ``gone``: times in a row. ``size``:
    how large its own server says that it is (0: not told).
    ``trouble``: why the page gave no link when it was asked last; ``dry``: times in a row.
    """

    url: str | None = None
    looked_at: float = _LONG_AGO
    again_at: float = _LONG_AGO
    gone_at: float = _LONG_AGO
    gone_until: float = _LONG_AGO
    gone: int = 0
    size: int = 0
    refused: tuple[str, ...] = ()
    trouble: str = ""
    dry: int = 0


NOTHING = KnownObject()


class KnownTarget(Struct, frozen=True):
    """What is remembered of the candidates of one target, by their marks."""

    candidates: Mapping[str, KnownObject] = {}

    def of(self, candidate: Target) -> KnownObject:
        """What is remembered of one of them."""
        return self.candidates.get(mark_of(candidate), NOTHING)

    def after(self, candidate: Target, known: KnownObject) -> KnownTarget:
        """With ``known`` in its place."""
        return KnownTarget({**self.candidates, mark_of(candidate): known})


def _all_open(_: str) -> bool:
    return False


def object_now(
    target: Target,
    memory: KnownTarget,
    now: float,
    *,
    closed: Callable[[str], bool] = _all_open,
) -> tuple[Target, ChosenObject | None]:
    """The candidate that is used at ``now``, and what it fetches; ``None`` when nothing is known.

    Of a host that wants to be left alone (``closed``) nothing is used, unless nothing else is
    there. If all are gone, that which was said to be gone the longest time ago is tried.
    """
    every = candidates_of(target)
    known = [one for one in every if _url(one, memory) is not None]
    if not known:
        return every[0], None
    able = [one for one in known if not closed(_host(one, memory))] or known
    there = (one for one in able if now >= memory.of(one).gone_until)
    chosen = next(there, None) or min(able, key=lambda one: memory.of(one).gone_at)
    url = _url(chosen, memory)
    assert url is not None
    sure = max(int(chosen.min_bytes), memory.of(chosen).size)
    return chosen, ChosenObject(url=url, min_bytes=sure)


def page_to_ask(target: Target, memory: KnownTarget, now: float) -> Target | None:
    """The candidate whose page should be asked (again): none after the one that is in use."""
    for one in candidates_of(target):
        known = memory.of(one)
        if one.discover is not None and now >= known.again_at:
            return one
        if _url(one, memory) is not None and now >= known.gone_until:
            return None
    return None


def _url(candidate: Target, memory: KnownTarget) -> str | None:
    return candidate.url or memory.of(candidate).url


def _host(candidate: Target, memory: KnownTarget) -> str:
    """Whom a request for it asks, whatever address it goes to."""
    return candidate.host or _host_in(_url(candidate, memory) or "")


@lru_cache(maxsize=1_024)
def _host_in(url: str) -> str:
    return urlsplit(url).hostname or ""


def after_page(
    known: KnownObject, link: str | None, now: float, *, trouble: str = ""
) -> KnownObject:
    """The page gave ``link``, or nothing (``trouble``): then the last known link stays in use.

    A link that was gone is not there because the page still names it.
    """
    if link is None:
        seconds = min(MOST_RETRY_SECONDS, RETRY_SECONDS * 2.0**known.dry)
        dry = min(known.dry + 1, MOST_TIMES)
        return replace(known, looked_at=now, again_at=now + seconds, trouble=trouble, dry=dry)
    found = replace(
        known,
        url=link,
        looked_at=now,
        again_at=now + REMEMBER_SECONDS,
        size=known.size if link == known.url else 0,
        trouble="",
        dry=0,
    )
    if link in known.refused:
        return replace(found, again_at=now + MOST_RETRY_SECONDS)
    return replace(found, gone_until=_LONG_AGO, gone=0)


def after_leg(candidate: Target, known: KnownObject, there: bool | None, now: float) -> KnownObject:
    """The object was asked for, and this came of it (``is_there``)."""
    if there is None:
        return known
    if there:
        if not known.gone:
            return known
        others = tuple(link for link in known.refused if link != known.url)
        return replace(known, gone=0, gone_until=_LONG_AGO, refused=others)
    known = replace(known, size=0)
    if candidate.discover is not None and known.url is not None:
        others = tuple(link for link in known.refused if link != known.url)
        known = replace(known, refused=(*others, known.url)[-MOST_REFUSED:])
    seconds = min(MOST_REMEMBER_SECONDS, REMEMBER_SECONDS * 2.0**known.gone)
    if now - known.gone_at < RETRY_SECONDS:
        return replace(known, gone_at=now)  # a burst asks many times, and is told once
    again = known.again_at
    if not known.gone:
        again = min(again, max(now, known.looked_at + RETRY_SECONDS))
    gone = min(known.gone + 1, MOST_TIMES)
    return replace(known, gone_at=now, gone_until=now + seconds, gone=gone, again_at=again)


def after_answer(
    candidate: Target, known: KnownObject, observed: LegObservation, now: float
) -> KnownObject:
    """What is remembered of ``candidate`` after a leg that asked for its object."""
    after = after_leg(candidate, known, is_there(candidate, observed), now)
    size = _told_size(observed)
    if size is None or after.gone > known.gone or size == after.size:
        return after
    return replace(after, size=size)


def out_of_date(observed: LegObservation) -> bool:
    """Whether a certificate that is wrong in nothing but its dates ended the leg. This machine's
    own clock may be what is wrong, and others can move that: what it says of the object counts if
    the round shows that it is not (``clock_is_right``)."""
    failure, tls = observed.failure, observed.tls
    return (
        failure is not None
        and failure.phase is Phase.TLS
        and tls is not None
        and tls.dates is not None
    )


def clock_is_right(observed: LegObservation, others: Iterable[LegObservation]) -> bool:
    """Whether of the other owners whose certificates were looked at in the same round more were
    right in their dates than not."""
    well, wrong = set(), set()
    for one in others:
        if one.leg.owner == observed.leg.owner:
            continue
        if out_of_date(one):
            wrong.add(one.leg.owner)
        elif one.tls is not None and one.tls.verify_error == "":
            well.add(one.leg.owner)
    return len(well - wrong) > len(wrong)


def _told_size(observed: LegObservation) -> int | None:
    tls, http = observed.tls, observed.http
    proven = observed.failure is None and tls is not None and tls.verify_error == ""
    return http.whole_bytes if proven and http is not None else None


def is_there(candidate: Target, observed: LegObservation) -> bool | None:
    """Whether the object is there, by what one leg saw; ``None``: that is not known.

    That it is not, only its own server may say: under a certificate that holds for a name that is
    expected there, or that is wrong in nothing but its dates. Whoever says it under another one
    would choose for us what is measured.
    """
    failure, tls = observed.failure, observed.tls
    if failure is None:
        if tls is not None and tls.verify_error:
            return None  # a stranger's (its certificate was only written down)
        read = observed.leg.compares is Compares.GOODPUT
        size = _told_size(observed)
        if size is not None and size < candidate.min_bytes:
            return False  # it has shrunk: even one that is only reached says so
        return True if read or candidate.compares is Compares.HANDSHAKE else None
    if tls is None:
        return None
    if failure.phase is Phase.TLS:
        return False if tls.dates is not None else None
    its_own = failure.reason in NOT_THE_OBJECT | BY_THE_SERVER
    return False if its_own and tls.verify_error == "" else None
