"""What measuring has to remember from round to round: budgets, objects, and who has seen a name."""

from __future__ import annotations

from collections.abc import Iterable

from probe.measure.objects.kept_objects import ObjectMemories
from probe.measure.objects.objects import KnownTarget
from probe.measure.one_round.line_turn import LineTurn
from probe.model.identity import Family, LegRole
from probe.model.observation import LegObservation
from probe.model.once_a_day import OnceADay
from probe.schedule.host_budget import HostBudget
from probe.schedule.leg_patience import Taken, kept

MOST_ADDRESSES = 4_096


class Ledger:
    """Which addresses have seen a platform's name from a vantage.

    Some throttling keeps state per client and address after one connection with a throttled name
    (Turkcell 2022, ntc.party/t/3471), so the trigger can only be judged at an address that has not.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], set[str]] = {}

    def seen(self, vantage: str, address: str) -> tuple[str, ...]:
        """The platforms whose names ``address`` has seen, sorted."""
        return tuple(sorted(self._seen.get((vantage, address), ())))

    def note(self, vantage: str, address: str, platform: str) -> None:
        """``address`` is about to see a name of ``platform``. The oldest are forgotten."""
        key = (vantage, address)
        platforms = self._seen.pop(key, set())
        self._seen[key] = platforms | {platform}
        while len(self._seen) > MOST_ADDRESSES:
            del self._seen[next(iter(self._seen))]


def _answered(leg: LegObservation) -> bool:
    """Who shows a certificate that is refused does, whosever it is."""
    refused = leg.tls is not None and bool(leg.tls.verify_error)
    return leg.failure is None or leg.http is not None or refused


class BetweenRounds:
    """The only mutable things in measuring; they outlive a reload of the configuration."""

    def __init__(self) -> None:
        self.budget = HostBudget()
        self.ledger = Ledger()
        self.told = OnceADay()
        self._turns: dict[str, LineTurn] = {}
        self._memories: dict[tuple[str, str, str], KnownTarget] = {}
        self.objects_changed = False
        """Whether anything else is remembered of objects since this was set to ``False``."""
        self._taken: dict[tuple[str, Family], tuple[Taken, ...]] = {}
        self._silent: set[tuple[str, Family]] = set()

    def turn(self, vantage: str) -> LineTurn:
        """The turn on the line of ``vantage``."""
        return self._turns.setdefault(vantage, LineTurn())

    def taken(self, vantage: str, family: Family) -> tuple[Taken, ...]:
        """What legs to controls took lately over the line of ``vantage`` (monotonic seconds)."""
        return self._taken.get((vantage, family), ())

    def took(self, vantage: str, family: Family, one: Taken) -> None:
        """A leg to a control took so long."""
        self._taken[vantage, family] = kept(self.taken(vantage, family), one)

    def heard(self, vantage: str, family: Family, legs: Iterable[LegObservation]) -> None:
        """``legs`` of a round were made. One without controls says nothing."""
        controls = [one for one in legs if one.leg.role is LegRole.CONTROL]
        if any(map(_answered, controls)):
            self._silent.discard((vantage, family))
        elif controls:
            self._silent.add((vantage, family))

    def silent(self, vantage: str, family: Family) -> bool:
        """Whether no control of the last round answered over the line of ``vantage``."""
        return (vantage, family) in self._silent

    def memory(self, vantage: str, owner: str, target: str) -> KnownTarget:
        """What is remembered of a target's objects."""
        return self._memories.get((vantage, owner, target), KnownTarget())

    def remember(self, vantage: str, owner: str, target: str, memory: KnownTarget) -> None:
        """Replace what is remembered of a target's objects."""
        key = (vantage, owner, target)
        self.objects_changed |= self._memories.get(key) != memory
        self._memories[key] = memory

    @property
    def objects(self) -> ObjectMemories:
        """What is remembered of all targets' objects."""
        return self._memories

    def resume_objects(self, memories: ObjectMemories) -> None:
        """``memories`` in place of what is remembered of objects."""
        self._memories = dict(memories)
