"""All scenarios, in the order in which people read them."""

from __future__ import annotations

from scenarios import at_once, blocks, innocent, throttling
from scenarios.model import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *throttling.SCENARIOS,
    *at_once.SCENARIOS,
    *blocks.SCENARIOS,
    *innocent.SCENARIOS,
)
BY_ID: dict[str, Scenario] = {scenario.id: scenario for scenario in SCENARIOS}
