"""What a configuration will spend, before the first packet. Pure arithmetic on estimates."""

from __future__ import annotations

from msgspec import Struct

from probe.config.amount import DAY, round_bytes, round_size
from probe.config.schema import Config, VantageConfig
from probe.model.identity import SCHEDULED
from probe.schedule.data_spent import PERIOD_SECONDS
from probe.schedule.hours import seconds_per_day
from probe.schedule.round_pace import (
    TIGHT_HEADROOM,
    Costs,
    Pace,
    bytes_per_second,
    fastest,
    pace_of,
)


class Forecast(Struct, frozen=True, kw_only=True):
    """What one vantage will spend. ``calm`` is its pace while nothing is wrong, ``alert`` that of
    suspicious platforms. ``*_bytes_per_day`` are of all platforms together, in calm and when all of
    them are suspicious (bursts, which are made when a round is suspicious, come on top).
    ``reserve_days``: how long the reserve bears that, half of which may go for it; ``None``: for
    ever."""

    vantage: str
    budget: int
    reserve: int
    calm: Pace
    alert: Pace
    calm_bytes_per_day: float
    alert_bytes_per_day: float
    reserve_days: float | None


def costs_of(config: Config) -> dict[str, Costs]:
    """Estimated bytes of a round of each platform, by kind."""
    found = {}
    for platform in config.platforms:
        size = round_size(config, platform)
        found[platform.name] = Costs(
            **{kind.value: round_bytes(config, size, kind) for kind in SCHEDULED}
        )
    return found


def forecast(config: Config, vantage: VantageConfig) -> Forecast:
    """What ``vantage`` will spend with its budget untouched."""
    schedule, costs = config.settings.schedule, list(costs_of(config).values())
    budget = int(vantage.data_budget or config.settings.data_budget)
    calm = pace_of(schedule, costs, budget=budget, used=0, suspicious=False)
    alert = fastest(schedule)
    awake = 1.0 - seconds_per_day(schedule.quiet_hours) / DAY
    calm_rate = bytes_per_second(schedule, costs, calm) * awake
    alert_rate = bytes_per_second(schedule, costs, alert) * awake
    reserve = budget * schedule.reserve
    lent = reserve * (1.0 - TIGHT_HEADROOM)
    extra = alert_rate - budget * (1.0 - schedule.reserve) / PERIOD_SECONDS
    return Forecast(
        vantage=vantage.name,
        budget=budget,
        reserve=round(reserve),
        calm=calm,
        alert=alert,
        calm_bytes_per_day=calm_rate * DAY,
        alert_bytes_per_day=alert_rate * DAY,
        reserve_days=lent / extra / DAY if extra > 0.0 else None,
    )
