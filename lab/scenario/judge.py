"""Whether what was said is right. Pure: from what was heard, when, to a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from lab.scenario.heard import Heard
from probe.model.verdict import State
from scenarios.model import ACCUSING, Expectation, Said


class Phase(StrEnum):
    """Of a run: before it begins, while it lasts, after it."""

    CALM = "calm"
    DURING = "during"
    AFTER = "after"


class Moment(Struct, frozen=True, kw_only=True):
    """Something heard: in which phase, and after how many whole transfer rounds of that phase."""

    phase: Phase
    rounds: int
    heard: Heard


class Judgement(Struct, frozen=True, kw_only=True):
    """``detected``, ``recovered``: rounds until it was said (``None``: it was not). ``wrong``: what
    is wrong, in words; empty: all is right."""

    detected: int | None
    recovered: int | None
    wrong: tuple[str, ...]


def fits(said: Said, heard: Heard) -> bool:
    """Whether a verdict is one that is right."""
    pairs = (
        (said.methods, heard.method),
        (said.triggers or said.by, heard.trigger),
        (said.signatures, heard.signature),
        (said.phases, heard.phase),
        (said.reasons, heard.reason),
    )
    severe = said.severe is None or said.severe == (heard.severity == "severe")
    return (
        said.state is heard.state
        and severe
        and all(not allowed or word in allowed for allowed, word in pairs)
    )


def detected(expectation: Expectation, moments: Sequence[Moment]) -> int | None:
    """Rounds until something right was said while it lasted."""
    return next(
        (
            moment.rounds
            for moment in moments
            if moment.phase is Phase.DURING
            and any(fits(said, moment.heard) for said in expectation.said)
        ),
        None,
    )


def recovered(moments: Sequence[Moment]) -> int | None:
    """Rounds until ``ok`` was said after the end."""
    return next(
        (m.rounds for m in moments if m.phase is Phase.AFTER and m.heard.state is State.OK), None
    )


def judge(expectation: Expectation, moments: Sequence[Moment]) -> Judgement:
    """Right or wrong, for one platform at one vantage."""
    wrong = [*_calm(moments), *_during(expectation, moments), *_after(expectation, moments)]
    return Judgement(
        detected=detected(expectation, moments),
        recovered=recovered(moments),
        wrong=tuple(dict.fromkeys(wrong)),
    )


def _calm(moments: Sequence[Moment]) -> list[str]:
    calm = [moment.heard for moment in moments if moment.phase is Phase.CALM]
    wrong = [f"{h.text()} before anything happened" for h in calm if h.state in ACCUSING]
    if not any(h.state is State.OK for h in calm):
        last = calm[-1].text() if calm else "nothing"
        wrong.append(f"{last}, never ok before anything happened")
    return wrong


def _during(expectation: Expectation, moments: Sequence[Moment]) -> list[str]:
    during = [moment for moment in moments if moment.phase is Phase.DURING]
    right = {said.state for said in expectation.said}
    forbidden = {*expectation.never, *(state for state in ACCUSING if state not in right)}
    wrong = [
        f"{moment.heard.text()} in round {moment.rounds}"
        for moment in during
        if moment.heard.state in forbidden
    ]
    found = detected(expectation, moments)
    if found is None:
        last = during[-1].heard.text() if during else "nothing"
        wrong.append(f"{last} at the end, never what is right")
    elif found > expectation.within_rounds:
        wrong.append(f"said in round {found}, not within {expectation.within_rounds}")
    return wrong


def _after(expectation: Expectation, moments: Sequence[Moment]) -> list[str]:
    within = expectation.recovers_within_rounds
    if within is None:
        return []
    found = recovered(moments)
    if found is not None and found <= within:
        return []
    after = [moment for moment in moments if moment.phase is Phase.AFTER]
    last = after[-1].heard.text() if after else "nothing"
    return [f"{last} after the end, ok not within {within} rounds"]
