"""Links on pages: found however they are written, taken only on the declared hosts."""

from __future__ import annotations

import asyncio
import errno
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lab.loopback.hostile import PAGES
from probe.config.candidates import candidates_of
from probe.config.definition import Discovery
from probe.config.formats import is_https_url
from probe.config.hosts import covers
from probe.config.loading import load
from probe.measure.http.page import Page
from probe.measure.objects.discover import PAGE_BYTES, discover, find_links
from probe.measure.objects.link_search import MOST_LETTERS, MOST_MATCHES, matches
from probe.measure.objects.links import search, usable, written_out
from probe.measure.one_leg.failures import NetworkError
from probe.model.failure import Failure
from probe.model.identity import Phase
from probe.publish.privacy.logged_fields import FIELDS

PAGE = "https://x.com/home"
DISCOVERY = Discovery(
    page=PAGE, pattern=r'"([^"]*main\.[0-9a-f]+\.js[^"]*)"', hosts=("abs.twimg.com", "*.cdn.test")
)
LINK = "https://abs.twimg.com/client/main.1f.js"


async def links_in(body: str, discovery: Discovery = DISCOVERY) -> tuple[str, ...] | Failure:
    return await find_links(PAGE, body.encode(), discovery)


@pytest.mark.parametrize(
    ("body", "link"),
    [
        (f'<script src="{LINK}">', LINK),
        ('{"u":"https:\\/\\/abs.twimg.com\\/client\\/main.1f.js"}', LINK),
        ('<script src="//abs.twimg.com/client/main.1f.js">', LINK),
        (f'<script src="{LINK}?a=1&amp;b=2#top">', f"{LINK}?a=1&b=2"),
        ('"https://a.cdn.test/main.2e.js"', "https://a.cdn.test/main.2e.js"),
        ('"https://a.cdn.test:8443/main.2e.js"', "https://a.cdn.test:8443/main.2e.js"),
        (f'"https://evil.test/main.0.js" "{LINK}"', LINK),
        (f'"https://abs.twimg.com:x/main.0.js" "{LINK}"', LINK),
    ],
)
async def test_find_link(body: str, link: str) -> None:
    assert await links_in(body) == (link,)


async def test_links_are_found_each_once_and_in_their_order() -> None:
    body = f'"{LINK}" "https://evil.test/main.0.js" "https://a.cdn.test/main.2e.js" "{LINK}#top"'
    assert await links_in(body) == (LINK, "https://a.cdn.test/main.2e.js")


UNUSABLE = [
    ("/client/main.1f.js", "off the declared hosts"),
    ("http://abs.twimg.com/client/main.1f.js", "https"),
    ("ftp://abs.twimg.com/main.1f.js", "https"),
    ("javascript:main.1f.js", "https"),
    ("https://abs.twimg.com.evil.test/main.1f.js", "off the declared hosts"),
    ("https://user@evil.test/abs.twimg.com/main.1f.js", "without user"),
    ("https://user:secret@abs.twimg.com/main.1f.js", "without user"),
    ("https://@abs.twimg.com/main.1f.js", "without user"),
    ("https://[/main.1f.js", "no URL"),
    ("https://[::1/main.1f.js", "no URL"),
    ("https://abs.twimg.com:port/main.1f.js", "fit port"),
    ("https://abs.twimg.com:0/main.1f.js", "fit port"),
    ("https://abs.twimg.com:65536/main.1f.js", "fit port"),
    ("https://abs.twimg.com:99999999999999999999/main.1f.js", "fit port"),
    ("https://abs.twimg.com:-1/main.1f.js", "fit port"),
    ("https://abs.twimg.com/a b/main.1f.js", "https"),
    ("https://abs.twimg.com/\u00e9/main.1f.js", "https"),
    ("https://abs.twimg.com/\x01/main.1f.js", "https"),
    ("https://\u00e9.cdn.test/main.1f.js", "plain host"),
    ("https://xn--\u00df.cdn.test/main.1f.js", "plain host"),
    ("https://xn--a.xn--.xn--" + "9" * 70 + ".cdn.test/main.1f.js", "plain host"),
    ("https://" + "a." * 200 + "cdn.test/main.1f.js", "plain host"),
    ("https://-.cdn.test/main.1f.js", "plain host"),
    ("https://.cdn.test/main.1f.js", "plain host"),
    ("https://abs.twimg.com/" + "a" * 9_000 + "/main.1f.js", "8192"),
]


