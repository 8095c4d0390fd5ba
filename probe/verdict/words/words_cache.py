"""The sentence on the cache that viewers are sent to: by which numbers, and what was not read."""

from __future__ import annotations

from probe.model.viewers_cache import ViewersCache
from probe.verdict.basis.claims import moment
from probe.verdict.words.words_numbers import seconds, times

_AS_LONG = 1.5
"""Up to so many times as long is said to be as long."""


def cache_words(found: ViewersCache) -> str:
    """What ``found`` is, with its numbers."""
    left = "" if found.reads or found.failure else " Nothing was read from it, so no more is known."
    return (
        f"The cache that viewers here are sent to ({found.target}), mostly inside their provider, "
        f"{_how(found)} (measured {moment(found.at)}).{left}"
    )


def _how(found: ViewersCache) -> str:
    if found.failure:
        phase, _, reason = found.failure.partition("/")
        return f"fails while other sites are fine: {reason} in {phase}"
    what = "reads from it take" if found.reads else "its handshake takes"
    if found.times is None:
        return f"is slowed: {what} longer than was waited for"
    if found.slowed:
        normal = f"{times(found.times)} as long as normal beside other sites"
        return f"is slowed: {what} {normal}{_swap(found)}; one round does not tell why"
    normal = "as long as ever"
    if found.times > _AS_LONG:
        normal = f"{times(found.times)} as long as usual"
    return f"is no slower than it was here: {what} {normal} beside other sites{_swap(found)}"


def _swap(found: ViewersCache) -> str:
    if found.seconds is None or found.swap_seconds is None:
        return ""
    return (
        f" ({seconds(found.seconds)} for its handshake, {seconds(found.swap_seconds)} under a "
        "neutral name)"
    )
