"""What a failure that is suspected or proven is worth once the far end answers again, or fails in
another way. Pure.

A leg that the platform itself turned away (a status, a certificate of its own) has no effort, so it
compares nothing; but it came through, and what had failed does not. So a round in which that is so
counts for a failure as one that is as usual, and two in a row end what was proven. Three that say
no to a read end a slowness: how fast that would be is not known any more.
"""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from probe.model.identity import Compares, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import Method, State
from probe.observe.effort import how_it_failed, refused, unproven
from probe.verdict.one_round.compared import Compared
from probe.verdict.remembered.memory import OpenSuspicion, Proven

ANSWERS = 2
"""Rounds in a row in which the far end itself answers that end a failure; and rounds in a row that
show the very failure that was proven, before another basis makes an accusation of it. One of either
may be luck; a proof needs two suspicious rounds as well."""

REFUSALS = 3
"""Rounds in a row that were to read, in which the far end itself says no, that end a slowness: of
what is not read nobody knows how fast it is. One more, as a host that is asked in bursts may want
to be left alone for a while. Ours."""

_LAYERS = {"resolve": Method.DNS, "connect": Method.TCP, "tls": Method.TLS}


def layer(how: str) -> Method:
    """The layer of a failure (``phase/reason``)."""
    return _LAYERS.get(how.partition("/")[0], Method.HTTP)


def layer_of(failures: tuple[str, ...]) -> Method:
    """The layer of most of ``failures``; of none: of connecting."""
    phases = Counter(how.partition("/")[0] for how in failures)
    return layer(phases.most_common(1)[0][0] if phases else "connect")


def answers(holder: OpenSuspicion | Proven, observed: RoundObservation) -> bool:
    """Whether the far end itself turned away what ``holder`` is about, in this round."""
    leg = _leg(holder, observed)
    return leg is not None and _turned_away(leg)


def noted(found: Proven, seen: Compared, observed: RoundObservation) -> Proven:
    """``found``, knowing whether this round shows the very failure, or the far end answers."""
    leg = _leg(found, observed)
    if leg is None:
        return found
    if found.state is not State.BLOCKED:
        if seen.of(found, observed.family) is not None:
            return replace(found, answered=0)
        reads = leg.leg.compares is Compares.GOODPUT
        return replace(found, answered=found.answered + (reads and _turned_away(leg)))
    if _turned_away(leg):
        return replace(found, alike=0, answered=found.answered + 1)
    if seen.of(found, observed.family) is None:
        return found
    how = how_it_failed(leg)
    # Or the first one's, where others do not get that far for it (``own_rate.condemned``).
    same = bool(how) and layer(how) in (found.method, found.first_ones.farther_at)
    return replace(found, alike=found.alike + 1 if same else 0, answered=0)


def over(found: Proven) -> bool:
    """The far end has answered often enough."""
    return found.answered >= (ANSWERS if found.state is State.BLOCKED else REFUSALS)


def shows_it(found: Proven) -> bool:
    """The latest rounds show what was proven: if that is a failure, that very one."""
    return found.state is not State.BLOCKED or found.alike >= ANSWERS


def _turned_away(leg: LegObservation) -> bool:
    """The far end itself did: what a stranger says in its place ends nothing."""
    return refused(leg) and not unproven(leg)


def _leg(holder: OpenSuspicion | Proven, observed: RoundObservation) -> LegObservation | None:
    if holder.family is not observed.family:
        return None
    legs = observed.by_role(LegRole.TARGET)
    return next((leg for leg in legs if leg.leg.target == holder.target), None)