@pytest.mark.parametrize(("raw", "why"), UNUSABLE)
async def test_what_cannot_be_used_is_not_and_is_told(raw: str, why: str) -> None:
    found = await links_in(f'<script src="{raw}">')
    assert isinstance(found, Failure)
    assert found.detail.startswith("1 links on the page match the pattern, none can be used")
    assert why in found.detail
    assert "main.1f" not in found.detail, "nothing of the page"
    assert FIELDS["reason"](found.detail) == found.detail, "it may stand in the log"


async def test_a_page_without_a_match_is_told_too() -> None:
    found = await links_in("nothing")
    assert isinstance(found, Failure)
    assert found.detail == "no link on the page matches the pattern"


async def test_a_relative_link_belongs_to_the_page() -> None:
    discovery = Discovery(page=PAGE, pattern=r"/s/player/\w+/base\.js", hosts=("x.com",))
    body = "x = '\\/s/player' '/s/player/ab12/base.js'"
    assert await links_in(body, discovery) == ("https://x.com/s/player/ab12/base.js",)


@given(st.one_of(st.text(), st.text().map("https://a.cdn.test".__add__)))
def test_no_link_breaks_it_or_leads_astray(raw: str) -> None:
    link = usable(PAGE, written_out(raw), DISCOVERY.hosts)
    if isinstance(link, str):
        # It is what a leg can be made of.
        parts = urlsplit(link)
        assert covers(DISCOVERY.hosts, parts.hostname or "")
        assert parts.port is None or 0 < parts.port < 65_536
        assert httpx.URL(link).host == parts.hostname
        assert is_https_url(link)


@pytest.mark.parametrize(("pattern", "page"), PAGES[:4])
async def test_a_pattern_and_a_page_that_take_for_ever_are_ended(pattern: str, page: bytes) -> None:
    began, turns = time.monotonic(), 0
    looking = asyncio.create_task(search(pattern, page, seconds=1.0))
    while not looking.done():
        await asyncio.sleep(0.01)
        turns += 1
    with pytest.raises(NetworkError, match="too long or too much memory"):
        await looking
    # The loop went on, whatever the search was at.
    assert turns > 0.2 * (time.monotonic() - began) / 0.01


async def test_a_search_that_is_given_up_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def recorded(*args: Any, **named: Any) -> asyncio.subprocess.Process:
        started.append(await start(*args, **named))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", recorded)
    looking = asyncio.create_task(search(*PAGES[0]))
    async with asyncio.timeout(30):
        while not started:
            await asyncio.sleep(0.01)
    (process,) = started
    assert process.returncode is None
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert not Path(f"/proc/{process.pid}").exists()


async def test_no_process_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, "no")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    found = await links_in(LINK)
    assert isinstance(found, Failure)


def test_many_matches_are_cut_off() -> None:
    assert len(matches(r"\d+", " ".join(map(str, range(5_000))))) == MOST_MATCHES
    assert matches("a", "a" * 5_000) == ["a"]
    assert matches("(b)?a", "aba") == ["b"]
    assert [len(one) for one in matches("a+", "a" * 20_000)] == [MOST_LETTERS + 1]


SHIPPED = [
    candidate.discover
    for definition in load(
        None, {"THROTTLEWATCH_PLATFORMS": "x,facebook,instagram,youtube,whatsapp"}
    ).platforms
    for target in definition.targets
    for candidate in candidates_of(target)
    if candidate.discover is not None
]


