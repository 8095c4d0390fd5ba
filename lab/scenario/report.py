"""The table for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from lab.scenario.judge import Judgement, Moment, Phase
from lab.scenario.many import Failed
from lab.scenario.play import Outcome
from scenarios.model import HOME, Over

_TOLD_OF = {Over.BOTH: "", Over.TCP: "", Over.QUIC: " over QUIC", Over.UPLOAD: " for uploads"}
HEADS = ("scenario", "line", "asked of the box", "curl saw", "the daemon said", "found", "over", "")


def table(results: Iterable[Outcome | Failed]) -> Table:
    """One row for each platform and vantage of each run."""
    made = Table(show_lines=True, highlight=False)
    for head in HEADS:
        made.add_column(head, overflow="fold")
    for result in results:
        for row in rows(result):
            made.add_row(*row)
    return made


def rows(result: Outcome | Failed) -> Iterable[tuple[str, ...]]:
    """The cells of a run."""
    if isinstance(result, Failed):
        run = result.run
        yield run.scenario.id, run.line.name, "", "", result.error, "", "", "WRONG"
        return
    curl = f"{result.before.text()}\nthen {result.during.text()}"
    for number, (key, judgement) in enumerate(result.judgements.items()):
        whose = key.platform if key.vantage == HOME else f"{key.platform} at {key.vantage}"
        whose += _TOLD_OF[key.over]
        head = (result.scenario.id, result.line.name, result.asked, curl)
        yield (
            *(head if number == 0 else ("", "", "", "")),
            f"{whose}: {said(result.moments[key])}",
            _rounds(judgement.detected),
            _rounds(judgement.recovered),
            mark(result, judgement),
        )


def said(moments: Iterable[Moment]) -> str:
    """What was said while it lasted, without repetitions."""
    texts = [m.heard.text() for m in moments if m.phase is Phase.DURING]
    return " → ".join(t for n, t in enumerate(texts) if n == 0 or texts[n - 1] != t)


def mark(result: Outcome, judgement: Judgement) -> str:
    """``right``, or what is wrong."""
    if judgement.wrong:
        return "WRONG: " + "; ".join(judgement.wrong)
    return f"WRONG: box late ({result.late})" if result.late else "right"


def _rounds(count: int | None) -> str:
    return "" if count is None else str(count)


def console() -> Console:
    """Wide enough for the table, also where there is no terminal."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=200)
