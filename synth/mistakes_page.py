"""docs/what-it-can-mistake.md as values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from probe.model.verdict import AILING, NEAR_HERE, Verdict
from synth.mistakes import Played

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "what-it-can-mistake.md"
LEAST_SHARE = 0.5
"""What a row lists is said in so many of its rounds, at least."""


class Row(Struct, frozen=True, kw_only=True):
    """``said``: states with reasons; ``caveats``: quoted from verdicts (with “or” between two of
    them, either will do); ``play``: the name of a play, or the place of a test."""

    trouble: str
    said: tuple[str, ...]
    why: str
    caveats: tuple[str, ...]
    since: int
    play: str


def rows() -> Iterator[Row]:
    """The page's rows, in their order."""
    for line in PAGE.read_text().splitlines():
        if not line.startswith("| ") or line.startswith(("| ---", "| trouble")):
            continue
        trouble, said, why, since, play = (cell.strip() for cell in line.strip("|").split(" | "))
        yield Row(
            trouble=trouble,
            said=tuple(re.findall(r"`([a-z_ ]+)`", said)),
            why=why,
            caveats=tuple(re.findall(r"“([^”]+(?:” or “[^”]+)*)”", why)),
            since=int(since),
            play=play.strip("` "),
        )


def word(verdict: Verdict) -> str:
    """What a verdict says, as a row writes it."""
    # What is impaired accuses nobody, whatever those may make of it who add up vantages.
    reason = "" if verdict.reason == NEAR_HERE else verdict.reason
    return f"{verdict.state} {reason}".strip()


def faults(row: Row, seen: Played) -> Iterator[str]:
    """What was said that the row does not bear out, in words."""
    words = [word(verdict) for verdict in seen.rounds]
    listed = sum(one in row.said for one in words) / len(words)
    if listed < LEAST_SHARE:
        yield f"only {listed:.0%} of the rounds say what is listed"
    besides = {word(v) for v in seen.every} - set(row.said)
    if wrong := {one for one in besides if one != "ok" and not one.startswith("unknown ")}:
        yield f"also said: {', '.join(sorted(wrong))}"
    yield from _bare(row.caveats, seen.every)
    proven = [v for v in seen.later if v.proven]
    accused = [v for v in proven if v.restricted]
    if accused and accused[-1].at > seen.later[0].at + 2_400.0:
        yield "an accusation outlasts the trouble"
    if new := {word(v) for v in proven} - set(row.said):
        yield f"said afterwards: {', '.join(sorted(new))}"


def _bare(caveats: Iterable[str], every: Iterable[Verdict]) -> Iterator[str]:
    for caveat in caveats:
        for verdict in every:
            if verdict.state in AILING and not any(
                one in text
                for one in caveat.split("” or “")
                for text in (verdict.sentence, *verdict.may_not_claim)
            ):
                yield f"{word(verdict)} without “{caveat}”"
                return
