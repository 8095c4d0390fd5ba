"""What the daemon tells its outlets, as values. An outlet looks at those that it is about."""

from __future__ import annotations

from msgspec import Struct

from probe.config.schema import Config
from probe.model.finding import Finding, Incident
from probe.model.identity import RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import AILING, TransportFinding, Verdict
from probe.verdict.remembered.memory import Memory


class Resumed(Struct, frozen=True, kw_only=True):
    """Before the first round: the ``verdicts`` of an earlier run that still hold."""

    verdicts: tuple[Verdict, ...]


class Begun(Struct, frozen=True, kw_only=True):
    """The daemon serves at ``listen``, and measures in so many ``slots``."""

    listen: str
    slots: int


class RoundBegun(Struct, frozen=True, kw_only=True):
    """A round or burst of ``platform`` begins from ``vantage``."""

    vantage: str
    platform: str
    kind: RoundKind


class RoundAbandoned(Struct, frozen=True, kw_only=True):
    """The round or burst that had begun ended without a result: a fault of ours, or the daemon
    stops."""

    vantage: str
    platform: str


class RoundJudged(Struct, frozen=True, kw_only=True):
    """A round or burst ended: what it saw, what that means, what was said of the same vantage and
    platform ``before`` (``None``: nothing yet), and what is now remembered of the vantage."""

    observed: RoundObservation
    verdict: Verdict
    before: Verdict | None
    memory: Memory

    @property
    def changed(self) -> bool:
        """Whether it says something else than before."""
        before, now = self.before, self.verdict
        if before is None or (before.state, before.reason) != (now.state, now.reason):
            return True
        was, is_now = ({one.outline for one in v.over if _tells(one)} for v in (before, now))
        return was != is_now


def _tells(found: TransportFinding) -> bool:
    """What the sentence speaks of: other findings come and go in silence."""
    return found.state in AILING or found.provisional


class RoundLate(Struct, frozen=True, kw_only=True):
    """A round was left out, or could not start in time."""

    vantage: str
    platform: str


class RoundRefused(Struct, frozen=True, kw_only=True):
    """The data budget let no round be made that was due."""

    vantage: str
    platform: str


class BurstRefused(Struct, frozen=True, kw_only=True):
    """The data budget let no burst be made that was asked for; ``reason``: a ``Refusal``."""

    vantage: str
    platform: str
    reason: str


class ClockStepped(Struct, frozen=True, kw_only=True):
    """The wall clock was moved by ``seconds`` (either way)."""

    seconds: float


class NationFound(Struct, frozen=True, kw_only=True):
    """A step of the nation's grid at ``at`` (Unix seconds): all ``findings``; those that are
    ``news``; the incidents that are ``open``, and those that were opened, changed or closed by this
    step (``changed``)."""

    at: float
    findings: tuple[Finding, ...]
    news: tuple[Finding, ...]
    open: tuple[Incident, ...]
    changed: tuple[Incident, ...]


class Configured(Struct, frozen=True, kw_only=True):
    """Another configuration holds from now on."""

    config: Config


class Reloaded(Struct, frozen=True, kw_only=True):
    """A reload ended at ``at`` (Unix seconds): with ``error`` the old configuration holds on."""

    at: float
    error: Exception | None = None


Event = (
    Resumed
    | Begun
    | RoundBegun
    | RoundAbandoned
    | RoundJudged
    | RoundLate
    | RoundRefused
    | BurstRefused
    | ClockStepped
    | NationFound
    | Configured
    | Reloaded
)
