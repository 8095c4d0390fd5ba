"""What the box is told: before it starts (a file), and while it runs (a line of JSON each way)."""

from __future__ import annotations

from msgspec import Struct

from lab.box.censor import RuleCount
from lab.box.line import Line
from lab.box.rules import Rule


class BoxSpec(Struct, frozen=True, kw_only=True):
    """The line, the censor's rules, and the seed of all randomness."""

    line: Line = Line()
    rules: tuple[Rule, ...] = ()
    seed: int = 1


class SetRules(Struct, frozen=True, kw_only=True, tag="set_rules"):
    """Replace the rules."""

    rules: tuple[Rule, ...]


class SetLine(Struct, frozen=True, kw_only=True, tag="set_line"):
    """Replace the line."""

    line: Line


class Forget(Struct, frozen=True, kw_only=True, tag="forget"):
    """Lose the censor's memory of flows and addresses, as when a line is reconnected."""


class AskStats(Struct, frozen=True, kw_only=True, tag="stats"):
    """Ask for the counters."""


class Ping(Struct, frozen=True, kw_only=True, tag="ping"):
    """Ask for a sign of life."""


Request = SetRules | SetLine | Forget | AskStats | Ping


class WayCount(Struct, frozen=True, kw_only=True):
    """Frames of one direction: ``received + injected`` is ``sent + waiting`` and all that was
    ``dropped``, by reason (``queue``, ``loss``: the line's; ``censor``). Bytes are of IP.
    ``passed_by``: neighbour discovery, which crosses neither line nor censor and is in no other
    number."""

    received: int = 0
    received_bytes: int = 0
    injected: int = 0
    sent: int = 0
    sent_bytes: int = 0
    dropped: dict[str, int] = {}
    waiting: int = 0
    passed_by: int = 0


class Punctuality(Struct, frozen=True, kw_only=True):
    """How true the box was to its model: the latest frame, frames sent more than a millisecond
    after they were due, frames that the kernel dropped before (``overrun``) or refused after
    (``unsent``) the box had them. Anything but small numbers: the machine was too busy."""

    latest_seconds: float = 0.0
    late: int = 0
    overrun: int = 0
    unsent: int = 0


class Stats(Struct, frozen=True, kw_only=True):
    """All counters since the start; rules by name."""

    down: WayCount = WayCount()
    up: WayCount = WayCount()
    rules: dict[str, RuleCount] = {}
    punctuality: Punctuality = Punctuality()


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one request: ``error`` says what was wrong with it."""

    error: str | None = None
    stats: Stats | None = None
