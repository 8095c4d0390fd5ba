"""What a vantage outside can vouch for, target by target. Pure.

A platform turns a data centre away from one page, and serves all else as ever. The verdict there is
"refused"; but of what was reached and read beside that page it is known how it was.
"""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.identity import Compares, RoundKind
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import State
from probe.model.vouch import Vouch
from probe.observe.effort import refused, server_error, unproven
from probe.verdict.about import REFERENCE_INTERVALS, About
from probe.verdict.ladder.facts import Facts
from probe.verdict.ladder.ladder import first
from probe.verdict.ladder.rule import Rule

Vouches = dict[str, Vouch]
"""By the target's name."""

_READS = (RoundKind.TRANSFER, RoundKind.LONG)


def vouches_after(
    before: Vouches, facts: Facts, observed: RoundObservation, about: About, rules: tuple[Rule, ...]
) -> Vouches:
    """``before`` with an ordinary round: what it says if the targets that turned us away are left
    out. If that is ``ok``, it vouches for each that was reached; what it asked and does not vouch
    for is not vouched for any more. Of what it did not ask, what is known stays as long as it is
    news."""
    if observed.burst is not None:
        return before
    asked = [leg for leg in facts.targets if not _turned_away(leg)]
    calm = bool(asked) and first(replace(facts, targets=tuple(asked)), rules).state is State.OK
    names = [target.name for target in about.targets]
    oldest = observed.ended_at - REFERENCE_INTERVALS * about.transfer_seconds
    kept = {name: one for name, one in before.items() if one.at >= oldest}
    found = {name: kept.get(name, Vouch(target=name)) for name in names}
    for leg in facts.targets:
        name = leg.leg.target
        found[name] = _vouch(found.get(name), leg, observed) if calm else Vouch(target=name)
    return found


def _turned_away(leg: LegObservation) -> bool:
    """The far end itself answered, and not with what was asked for; its own errors apart."""
    return refused(leg) and not unproven(leg) and not server_error(leg)


def _vouch(before: Vouch | None, leg: LegObservation, observed: RoundObservation) -> Vouch:
    found = Vouch(target=leg.leg.target, at=observed.ended_at)
    if not leg.ok:
        return found
    if before is not None:
        found = replace(found, read_at=before.read_at, long_at=before.long_at)
    if observed.kind in _READS and leg.leg.compares is Compares.GOODPUT:
        found = replace(found, read_at=observed.ended_at)
        if observed.kind is RoundKind.LONG:
            found = replace(found, long_at=observed.ended_at)
    return found
