"""Which language a reader gets: what the address says, else the browser, else the configuration."""

from __future__ import annotations

import re

import httpx
import pytest

from probe.config.schema import Settings, VantageConfig
from probe.model.verdict import State
from probe.publish.languages.offered import ENGLISH, OFFERED, wanted
from probe.publish.latest.board import Board
from probe.publish.web.endpoints import ReloadResult, create_app
from synth.shape import config, full_round, verdict_of


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "ru"),
        ("*", "ru"),
        ("de-DE,de;q=0.9", "ru"),
        ("ur-PK,ur;q=0.9,en;q=0.8", "ur"),
        ("en;q=0.5, fa-IR;q=0.7", "fa"),
        ("ar;q=0, en;q=0.1", "en"),
        ("TR", "tr"),
        ("ar;q=nonsense, en;q=0.1", "en"),
        (";;,,q=1,=", "ru"),
    ],
)
def test_the_best_of_what_is_offered(header: str, language: str) -> None:
    assert wanted(header, "ru") == language


async def _reload() -> ReloadResult:
    return ReloadResult(ok=True, text="")


async def page_of(language: str, path: str = "/", accept: str = "") -> tuple[str, str]:
    of = config(
        settings=Settings(
            language=language, vantages=(VantageConfig(name="home", country="PK", asn=17_557),)
        )
    )
    board = Board(of)
    observed = full_round(of)
    sentence = "X: this line is 12 times slower than normal, other sites included."
    board.round_finished(observed, verdict_of(observed, State.DEGRADED, sentence=sentence))
    transport = httpx.ASGITransport(create_app(board, _reload))
    async with httpx.AsyncClient(transport=transport, base_url="http://probe") as client:
        answer = await client.get(path, headers={"accept-language": accept})
    assert answer.headers["vary"] == "Accept-Language"
    assert "set-cookie" not in answer.headers
    return answer.text, answer.headers["content-language"]


@pytest.mark.parametrize(
    ("configured", "path", "accept", "language"),
    [
        ("en", "/", "", "en"),
        ("fa", "/", "", "fa"),
        ("fa", "/", "tr", "tr"),
        ("fa", "/?language=ar", "tr", "ar"),
        ("fa", "/?language=xx", "tr", "tr"),
        ("fa", "/?language=..%2F..", "", "fa"),
    ],
)
async def test_who_asks_gets_it(configured: str, path: str, accept: str, language: str) -> None:
    html, said = await page_of(configured, path, accept)
    assert said == language
    direction = "rtl" if OFFERED[language].right_to_left else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in html


@pytest.mark.parametrize("language", [code for code in OFFERED if code != ENGLISH])
async def test_nothing_on_the_page_stays_english(language: str) -> None:
    html, _ = await page_of("en", f"/?language={language}")
    # What could not be said would be marked so.
    assert '<span lang="en"' not in html
    shown = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    for word in ("slower", "measured", "controls", "version", "unknown", "vantage", "hours"):
        assert word not in shown
    # Names, links to other languages, and the clock are.
    for name in ("X: ", "AS17557", "throttlewatch", "UTC"):
        assert name in re.sub("[\u2068\u2069]", "", shown)
