from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from probe.config.schema import Settings, VantageConfig
from probe.model.finding import Finding, FindingKind, Reference, Scope
from probe.model.identity import Role, RoundKind
from probe.model.verdict import Evidence, State
from probe.publish.languages.offered import ENGLISH, OFFERED
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
    languages = [f"?language={code}" for code in OFFERED if code != ENGLISH]
    assert Words(html).links == ["metrics", "probe?target=x", "-/healthy", "-/ready", *languages]
    assert set(re.findall(r"url\((.)", html)) == {"#"}
    assert not re.search(r"https?:", html)
    assert "The last reload of the configuration failed" in html


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5.0, "0 s"), (40.2, "40 s"), (90.0, "2 min"), (7_200.0, "2 h"), (200_000.0, "2 days")],
)
def test_ages_are_in_their_largest_useful_unit(seconds: float, words: str) -> None:
    assert age(seconds) == words


@pytest.mark.parametrize(
    ("country", "scope", "shown"),
    [
        ("TR", Scope.PARTIAL, True),
        ("TR", Scope.NONE, True),
        ("TR", Scope.INSUFFICIENT, False),
        ("ZZ", Scope.PARTIAL, False),
    ],
)
def test_a_country_comes_second_and_from_enough_networks_only(
    country: str, scope: Scope, shown: bool
) -> None:
    board = Board(config())
    finding = Finding(
        at=NOW,
        country=country,
        platform="x",
        kind=FindingKind.RESTRICTED,
        scope=scope,
        sentence=f"{country}: found.",
    )
    board.nation_found((finding,), ())
    html = render_page(board.snapshot(), "1.2.3")
    assert (f"{country}: found." in html) is shown
    assert (f'class="finding {scope}"' in html) is shown
    if shown:
        assert html.index("<h1") < html.index(f"{country}: found.")


def test_a_country_of_which_nothing_is_said_is_not_coloured_as_fine() -> None:
    board = Board(config())
    finding = Finding(
        at=NOW,
        country="TR",
        platform="x",
        kind=FindingKind.OFFLINE,
        scope=Scope.NONE,
        reference=Reference.FAILING,
        sentence="TR: nothing is said.",
    )
    board.nation_found((finding,), ())
    html = render_page(board.snapshot(), "1.2.3")
    assert '<p class="finding insufficient">TR: nothing is said.' in html


def first_line(board: Board) -> str:
    html = render_page(board.snapshot(), "1.2.3")
    return unescape(re.search(r"<h1[^>]*>([^<]*)</h1>", html)[1])  # type: ignore[index]


def evidence(versus: str, name: str = "goodput_bytes_per_second") -> tuple[Evidence, ...]:
    return (
        Evidence(name="transfer_slowdown_ratio", subject="script", value=20.0, versus="swap, x"),
        Evidence(name=name, subject="script", value=13_600.0, versus=versus, reference=306_000.0),
    )


@pytest.mark.parametrize(
    ("state", "more", "said"),
    [
        (State.OK, {}, "Facebook has not been measured yet. X is fine."),
        (
            State.THROTTLED,
            {"evidence": evidence("swap")},
            "X is being throttled on this line since 22:03 UTC: 13.6 kB/s beside 306 kB/s under "
            "another name. Facebook has not been measured yet.",
        ),
        (
            State.IMPAIRED,
            {"evidence": evidence("controls")},
            "X is slow or failing on this line (whether elsewhere too is not known) since 22:03 "
            "UTC: 13.6 kB/s beside 306 kB/s at other sites. Facebook has not been measured yet.",
        ),
        (
            State.THROTTLED,
            {"factor": 58.06},
            "X is being throttled on this line since 22:03 UTC: it takes 58 times as long as "
            "usual. Facebook has not been measured yet.",
        ),
        (
            State.BLOCKED,
            {"since": NOW - 200_000.0},
            "X is blocked on this line since 12 November 2023, 14:40 UTC. Facebook has not been "
            "measured yet.",
        ),
        (
            State.UNKNOWN,
            {"reason": "suspected"},
            "X may be slow or failing, which is not proven. Facebook has not been measured yet.",
        ),
        (
            State.OFFLINE,
            {},
            "X cannot be reached, and nor can other sites: this line is offline. Facebook has not "
            "been measured yet.",
        ),
    ],
)
def test_the_first_line_answers_for_this_line(
    state: State, more: dict[str, Any], said: str
) -> None:
    of = config(platforms=PLATFORMS[:2])
    board = Board(of, wall=lambda: NOW + 60.0)
    observed = full_round(of)
    board.round_finished(observed, replace(verdict_of(observed, state), **more))
    assert first_line(board) == said


def test_several_that_are_restricted_are_told_in_one_sentence() -> None:
    of = config(platforms=PLATFORMS[:2])
    board = Board(of, wall=lambda: NOW + 60.0)
    for platform in of.platforms:
        observed = replace(full_round(of), platform=platform.name)
        verdict = replace(verdict_of(observed, State.THROTTLED), platform=platform.name)
        board.round_finished(observed, replace(verdict, evidence=evidence("swap")))
    assert first_line(board) == "X and Facebook are being throttled on this line since 22:03 UTC."
    assert (
        "Facebook: since 22:03 UTC, 13.6 kB/s beside 306 kB/s under another name"
        in page(board).text
    )


def test_each_vantage_inside_answers_and_those_outside_do_not() -> None:
    several = (
        VantageConfig(name="home"),
        VantageConfig(name="phone"),
        VantageConfig(name="abroad", role=Role.REFERENCE),
    )
    board = Board(config(settings=Settings(vantages=several), platforms=PLATFORMS[:1]))
    html = render_page(board.snapshot(), "1.2.3")
    found = re.findall(r"<h1[^>]*>([^<]*)</h1>", html)
    assert found == ["home: X has not been measured yet.", "phone: X has not been measured yet."]
