from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from probe.config.schema import Settings, VantageConfig
from probe.model.finding import Finding, FindingKind, Scope
from probe.model.identity import RoundKind
from probe.model.verdict import State
from probe.publish.latest.board import Board
from probe.publish.web.landing_page import age, render_page
from synth.shape import NOW, PLATFORMS, config, full_round, verdict_of


class Words(HTMLParser):
    """The text of a page, and everything that it would fetch or lead to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_data(self, data: str) -> None:
        if self.lasttag != "style":
            self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]


def page(board: Board) -> Words:
    return Words(render_page(board.snapshot(), "1.2.3"))


def test_each_platforms_verdict_stands_with_its_age_and_how_sure_it_is() -> None:
    of = config()
    board = Board(of, wall=lambda: NOW + 60.0)
    observed = full_round(of)
    board.round_finished(observed, verdict_of(observed, State.OFFLINE, sentence="X: offline."))
    board.round_started("default", "facebook", RoundKind.LIGHT)
    text = page(board).text
    assert "X: offline." in text
    assert "offline · under test: nothing is proven yet · measured 60 s ago · so for 11 min" in text
    assert "Facebook: no round has ended yet." in text
    assert "unknown · being measured now" in text


def test_a_restriction_is_said_to_have_been_seen_first_and_not_to_have_lasted() -> None:
    of = config()
    board = Board(of, wall=lambda: NOW + 60.0)
    observed = full_round(of)
    board.round_finished(observed, verdict_of(observed, State.THROTTLED))
    assert "measured 60 s ago · first seen 11 min ago" in page(board).text


def test_nothing_recent_is_not_shown_as_a_verdict() -> None:
    of = config(platforms=PLATFORMS[:1])
    now = [0.0]
    board = Board(of, monotonic=lambda: now[0])
    observed = full_round(of)
    board.round_finished(observed, verdict_of(observed, sentence="X: fine."))
    now[0] = 1e6
    text = page(board).text
    assert "X: fine." not in text
    assert "nothing recent" in text


def test_every_vantage_has_its_part() -> None:
    two = (VantageConfig(name="home", country="TR", asn=9_121), VantageConfig(name="mobile"))
    text = page(Board(config(settings=Settings(vantages=two)))).text
    assert "From home TR, fixed, inside, AS9121" in text
    assert "From mobile fixed, inside" in text


def test_what_came_from_outside_is_text_and_never_markup() -> None:
    of = config()
    board = Board(of)
    observed = full_round(of)
    evil = "<script>alert(1)</script><img src=x>"
    board.round_finished(observed, verdict_of(observed, sentence=evil))
    found = page(board)
    assert evil in found.text
    assert found.tags.isdisjoint({"script", "img"})


def test_nothing_is_fetched_from_anywhere() -> None:
    board = Board(config())
    board.reload_finished(False, NOW)
    html = render_page(board.snapshot(), "1.2.3")
    # Relative, so that a reverse proxy may serve the page at a path of its own.
    assert Words(html).links == ["metrics", "probe?target=x", "-/healthy", "-/ready"]
    assert set(re.findall(r"url\((.)", html)) == {"#"}
    assert not re.search(r"https?:", html)
    assert "The last reload of the configuration failed" in html


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5.0, "0 s"), (40.2, "40 s"), (90.0, "2 min"), (7_200.0, "2 h"), (200_000.0, "2 days")],
)
def test_ages_are_in_their_largest_useful_unit(seconds: float, words: str) -> None:
    assert age(seconds) == words


@pytest.mark.parametrize(("country", "shown"), [("TR", True), ("ZZ", False)])
def test_a_finding_is_shown_where_it_is_of_a_country(country: str, shown: bool) -> None:
    board = Board(config())
    finding = Finding(
        at=NOW,
        country=country,
        platform="x",
        kind=FindingKind.RESTRICTED,
        scope=Scope.INSUFFICIENT,
        sentence=f"{country}: too few networks.",
    )
    board.nation_found((finding,), ())
    html = render_page(board.snapshot(), "1.2.3")
    assert (f"{country}: too few networks." in html) is shown
    assert ('class="finding insufficient"' in html) is shown
