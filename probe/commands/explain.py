"""``throttlewatch explain``: how the verdict on one platform came about."""

from __future__ import annotations

from probe.config.schema import Config, Definition
from probe.measure.round import Rounds
from probe.measure.state import State
from probe.measure.trust import Trust, ssl_version
from probe.model.identity import RoundKind
from probe.model.stored import StoredRound
from probe.verdict.about import about
from probe.verdict.decide import decide
from probe.verdict.memory import Memory


async def measure_now(config: Config, platform: Definition, vantage: str) -> list[StoredRound]:
    """One transfer round and the bursts that it asks for, judged without a history."""
    rounds = Rounds(config, Trust.load(config.settings.ca_file), State())
    known = about(config, platform, tls_stack=ssl_version())
    observed = await rounds.measure(
        platform=platform.name,
        vantage=vantage,
        kind=RoundKind.TRANSFER,
        family=config.settings.families[0],
    )
    decision = decide(Memory(), observed, known)
    found = [StoredRound(observed=observed, verdict=decision.verdict)]
    while decision.plan is not None:
        observed = await rounds.burst(decision.plan, platform=platform.name, vantage=vantage)
        decision = decide(decision.memory, observed, known)
        found.append(StoredRound(observed=observed, verdict=decision.verdict))
    return found
