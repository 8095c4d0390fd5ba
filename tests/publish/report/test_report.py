"""The report as a file: complete in itself, right about the event, and nothing but escaped text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC
from functools import cache
from hashlib import sha256
from zoneinfo import ZoneInfo

import msgspec
import pytest

from probe.model.finding import FindingKind, Incident, Scope
from probe.model.identity import LegRole, Vantage
from probe.model.stored import StoredRound
from probe.model.verdict import Method, State
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.report.gather import gather, window
from probe.publish.report.render import render_html, render_svg
from probe.publish.report.report_parts import Gathered, Setting
from probe.publish.report.story import tell
from probe.publish.report.times import TimeWriter
from probe.verdict.words.words_numbers import times
from synth.event import DAY, END, ONSET, TITLES, VANTAGES, history
from tests.publish.export.test_exports import PLANTED, with_planted
from tests.publish.web.markup import is_self_contained

START = ONSET - DAY
SETTING = Setting(
    country="ZZ",
    vantages={vantage.name: vantage for vantage in VANTAGES},
    titles=TITLES,
    controls=("debian (foreign)",),
)
CLOCK = TimeWriter()
HOSTILE = "\"><script>alert(1)</script><img src=//evil.test/x onerror=alert(2)>'{{7*7}}&amp;"


@cache
def event() -> tuple[StoredRound, ...]:
    return tuple(history(START, END + 3_600.0, light_seconds=600.0, transfer_every=2))


def gathered(rounds: Iterable[StoredRound], start: float = START) -> Gathered:
    return gather(rounds, window(start, END + 3_600.0))


@pytest.fixture(scope="module")
def html() -> str:
    return render_html(gathered(event()), SETTING, CLOCK, version="1.2.3")


def test_it_fetches_nothing_runs_nothing_and_is_well_formed(html: str) -> None:
    markup = is_self_contained(html)
    assert (
        markup.tags.count("h1")
        == markup.tags.count("main")
        == markup.tags.count("title") // (markup.tags.count("title"))
    )
    assert markup.tags.count("svg") > 40


def test_its_policy_allows_its_own_style_and_nothing_else(html: str) -> None:
    policy = is_self_contained(html).policy
    css = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(css) == 1
    digest = b64encode(sha256(css[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"
    )


def test_it_adapts_to_dark_to_print_and_to_phones(html: str) -> None:
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media print" in html
    assert "@media (max-width:" in html
    assert 'name="viewport"' in html


def test_no_state_is_told_by_colour_alone(html: str) -> None:
    colours = html.count('class="s-throttled"')
    assert colours > 12
    assert html.count('class="p-throttled"') == colours
    for state in {*State} - {State.OK, State.UNKNOWN}:
        assert f'id="p-{state}"' in html


def test_the_story_is_the_events() -> None:
    story = tell(gathered(event()), SETTING, CLOCK)
    words = " ".join(story.sentences)
    assert story.headline == (
        "X, Facebook, Instagram and YouTube: slowed down on the measured networks, 20 January 2026"
    )
    assert "at 3 of 4 vantages (AS64501, AS64502 and AS64503)" in words
    assert "first seen on 20 January 2026, 13:40 UTC" in words
    assert "(a policer)" in words
    assert "stayed as fast as before" in words
    assert "consistent with a restriction that acts on the platform's name" in words
    assert "Not affected inside: vps." in words
    assert "From outside the country (abroad)" in words
    assert story.worst is not None
    assert story.worst.onset is not None
    target = story.worst.of(LegRole.TARGET)
    assert target.ratio is not None
    assert 0.02 < target.ratio < 0.1
    # The factor is the verdicts', who took off what line and distance explain; none of its own.
    assert story.worst.factor is not None
    factor = times(story.worst.factor)
    assert f"Its verdicts said that it took {factor} as long" in words
    assert [tile.number for tile in story.tiles if "by its verdicts" in tile.of] == [factor]
    assert "times slower" not in words


def test_what_an_incident_was_is_told_of_its_height() -> None:
    incident = Incident(
        id="1",
        country="PK",
        platform="x",
        kind=FindingKind.RESTRICTED,
        scope=Scope.PARTIAL,
        since=ONSET,
        opened_at=ONSET,
        updated_at=END,
        closed_at=END,
        severity=1.0,
        peak_share=0.5,
        networks=(1,),
        sentence="PK: X is throttled or blocked in 1 of 4 networks (each counts alike).",
        height_sentence="PK: X is throttled or blocked in 2 of 4 networks (each counts alike).",
        height_at=ONSET + 600.0,
    )
    setting = msgspec.structs.replace(SETTING, incidents=(incident,))
    for zone, when in (
        ("UTC", "20 January 2026, 13:50 UTC"),
        ("Asia/Karachi", "20 January 2026, 18:50 PKT (13:50 UTC)"),
    ):
        clock = TimeWriter(UTC if zone == "UTC" else ZoneInfo(zone))
        said = tell(gathered(event()), setting, clock).sentences[-1]
        assert said == f"What was found at its height on {when}: {incident.height_sentence}"
        assert all(Tongue(one).plain(said) != said for one in OFFERED if one != ENGLISH)


def test_two_events_are_told_as_two_and_the_days_between_do_not_count() -> None:
    first = (ONSET, ONSET + 3_600.0)
    again = (ONSET + 2 * DAY, ONSET + 2 * DAY + 7_200.0)
    rounds = [
        stored
        for event, start, end in (
            (first, START, ONSET + DAY),
            (again, ONSET + DAY, again[1] + DAY / 4),
        )
        for stored in history(start, end, vantages=VANTAGES[:1], platforms=("x",), event=event)
    ]
    over = window(START, again[1] + DAY / 4)
    story = tell(gather(rounds, over), SETTING, CLOCK)
    assert story.headline.endswith(
        "on the measured networks, twice, 20 January 2026 to 22 January 2026"
    )
    assert (
        "The effect was seen twice, first on 20 January 2026, 13:40 UTC, last on 22 January"
        in (story.sentences[0])
    )
    # Each verdict lasts two rounds longer than what it is about.
    assert story.sentences[0].endswith("3 h 20 min in all.")
    assert story.tiles[1].of == "in all, twice"
    # The second one goes on.
    cut = [stored for stored in rounds if stored.observed.started_at < again[1] - 1_800.0]
    story = tell(gather(cut, window(START, again[1] - 1_800.0)), SETTING, CLOCK)
    assert "the last time had not ended when this report was made" in story.sentences[0]
    assert story.tiles[1].of == "in all, twice, and going on"


def test_without_a_reference_and_a_swap_less_is_claimed() -> None:
    rounds = []
    for stored in event():
        if stored.observed.vantage == "home":
            legs = [leg for leg in stored.observed.legs if leg.leg.role is not LegRole.SWAP]
            observed = msgspec.structs.replace(stored.observed, legs=tuple(legs))
            rounds.append(msgspec.structs.replace(stored, observed=observed))
    words = " ".join(tell(gathered(rounds), SETTING, CLOCK).sentences)
    assert "not known whether the name or the address sets it off" in words
    assert "No vantage outside the country was measured" in words


def test_a_slow_line_is_not_called_unchanged() -> None:
    rounds = []
    for stored in event():
        observed = stored.observed
        if stored.verdict.restricted:
            legs = tuple(
                msgspec.structs.replace(leg, phases={p: s * 9 for p, s in leg.phases.items()})
                for leg in observed.legs
            )
            observed = msgspec.structs.replace(observed, legs=legs)
        rounds.append(msgspec.structs.replace(stored, observed=observed))
    words = " ".join(tell(gathered(rounds), SETTING, CLOCK).sentences)
    assert "the lines themselves changed too" in words
    assert "The same servers were slow under another name too" in words


def test_calm_times_and_empty_ones_say_so() -> None:
    calm = gather(history(START, START + 7_200.0, event=None), window(START, START + 7_200.0))
    story = tell(calm, SETTING, CLOCK)
    assert story.headline.startswith("No throttling or blocking seen")
    assert "64 KiB" in " ".join(story.sentences)
    empty = tell(gathered([]), SETTING, CLOCK)
    assert empty.headline.startswith("No measurements")
    for of in (calm, gathered([])):
        is_self_contained(render_html(of, SETTING, CLOCK, version="1"))


def test_what_was_impaired_or_withheld_is_told_and_accuses_nobody() -> None:
    rounds = [
        msgspec.structs.replace(
            stored, verdict=msgspec.structs.replace(stored.verdict, state=state)
        )
        for stored in history(START, START + 7_200.0, event=None)
        if (state := AILED.get(stored.observed.platform, State.OK))
    ]
    story = tell(gather(rounds, window(START, START + 7_200.0)), SETTING, CLOCK)
    words = " ".join(story.sentences)
    assert story.headline.startswith("X: slow or failing, nobody knows whether only on the")
    assert "X was slow or failing at 4 vantages inside for up to" in words
    assert "nobody is accused" in words
    assert "Facebook itself did not serve at 4 vantages inside, for legal reasons" in words
    assert "no platform was found throttled or blocked" in words
    assert story.worst is None


AILED = {"x": State.IMPAIRED, "facebook": State.WITHHELD}


def test_a_block_is_called_one_and_an_open_end_is_told() -> None:
    rounds = [
        msgspec.structs.replace(
            stored,
            verdict=msgspec.structs.replace(
                stored.verdict, state=State.BLOCKED, method=Method.TLS, signature=None
            )
            if stored.verdict.restricted
            else stored.verdict,
        )
        for stored in history(START, END - 3_600.0)
    ]
    story = tell(gathered(rounds), SETTING, CLOCK)
    words = " ".join(story.sentences)
    assert "were blocked at 3 of 4" in words
    assert "had not ended when this report was made" in words
    assert "at the layer of TLS" in words


def test_what_came_from_outside_is_text_and_never_markup() -> None:
    rounds = []
    for stored in event():
        verdict = msgspec.structs.replace(
            stored.verdict,
            vantage=HOSTILE,
            platform=HOSTILE,
            sentence=HOSTILE,
            may_claim=(HOSTILE,),
            may_not_claim=(HOSTILE,),
            target=HOSTILE,
            tls_stack=HOSTILE,
            reason=HOSTILE,
        )
        observed = msgspec.structs.replace(stored.observed, vantage=HOSTILE, platform=HOSTILE)
        rounds.append(StoredRound(observed=observed, verdict=verdict))
    setting = Setting(
        country="ZZ",
        vantages={HOSTILE: Vantage(name=HOSTILE)},
        titles={HOSTILE: HOSTILE},
        controls=(HOSTILE,),
        note=HOSTILE,
    )
    of = gathered(rounds)
    written = render_html(of, setting, CLOCK, version=HOSTILE)
    assert "<script" not in written
    assert "<img" not in written
    assert "&lt;script&gt;" in written
    assert "{{7*7}}" in written
    drawn = render_svg(of, setting, CLOCK)
    assert "<script" not in drawn
    ET.fromstring(drawn)


def test_nothing_that_others_say_about_the_probe_is_in_it() -> None:
    rounds = [with_planted(stored) for stored in event()]
    of = gathered(rounds)
    for written in (render_html(of, SETTING, CLOCK, version="1"), render_svg(of, SETTING, CLOCK)):
        assert len(written) > 5_000
        for secret in (*PLANTED, "192.0.2.7"):
            assert secret not in written


def test_the_main_plot_is_a_file_of_its_own() -> None:
    drawn = render_svg(gathered(event()), SETTING, CLOCK)
    root = ET.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in drawn
    for name in ("target", "swap", "control"):
        assert f'class="median {name}"' in drawn
    ET.fromstring(render_svg(gathered([]), SETTING, CLOCK))


def test_times_are_in_the_zone_that_was_asked_for(html: str) -> None:
    assert "13:40 UTC" in html
    karachi = TimeWriter(ZoneInfo("Asia/Karachi"))
    assert "20 January 2026, 18:40 PKT" in render_html(
        gathered(event()), SETTING, karachi, version="1"
    )
    assert TimeWriter(UTC).zone == "UTC"
