"""What the last ordinary round saw of each endpoint, for the rounds that look at only a few of
them: a burst sees one. What the others said stands until it is out of date. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.effort import gave
from probe.verdict.remembered.keys import FamilyKey, family_key, of_family
from probe.verdict.remembered.memory import PlatformMemory

READ_SECONDS = 86_400.0
"""What was read longer ago says nothing of how much passes now."""
MOST_READS = 24
# A handshake's answer has a few bytes, too.
LEAST_BYTES = 1_024

Reads = tuple[tuple[float, int], ...]


def latest(
    before: Mapping[FamilyKey, LegObservation], observed: RoundObservation
) -> dict[FamilyKey, LegObservation]:
    """The latest leg of an ordinary round to each endpoint of each family. Of its curve only the
    end is kept: nothing else of it tells a failure from a slow answer."""
    found = dict(before)
    for leg in observed.by_role(LegRole.TARGET):
        slim = replace(leg, curve=leg.curve[-1:], seen_names=())
        found[family_key(observed.family, leg.leg.target)] = slim
    oldest = observed.started_at - READ_SECONDS
    return {key: leg for key, leg in found.items() if leg.started_at >= oldest}


def _in_date(mine: PlatformMemory, observed: RoundObservation) -> dict[FamilyKey, LegObservation]:
    oldest = observed.started_at - observed.holds_seconds
    looked = {
        family_key(observed.family, leg.leg.target) for leg in observed.by_role(LegRole.TARGET)
    }
    return {
        key: leg
        for key, leg in mine.heard.items()
        if key not in looked and leg.started_at >= oldest
    }


def others(mine: PlatformMemory, observed: RoundObservation) -> tuple[LegObservation, ...]:
    """What was last seen of this family's endpoints that a burst does not look at."""
    return tuple(leg for _, leg in of_family(_in_date(mine, observed), observed.family))


class Working(Struct, frozen=True, kw_only=True):
    """Of how many endpoints it is known how they are, over the family of which something is proven,
    how many answer, and whether that whose failure is proven is one of them."""

    known: int = 0
    answer: int = 0
    itself: bool = False


def working(mine: PlatformMemory, observed: RoundObservation) -> Working:
    """Which endpoints answer, as far as it is known at the moment. ``mine``: after the round."""
    well = {key: gave(leg) for key, leg in _in_date(mine, observed).items()}
    for leg in observed.by_role(LegRole.TARGET):
        key = family_key(observed.family, leg.leg.target)
        well[key] = well.get(key, False) or gave(leg)
    holder = mine.holder
    if holder is None:
        return Working()
    answering = dict(of_family(well, holder.family))
    itself = answering.get(holder.target, False)
    if observed.burst is not None and observed.burst.address:
        itself = False  # at an address where nobody led the host
    return Working(known=len(answering), answer=sum(answering.values()), itself=itself)


def reads_after(before: Reads, observed: RoundObservation) -> Reads:
    """``before`` (time and body bytes of reads, the largest that are not older first) with what the
    round read of targets; what is out of date goes, but for the latest."""
    sizes = [leg.body_bytes or 0 for leg in observed.by_role(LegRole.TARGET) if leg.ok]
    size, at = max(sizes, default=0), observed.started_at
    kept = before
    if size > LEAST_BYTES:
        kept = (*(one for one in before if one[1] > size), (at, size))[-MOST_READS:]
    fresh = tuple(one for one in kept if 0.0 <= at - one[0] < READ_SECONDS)
    return fresh or kept[-1:]


def most_read(reads: Reads, at: float) -> int:
    """The most body bytes that were read at once in the last day; 0: none were."""
    return max((size for when, size in reads if 0.0 <= at - when < READ_SECONDS), default=0)
