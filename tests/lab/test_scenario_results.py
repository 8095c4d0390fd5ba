"""The summary counts what was right, and how soon things were found, for each line."""

from __future__ import annotations

from typing import Any

from lab.scenario.results import rows, slower, summary, wrong


def run(line: str, *, seconds: float, detected: int | None, late: str = "") -> dict[str, Any]:
    """A run of a scenario of throttling in which curl took so long for what takes 0.5 s."""
    seen = {"code": "206", "bytes": 65_536, "tls": 0.1, "exit": 0}
    said = {"state": "throttled", "trigger": "name", "signature": "policer"}
    return {
        "run": "russia-2021-twitter",
        "line": line,
        "curl": [{**seen, "seconds": 0.5}, {**seen, "seconds": seconds}],
        "moments": {"home/x": [{"phase": "during", "rounds": 1, "heard": said}]},
        "judgements": {
            "home/x": {
                "detected": detected,
                "recovered": 1,
                "wrong": [] if detected is not None else ["never what is right"],
            }
        },
        "late": late,
    }


def test_found_after_how_many_rounds_by_how_slow_it_was() -> None:
    results = [
        run("dsl", seconds=50.0, detected=1),
        run("dsl", seconds=2.0, detected=4),
        run("dsl", seconds=2.0, detected=None),
    ]
    assert slower(results[0]) == 100.0
    (line,) = [row for row in summary(results) if row.startswith("| dsl ")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:5] == ["dsl", "3", "2", "1 (at most 1, of 1)", "4 (at most 4, of 1)"]


def test_a_late_box_makes_a_run_wrong() -> None:
    result = run("fibre", seconds=2.0, detected=1, late="9 of 10 frames late")
    assert wrong(result)
    assert any("**wrong**" in row for row in rows([result]))
    assert any("throttled name policer" in row for row in rows([result]))
