"""The verdict says of golden histories what it said when they were recorded, to the letter."""

from __future__ import annotations

import re
from difflib import unified_diff

import pytest
from msgspec.structs import replace

from probe.verdict.replay import Replayed
from probe.verdict.thresholds import DEFAULT
from synth.golden.__main__ import kept_lines
from synth.golden.histories import History
from synth.golden.kept import exact, judged, read, verdicts

NEWS = """
The verdict says something else of rounds that are kept. A refactoring must not do that. A change of
behaviour records it anew (python -m synth.golden --record), in a commit that says why. What follows
are the times in which it differs; two trees are compared by what --print prints in each.
"""
MOST_LINES = 60
NEW_WORDS = """
A sentence cannot be said in other languages, so pages in them show it in English. Its clauses go
into each probe/locales/*/LC_MESSAGES/throttlewatch.po: docs/languages.md says how.
"""
# What is the same in Cyrillic text: words of protocols, what platforms, operators and targets are
# called, and words of OONI's data format with the phase after them.
KEPT = frozenset(
    [
        "HTTP",
        "IPv",
        "TCP",
        "TLS",
        "UTC",
        "dns",
        "tcp",
        "tls",
        "etc",
        "hosts",
        "object",
        "abs",
        "twimg",
        "com",
        "kernel",
        "org",
        "X",
        "Twitter",
        "YouTube",
        "Facebook",
        "Instagram",
        "facebook",
        "youtube",
        "instagram",
        "x",
        "Amazon",
        "Canonical",
        "Fastly",
        "Microsoft",
        "VideoLAN",
    ]
)
FAILURE = re.compile(r"[a-z_0-9]+/[a-z]+")


@pytest.fixture(scope="module")
def histories() -> tuple[History, ...]:
    return tuple(read())


@pytest.fixture(scope="module")
def seen() -> list[Replayed]:
    """What was judged by the first test, for the second."""
    return []


def test_the_same_is_said_of_every_round(
    histories: tuple[History, ...], seen: list[Replayed]
) -> None:
    now = list(verdicts(histories, seen=seen.append))
    differs = list(unified_diff(kept_lines(), now, "kept", "now", n=1))
    assert not differs, "\n".join([NEWS, *differs[:MOST_LINES]])


def test_every_sentence_can_be_said_in_other_languages(
    histories: tuple[History, ...], seen: list[Replayed]
) -> None:
    pytest.importorskip("babel", reason="of the last lock: sh tools/test installs it")
    from probe.publish.languages.catalog import catalog
    from probe.publish.languages.sentence_reader import SentenceReader

    if not seen:
        list(verdicts(histories, seen=seen.append))
    texts = {
        text
        for one in seen
        for text in (
            one.now.sentence,
            *(over.sentence for over in one.now.over),
            *one.now.may_claim,
            *one.now.may_not_claim,
        )
    }
    assert len(texts) > 500
    # Whatever is read by one catalog is by all (tests/publish/languages/test_catalogs.py).
    reader = SentenceReader(catalog("ru"))
    unread = sorted(text for text in texts if reader.said(text) is None)
    assert not unread, f"{NEW_WORDS}\n" + "\n".join(unread[:10])
    left = {
        word: text
        for text in texts
        for word in re.findall(r"[A-Za-z]+", FAILURE.sub("", reader.said(text) or ""))
        if word not in KEPT
    }
    assert not left


def test_some_thousand_rounds_and_bursts_with_every_scenario(
    histories: tuple[History, ...],
) -> None:
    rounds = [observed for history in histories for observed in history.rounds]
    assert len(rounds) > 5_000
    assert sum(observed.burst is not None for observed in rounds) > 300
    assert len({history.name for history in histories}) == len(histories) > 70


def test_another_threshold_is_noticed(histories: tuple[History, ...]) -> None:
    history = next(one for one in histories if one.name == "switched off")
    other = replace(DEFAULT, evidence=1e6 * DEFAULT.evidence)
    now, then = judged(history, thresholds=other), judged(history)
    assert [exact(one) for one in now] != [exact(one) for one in then]


def test_a_number_and_a_word_are_noticed_and_a_version_is_not(
    histories: tuple[History, ...],
) -> None:
    one: Replayed = next(iter(judged(histories[0])))
    said = one.now
    assert exact(one) == exact(replace(one, now=replace(said, rules_version=99)))
    assert exact(one) != exact(replace(one, now=replace(said, sentence=f"{said.sentence} ")))
    assert exact(one) != exact(replace(one, now=replace(said, since=said.since + 1.0)))
