"""What the observations of one vantage and platform mean."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """The ladder's rungs. ``unknown`` always carries a reason."""

    OK = "ok"
    THROTTLED = "throttled"
    BLOCKED = "blocked"
    DEGRADED = "degraded"
    DOWN = "down"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class Verdict(Struct, frozen=True, kw_only=True):
    """A state with the rule that gave it and one sentence for a person.

    ``provisional`` says that no sequential test stands behind it: it is what one round showed.
    ``since`` is when this state began (Unix seconds).
    """

    vantage: str
    platform: str
    state: State
    rule_id: str
    sentence: str
    at: float
    since: float
    reason: str = ""
    provisional: bool = True
