"""How a throttle works is told in a report of each platform, by the law that rests on most."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from probe.model.law import Amount, Between, Law, LawEffect, Unit
from probe.model.stored import StoredRound
from probe.publish.languages.tongue import Tongue
from probe.publish.report.gather import gather, window
from probe.publish.report.render import render_html
from probe.publish.report.report_parts import Gathered, Setting
from probe.publish.report.story import tell
from probe.publish.report.times import TimeWriter
from synth.event import ONSET, TITLES, VANTAGES, history

HOUR = 3_600.0
OVER = window(ONSET - HOUR, ONSET + 2 * HOUR)
SETTING = Setting(country="PK", vantages={v.name: v for v in VANTAGES}, titles=TITLES)


def law(reads: int, kib: float) -> Law:
    after = Amount(Unit.BYTES, Between(kib * 1_024, kib * 1_024))
    return Law(effect=LawEffect.ENDS, reads=reads, at=ONSET + HOUR, after=(after,))


def gathered(laws: Mapping[str, tuple[Law | None, ...]]) -> Gathered:
    """Hours of X throttled at the vantages of ``laws``; each has its laws one after the other."""
    told = [
        replace(one, verdict=replace(one.verdict, law=_known(laws[one.observed.vantage], one)))
        for one in history(
            OVER.start, OVER.end, vantages=[v for v in VANTAGES if v.name in laws],
            platforms=("x",), event=(ONSET, OVER.end), light_seconds=600.0, transfer_every=1,
        )
    ]  # fmt: skip
    return gather(told, OVER)


def _known(laws: tuple[Law | None, ...], one: StoredRound) -> Law | None:
    if not one.verdict.restricted:
        return None
    place = int((one.verdict.at - ONSET) / (OVER.end - ONSET) * len(laws))
    return laws[min(place, len(laws) - 1)]


@pytest.mark.parametrize(
    ("laws", "told"),
    [
        ({"home": (None,)}, []),
        # The first rounds know nothing, and the last one forgot: what was known stays.
        ({"home": (None, law(3, 12.0), law(9, 16.0), None)}, [("home", 9, "after 16 KiB")]),
        ({"home": (law(3, 12.0),), "phone": (law(9, 16.0),)}, [("phone", 9, "after 16 KiB")]),
        ({"home": (law(9, 16.0),), "phone": (law(3, 12.0),)}, [("home", 9, "after 16 KiB")]),
    ],
)
def test_the_law_that_rests_on_most_reads_is_told(
    laws: dict[str, tuple[Law | None, ...]], told: list[tuple[str, int, str]]
) -> None:
    story = tell(gathered(laws), SETTING, TimeWriter())
    assert story.laws == tuple(
        (f"{TITLES['x']}, {name}", f"How it works, by {n} reads: a connection ends {after}.")
        for name, n, after in told
    )


@pytest.mark.parametrize("code", ["en", "ru"])
def test_it_stands_on_the_page_in_the_readers_language(code: str) -> None:
    seen = gathered({"home": (law(9, 16.0),)})
    page = render_html(seen, SETTING, TimeWriter(), version="1", tongue=Tongue(code))
    said = f"<b>{TITLES['x']}, home</b>: "
    assert said in page
    (line,) = (one for one in page.splitlines() if said in one)
    assert ("How it works" in line) is (code == "en")
