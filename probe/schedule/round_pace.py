"""How often rounds are made so that a month's data lasts a month. Pure arithmetic.

The configured intervals are the fastest pace. Calm days may use the budget without its reserve, in
equal parts: transfers are spread first, since they cost most and a light round already shows a
throttled handshake; light rounds are thinned only when that does not do. A suspicious platform gets
the configured pace, out of the reserve. Once the reserve itself has been touched, paces shrink with
what is left of it, so that the end of the budget is approached and not run into: transfers at once,
light rounds when half of it is gone, since one bad day must not halve them for the days after it.
While something is suspected and not proven yet every round reads, so that it is said soon.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from msgspec import Struct

from probe.config.schema import ScheduleConfig
from probe.model.observation import HOLD_INTERVALS
from probe.schedule.data_spent import PERIOD_SECONDS

# Transfers are at most this many configured intervals apart before light rounds are thinned too.
MOST_SPREAD = 6.0
# With half of the reserve gone, suspicious platforms are measured no more often than calm ones, and
# light rounds are thinned too.
TIGHT_HEADROOM = 0.5
# So much of the reserve is left by bursts and experiments: then calm rounds are always paid for.
SCARCE_HEADROOM = 0.25
# So much by bursts of a platform into which bytes are poured: others are read as before.
POURED_HEADROOM = 0.9
# Rounds that somebody pours into are no further apart, as long as fewer legs can pay for that. With
# the jitter of two rounds it is less than an hour.
MOST_APART = 3_000.0
# A target and a control.
FEWEST_LEGS = 2
# Below this share of the calm pace it pays no more to slow down: the reserve refills in days.
LEAST_SHARE = 0.1
# The most that the pace is thinned by: 288 places of five minutes are a day.
MOST_THINNED = 288


class Costs(Struct, frozen=True, kw_only=True):
    """Bytes on the wire of one round of one platform, by kind."""

    light: float
    transfer: float
    long: float


class Pace(Struct, frozen=True, kw_only=True):
    """``every``: a round at every so many places of the grid. ``transfer_seconds``: from one round
    that transfers to the next."""

    every: int
    transfer_seconds: float


def headroom(budget: int, used: int, reserve: float) -> float:
    """How much of the reserve is left: 1 (untouched) to 0 (the budget is used up)."""
    kept = budget * reserve
    left = max(0, budget - used)
    return 1.0 if left >= kept and left > 0 else left / kept if kept else 0.0


def calm_bytes_per_second(budget: int, used: int, reserve: float) -> float:
    """What all calm rounds of a vantage may cost together."""
    share = max(LEAST_SHARE, headroom(budget, used, reserve))
    return budget * (1.0 - reserve) / PERIOD_SECONDS * share


def bytes_per_second(schedule: ScheduleConfig, costs: Sequence[Costs], pace: Pace) -> float:
    """What rounds of these platforms cost at ``pace``."""
    light = sum([c.light for c in costs]) / (float(schedule.light) * pace.every)
    read = sum([max(0.0, c.transfer - c.light) for c in costs]) / pace.transfer_seconds
    mean_long = sum([max(0.0, c.long - c.transfer) for c in costs]) / max(1, len(costs))
    return light + read + mean_long / float(schedule.long)


def longest_hold(schedule: ScheduleConfig) -> float:
    """For how many seconds a verdict may hold at the slowest pace."""
    return HOLD_INTERVALS * float(schedule.light) * MOST_THINNED


def fastest(schedule: ScheduleConfig) -> Pace:
    """The configured pace."""
    return Pace(every=1, transfer_seconds=float(schedule.transfer))


def reading(schedule: ScheduleConfig) -> Pace:
    """Every round reads, in place of one in three."""
    return Pace(every=1, transfer_seconds=float(schedule.light))


def calm_pace(
    schedule: ScheduleConfig,
    costs: Sequence[Costs],
    allowed: float,
    most_thinned: int = MOST_THINNED,
) -> Pace:
    """The fastest pace that costs at most ``allowed`` bytes a second for these platforms, or comes
    nearest to it where light rounds may not be thinned more than ``most_thinned`` times."""
    best = fastest(schedule)
    if bytes_per_second(schedule, costs, best) <= allowed:
        return best
    widest = Pace(every=1, transfer_seconds=float(schedule.transfer) * MOST_SPREAD)
    least = bytes_per_second(schedule, costs, widest)
    every = min(most_thinned, max(1, ceil(least / allowed))) if allowed > 0.0 else most_thinned
    thinned = Pace(every=every, transfer_seconds=widest.transfer_seconds * every)
    fixed = bytes_per_second(schedule, costs, Pace(every=every, transfer_seconds=float("inf")))
    reads = sum(max(0.0, c.transfer - c.light) for c in costs)
    if allowed <= fixed:
        return thinned
    seconds = max(reads / (allowed - fixed), best.transfer_seconds, float(schedule.light) * every)
    return Pace(every=every, transfer_seconds=min(seconds, thinned.transfer_seconds))


def pace_of(
    schedule: ScheduleConfig,
    costs: Sequence[Costs],
    *,
    budget: int,
    used: int,
    suspicious: bool,
    reads: bool = False,
) -> Pace:
    """How often a platform of a vantage is measured now. ``costs`` are those of all platforms;
    ``suspicious``: something is wrong with it; ``reads``: all rounds should read (``haste.py``)."""
    plenty = headroom(budget, used, schedule.reserve) > TIGHT_HEADROOM
    if reads and plenty:
        return reading(schedule)
    if suspicious and plenty:
        return fastest(schedule)
    untouched = calm_bytes_per_second(budget, 0, schedule.reserve)
    most = calm_pace(schedule, costs, untouched).every if plenty else MOST_THINNED
    allowed = calm_bytes_per_second(budget, used, schedule.reserve)
    return calm_pace(schedule, costs, allowed, most)


class OwnPace(Struct, frozen=True, kw_only=True):
    """The pace of a platform that pays for itself, and of how many ``legs`` its rounds are."""

    pace: Pace
    legs: int


def own_pace(
    schedule: ScheduleConfig,
    own: Costs,
    usual: Sequence[Costs],
    place: int,
    *,
    legs: int,
    budget: int,
    used: int,
) -> OwnPace:
    """The pace of one platform whose rounds of ``legs`` cost ``own`` in place of what is usual,
    because somebody pours bytes into them. ``usual``: the costs of all platforms, its own at
    ``place``.

    It pays for that by itself, out of what it would have at its usual costs: no other platform is
    measured less, and none of it comes out of the reserve. Where that does not pay for a whole
    round in ``MOST_APART`` seconds, its rounds have fewer legs.
    """
    left = headroom(budget, used, schedule.reserve)
    spent = 0 if left > SCARCE_HEADROOM else used
    allowed = calm_bytes_per_second(budget, spent, schedule.reserve)
    shared = calm_pace(schedule, usual, allowed)
    shares = [bytes_per_second(schedule, [one], shared) for one in usual]
    allowed *= shares[place] / sum(shares)
    whole = calm_pace(schedule, [own], allowed)
    most = max(1, int(MOST_APART / float(schedule.light)))
    if whole.every <= most or legs <= FEWEST_LEGS:
        return OwnPace(pace=whole, legs=legs)
    apart = Pace(every=most, transfer_seconds=float(schedule.transfer) * MOST_SPREAD * most)
    share = allowed / bytes_per_second(schedule, [own], apart)
    fewer = max(FEWEST_LEGS, int(legs * share))
    share = fewer / legs
    some = Costs(light=own.light * share, transfer=own.transfer * share, long=own.long * share)
    return OwnPace(pace=calm_pace(schedule, [some], allowed), legs=fewer)
