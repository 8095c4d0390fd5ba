"""Links on a page: what a pattern finds there, and whether it can be used.

Patterns are run by a process of its own (``link_search.py``), so that no page and no pattern keeps
the event loop, with it every other leg, from going on.
"""

from __future__ import annotations

import asyncio
import html
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
from msgspec import Struct

from probe.config.formats import is_https_url
from probe.config.hosts import covers
from probe.measure.objects import link_search
from probe.measure.one_leg.failures import REQUEST_FAILED, NetworkError

SEARCH_SECONDS = 10.0
"""Until the search is ended, starting its process included (on a small and busy machine: one)."""
_PROGRAM = str(Path(link_search.__file__).resolve())


class Unusable(Struct, frozen=True):
    """A link that is not to be used; ``why`` is for people, and nothing of the page is in it."""

    why: str


def usable(page: str, link: str, hosts: Sequence[str]) -> str | Unusable:
    """The URL that ``link``, found on ``page``, leads to: https, on ``hosts``, fit to be asked for.

    It may be relative or scheme-relative; a fragment is left out.
    """
    if len(link) > link_search.MOST_LETTERS:
        return Unusable(f"it is longer than {link_search.MOST_LETTERS} letters")
    try:
        url = urldefrag(urljoin(page, link)).url
        host = urlsplit(url).hostname or ""
    except ValueError:
        return Unusable("it is no URL")
    if not is_https_url(url):
        return Unusable(
            "it is not an https URL with a plain host, without user and with a fit port"
        )
    if not covers(hosts, host):
        return Unusable("it leads off the declared hosts")
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        return Unusable("it cannot be asked for")
    return url


def written_out(raw: str) -> str:
    """A link as it stands in a page, without the escapes of JSON and HTML."""
    return html.unescape(raw.replace("\\/", "/"))


async def search(pattern: str, page: bytes, seconds: float = SEARCH_SECONDS) -> list[str]:
    """What of ``page`` matches ``pattern``; see ``link_search.matches``.

    Raises ``NetworkError`` when that took too long or too much memory, and ``OSError`` when no
    process could be made.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", _PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(seconds):
            found, _ = await process.communicate(json.dumps(pattern).encode() + b"\n" + page)
    except TimeoutError:
        raise _too_much() from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _too_much()
    matched: list[str] = json.loads(found)
    return matched


def _too_much() -> NetworkError:
    return NetworkError(
        REQUEST_FAILED, "searching the page with the pattern took too long or too much memory"
    )
