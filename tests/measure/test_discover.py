"""Links on pages: found however they are written, taken only on the declared hosts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.definition import Discovery
from probe.measure.discover import discover, find_link
from probe.measure.page import Page
from probe.model.failure import Failure
from probe.model.identity import Phase

PAGE = "https://x.com/home"
DISCOVERY = Discovery(
    page=PAGE, pattern=r'"([^"]*main\.[0-9a-f]+\.js[^"]*)"', hosts=("abs.twimg.com", "*.cdn.test")
)
LINK = "https://abs.twimg.com/client/main.1f.js"


@pytest.mark.parametrize(
    ("body", "link"),
    [
        (f'<script src="{LINK}">', LINK),
        ('{"u":"https:\\/\\/abs.twimg.com\\/client\\/main.1f.js"}', LINK),
        ('<script src="//abs.twimg.com/client/main.1f.js">', LINK),
        (f'<script src="{LINK}?a=1&amp;b=2#top">', f"{LINK}?a=1&b=2"),
        ('"https://a.cdn.test/main.2e.js"', "https://a.cdn.test/main.2e.js"),
        (f'"https://evil.test/main.0.js" "{LINK}"', LINK),
        ('"/client/main.1f.js"', None),
        ('"http://abs.twimg.com/client/main.1f.js"', None),
        ('"https://abs.twimg.com.evil.test/main.1f.js"', None),
        ('"https://user@evil.test/abs.twimg.com/main.1f.js"', None),
        ('"https://[/main.1f.js"', None),
        ("nothing", None),
    ],
)
def test_find_link(body: str, link: str | None) -> None:
    assert find_link(PAGE, body, DISCOVERY) == link


def test_a_relative_link_belongs_to_the_page() -> None:
    discovery = Discovery(page=PAGE, pattern=r"/s/player/\w+/base\.js", hosts=("x.com",))
    body = "x = '\\/s/player' '/s/player/ab12/base.js'"
    assert find_link(PAGE, body, discovery) == "https://x.com/s/player/ab12/base.js"


@given(st.text())
def test_no_page_breaks_it_or_leads_astray(body: str) -> None:
    discovery = Discovery(page=PAGE, pattern=r"\S+", hosts=("abs.twimg.com",))
    link = find_link(PAGE, body, discovery)
    assert link is None or link.startswith("https://abs.twimg.com")


def page(status: int = 200, body: str = "", location: str | None = None) -> Page:
    return Page(status=status, url=PAGE, body=body.encode(), location=location)


async def look(*answers: Page | Failure) -> tuple[str | Failure, list[str]]:
    asked: list[str] = []

    async def fetch(url: str) -> Page | Failure:
        asked.append(url)
        return answers[min(len(asked), len(answers)) - 1]

    return await discover(DISCOVERY, fetch, hosts=("x.com", "abs.twimg.com")), asked


async def test_a_redirect_within_the_declared_hosts_is_followed() -> None:
    found, asked = await look(page(302, location="/en/home"), page(body=f'"{LINK}"'))
    assert found == LINK
    assert asked == [PAGE, "https://x.com/en/home"]


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        (page(302, location="https://evil.test/"), "http_unexpected_redirect_url", 1),
        (page(302, location="http://x.com/"), "http_unexpected_redirect_url", 1),
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