@pytest.mark.parametrize("discovery", SHIPPED, ids=lambda one: one.page)
async def test_a_shipped_pattern_bears_the_page_that_is_hardest_for_it(
    discovery: Discovery,
) -> None:
    # Beginnings of links without end, of the pattern's own letters.
    letters = re.sub(r"\\\\\?|\\|\[.*", "", discovery.pattern)
    unit = (letters + "a" * 5).encode()
    assert re.search(discovery.pattern[: discovery.pattern.index("[")], unit.decode())
    page = (unit * (PAGE_BYTES // len(unit)))[:PAGE_BYTES]
    calm = await seconds_of(discovery.pattern, b"<p>nothing</p>" * (PAGE_BYTES // 14))
    assert await seconds_of(discovery.pattern, page) < 50 * calm


async def seconds_of(pattern: str, page: bytes) -> float:
    began = time.monotonic()
    await search(pattern, page)
    return time.monotonic() - began


async def test_what_is_found_may_be_a_part_of_the_link() -> None:
    discovery = Discovery(
        page=PAGE,
        pattern="(?<==> )[a-z0-9-]{3,40}",
        link="https://rr1.{}.x.com/generate_204",
        hosts=("*.x.com",),
    )
    body = b"203.0.113.7 => city-1 (203.0.113.0/24)"
    assert await find_links(PAGE, body, discovery) == ("https://rr1.city-1.x.com/generate_204",)
    elsewhere = replace(discovery, hosts=("x.com",))
    assert isinstance(await find_links(PAGE, body, elsewhere), Failure)


def page(status: int = 200, body: str = "", location: str | None = None) -> Page:
    return Page(status=status, url=PAGE, body=body.encode(), location=location)


async def look(
    *answers: Page | Failure, discovery: Discovery = DISCOVERY
) -> tuple[tuple[str, ...] | Failure, list[str]]:
    asked: list[str] = []

    async def fetch(url: str) -> Page | Failure:
        asked.append(url)
        return answers[min(len(asked), len(answers)) - 1]

    return await discover(discovery, fetch, hosts=("x.com", "abs.twimg.com")), asked


async def test_a_redirect_within_the_declared_hosts_is_followed() -> None:
    found, asked = await look(page(302, location="/en/home"), page(body=f'"{LINK}"'))
    assert found == (LINK,)
    assert asked == [PAGE, "https://x.com/en/home"]


MORE = replace(DISCOVERY, pages=("https://x.com/other", "https://abs.twimg.com/page"))


async def test_other_pages_are_asked_while_those_before_have_no_link() -> None:
    found, asked = await look(page(403), page(body=f'"{LINK}"'), discovery=MORE)
    assert found == (LINK,)
    assert asked == [PAGE, "https://x.com/other"]


async def test_a_host_that_cannot_be_asked_is_not_asked_for_another_page() -> None:
    silent = Failure(phase=Phase.TLS, reason="connection_reset")
    found, asked = await look(silent, page(body=f'"{LINK}"'), discovery=MORE)
    assert found == (LINK,)
    assert asked == [PAGE, "https://abs.twimg.com/page"]


async def test_what_is_told_is_why_the_first_page_had_none() -> None:
    found, asked = await look(page(403), page(), page(404), discovery=MORE)
    assert isinstance(found, Failure)
    assert found.detail == "the page answered 403"
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        (page(302, location="https://evil.test/"), "http_unexpected_redirect_url", 1),
        (page(302, location="http://x.com/"), "http_unexpected_redirect_url", 1),
        (page(302, location="https://x.com:99999/"), "http_unexpected_redirect_url", 1),
        (page(302, location="https://me@x.com/"), "http_unexpected_redirect_url", 1),
        (page(302, location="https://[::1"), "http_unexpected_redirect_url", 1),
        (page(302, location="/" + "a" * 9_000), "http_unexpected_redirect_url", 1),
        (page(302, location="/again"), "http_unexpected_redirect_url", 3),
        (page(403), "http_unexpected_status_code", 1),
        (page(200, "nothing"), "http_request_failed", 1),
        (Failure(phase=Phase.TLS, reason="connection_reset"), "connection_reset", 1),
    ],
)
async def test_what_does_not_lead_to_a_link(
    answer: Page | Failure, reason: str, requests: int
) -> None:
    found, asked = await look(answer)
    assert isinstance(found, Failure)
    assert found.reason == reason
    assert len(asked) == requests
