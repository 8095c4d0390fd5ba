"""At which addresses a failure is one and the same, and shuts out whoever comes first. Pure.

What fails at two addresses of a platform is hardly the trouble of one server. But two troubles may
meet: one address is dead, and another takes only so many connections, or shows a certificate that
has run out. So to accuse, those addresses count at which it fails in one way, and at which the
platform does not come through in ordinary rounds, that ask once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from math import prod

from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import LegRole
from probe.model.observation import RoundObservation
from probe.model.verdict import Method, State
from probe.observe.effort import TIMEOUT, how_it_failed
from probe.verdict.burst.own_rate import LUCK, Failing, came, foremost, layer_of_holder
from probe.verdict.one_round.first_ones import MetAt
from probe.verdict.remembered.memory import OpenSuspicion, Proven
from probe.verdict.suspected.own_answer import layer
from probe.verdict.thresholds import Thresholds

MOST_PLACES = 32
"""A platform's targets are at a few addresses each; more are forgotten, the oldest first."""
MOST_FAILURES = 12
NOTHING = 3
"""What is dead and asked first leaves nothing of a limit of one for whoever comes next: of two
targets so often in a row in one of eight events. Ours."""
ALIKE = 1.0 / 3.0
"""Of the failures at an address so many are as most of all are: who resets the first connection and
drops the two that follow does so wherever they go. Ours."""
_GONE = frozenset({TIMEOUT, "host_unreachable", "network_unreachable"})
_CUT = frozenset(
    {
        "connection_refused",
        "connection_reset",
        "connection_aborted",
        "connection_already_closed",
        "eof_error",
    }
)


def way_of(how: str) -> tuple[Method, str]:
    """The layer at which ``how`` (``phase/reason``) failed, and what came: nothing, an end, or
    another answer. A server that refuses has another trouble than one that is gone."""
    reason = how.partition("/")[2]
    came_back = "nothing" if reason in _GONE else "an end" if reason in _CUT else reason
    return layer(how), came_back


