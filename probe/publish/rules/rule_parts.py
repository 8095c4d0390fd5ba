"""A recording rule, an alert, and how their parts are written."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from probe.model.verdict import State


class Recording(Struct, frozen=True, kw_only=True):
    """One recording rule."""

    record: str
    expr: str
    labels: dict[str, str] = {}


class Alert(Struct, frozen=True, kw_only=True):
    """One alert. ``expr`` has ``DRILL_MATCHER`` (alert_rules.py) wherever it selects recorded
    series."""

    name: str
    expr: str
    hold: str
    severity: str
    summary: str
    description: str


def states_text(states: Iterable[State]) -> str:
    """States as a regular expression."""
    return "|".join(state.value for state in State if state in states)


def window(seconds: float) -> str:
    """The length of a range."""
    return f"{seconds:.0f}s"
