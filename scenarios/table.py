"""All scenarios, in the order in which people read them."""

from __future__ import annotations

from scenarios import at_once, blocks, innocent, over_quic, ranges, throttling, uploads
from scenarios.model import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *throttling.SCENARIOS,
    *ranges.SCENARIOS,
    *at_once.SCENARIOS,
    *blocks.SCENARIOS,
    *innocent.SCENARIOS,
)
BESIDE_TCP = over_quic.SCENARIOS
"""Those of which something is to be said over QUIC."""
SENT = uploads.SCENARIOS
"""Those of which something is to be said of what is sent."""
EVERY_ONE: tuple[Scenario, ...] = (*SCENARIOS, *BESIDE_TCP, *SENT)
BY_ID: dict[str, Scenario] = {scenario.id: scenario for scenario in EVERY_ONE}
