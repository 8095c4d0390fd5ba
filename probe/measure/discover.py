"""Find the object of a target whose URL changes: the first fitting link on a page."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urldefrag, urljoin, urlsplit

from probe.config.definition import Discovery
from probe.config.hosts import covers
from probe.measure.page import Page
from probe.model.failure import Failure
from probe.model.identity import Phase

MAX_REDIRECTS = 2
PAGE_BYTES = 1_048_576


def find_link(page: str, body: str, discovery: Discovery) -> str | None:
    """The first match of the pattern that is an https link on the declared hosts.

    Links may be JSON-escaped, HTML-escaped, relative or scheme-relative.
    """
    for match in re.finditer(discovery.pattern, body):
        raw = match.group(1) if match.re.groups else match.group(0)
        if raw is None:
            continue
        link = _join(page, html.unescape(raw.replace("\\/", "/")))
        if link is not None and _is_on(link, discovery.hosts):
            return link
    return None


def _join(page: str, link: str) -> str | None:
    try:
        return urldefrag(urljoin(page, link)).url
    except ValueError:
        return None


def _is_on(link: str, hosts: Sequence[str]) -> bool:
    parts = urlsplit(link)
    return parts.scheme == "https" and bool(parts.hostname) and covers(hosts, parts.hostname or "")


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
            following = _join(page, answer.location)
            if following is None or not _is_on(following, hosts):
                return _failure("http_unexpected_redirect_url", "redirect off the declared hosts")
            page = following
            continue
        if answer.status != 200:
            return _failure("http_unexpected_status_code", f"the page answered {answer.status}")
        link = find_link(page, answer.body.decode("utf-8", "replace"), discovery)
        return link or _failure("http_request_failed", "no link on the page matches the pattern")
    return _failure("http_unexpected_redirect_url", "too many redirects")


def _failure(reason: str, detail: str) -> Failure:
    return Failure(phase=Phase.PROCESSING, reason=reason, detail=detail)
