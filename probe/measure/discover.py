"""Targets whose URL changes: find the object on a page, remember it, look again when it fails."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urldefrag, urljoin, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from probe.config.hosts import covers
from probe.config.schema import Discovery
from probe.model.failure import Failure
from probe.model.identity import Phase

REMEMBER_SECONDS = 86_400.0
# A page that gave nothing is not asked again at once: it may be large, and a metered line pays.
RETRY_SECONDS = 900.0
MAX_REDIRECTS = 2
PAGE_BYTES = 1_048_576


class Fetched(Struct, frozen=True, kw_only=True):
    """The part of an answer that discovery needs. Never stored or logged: some pages echo the
    client's address."""

    status: int
    body: bytes
    location: str | None = None


class Found(Struct, frozen=True, kw_only=True):
    """What is remembered of one target's object. ``url`` is ``None`` while none was ever found."""

    url: str | None = None
    looked_at: float = float("-inf")
    again_at: float = float("-inf")

    def due(self, now: float) -> bool:
        """Whether the page should be asked (again) at monotonic time ``now``."""
        return now >= self.again_at

    def after_success(self, url: str, now: float) -> Found:
        """A link was found."""
        return Found(url=url, looked_at=now, again_at=now + REMEMBER_SECONDS)

    def after_failure(self, now: float) -> Found:
        """Nothing was found: the last known link, if any, stays in use."""
        return replace(self, looked_at=now, again_at=now + RETRY_SECONDS)

    def after_object_failed(self, now: float) -> Found:
        """The object did not give what was expected: look again, but not more often than allowed."""
        return replace(self, again_at=max(now, min(self.again_at, self.looked_at + RETRY_SECONDS)))


def find_link(page: str, body: str, discovery: Discovery) -> str | None:
    """The first match of the pattern that is an https link on the declared hosts.

    Links may be JSON-escaped, HTML-escaped, relative or scheme-relative.
    """
    for match in re.finditer(discovery.pattern, body):
        raw = match.group(1) if match.re.groups else match.group(0)
        if raw is None:
            continue
        link = urldefrag(urljoin(page, html.unescape(raw.replace("\\/", "/")))).url
        try:
            parts = urlsplit(link)
            host = parts.hostname
        except ValueError:
            continue
        if parts.scheme == "https" and host and covers(discovery.hosts, host):
            return link
    return None


async def discover(
    discovery: Discovery, fetch: Callable[[str], Awaitable[Fetched | Failure]]
) -> str | Failure:
    """Ask the page, and its redirects that stay on the declared hosts, for the link."""
    page = discovery.page
    for _ in range(MAX_REDIRECTS + 1):
        answer = await fetch(page)
        if isinstance(answer, Failure):
            return answer
        if answer.location is not None and 300 <= answer.status < 400:
            page = urljoin(page, answer.location)
            parts = urlsplit(page)
            if parts.scheme != "https" or not covers(discovery.hosts, parts.hostname or ""):
                return _failure("http_unexpected_redirect_url", "redirect off the declared hosts")
            continue
        if answer.status != 200:
            return _failure("http_unexpected_status_code", f"the page answered {answer.status}")
        link = find_link(page, answer.body.decode("utf-8", "replace"), discovery)
        return link or _failure("http_request_failed", "no link on the page matches the pattern")
    return _failure("http_unexpected_redirect_url", "too many redirects")


def _failure(reason: str, detail: str) -> Failure:
    return Failure(phase=Phase.PROCESSING, reason=reason, detail=detail)
