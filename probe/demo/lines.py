"""The day as lines, for terminals that cannot draw a table and for files."""

from __future__ import annotations

from rich.console import Console

from probe.demo.cast import LINES, PLATFORMS
from probe.demo.script import Script
from probe.demo.table import StageView
from probe.model.finding import Scope
from probe.model.verdict import State

# Of these nothing is told but that they end something worse.
QUIET = frozenset({State.OK, State.UNKNOWN})


class Narration:
    """Prints what matters in a view and was not in the one before: an act that begins, a vantage
    that accuses a platform or takes it back, how far it reaches in the country.

    What is undecided (a vantage that tests a suspicion, too few networks that have decided) changes
    nothing of what was last said, so it is left out.
    """

    def __init__(self, console: Console, script: Script) -> None:
        self._console = console
        self._script = script
        self._act = ""
        self._states: dict[tuple[str, str], State] = {}
        self._scopes: dict[str, Scope] = {}

    def __call__(self, view: StageView) -> None:
        """Print the news in ``view``."""
        if view.act(self._script).title != self._act:
            self._act = view.act(self._script).title
            self._print(view, f"--- {self._act}")
        for line in LINES:
            for site in PLATFORMS:
                self._look(view, (line.name, site.name))
        for finding in view.findings:
            before = self._scopes.get(finding.platform)
            if finding.scope not in (before, Scope.INSUFFICIENT):
                self._scopes[finding.platform] = finding.scope
                self._print(view, f"nation    {finding.sentence}")

    def _look(self, view: StageView, slot: tuple[str, str]) -> None:
        verdict = view.snapshot.verdicts.get(slot)
        if verdict is None:
            return
        before = self._states.get(slot, State.OK)
        if verdict.state is State.UNKNOWN or verdict.state is before:
            return
        self._states[slot] = verdict.state
        if verdict.state not in QUIET or before not in QUIET:
            self._print(view, f"{slot[0]:<9} {verdict.sentence}")

    def _print(self, view: StageView, text: str) -> None:
        self._console.print(
            f"{view.passed_seconds:5.0f} s  {text}", markup=False, highlight=False, soft_wrap=True
        )
