"""What the terminal says in another language on demand: whole, and nothing of it in English."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from probe.model.basis import GROUNDS
from probe.model.stored import StoredRound
from probe.model.verdict import State
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.state_words import HowItStands
from probe.publish.terminal.answer import _NEXT, answer
from tests.publish.terminal.test_explanation import played

LANGUAGES = [code for code in OFFERED if code != ENGLISH]
TITLES = {"x": "X", "y": "YouTube"}
NORMAL: tuple[frozenset[str] | None, ...] = (None, frozenset(), frozenset({"x"}), frozenset(TITLES))
HEADINGS = ("from", "to", "for", "vantage", "where", "platform", "state", "what")
# Commands, their words and names of files; units of bytes.
KEPT = re.compile(r"`[^`]*`|docs/\w+\.md|\b(?:X|YouTube|MB|KiB)\b")


def texts() -> Iterator[str]:
    """What `now` can end in, and the words beside it."""
    rounds = played()
    for number, state in enumerate(State):
        told = replace(rounds[-1].verdict, state=state, provisional=False, reason="")
        last = StoredRound(observed=rounds[-1].observed, verdict=told)
        found = answer({"x": [*rounds[:-1], last]}, TITLES, normal_of=NORMAL[number % 4])
        yield found.sentence
        yield f"It rests on: {found.rests_on[0]}"
        yield from found.rests_on[1:]
    for evidence in (0.5, 27_512.0, 3e9):
        for basis in GROUNDS:
            told = replace(
                rounds[-1].verdict, state=State.THROTTLED, provisional=False, e_value=evidence,
                basis=basis,
            )  # fmt: skip
            last = StoredRound(observed=rounds[-1].observed, verdict=told)
            yield from answer({"x": [last]}, TITLES, normal_of=None).rests_on
    yield "The two minutes were over before the last test was."
    for one in HowItStands:
        yield f"Next: {_NEXT[one].format(platform='x')}"
    yield from HEADINGS
    yield from ("20 Jan 13:40", "8 h 30 min", "52 seconds", *(state.value for state in State))
    yield from ("throttled, under test", "may be said: nothing is concluded")


@pytest.mark.parametrize("code", LANGUAGES)
def test_nothing_that_now_says_stays_english(code: str) -> None:
    tongue = Tongue(code)
    left = {
        text: said
        for text in dict.fromkeys(texts())
        if ((said := tongue.plain(text)) == text and not (code == "tr" and text == "platform"))
        or (code != "tr" and re.search("[A-Za-z]{3}", KEPT.sub("", said)))
    }  # fmt: skip
    assert not left
