"""The curtains that hang on a line, as its newest verdict has them, and how they are said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probe.model.curtain import Curtain
from probe.model.verdict import Verdict
from probe.verdict.words.words_curtain import curtain


def curtains_of(verdicts: Iterable[Verdict | None]) -> dict[str, tuple[Curtain, ...]]:
    """Those of each vantage: what any of its rounds saw last is so for all its platforms."""
    newest: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict is not None:
            known = newest.get(verdict.vantage)
            if known is None or known.at < verdict.at:
                newest[verdict.vantage] = verdict
    return {vantage: verdict.curtains for vantage, verdict in newest.items()}


def said_of_lines(found: Mapping[str, tuple[Curtain, ...]]) -> list[str]:
    """A sentence for each; with the vantage's name, if there are several."""
    return [
        (f"{vantage}: " if len(found) > 1 else "") + curtain(one)
        for vantage, hung in found.items()
        for one in hung
    ]
