"""When each round is due. Pure: time and chance are arguments.

Every pair of vantage and platform has a slot. Slots are spread evenly over the light interval, so
rounds never bunch; jitter moves a round around its place on that grid and never moves the grid, so
it cannot drift over months. All times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import ceil, floor

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import Config, ScheduleConfig
from probe.config.values import Seconds
from probe.model.identity import RoundKind
from probe.schedule.round_pace import Pace

# The first rounds of all slots start within this many seconds of the daemon's start.
FIRST_ROUNDS_SECONDS = 8.0
# What lies further apart than the longer of these has had a break between.
SLOWEST_INTERVALS = 4.0
SLOWEST_SECONDS = 600.0

Draw = Callable[[], float]
"""A source of numbers in [0, 1): ``random.random`` or a seeded one."""


class Slot(Struct, frozen=True, kw_only=True):
    """The place of one vantage and platform among all ``count`` pairs."""

    vantage: str
    platform: str
    index: int
    count: int

    @property
    def share(self) -> float:
        """Where in the interval this slot's rounds lie: in (0, 1], evenly spread."""
        return (self.index + 1) / self.count


def slots(config: Config) -> tuple[Slot, ...]:
    """One slot for each platform and vantage; neighbours differ in vantage."""
    pairs = list(product(config.platforms, config.settings.vantages))
    return tuple(
        Slot(vantage=vantage.name, platform=platform.name, index=index, count=len(pairs))
        for index, (platform, vantage) in enumerate(pairs)
    )


class Due(Struct, frozen=True, kw_only=True):
    """A round's time: ``at`` with jitter; ``number`` is its place on the grid (-1: the first)."""

    at: float
    number: int


def first_due(slot: Slot, anchor: float) -> Due:
    """The first round, soon after the start at ``anchor``."""
    return Due(at=anchor + FIRST_ROUNDS_SECONDS * slot.index / slot.count, number=-1)


def next_due(
    slot: Slot, schedule: ScheduleConfig, *, anchor: float, previous: int, now: float, draw: Draw
) -> Due:
    """The round after number ``previous``; those whose time has passed are left out."""
    interval = float(schedule.light)
    missed = ceil((now - anchor) / interval - slot.share)
    number = max(previous + 1, missed, 0)
    jitter = interval * schedule.jitter * (2.0 * draw() - 1.0)
    return Due(at=max(now, anchor + interval * (number + slot.share) + jitter), number=number)


class Cadence(Struct, frozen=True, kw_only=True):
    """When the next transfer round of a slot is due."""

    transfer_at: float


class LongTurn(Struct, frozen=True, kw_only=True):
    """Which platform of a vantage gets the next long read, and from when on."""

    at: float
    platform: str


def start_cadence(slot: Slot, schedule: ScheduleConfig, anchor: float) -> Cadence:
    """The first round of a slot transfers; the following transfers lie on the slot's own grid, and
    those of a vantage's platforms are spread over the transfer interval: what hits several of them
    at once is then read by one within minutes, whenever it begins."""
    light = float(schedule.light)
    places = max(1, round(float(schedule.transfer) / light))
    begin = int(slot.share * places) % places
    before = float(schedule.transfer) - light * begin if begin else 0.0
    return Cadence(transfer_at=anchor - light * (1.0 - slot.share) - before)


def interval_to_next(planned: float, taken: float) -> float:
    """Seconds from a round to the next one of its slot, ``planned`` so far apart, when the last one
    was ``taken`` seconds ago. Rounds of a vantage wait for each other: many platforms on a slow
    line may need longer than their interval. After a break (a night, a refusal) it is not so."""
    return max(planned, min(taken, max(SLOWEST_INTERVALS * planned, SLOWEST_SECONDS)))


def at_pace(schedule: ScheduleConfig, pace: Pace) -> ScheduleConfig:
    """The schedule with the intervals that ``pace`` gives it."""
    return replace(
        schedule,
        light=Seconds(float(schedule.light) * pace.every),
        transfer=Seconds(pace.transfer_seconds),
    )


def hastened(cadence: Cadence, schedule: ScheduleConfig, now: float) -> Cadence:
    """The cadence after the intervals may have become shorter: a transfer that was placed by longer
    ones is drawn nearer. One light interval of slack keeps jitter from moving the grid; where every
    round transfers there is none."""
    transfer, light = float(schedule.transfer), float(schedule.light)
    furthest = now + (transfer + light if transfer > light else 0.0)
    return Cadence(transfer_at=min(cadence.transfer_at, furthest))


def draw_long(
    platforms: Sequence[str], schedule: ScheduleConfig, *, now: float, draw: Draw
) -> LongTurn:
    """One platform, drawn at random, gets the next long read: between half and one and a half
    intervals from ``now``, so that nobody can foresee it."""
    platform = platforms[int(draw() * len(platforms))]
    return LongTurn(at=now + float(schedule.long) * (0.5 + draw()), platform=platform)


def kind_now(
    slot: Slot, schedule: ScheduleConfig, *, cadence: Cadence, long_turn: LongTurn, now: float
) -> tuple[RoundKind, Cadence]:
    """What kind the round that starts now is, and the cadence after it.

    A transfer round is due when its time comes nearer than half a light interval. Those that the
    daemon slept through are not made up for.
    """
    if now < cadence.transfer_at - float(schedule.light) / 2:
        return RoundKind.LIGHT, cadence
    interval = float(schedule.transfer)
    passed = max(0, floor((now - cadence.transfer_at) / interval))
    after = replace(cadence, transfer_at=cadence.transfer_at + interval * (passed + 1))
    if slot.platform == long_turn.platform and now >= long_turn.at:
        return RoundKind.LONG, after
    return RoundKind.TRANSFER, after
