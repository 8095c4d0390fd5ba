"""Whether what fails does so because of how often we ask. Pure.

A front of a platform, a router or a provider's translator may take only so many connections in so
many seconds to one address, or for one name, and turn away or drop the next. A burst asks three
times at once and so meets that in each of its legs, while controls, asked once each, are well. But
the first connection after a pause comes through. So a failure accuses somebody only if such first
ones fail as well, clearly oftener than not: whoever is shut out for what he asks for is so at once.
What fails half of the time is told neither way for sure, so it stays what it was called.

A box may do more than to shut out whoever says a name: for some minutes it then lets nobody connect
to the address. Bursts meet that, so most of their legs fail earlier than the name could be said,
and only the first ones get that far. A limit is the other way round: it lets the first ones
through.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import Method, State
from probe.observe.effort import how_it_failed, only_small, turned_away
from probe.verdict.about import About
from probe.verdict.one_round.first_ones import FirstOnes
from probe.verdict.one_round.where_names_lead import network_of
from probe.verdict.remembered.memory import OpenSuspicion, PlatformMemory, Proven
from probe.verdict.suspected.own_answer import layer, layer_of

REST_SECONDS = 60.0
"""After a pause of so long a limit has most likely forgotten us. Ours."""
REST = 1.0 / 15.0
"""The same in transfer intervals, where rounds come faster than by default."""

LUCK = 2
"""Of first connections that fail as often as not, so many fail in a row in one of four events."""

CONDEMNED = 3
"""First ones that are shut out farther on than the legs after them, of three: as many as of what is
dead and asked first are no limit (``each_address.NOTHING``). Ours."""

_ORDER = (Method.DNS, Method.TCP, Method.TLS, Method.HTTP)

Failing = TypeVar("Failing", OpenSuspicion, Proven)


def by_our_rate(holder: OpenSuspicion | Proven, basis: Basis) -> bool:
    """Whether a failure on this ``basis`` may be what a limit does to those who ask as often as
    bursts do. A swap at the same address, asked as often in the same bursts, rules out a limit on
    the address, and leaves one on the name."""
    seen = holder.first_ones
    if condemned(holder):
        return False
    if seen.at is not layer_of_holder(holder):
        return True  # none of them failed as it does
    if basis is Basis.SWAP:
        return seen.named_failed <= seen.named_well
    if seen.failed < 2 * seen.well + LUCK:
        return True
    # A first one of another target that fails for a reason of its own uses a limit up as well.
    limited = seen.well > 0 or seen.behind > 0
    return limited and seen.foremost < 2 * seen.foremost_well + LUCK


def proven_by_our_rate(found: Proven, basis: Basis) -> bool:
    """The same of what is proven, if that is a failure."""
    return found.state is State.BLOCKED and by_our_rate(found, basis)


def condemned(holder: OpenSuspicion | Proven) -> bool:
    """Whether it gets farther now and then, after a pause, than most of its legs in bursts, and is
    shut out there: so often that it is not luck, while it has come through in no round since. That
    the others do not even get so far comes of it."""
    seen, most = holder.first_ones, layer_of_holder(holder)
    if most is Method.DNS or seen.farther_at is None or not _farther(seen.farther_at, most):
        return False  # (a false answer leads to whatever fails as it likes)
    well = any(one.well for one in holder.met_at if one.target == holder.target)
    return not (well or seen.well) and seen.farther >= CONDEMNED


def root_of(holder: OpenSuspicion | Proven) -> Method:
    """The layer at which it fails of itself, and not because an earlier leg had failed."""
    at = holder.first_ones.farther_at
    return at if at is not None and condemned(holder) else layer_of_holder(holder)


def refuted(found: Proven) -> bool:
    """Whether the first ones have come through so often that what is proven to fail may be a
    limit's doing, though they had failed when somebody was accused of it. Those that were foremost
    are held against each other, and all: a block that lets a few through does so to either."""
    seen = found.first_ones
    foremost_well = seen.foremost_well >= seen.foremost + LUCK
    return found.state is State.BLOCKED and (foremost_well or seen.well >= seen.failed + LUCK)


def noted(
    holder: Failing, observed: RoundObservation, *, rested: bool, opens: bool = False
) -> Failing:
    """``holder`` after an ordinary round, which came after a pause if it has ``rested``, and with
    which the suspicion ``opens``: whoever came through in that one may have done so before it
    began, so it does not count that another failed behind him."""
    if holder.family is not observed.family or not rested:
        return holder
    seen = _after(holder, observed)
    return replace(holder, first_ones=replace(seen, behind=0) if opens else seen)


def rested(mine: PlatformMemory, observed: RoundObservation, about: About) -> bool:
    """Whether the round came after a pause. ``mine``: what was remembered before it. A clock that
    was set back tells of none."""
    rest = min(REST_SECONDS, REST * about.transfer_seconds)
    return not 0 <= observed.started_at - mine.asked_at < rest


def foremost(own: LegObservation, observed: RoundObservation) -> bool:
    """Whether no other leg of the round had asked in the network of ``own`` or with its name."""
    return not any(
        _named(leg, own) or _near(leg, own)
        for leg in _to_platform(observed)
        if leg.order < own.order
    )


def _after(holder: OpenSuspicion | Proven, observed: RoundObservation) -> FirstOnes:
    seen, targets = holder.first_ones, observed.by_role(LegRole.TARGET)
    own = next((leg for leg in targets if leg.leg.target == holder.target), None)
    if own is None:
        return seen
    how = how_it_failed(own)
    at = layer(how) if how else layer_of_holder(holder)
    if how:
        seen = _got_farther(seen, own, observed, layer_of_holder(holder))
    if how and seen.at not in (None, at):
        if at is not layer_of_holder(holder):
            return seen
        seen = replace(seen, failed=0, named_failed=0, foremost=0, behind=0)
    if not how and not came(own, at):
        return seen  # it was slow, or the far end itself said no, or it did not go as far
    before = [leg for leg in _to_platform(observed) if leg.order < own.order]
    through = [leg for leg in before if came(leg, at)]
    named = any(_named(leg, own) for leg in through)
    near = named or any(_near(leg, own) for leg in through)
    failed, first, first_named = bool(how), not near, not named
    at_the_front = foremost(own, observed)
    if failed and first and at is layer_of_holder(holder):
        seen = replace(seen, farther=0, farther_at=None)
    return replace(
        seen,
        failed=seen.failed + (first and failed),
        well=seen.well + (first and not failed),
        named_failed=seen.named_failed + (first_named and failed),
        named_well=seen.named_well + (first_named and not failed),
        at=at if failed and (first or first_named) else seen.at,
        foremost=seen.foremost + (failed and at_the_front),
        behind=seen.behind + (failed and near),
        foremost_well=seen.foremost_well + (at_the_front and not failed),
    )


def _got_farther(
    seen: FirstOnes, own: LegObservation, observed: RoundObservation, most: Method
) -> FirstOnes:
    """``seen``, after a round in which ``own`` failed: whether it got farther than ``most`` do, or
    came behind another target that did, which takes it from those that follow."""
    if seen.at is most and seen.failed:
        return seen  # a first one got no farther itself: what fails farther on is another trouble
    mine = _shut_out(own)
    if mine is not None and _farther(mine, most):
        return replace(seen, farther=seen.farther + 1, farther_at=mine)
    before = (leg for leg in observed.by_role(LegRole.TARGET) if leg.order < own.order)
    others = (_shut_out(leg) for leg in before if _near(leg, own))
    behind = any(at is not None and _farther(at, most) for at in others)
    return replace(seen, farther=seen.farther + behind)


def _shut_out(leg: LegObservation) -> Method | None:
    """At which layer a leg was shut out. Its server's own no, or a way that takes small packets
    alone, tells of nobody who does it."""
    how = how_it_failed(leg)
    return layer(how) if how and not (turned_away(leg) or only_small(leg)) else None


def _to_platform(observed: RoundObservation) -> list[LegObservation]:
    return [*observed.by_role(LegRole.TARGET), *observed.by_role(LegRole.SWAP)]


def _farther(one: Method, other: Method) -> bool:
    return _ORDER.index(one) > _ORDER.index(other)


def _named(leg: LegObservation, own: LegObservation) -> bool:
    return leg.leg.sni == own.leg.sni


def _near(leg: LegObservation, own: LegObservation) -> bool:
    network = network_of(own.address)
    return bool(network) and network_of(leg.address) == network


def asked(mine: PlatformMemory, observed: RoundObservation) -> PlatformMemory:
    """What is remembered, knowing when the platform was asked last."""
    return replace(mine, asked_at=observed.ended_at) if observed.legs else mine


def came(leg: LegObservation, at: Method) -> bool:
    """Whether ``leg`` came through the layer ``at`` which another one, or an earlier, failed."""
    if leg.failure is not None:
        return _ORDER.index(layer(f"{leg.failure.phase}/")) > _ORDER.index(at)
    return at is not Method.HTTP or leg.http is not None


def layer_of_holder(holder: OpenSuspicion | Proven) -> Method:
    """The layer at which what is suspected or proven fails."""
    if isinstance(holder, Proven):
        return holder.method or Method.TCP
    return layer_of(holder.failures)
