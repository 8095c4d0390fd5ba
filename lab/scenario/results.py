"""``python -m lab.scenario.results FILE…``: what ``scenarios --json`` kept, as Markdown.

How many runs of each line were right and how soon things were found and over; then a row for each
scenario. How slow something was is what curl saw: its time for each byte, over that before it
began.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from lab.scenario.heard import Key
from lab.scenario.play import expected_of
from scenarios.lines import LINES
from scenarios.model import HOME
from scenarios.table import BY_ID

Result = dict[str, Any]
SEVERE = 10.0
PLAIN = {"fibre": 3.0, "dsl": 3.0, "mobile": 5.0}


def wrong(result: Result) -> bool:
    """A run that came to nothing, whose box was late, or in which something wrong was said."""
    late = result.get("error") or result["late"]
    return bool(late) or any(own["wrong"] for own in result["judgements"].values())


def slower(result: Result) -> float:
    """How many times longer curl took for a byte; if none came, for the whole."""
    before, during = result["curl"]
    times = during["seconds"] / before["seconds"]
    return float(times * before["bytes"] / (during["bytes"] or before["bytes"]))


def found(results: Iterable[Result]) -> list[int]:
    """Rounds until it was said, of all platforms at home that were to be accused."""
    return [rounds for result in results for rounds in _rounds(result, "detected")]


def over(results: Iterable[Result]) -> list[int]:
    """Rounds until it was over."""
    return [rounds for result in results for rounds in _rounds(result, "recovered")]


def _rounds(result: Result, which: str) -> Iterator[int]:
    for key, own in result["judgements"].items():
        whose = Key.of_text(key)
        expected = expected_of(BY_ID[result["run"]], whose)
        states = {said.state.value for said in expected.said} if expected else set()
        accused = whose.vantage == HOME and states & {"throttled", "blocked"}
        if accused and own[which] is not None:
            yield own[which]


def _times(rounds: list[int]) -> str:
    return f"{median(rounds):g} (at most {max(rounds)}, of {len(rounds)})" if rounds else "none"


def summary(results: list[Result]) -> Iterator[str]:
    """A row for each line."""
    heads = ("line", "runs", "right", "10x and more found after", "others slowed found after",
             "blocks found after", "over after")  # fmt: skip
    yield "| " + " | ".join(heads) + " |"
    yield "| --- " * len(heads) + "|"
    for line in LINES:
        own = [r for r in results if r.get("line") == line]
        accusing = [r for r in own if BY_ID[r["run"]].accuses]
        slowed = [r for r in accusing if "throttled" in _expected(r)]
        severe = [r for r in slowed if slower(r) >= SEVERE]
        plain = [r for r in slowed if PLAIN[line] <= slower(r) < SEVERE]
        blocks = [r for r in accusing if r not in slowed]
        cells = (line, str(len(own)), str(sum(not wrong(r) for r in own)),
                 *(_times(found(some)) for some in (severe, plain, blocks)),
                 _times(over(accusing)))  # fmt: skip
        yield "| " + " | ".join(cells) + " |"


def _expected(result: Result) -> set[str]:
    expectations = BY_ID[result["run"]].expect
    return {said.state.value for e in expectations for said in e.said if e.vantage == HOME}


def rows(results: list[Result]) -> Iterator[str]:
    """A row for each scenario, a cell for each line: what curl saw, what was said at the end, and
    after how many rounds it was found and over."""
    yield "| scenario | " + " | ".join(LINES) + " |"
    yield "| --- " * (1 + len(LINES)) + "|"
    for id in BY_ID:
        own = {r["line"]: r for r in results if r["run"] == id and "line" in r}
        if own:
            cells = (f"`{id}`", *(_cell(own[line]) if line in own else "" for line in LINES))
            yield "| " + " | ".join(cells) + " |"
    for result in results:
        if "error" in result:
            yield f"| `{result['run']}` | **wrong**: {result['error']} |"


def _cell(result: Result) -> str:
    said = [
        f"{key}: {_said(result['moments'][key])} "
        f"({_some(own['detected'])}, {_some(own['recovered'])})"
        for key, own in result["judgements"].items()
    ]
    told = "<br>".join(said).replace(f"{HOME}/", "")
    mark = "**wrong**: " if wrong(result) else ""
    return f"{' → '.join(map(_curl, result['curl']))}<br>{mark}{told}"


def _curl(seen: Result) -> str:
    if seen["code"] == "000":
        return f"nothing in {seen['seconds']:.1f} s"
    size = f"{seen['bytes'] >> 10} KiB" if seen["code"] == "206" else seen["code"]
    return f"{size} in {seen['seconds']:.1f} s"


def _said(moments: list[Result]) -> str:
    during = [m["heard"] for m in moments if m["phase"] == "during"]
    last = during[-1] if during else {"state": "nothing"}
    words = [last.get(w) or "" for w in ("state", "method", "trigger", "signature", "phase")]
    return " ".join(w for w in (*words, last.get("reason", "")) if w)


def _some(rounds: int | None) -> str:
    return "-" if rounds is None else str(rounds)


if __name__ == "__main__":
    every = [result for name in sys.argv[1:] for result in json.loads(Path(name).read_text())]
    print("\n".join([*summary(every), "", *rows(every)]))
