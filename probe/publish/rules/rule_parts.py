"""A recording rule, an alert, and how their parts are written."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from probe.model.verdict import Method, State
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_transport as names_transport

SAID = "vantage:throttlewatch_verdict_state:held"
# What is so over TCP has no transport among its labels.
TCP = 'transport=""'
OF_ITS_OWN = f'method!="{Method.DNS.value}"'
"""Of what is found over another transport: where a name leads is no matter of one of them."""


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


def with_reason(reasons: Iterable[str]) -> str:
    """Who says what it says for one of these reasons, over TCP or over another transport."""
    one = f'reason=~"{"|".join(sorted(reasons))}"'
    return (
        f"{names.VERDICT_INFO.name}{{{one}}} or {names_transport.INFO.name}{{{OF_ITS_OWN}, {one}}}"
    )


def window(seconds: float) -> str:
    """The length of a range."""
    return f"{seconds:.0f}s"
