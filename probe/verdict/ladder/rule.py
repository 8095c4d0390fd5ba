"""A rung of the ladder: when it holds, and what is said then."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from probe.model.verdict import State
from probe.verdict.ladder.facts import Facts


class Rule(Struct, frozen=True, kw_only=True):
    """A rung: when ``holds``, ``state`` with ``reason``, and a sentence. ``why``: for readers."""

    id: str
    state: State
    why: str
    holds: Callable[[Facts], bool]
    says: Callable[[Facts], str]
    reason: str = ""
