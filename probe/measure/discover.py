"""Find the object of a target whose URL changes: the first fitting link on a page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from probe.config.definition import Discovery
from probe.measure.failures import failure_of
from probe.measure.links import Unusable, search, usable, written_out
from probe.measure.page import Page
from probe.model.failure import Failure
from probe.model.identity import Phase

MAX_REDIRECTS = 2
PAGE_BYTES = 1_048_576


async def find_link(page: str, body: bytes, discovery: Discovery) -> str | Failure:
    """The first match of the pattern that can be used: an https link on the declared hosts.

    Links may be JSON-escaped, HTML-escaped, relative or scheme-relative.
    """
    try:
        found = await search(discovery.pattern, body)
    except Exception as error:
        # No process, or not within its bounds: as with a leg, that is data.
        return failure_of(error, Phase.PROCESSING)
    refused: list[Unusable] = []
    for raw in found:
        await asyncio.sleep(0)  # they may be many and long
        link = usable(page, written_out(raw), discovery.hosts)
        if isinstance(link, str):
            return link
        refused.append(link)
    if not refused:
        return _failure("http_request_failed", "no link on the page matches the pattern")
    return _failure(
        "http_request_failed",
        f"{len(refused)} links on the page match the pattern, none can be used ({refused[0].why})",
    )


async def discover(
    discovery: Discovery,
    fetch: Callable[[str], Awaitable[Page | Failure]],
    *,
    hosts: Sequence[str],
) -> str | Failure:
    """Ask the page for the link, following redirects as long as they stay on ``hosts``."""
    page = discovery.page
    for _ in range(MAX_REDIRECTS + 1):
        answer = await fetch(page)
        if isinstance(answer, Failure):
            return answer
        if answer.location is not None and 300 <= answer.status < 400:
            following = usable(page, answer.location, hosts)
            if isinstance(following, Unusable):
                return _failure(
                    "http_unexpected_redirect_url", f"the redirect is not followed: {following.why}"
                )
            page = following
            continue
        if answer.status != 200:
            return _failure("http_unexpected_status_code", f"the page answered {answer.status}")
        return await find_link(page, answer.body, discovery)
    return _failure("http_unexpected_redirect_url", "too many redirects")


def _failure(reason: str, detail: str) -> Failure:
    return Failure(phase=Phase.PROCESSING, reason=reason, detail=detail)
