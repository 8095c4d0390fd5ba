"""A slot's turn: the round, what it means, and the bursts that it asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from probe.config.schema import Config
from probe.daemon.burst_desk import BurstDesk
from probe.daemon.restricted_others import others_restricted
from probe.measure.one_round.round import Rounds
from probe.measure.this_host.reference_reader import ReferenceReader
from probe.measure.tls.trust import ssl_version
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import RoundKind, VantagePlatform
from probe.model.observation import HOLD_INTERVALS, RoundObservation
from probe.model.others_restricted import OthersRestricted
from probe.model.verdict import Verdict
from probe.outlets.events import BurstRefused, RoundAbandoned, RoundBegun, RoundJudged
from probe.outlets.outlet import Outlets
from probe.schedule.data_budget import DataBudget
from probe.schedule.round_grid import Slot
from probe.schedule.turns import Turns
from probe.store.memories import Memories
from probe.verdict.about import about, has_references, is_outside, references_of
from probe.verdict.decide import decide

# An experiment takes at most this share of the time to the next round.
EXPERIMENT_SHARE = 0.75


class Judging:
    """Makes rounds and decides what they mean. ``stopping``: no more bursts. ``released``: what a
    hub tells of a platform in other networks."""

    def __init__(
        self,
        config: Config,
        rounds: Rounds,
        *,
        data: DataBudget,
        memories: Memories,
        outside: ReferenceReader,
        outlets: Outlets,
        stopping: Callable[[], bool],
        released: Callable[[str], OthersRestricted | None],
    ) -> None:
        self.rounds = rounds
        self.verdicts: dict[VantagePlatform, Verdict] = {}
        self._experiments: dict[VantagePlatform, Burst] = {}
        self._config = config
        self._data = data
        self._memories = memories
        self._outside = outside
        self._outlets = outlets
        self._stopping = stopping
        self._released = released
        self._turns = Turns()
        self._desk = BurstDesk(lambda: self.rounds.bursts, stopping)

    def use(self, config: Config, rounds: Rounds) -> None:
        """``config`` holds from now on, and ``rounds`` measures by it."""
        self._config, self.rounds = config, rounds

    def resume(self, verdicts: Iterable[Verdict]) -> None:
        """What was said in an earlier run and still holds."""
        for verdict in verdicts:
            self.verdicts[verdict.vantage, verdict.platform] = verdict

    async def turn(self, slot: Slot, kind: RoundKind, interval_seconds: float) -> None:
        """The round of ``slot``, and the bursts that follow from it."""
        vantage, platform = slot.vantage, slot.platform
        self._outlets.tell(RoundBegun(vantage=vantage, platform=platform, kind=kind))
        with self._abandoned_unless_judged(vantage, platform):
            observed = await self.rounds.measure(
                platform=platform,
                vantage=vantage,
                kind=kind,
                family=self._turns.next(self._config.settings.families, slot, kind),
                most_legs=self._data.most_legs(vantage, platform),
            )
        holds = HOLD_INTERVALS * interval_seconds

        def judge(observed: RoundObservation) -> Burst | None:
            return self._paid(vantage, platform, self.judge(observed, holds), holds)

        plan = judge(observed)
        if plan is not None:
            with self._abandoned_unless_judged(vantage, platform):
                await self._desk.see_through(vantage, platform, plan, judge)
        await self._experiment(vantage, platform, interval_seconds)

    async def _experiment(self, vantage: str, platform: str, interval_seconds: float) -> None:
        """The experiment that was asked for last, if there is room for it before the next round is
        due. One to a turn, so that they are as far apart as rounds."""
        plan = self._experiments.pop((vantage, platform), None)
        if plan is None or plan.experiment is None or self._stopping():
            return
        if plan.experiment.most_seconds > EXPERIMENT_SHARE * interval_seconds:
            return
        if self._data.refuse_burst(vantage, platform, plan) is not None:
            return  # the next round asks again
        self._outlets.tell(
            RoundBegun(vantage=vantage, platform=platform, kind=RoundKind.EXPERIMENT)
        )
        with self._abandoned_unless_judged(vantage, platform):
            observed = await self.rounds.experiments.made(
                PlannedBurst(platform, plan), vantage=vantage
            )
        self.judge(observed, HOLD_INTERVALS * interval_seconds)

    def _paid(
        self, vantage: str, platform: str, plan: Burst | None, holds_seconds: float
    ) -> Burst | None:
        """``plan``, if the data budget has room for it; ``None``: no burst follows."""
        if plan is None or self._stopping():
            return None
        refusal = self._data.refuse_burst(vantage, platform, plan)
        if refusal is None:
            self._outlets.tell(RoundBegun(vantage=vantage, platform=platform, kind=RoundKind.BURST))
            return plan
        self._outlets.tell(BurstRefused(vantage=vantage, platform=platform, reason=refusal.value))
        # What is suspected stays untested: the verdict says so.
        unmade = self.rounds.bursts.unmade(PlannedBurst(platform, plan), vantage=vantage)
        self.judge(unmade, holds_seconds)
        return None

    @contextmanager
    def _abandoned_unless_judged(self, vantage: str, platform: str) -> Iterator[None]:
        """Tell if the round or burst that has begun is given up."""
        try:
            yield
        except BaseException:
            self._outlets.tell(RoundAbandoned(vantage=vantage, platform=platform))
            raise

    def judge(self, observed: RoundObservation, holds_seconds: float) -> Burst | None:
        """What ``observed``, which holds for so long, means, and the burst to make now."""
        others = others_restricted(
            self._config,
            observed.vantage,
            observed.platform,
            self.verdicts.values(),
            self._released(observed.platform),
            observed.ended_at,
        )
        observed = replace(observed, holds_seconds=holds_seconds, others_restricted=others)
        platform = next((p for p in self._config.platforms if p.name == observed.platform), None)
        if platform is None:
            return None  # the configuration changed while it was being made
        vantage, seen = observed.vantage, self.seen_outside(observed.platform)
        decision = decide(
            self._memories.of(vantage),
            observed,
            about(
                self._config,
                platform,
                references=references_of(self._config, vantage, seen, time.time()),
                has_references=has_references(self._config, vantage),
                outside=is_outside(self._config, vantage),
                tls_stack=ssl_version(),
                vantage=vantage,
            ),
        )
        key = (vantage, observed.platform)
        before, self.verdicts[key] = self.verdicts.get(key), decision.verdict
        self._experiments.pop(key, None)
        if decision.experiment is not None:
            self._experiments[key] = decision.experiment
        self._outlets.tell(
            RoundJudged(
                observed=observed, verdict=decision.verdict, before=before, memory=decision.memory
            )
        )
        return decision.plan

    def seen_outside(self, platform: str) -> list[Verdict]:
        """The last verdicts on a platform of vantages outside the country, ours and others'."""
        outside = [v for (name, _), v in self.verdicts.items() if is_outside(self._config, name)]
        every = (*outside, *self._outside.verdicts())
        return [verdict for verdict in every if verdict.platform == platform]
