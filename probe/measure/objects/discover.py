"""Find the links on a page that may be the object of a target whose URL changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from probe.config.definition import Discovery
from probe.measure.http.page import Page
from probe.measure.objects.links import Unusable, search, usable, written_out
from probe.measure.one_leg.failures import (
    REQUEST_FAILED,
    UNEXPECTED_REDIRECT,
    UNEXPECTED_STATUS,
    failure_of,
)
from probe.model.failure import Failure
from probe.model.identity import Phase

NO_LINK_THERE = frozenset({UNEXPECTED_REDIRECT, UNEXPECTED_STATUS, REQUEST_FAILED})
"""Why a page that did answer gave no link. One that could not be asked says nothing of its links:
the legs of the same round tell what the line does."""
MAX_REDIRECTS = 2
PAGE_BYTES = 1_048_576


async def find_links(page: str, body: bytes, discovery: Discovery) -> tuple[str, ...] | Failure:
    """The matches of the pattern that can be used: https links on the declared hosts.

    In the page's order, each once, at least one.

    Links may be JSON-escaped, HTML-escaped, relative or scheme-relative.
    """
    try:
        found = await search(discovery.pattern, body)
    except Exception as error:
        # No process, or not within its bounds: as with a leg, that is data.
        return failure_of(error, Phase.PROCESSING)
    fit: dict[str, None] = {}
    refused: list[Unusable] = []
    for raw in found:
        await asyncio.sleep(0)  # they may be many and long
        whole = written_out(raw)
        if discovery.link is not None:
            whole = discovery.link.replace("{}", whole)
        link = usable(page, whole, discovery.hosts)
        if isinstance(link, str):
            fit[link] = None
        else:
            refused.append(link)
    if fit:
        return tuple(fit)
    if not refused:
        return _failure(REQUEST_FAILED, "no link on the page matches the pattern")
    return _failure(
        REQUEST_FAILED,
        f"{len(refused)} links on the page match the pattern, none can be used ({refused[0].why})",
    )


async def discover(
    discovery: Discovery,
    fetch: Callable[[str], Awaitable[Page | Failure]],
    *,
    hosts: Sequence[str],
) -> tuple[str, ...] | Failure:
    """Ask the pages in turn until one has links, and for why the first had none if none has.

    Redirects are followed as long as they stay on ``hosts``. A host that could not be asked is not
    asked for another page.
    """
    silent: dict[str, Failure] = {}

    async def ask(url: str) -> Page | Failure:
        host = urlsplit(url).hostname or ""
        if host in silent:
            return silent[host]
        answer = await fetch(url)
        if isinstance(answer, Failure):
            silent[host] = answer
        return answer

    found = await _links_of(discovery.page, discovery, ask, hosts)
    for page in discovery.pages:
        if isinstance(found, Failure):
            other = await _links_of(page, discovery, ask, hosts)
            found = found if isinstance(other, Failure) else other
    return found


async def _links_of(
    page: str,
    discovery: Discovery,
    fetch: Callable[[str], Awaitable[Page | Failure]],
    hosts: Sequence[str],
) -> tuple[str, ...] | Failure:
    for _ in range(MAX_REDIRECTS + 1):
        answer = await fetch(page)
        if isinstance(answer, Failure):
            return answer
        if answer.location is not None and 300 <= answer.status < 400:
            following = usable(page, answer.location, hosts)
            if isinstance(following, Unusable):
                return _failure(
                    UNEXPECTED_REDIRECT, f"the redirect is not followed: {following.why}"
                )
            page = following
            continue
        if answer.status != 200:
            return _failure(UNEXPECTED_STATUS, f"the page answered {answer.status}")
        return await find_links(page, answer.body, discovery)
    return _failure(UNEXPECTED_REDIRECT, "too many redirects")


def _failure(reason: str, detail: str) -> Failure:
    return Failure(phase=Phase.PROCESSING, reason=reason, detail=detail)
