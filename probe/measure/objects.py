"""What each target fetches just now. Pure: what is remembered is a value, time is an argument.

A target's first object is its URL or the link that discovery found. When the far end says that the
object is not there any more (another status, too small), the fallback takes its place for a day.
A network that fails says nothing about the object, so it changes nothing: a throttled object must
stay comparable with itself.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from probe.config.definition import Target
from probe.model.failure import BODY_TOO_SHORT, Failure

REMEMBER_SECONDS = 86_400.0
# A page that gave nothing is not asked again at once: it may be large, and a metered line pays.
RETRY_SECONDS = 900.0
MOST_REFUSED = 6
_GONE = frozenset({"http_unexpected_status_code", BODY_TOO_SHORT})
_LONG_AGO = float("-inf")


class ChosenObject(Struct, frozen=True, kw_only=True):
    """A URL and how many bytes a goodput comparison may count on there."""

    url: str
    min_bytes: int


class KnownObject(Struct, frozen=True, kw_only=True):
    """What is remembered of one target from one vantage (monotonic seconds).

    ``url`` is the discovered link, ``refused`` are links that were gone (the latest last),
    ``again_at`` when its page is due again, ``fallback_until`` how long the fallback is used.
    ``trouble``: why the page gave no link when it was asked last.
    """

    url: str | None = None
    looked_at: float = _LONG_AGO
    again_at: float = _LONG_AGO
    fallback_until: float = _LONG_AGO
    refused: tuple[str, ...] = ()
    trouble: str = ""


def object_now(target: Target, memory: KnownObject, now: float) -> ChosenObject | None:
    """What the target fetches at ``now``; ``None`` when nothing is known."""
    first = target.url or memory.url
    if target.fallback is not None and (first is None or now < memory.fallback_until):
        return ChosenObject(url=target.fallback.url, min_bytes=int(target.fallback.min_bytes))
    return None if first is None else ChosenObject(url=first, min_bytes=int(target.min_bytes))


def page_due(target: Target, memory: KnownObject, now: float) -> bool:
    """Whether the target's page should be asked (again)."""
    return target.discover is not None and now >= memory.again_at


def after_page(
    memory: KnownObject, link: str | None, now: float, *, trouble: str = ""
) -> KnownObject:
    """The page gave ``link``, or nothing (``trouble``): then the last known link stays in use."""
    if link is None:
        return replace(memory, looked_at=now, again_at=now + RETRY_SECONDS, trouble=trouble)
    return KnownObject(
        url=link, looked_at=now, again_at=now + REMEMBER_SECONDS, refused=memory.refused
    )


def after_leg(
    target: Target, memory: KnownObject, failure: Failure | None, now: float
) -> KnownObject:
    """The object was asked for, and this came of it."""
    if failure is None or failure.reason not in _GONE:
        return memory
    using_fallback = target.fallback is not None and now < memory.fallback_until
    if memory.url is not None and not using_fallback:
        others = tuple(link for link in memory.refused if link != memory.url)
        memory = replace(memory, refused=(*others, memory.url)[-MOST_REFUSED:])
    if target.fallback is not None:
        until = _LONG_AGO if using_fallback else now + REMEMBER_SECONDS
        memory = replace(memory, fallback_until=until)
    again = min(memory.again_at, max(now, memory.looked_at + RETRY_SECONDS))
    return replace(memory, again_at=again)
