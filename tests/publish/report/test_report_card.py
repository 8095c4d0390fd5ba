"""A report's picture says what stands at its head, in each language, and its note."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from PIL import Image

from probe.cli import main
from probe.publish.languages.offered import OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.picture.card import HEIGHT, WIDTH
from probe.publish.report.render import render_html
from probe.publish.report.report_card import report_card
from probe.publish.report.times import TimeWriter
from tests.commands.test_reading import over, stored
from tests.publish.report.test_report import CLOCK, SETTING, event, gathered

__all__ = ["stored"]  # a fixture
NOTED = replace(SETTING, note="Example made of generated data.")


@pytest.mark.parametrize("language", OFFERED)
@pytest.mark.parametrize("rounds", [event(), ()], ids=["an event", "nothing"])
def test_it_says_no_more_than_the_page(language: str, rounds: tuple[object, ...]) -> None:
    of, tongue = gathered(event() if rounds else []), Tongue(language)
    card = report_card(of, NOTED, CLOCK, tongue)
    assert card.has_room
    assert card.language == language
    isolates = "[\u2066-\u2069]"
    page = render_html(of, NOTED, CLOCK, version="1", tongue=tongue)
    page = re.sub(f"<[^>]+>|{isolates}", "", page)
    facts = chain.from_iterable((one.number, one.words) for one in card.facts)
    for text in (card.heading, card.when, card.note, *facts):
        assert re.sub(isolates, "", text) in page
    assert (card.state == "throttled") == bool(rounds)
    assert len(card.facts) > 0 or not rounds
    # Its foot is read by every catalog.
    assert language == "en" or card.foot != report_card(of, NOTED, CLOCK, Tongue()).foot


@pytest.mark.parametrize("language", OFFERED)
@pytest.mark.parametrize("zone", ["Asia/Karachi", "Asia/Kathmandu", "Pacific/Chatham"])
def test_there_is_room_for_local_times_beside_utc(language: str, zone: str) -> None:
    card = report_card(gathered(event()), SETTING, TimeWriter(ZoneInfo(zone)), Tongue(language))
    assert card.has_room, card.when
    assert "UTC" in card.when or language != "en"


def test_the_command_writes_it_or_says_why_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stored: Path,
) -> None:
    page, picture = tmp_path / "report.html", tmp_path / "report.png"
    ask = ["report", "-o", str(page), "--picture", str(picture), *over(stored)]
    done = CliRunner().invoke(main, ask)
    assert done.exit_code == 0, done.output
    with Image.open(picture) as made:
        assert made.size == (WIDTH, HEIGHT)
    page.unlink()
    long = CliRunner().invoke(main, [*ask, "--note", "so long " * 40])
    assert long.exit_code != 0
    assert "a text of it is too long" in long.stderr
    assert not page.exists(), "nothing is written in half"
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    none = CliRunner().invoke(main, [*ask, "--language", "ur"])
    assert none.exit_code != 0
    assert "no pictures for sharing in اردو" in none.stderr
