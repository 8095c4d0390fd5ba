"""How it stands with several platforms, in one sentence: what `now` ends in and the page begins
with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from probe.model.verdict import State, Verdict
from probe.publish.plain_words import rate_words
from probe.publish.report.times import listed


class HowItStands(StrEnum):
    """How it stands with one platform on one line, the gravest first: a state, and what a person
    has to tell from it."""

    BLOCKED = "blocked"
    THROTTLED = "throttled"
    IMPAIRED = "impaired"
    WITHHELD = "withheld"
    UNDER_TEST = "under_test"
    DOWN = "down"
    DEGRADED = "degraded"
    OFFLINE = "offline"
    UNKNOWN = "unknown"
    UNMEASURED = "unmeasured"
    OK = "ok"


# How each ends a sentence that begins with one platform's name, and with several.
_ENDS: dict[HowItStands, tuple[str, str]] = {
    HowItStands.BLOCKED: ("is blocked on this line", "are blocked on this line"),
    HowItStands.THROTTLED: ("is being throttled on this line", "are being throttled on this line"),
    HowItStands.IMPAIRED: (
        "is slow or failing on this line (whether elsewhere too is not known)",
        "are slow or failing on this line (whether elsewhere too is not known)",
    ),
    HowItStands.WITHHELD: (
        "itself does not serve this line for legal reasons",
        "themselves do not serve this line for legal reasons",
    ),
    HowItStands.UNDER_TEST: (
        "may be slow or failing, which is not proven",
        "may be slow or failing, which is not proven",
    ),
    HowItStands.DOWN: ("has trouble with its own servers", "have trouble with their own servers"),
    HowItStands.DEGRADED: (
        "cannot be told from the line, which is slow for other sites too",
        "cannot be told from the line, which is slow for other sites too",
    ),
    HowItStands.OFFLINE: (
        "cannot be reached, and nor can other sites: this line is offline",
        "cannot be reached, and nor can other sites: this line is offline",
    ),
    HowItStands.UNKNOWN: ("cannot be judged just now", "cannot be judged just now"),
    HowItStands.UNMEASURED: ("has not been measured yet", "have not been measured yet"),
    HowItStands.OK: ("is fine", "are fine"),
}
# Words for what a number was measured beside (`Evidence.versus`).
_BESIDE = {"swap": "under another name", "controls": "at other sites"}


def standing(verdict: Verdict | None) -> HowItStands:
    """Of one verdict; ``None``: there is none yet."""
    if verdict is None:
        return HowItStands.UNMEASURED
    return HowItStands.UNDER_TEST if verdict.suspected else HowItStands(verdict.state.value)


def grouped(verdicts: Mapping[str, Verdict | None]) -> dict[HowItStands, list[str]]:
    """The names of ``verdicts`` by how it stands with each, the gravest first."""
    found: dict[HowItStands, list[str]] = {}
    for name, verdict in verdicts.items():
        found.setdefault(standing(verdict), []).append(name)
    return {one: found[one] for one in HowItStands if one in found}


def clause(one: HowItStands, titles: Iterable[str]) -> str:
    """``X and YouTube are fine``."""
    names = list(titles)
    return f"{listed(names)} {_ENDS[one][len(names) > 1]}"


def measured(verdict: Verdict) -> str:
    """``13.6 kB/s beside 306 kB/s under another name``, of what is said to be slow; else by how
    much it is slower than usual; empty where no number is known."""
    for entry in verdict.evidence:
        beside = _BESIDE.get(entry.versus)
        if beside is None or entry.reference is None:
            continue
        if entry.name == "goodput_bytes_per_second":
            return f"{rate_words(entry.value)} beside {rate_words(entry.reference)} {beside}"
        if entry.name == "handshake_seconds":
            return (
                f"handshakes of {_milliseconds(entry.value)} beside "
                f"{_milliseconds(entry.reference)} {beside}"
            )
    slowed = verdict.state in (State.THROTTLED, State.IMPAIRED)
    if slowed and verdict.factor is not None and verdict.factor > 1.0:
        return f"it takes {verdict.factor:.2g} times as long as usual"
    return ""


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1_000.0:,.0f} ms"
