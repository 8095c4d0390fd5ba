"""Platforms under test at this moment: rounds and the bursts that they ask for, until it is known.

What `now` and `explain --now` do. A daemon's rounds are minutes apart; here one follows the other,
so that what needs two suspicious rounds can be known within two minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from probe.commands.measuring import Measuring
from probe.config.definition import Definition
from probe.config.probers import used
from probe.config.schema import Config
from probe.measure.tls.trust import ssl_version
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import LegRole, RoundKind
from probe.model.observation import RoundObservation
from probe.model.stored import StoredRound
from probe.observe.effort import TIMEOUT
from probe.verdict.about import about
from probe.verdict.decide import decide
from probe.verdict.remembered.memory import Memory

# Rounds of one platform, the first one and those that renew a suspicion. More would ask more of its
# hosts than their budgets bear.
MOST_ROUNDS = 3


class Tested(Struct):
    """What was seen of each platform, in order, by its name; it grows while it is tested."""

    rounds: dict[str, list[StoredRound]]
    in_time: bool = True

    def last(self, platform: str) -> StoredRound | None:
        """The last round or burst, whose verdict counts; ``None``: none ended."""
        found = self.rounds.get(platform)
        return found[-1] if found else None


async def find_out(
    config: Config,
    platforms: Iterable[Definition],
    vantage: str,
    *,
    memory: Memory,
    seconds: float | None = None,
    most_rounds: int = MOST_ROUNDS,
    say: Callable[[str], None] = lambda _: None,
) -> Tested:
    """One round of each of ``platforms`` and what follows from it, for ``seconds`` at most
    (``None``: as long as it takes). ``memory``: what is known of this line. What is so over TCP is
    found out first: over QUIC each test of a name that is dropped waits in vain, for long."""
    testing = _Testing(config, vantage, memory, say)
    wanted = list(platforms)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for platform in wanted:
                await testing.round(platform)
            for number in range(most_rounds):
                for platform in wanted:
                    if number and testing.is_open(platform):
                        await testing.round(platform)
                    await testing.bursts(platform)
            for platform in wanted:
                await testing.bursts(platform, beside=True)
            return testing.tested
    testing.tested.in_time = False
    return testing.tested


class _Testing:
    def __init__(
        self, config: Config, vantage: str, memory: Memory, say: Callable[[str], None]
    ) -> None:
        self.tested = Tested(rounds={})
        self._config = config
        # What rounds are made by; what is known of them stays.
        self._asked = config
        self._measuring = Measuring(config)
        self._vantage = vantage
        self._memory = memory
        self._say = say
        self._plans: dict[str, Burst] = {}

    async def round(self, platform: Definition) -> None:
        """A round that reads."""
        again = " once more" if platform.name in self.tested.rounds else ""
        self._say(f"measuring {platform.title}{again}, beside sites that nobody slows down")
        observed = await self._measuring.rounds.measure(
            platform=platform.name,
            vantage=self._vantage,
            kind=RoundKind.TRANSFER,
            family=self._config.settings.families[0],
        )
        self._judge(platform, observed)
        self._spare(observed)

    async def bursts(self, platform: Definition, *, beside: bool = False) -> None:
        """What its last round asks for, over TCP or, with ``beside``, over whatever transport."""
        number = 0
        while (plan := self._plans.get(platform.name)) is not None and (beside or not plan.over):
            number += 1
            self._say(f"testing {platform.title}: burst {number}, in random order beside controls")
            planned = PlannedBurst(platform.name, plan)
            (observed,) = await self._measuring.rounds.bursts.made([planned], vantage=self._vantage)
            self._judge(platform, observed)

    def is_open(self, platform: Definition) -> bool:
        """Whether it is suspected, and another round may tell more."""
        last = self.tested.last(platform.name)
        return last is not None and last.verdict.suspected

    def _spare(self, observed: RoundObservation) -> None:
        """Where nobody answers over a transport, controls included, the rounds that follow do not
        wait for that again: some 20 seconds each, of two minutes."""
        for prober in used(self._asked.settings):
            legs = [leg for leg in observed.beside if leg.leg.prober == prober.name]
            silent = legs and all(
                leg.failure is not None and leg.failure.reason == TIMEOUT for leg in legs
            )
            if silent and any(leg.leg.role is LegRole.CONTROL for leg in legs):
                settings = replace(self._asked.settings, **{prober.name: False})
                self._asked = replace(self._asked, settings=settings)
                self._measuring.rounds = self._measuring.rounds_of(self._asked)

    def _judge(self, platform: Definition, observed: RoundObservation) -> None:
        self._measuring.counted(observed)
        only = self._config.settings.families[:1]
        known = about(
            self._config,
            platform,
            tls_stack=ssl_version(),
            families=only,
            vantage=observed.vantage,
        )
        decision = decide(self._memory, observed, known)
        self._memory = decision.memory
        self._plans.pop(platform.name, None)
        if decision.plan is not None:
            self._plans[platform.name] = decision.plan
        self.tested.rounds.setdefault(platform.name, []).append(
            StoredRound(observed=observed, verdict=decision.verdict)
        )
