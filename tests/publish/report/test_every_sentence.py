"""Each sentence that a report can say, beside what makes it true and what makes it false.

`test_sentences.py` has the matrix of who was like what in the same hours. Here is the rest: times,
numbers that are missing, signatures, what was seen beside TCP. The last test sees that no sentence
is in neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from probe.model.curtain import Curtain, CurtainKind
from probe.model.identity import LegRole, Role, VantagePlatform
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.model.round_summary import PlottedSeries
from probe.model.verdict import LookingBack, State
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.plain_words import STATES_CALLED
from probe.publish.report.gather import gather, window
from probe.publish.report.report_parts import (
    BeforeAndDuring,
    Episode,
    Gathered,
    HungCurtain,
    Setting,
    SlotGathered,
    StateSpan,
)
from probe.publish.report.story import Story, tell
from probe.publish.report.times import TimeWriter
from probe.verdict.words.words_others import NOT_CLAIMED
from synth.event import ONSET
from tests.every import for_every
from tests.publish.languages.test_sentence_reader import words_of
from tests.publish.report.test_sentences import (
    BEFORE,
    CELLS,
    END,
    HOUR,
    SETTING,
    UNTIL,
    at_home,
    calm,
    rounds_of,
    story,
    two_platforms,
)

REPORT = Path(__file__).parents[3] / "probe" / "publish" / "report"
# What writes sentences and numbers for the head of a report.
WRITERS = (
    "story",
    "same_hours",
    "measured_beside",
    "ailing",
    "told_of_transports",
    "curtained",
    "told_of_normals",
)


@cache
def event() -> Gathered:
    """X is throttled at home; it is fine at a hosting network and abroad."""
    every = [*rounds_of("home"), *calm("vps", "fine"), *calm("abroad", "fine")]
    every.sort(key=lambda stored: stored.observed.started_at)
    return gather(every, window(BEFORE, END))


def slot_changed(vantage: str = "home", **fields: Any) -> Gathered:
    """The event with other ``fields`` of what one vantage saw of X."""
    slots = dict(event().slots)
    slots[vantage, "x"] = replace(slots[vantage, "x"], **fields)
    return replace(event(), slots=slots)


def one() -> Episode:
    (episode,) = event().episodes
    return episode


def episodes(*changes: Mapping[str, Any]) -> Gathered:
    """The event with an episode for each of ``changes``."""
    return slot_changed(episodes=tuple(replace(one(), **fields) for fields in changes))


def numbers(role: LegRole, usual: float | None, during: float | None, measure: str = "goodput"
            ) -> dict[PlottedSeries, BeforeAndDuring]:  # fmt: skip
    """Other medians of one role in the episode."""
    target = "" if role is LegRole.CONTROL else one().target
    key = PlottedSeries(role=role, target=target, measure=measure)
    return {**one().numbers, key: BeforeAndDuring(usual=usual, during=during)}


def spans(*states: tuple[State, float, float]) -> tuple[StateSpan, ...]:
    return tuple(StateSpan(state=s, start=a, end=b) for s, a, b in states)


def without(role: Role) -> Gathered:
    kept = {
        slot: seen
        for slot, seen in event().slots.items()
        if SETTING.vantage(slot[0]).role is not role
    }
    return replace(event(), slots=kept)


def fine_at_home(**fields: Any) -> Gathered:
    """Nothing was throttled."""
    return slot_changed(**{"episodes": (), "spans": spans((State.OK, BEFORE, END)), **fields})


def learnt_while(**fields: Any) -> Gathered:
    """Nothing was throttled here, and what is normal was learnt while others were."""
    return fine_at_home(normal_unsure=True, learnt_while=replace(OTHERS, **fields))


def abroad_too() -> Gathered:
    slots: dict[VantagePlatform, SlotGathered] = dict(event().slots)
    hit = replace(one(), vantage="abroad")
    slots["abroad", "x"] = replace(slots["abroad", "x"], episodes=(hit,))
    return replace(event(), slots=slots)


def two_at_home() -> Gathered:
    every = [*two_platforms("home", {"youtube": State.OK})]
    return gather(every, window(BEFORE, END))


BACK = LookingBack(
    target="object", since=BEFORE, until=UNTIL, times=5.0, before=20e3, after=100e3, others=1.1
)
CURTAIN = HungCurtain(
    "home",
    Curtain(operator="A", kind=CurtainKind.SILENT, since=ONSET, sites=2, others=4),
    ONSET + HOUR,
)
OTHERS = OthersRestricted(networks=3, since=BEFORE, told_by=ToldBy.OWN)
ILL, GONE = State.IMPAIRED, State.BLOCKED
LOST = {"until": None, "last_seen": ONSET + HOUR}
AGAIN = {"since": ONSET + 20 * HOUR, "until": ONSET + 21 * HOUR, "last_seen": ONSET + 21 * HOUR}
NEVER = {"until": None, "last_seen": END}
LONG = {"until": None, "since": ONSET + 20 * HOUR, "last_seen": ONSET + 30 * HOUR}


def over(gathered: Gathered, hours: float) -> Gathered:
    """The same in a longer window."""
    return replace(gathered, window=window(BEFORE, ONSET + hours * HOUR))


def swap(usual: float | None, during: float | None, **fields: Any) -> Mapping[str, Any]:
    return {"numbers": numbers(LegRole.SWAP, usual, during), **fields}


def handshakes(state: State) -> Mapping[str, Any]:
    key = PlottedSeries(role=LegRole.SWAP, target=one().target, measure="goodput")
    kept = {k: v for k, v in numbers(LegRole.SWAP, 0.05, 0.05, "handshake").items() if k != key}
    return {"numbers": kept, "state": state}


# What a report says where the first is so, and does not say where the second is.
SAYINGS: dict[str, tuple[Any, Any]] = {
    **{
        words: (lambda s=s: episodes({"signature": s}), lambda: episodes({"signature": ""}))
        for s, words in (
            ("policer", "looks like a fixed ceiling above which packets are dropped (a policer)"),
            ("shaper", "looks like a fixed rate at which packets queue (a shaper)"),
            ("loss", "looks like added packet loss"),
            ("delay", "looks like added delay"),
            ("cutoff", "looks like transfers that are cut off after some bytes"),
        )
    },
    "Connections failed at the layer of TLS.": (
        lambda: episodes({"method": "tls"}), lambda: episodes({"method": ""}),
    ),
    "X was blocked at 1 of 2 vantages": (lambda: episodes({"state": GONE}), event),
    "X was slowed down or blocked at": (
        lambda: episodes({}, {**AGAIN, "state": GONE}), lambda: episodes({}, AGAIN),
    ),
    "had not ended when this report was made: 3 h until then": (
        lambda: episodes(NEVER), lambda: over(episodes(LOST), 12),
    ),
    "and going on": (lambda: episodes(NEVER), lambda: over(episodes(LOST), 12)),
    "from first to last": (lambda: over(episodes(LOST), 12), lambda: episodes(NEVER)),
    "Worst was X from home: its verdicts said that it took": (
        lambda: episodes({"numbers": numbers(LegRole.TARGET, 20e3, 50e3)}), event,
    ),
    "Worst was X from home: reads that usually ran at": (
        event, lambda: episodes({"numbers": numbers(LegRole.TARGET, 20e3, 50e3)}),
    ),
    "in TR, 20 January 2026 to 22 January 2026": (
        lambda: over(episodes({**NEVER, "last_seen": ONSET + 40 * HOUR}), 40),
        lambda: over(episodes(LOST), 40),
    ),
    "as far as is known: it was last seen on 20 January 2026, 14:40 UTC, and not measured since": (
        lambda: over(episodes(LOST), 12), lambda: episodes(NEVER),
    ),
    "what was after that is not known": (lambda: episodes({"end_known": False}), event),
    "The effect was seen twice, first on 20 January 2026, 13:40 UTC, last on 21 January": (
        lambda: over(episodes({}, AGAIN), 40), event,
    ),
    "the last time had not ended when this report was made": (
        lambda: over(episodes({}, LONG), 30), lambda: over(episodes({}, AGAIN), 30),
    ),
    "in all, twice, and going on": (
        lambda: over(episodes({}, LONG), 30), lambda: over(episodes({}, AGAIN), 30),
    ),
    "instead of less than a second": (
        lambda: episodes({"numbers": numbers(LegRole.TARGET, 2e6, 20e3)}),
        lambda: episodes({"numbers": numbers(LegRole.TARGET, 500e3, 20e3)}),
    ),
    "No round is in the history of this time: nothing can be said": (
        lambda: gather((), window(BEFORE, END)), event,
    ),
    "Not known whether anything was throttled or blocked": (
        lambda: replace(
            fine_at_home(spans=spans((State.OFFLINE, BEFORE, END))),
            slots={("home", "x"): fine_at_home(spans=()).slots["home", "x"]},
        ),
        fine_at_home,
    ),
    "No vantage outside the country was measured": (lambda: without(Role.REFERENCE), event),
    "abroad, outside the country, saw it as well": (abroad_too, event),
    "Fine in the same hours where another platform was affected: home (YouTube": (
        lambda: replace(
            two_at_home(),
            slots={
                **two_at_home().slots,
                ("phone", "youtube"): replace(
                    two_at_home().slots["home", "x"],
                    episodes=tuple(
                        replace(e, vantage="phone", platform="youtube")
                        for e in two_at_home().episodes
                    ),
                ),
            },
        ),
        event,
    ),
    "The controls ran at 300 kB/s in the same rounds": (
        lambda: episodes({"numbers": numbers(LegRole.CONTROL, None, 300e3)}), event,
    ),
    "and were faster than before": (
        lambda: episodes({"numbers": numbers(LegRole.CONTROL, 100e3, 300e3)}), event,
    ),
    "under another name over the same path, were faster than before (300%)": (
        lambda: episodes(swap(100e3, 300e3)), event,
    ),
    "in the same rounds: 15.4 kB/s under its own, 300 kB/s under the other at home": (
        lambda: episodes(swap(None, 300e3)), event,
    ),
    "in the same rounds: nothing read under its own": (
        lambda: episodes(
            {"numbers": {**numbers(LegRole.SWAP, None, 3e5),
                         PlottedSeries(role=LegRole.TARGET, target=one().target, measure="goodput"):
                         BeforeAndDuring(usual=9e5, during=None)}},
        ),
        lambda: episodes(swap(None, 300e3)),
    ),
    "This is consistent with a block that acts on the platform's name": (
        lambda: episodes(handshakes(GONE)), lambda: episodes(handshakes(State.THROTTLED)),
    ),
    "asked under another name for handshakes only": (
        lambda: episodes(handshakes(State.THROTTLED)), lambda: episodes(handshakes(GONE)),
    ),
    "From the first round to 20 January 2026, 15:40 UTC, reads of X at home (object) ran at": (
        lambda: fine_at_home(backs=(BACK,)), fine_at_home,
    ),
    "What is normal for X at home was learnt while the platform was throttled or blocked at other "
    "vantages, in 3 networks (since 20 January 2026, 11:40 UTC), so that normal may itself be slow":
    (lambda: learnt_while(), lambda: learnt_while(until=UNTIL)),
    "in 1 network (from 20 January 2026, 11:40 UTC to 20 January 2026, 15:40 UTC)": (
        lambda: learnt_while(networks=1, until=UNTIL), lambda: learnt_while(networks=1),
    ),
    "That is the word of the fleet's hub": (
        lambda: learnt_while(told_by=ToldBy.HUB), lambda: learnt_while(),
    ),
    "It is not shown that what is normal for X at home is as fast as it should be: at other "
    "vantages the platform was throttled or blocked while that was learnt": (
        lambda: fine_at_home(normal_unsure=True), lambda: learnt_while(),
    ),
    "X itself did not serve at 1 vantage inside, for legal reasons (HTTP 451), for up to 2 h": (
        lambda: fine_at_home(spans=spans((State.WITHHELD, ONSET, UNTIL))), fine_at_home,
    ),
    "Over QUIC X was blocked at 1 vantage inside for up to 2 h, first on 20 January": (
        lambda: fine_at_home(over={"quic": spans((GONE, ONSET, UNTIL))}),
        lambda: fine_at_home(over={"quic": spans((State.OK, ONSET, UNTIL))}),
    ),
    "told apart from TCP, to which browsers and apps fall back": (
        lambda: fine_at_home(over={"quic": spans((State.THROTTLED, ONSET, UNTIL))}),
        lambda: fine_at_home(over={"upload": spans((State.THROTTLED, ONSET, UNTIL))}),
    ),
    "In uploads X was slow or failing while other sites were fine, which accuses nobody,": (
        lambda: fine_at_home(over={"upload": spans((ILL, ONSET, UNTIL))}), fine_at_home,
    ),
    "told apart from what comes down": (
        lambda: fine_at_home(over={"upload": spans((ILL, ONSET, UNTIL))}),
        lambda: fine_at_home(over={"quic": spans((ILL, ONSET, UNTIL))}),
    ),
    "Seen from 20 January 2026, 13:40 UTC to 20 January 2026, 14:40 UTC at home": (
        lambda: replace(event(), curtains=(CURTAIN,)), event,
    ),
}  # fmt: skip


def told(gathered: Gathered, setting: Setting = SETTING) -> Story:
    return tell(gathered, setting, TimeWriter())


def texts(of: Story) -> list[str]:
    return [of.headline, *of.sentences, *(text for t in of.tiles for text in (t.number, t.of))]


@pytest.mark.parametrize("words", SAYINGS)
def test_it_is_said_where_it_is_so_and_nowhere_else(words: str) -> None:
    so, other = SAYINGS[words]
    assert words in " ".join(texts(told(so())))
    assert words not in " ".join(texts(told(other())))


@for_every(SAYINGS)
def test_a_report_says_of_whom_and_where(words: str) -> None:
    """A verdict is about one line, and says "here". A report is about several."""
    so, _ = SAYINGS[words]
    for text in told(so()).sentences:
        assert not re.search(r"\b(?:normal|fails?|slow) here\b", text), text


def test_states_are_called_as_the_legend_calls_them() -> None:
    legend = (REPORT.parent / "templates" / "drawing.j2").read_text()
    for state in State:
        assert f'("{state}", "{STATES_CALLED[state]}")' in legend
    (fine,) = [text for text in told(event()).sentences if text.startswith("From outside")]
    assert re.search(r"abroad \(X: fine for [^,]*\)", fine)


@for_every(SAYINGS)
def test_each_moment_is_of_the_zone_that_was_asked_for(words: str) -> None:
    so, _ = SAYINGS[words]
    at_home = tell(so(), SETTING, TimeWriter(ZoneInfo("Asia/Karachi")))
    for text in (*texts(at_home), *at_home.may, *at_home.may_not):
        assert "UTC" not in re.sub(r" PKT \((?:\d+ [A-Z][a-z]+, )?\d\d:\d\d UTC\)", "", text), text


def test_a_claim_of_some_restrictions_says_of_how_many() -> None:
    one_address = (*one().may_claim, "It was seen at 2 addresses of the platform in one round.")
    normal = (*one().may_not_claim, NOT_CLAIMED)
    both = told(episodes({"may_claim": one_address}, {**AGAIN, "may_not_claim": normal}))
    assert set(one().may_claim) <= set(both.may)
    counted = "It was seen at 2 addresses of the platform in one round (1 of 2 restrictions)."
    assert counted in both.may
    assert both.may_not[-1] == (
        "That what is normal for X at home is as fast as it should be: others were throttled or "
        "blocked while it was learnt."
    )
    assert NOT_CLAIMED not in both.may_not
    for tongue in (Tongue(code) for code in OFFERED if code != ENGLISH):
        assert tongue.plain(counted) != counted
        assert tongue.plain(both.may_not[-1]) != both.may_not[-1]


def test_a_country_that_is_not_set_is_not_named() -> None:
    nowhere = replace(SETTING, country="ZZ")
    assert "on the measured networks" in told(event(), nowhere).headline
    assert "in TR" in told(event()).headline
    assert "ZZ" not in " ".join(texts(told(event(), nowhere)))


@for_every([code for code in OFFERED if code != ENGLISH])
def test_each_is_told_in_every_language(language: str) -> None:
    tongue = Tongue(language)
    for so, _ in SAYINGS.values():
        for text in texts(told(so())):
            # A moment, a number and a name are written alike in some.
            if any(word.isalpha() and word.islower() for word in text.split()):
                assert tongue.plain(text) != text, text


def test_no_sentence_of_a_report_is_without_its_test() -> None:
    every = [told(so()) for so, _ in SAYINGS.values()]
    every.append(told(event(), replace(SETTING, country="ZZ")))
    for target, (one_cell, another) in product(CELLS, product(CELLS, CELLS)):
        every.append(story(at_home(target, one_cell, another), "fine", "fine"))
        every.append(story(at_home(target, "fine", "fine"), one_cell, another))
    said = "\n".join(text for of in every for text in texts(of)).lower()
    # A key of groups; the template's.
    no_sentences = {"no usual", "who did it", "or why", "anything about other networks"}
    unsaid = [
        words
        for name in WRITERS
        for words in words_of(REPORT / f"{name}.py")
        if words.lower() not in said
        and words.lower() not in no_sentences
        and not (
            "{where}" in words
            and all(
                words.format(where=where).lower() in said
                for where in ("inside", "outside the country")
            )
        )
    ]
    assert unsaid == []