def failed_so(
    known: dict[str, tuple[str, ...]], address: str, failures: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """How legs failed at each address, with those of one more burst."""
    return {**known, address: (*known.get(address, ()), *failures)[-MOST_FAILURES:]}


def alike(episode: OpenSuspicion) -> tuple[str, ...]:
    """Of the addresses at which it fails, those at which it does so as at most."""
    ways = Counter(map(way_of, episode.failures))
    common = ways.most_common(1)[0][0] if ways else None
    return tuple(
        address
        for address, failures in episode.failed_how.items()
        if sum(way_of(how) == common for how in failures) >= ALIKE * len(failures)
    )


def bearing(
    episode: OpenSuspicion, thresholds: Thresholds, among: Collection[str] | None = None
) -> tuple[str, ...]:
    """Addresses (``among`` these) that bear evidence by themselves; or three and more that together
    do so even without the one that bears most: it is then not that one alone."""
    borne = {
        address: wealth.e_value
        for address, wealth in episode.by_address.items()
        if wealth.e_value > 1.0 and (among is None or address in among)
    }
    alone = tuple(a for a, value in borne.items() if value >= thresholds.address_evidence)
    without_most = prod(sorted(borne.values())[:-1])
    if len(alone) < 2 < len(borne) and without_most >= thresholds.address_evidence:
        return tuple(borne)
    return alone


def enough(addresses: int, lasted: float, thresholds: Thresholds) -> bool:
    """Whether so many addresses are no matter of one server: two, or one for hours."""
    return addresses >= 2 or (addresses == 1 and lasted >= thresholds.one_address_seconds)


def shut_at(holder: OpenSuspicion | Proven, addresses: Collection[str]) -> tuple[str, ...]:
    """Those of the ``addresses`` at which the platform is shut out. Bursts have asked at some for
    another target, which need not fail for what the first one does: where no round has asked there,
    its other addresses tell; and where it was never the first, that nothing has come through."""
    return tuple(one for one in addresses if _shut(holder, one))


def _shut(holder: OpenSuspicion | Proven, address: str) -> bool:
    met, beside = holder.met_at, holder.beside_at.get(address)
    if beside is None or any(one.address == address and _tells(one) for one in met):
        return shut(met, address)
    of_it = [one for one in met if one.target == beside and _tells(one)]
    if of_it:
        return _seldom_well(_summed(of_it))
    return holder.first_ones.failed >= NOTHING and not any(one.well for one in met)


def shut(met: Collection[MetAt], address: str) -> bool:
    """Whether the platform does not come through at ``address``, clearly oftener than not, as far
    as ordinary rounds have asked there."""
    there = [one for one in met if one.address == address and _tells(one)]
    return not there or any(map(_seldom_well, there))


def _tells(met: MetAt) -> bool:
    """Whether it was met by whoever came first, or came through: what fails behind another does not
    say for what."""
    return bool(met.failed or met.well or met.before)


def _seldom_well(met: MetAt) -> bool:
    """Whether it fails clearly oftener than not, of those that came first, as what is asked later
    in a round meets whatever the first one left of a limit; and of all."""
    if not met.well:
        return met.failed > 0 or not met.before
    of_first = met.failed >= 2 * met.foremost_well + LUCK
    return of_first and met.failed_ever >= 2 * met.well + LUCK


def _summed(met: Collection[MetAt]) -> MetAt:
    """What a target met at all of its addresses."""
    return MetAt(
        target="",
        address="",
        failed=sum(one.failed for one in met),
        well=sum(one.well for one in met),
        before=sum(one.before for one in met),
        foremost_well=sum(one.foremost_well for one in met),
        failed_ever=sum(one.failed_ever for one in met),
    )


def noted(
    holder: Failing, observed: RoundObservation, *, rested: bool, opens: bool = False
) -> Failing:
    """``holder`` after an ordinary round, which came after a pause if it has ``rested``. A target
    that comes through says something in any case, one that fails only if it was the first. Where
    the suspicion ``opens`` with this round, one that came through before the first that failed may
    have done so before it began: whether it still does there, a later round has to tell."""
    if holder.family is not observed.family:
        return holder
    at = layer_of_holder(holder)
    known = {(one.target, one.address): one for one in holder.met_at}
    targets = observed.by_role(LegRole.TARGET)
    began = min((leg.order for leg in targets if opens and how_it_failed(leg)), default=0)
    for leg in targets:
        if leg.address is None:
            continue
        fails = bool(how_it_failed(leg))
        came_through = not fails and came(leg, at)
        if not (fails or came_through):
            continue
        at_the_front = rested and foremost(leg, observed)
        before = came_through and leg.order < began
        well = came_through and not before
        key = (leg.leg.target, leg.address)
        one = known.pop(key, MetAt(*key))
        known[key] = replace(
            one,
            failed=one.failed + (fails and at_the_front),
            well=one.well + well,
            before=one.before + before,
            foremost_well=one.foremost_well + (well and at_the_front),
            failed_ever=one.failed_ever + fails,
        )
    return replace(holder, met_at=tuple(known.values())[-MOST_PLACES:])


def still_shut(found: Proven) -> int:
    """The addresses at which a failure is one; what is slow, or an older version proved, names
    none, and keeps their number."""
    return len(shut_at(found, found.at)) if _names_them(found) else found.addresses


def too_few(found: Proven, at: float, thresholds: Thresholds) -> bool:
    """Whether a failure that a reference makes an accusation of has come through, twice more often
    than not, at so many addresses that too few are left."""
    if found.basis is not Basis.REFERENCE or not _names_them(found):
        return False
    left = sum(not _came_back(found.met_at, one) for one in found.at)
    return not enough(left, at - found.onset_at, thresholds)


def _names_them(found: Proven) -> bool:
    return found.state is State.BLOCKED and bool(found.at)


def _came_back(met: Collection[MetAt], address: str) -> bool:
    there = [one for one in met if one.address == address]
    return bool(there) and all(
        one.foremost_well >= one.failed + LUCK or one.well >= one.failed_ever + LUCK
        for one in there
    )
