"""A daemon in the world of numbers: the schedule, the rounds, the decisions, and the bursts that
they ask for. Time passes only in the world."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import Config
from probe.model.burst import PlannedBurst
from probe.model.identity import RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import Verdict
from probe.schedule.haste import Haste
from probe.schedule.round_grid import (
    Due,
    Slot,
    at_pace,
    draw_long,
    first_due,
    hastened,
    kind_now,
    next_due,
    slots,
    start_cadence,
)
from probe.schedule.round_pace import reading
from probe.schedule.runner import NEAR_SHARE
from probe.verdict.about import About, about
from probe.verdict.decide import decide
from probe.verdict.ladder.ladder import RULES
from probe.verdict.ladder.rule import Rule
from probe.verdict.remembered.memory import Memory
from probe.verdict.thresholds import DEFAULT, Thresholds
from synth.rounds import VANTAGE, Rounds
from synth.world import World

MOST_BURSTS = 50


class Said(Struct, frozen=True):
    """One round or burst, and what was said after it."""

    observed: RoundObservation
    verdict: Verdict


class EndlessError(AssertionError):
    """The verdict asks for bursts without end."""


class Daemon:
    """One vantage. ``days`` of rounds come from ``run``; the world may be changed in between."""

    def __init__(
        self,
        config: Config,
        world: World,
        *,
        begin: float,
        thresholds: Thresholds = DEFAULT,
        only: tuple[str, ...] = (),
        vantage: str = VANTAGE,
        rules: tuple[Rule, ...] = RULES,
        outside: bool = False,
    ) -> None:
        self._rules = rules
        self.rounds = Rounds(config, world, vantage=vantage)
        self.memory = Memory()
        self.now = begin
        self.config = config
        self._world = world
        self._thresholds = thresholds
        self._schedule = config.settings.schedule
        draw = world.random.random
        self._anchor = begin
        every = {slot.platform: slot for slot in slots(config)}
        self._slots = [slot for name, slot in every.items() if not only or name in only]
        self._due: list[tuple[float, int, int]] = []
        for index, slot in enumerate(self._slots):
            due = first_due(slot, begin)
            heapq.heappush(self._due, (due.at, index, due.number))
        self._cadences = [start_cadence(slot, self._schedule, begin) for slot in self._slots]
        self._names = [slot.platform for slot in self._slots]
        self._long = draw_long(self._names, self._schedule, now=begin, draw=draw)
        self._about: dict[str, About] = {
            platform.name: _about(config, platform.name, thresholds, outside=outside)
            for platform in config.platforms
        }
        self._haste = Haste()
        self.references: dict[str, tuple[Verdict, ...]] | None = None

    def run(self, until: float) -> Iterator[Said]:
        """All rounds and bursts that begin before ``until``, as they are judged."""
        while self._due[0][0] < until:
            due_at, index, number = heapq.heappop(self._due)
            slot = self._slots[index]
            self.now = max(self.now, due_at)
            hasty = self._haste.of(
                self.rounds.vantage, slot.platform, self.now, float(self._schedule.light)
            )
            schedule = at_pace(self._schedule, reading(self._schedule)) if hasty else self._schedule
            kind, self._cadences[index] = kind_now(
                slot,
                schedule,
                cadence=hastened(self._cadences[index], schedule, self.now),
                long_turn=self._long,
                now=self.now,
            )
            draw = self._world.random.random
            if kind is RoundKind.LONG:
                self._long = draw_long(self._names, self._schedule, now=self.now, draw=draw)
            self._haste.looked(self.rounds.vantage, slot.platform, self.now)
            said = list(self.round(slot.platform, kind))
            self._haste.judged(said[-1].verdict, self.now, light=kind is RoundKind.LIGHT)
            # Before anybody looks at it: who stops looking must not lose the slot.
            due = self._next(slot, number)
            heapq.heappush(self._due, (due.at, index, due.number))
            self._draw_near()
            yield from said
        self.now = max(self.now, until)

    def _draw_near(self) -> None:
        """As the runner does it."""
        light = float(self._schedule.light)
        for place, (at, index, number) in enumerate(self._due):
            if at - self.now >= light * NEAR_SHARE and self._haste.at_once(
                self.rounds.vantage, self._slots[index].platform, self.now, light
            ):
                self._due[place] = (self.now, index, number - 1)
        heapq.heapify(self._due)

    def _next(self, slot: Slot, number: int) -> Due:
        return next_due(
            slot,
            self._schedule,
            anchor=self._anchor,
            previous=number,
            now=self.now,
            draw=self._world.random.random,
        )

    def round(self, platform: str, kind: RoundKind) -> Iterator[Said]:
        """One round now, and the bursts that follow from it."""
        observed, self.now = self.rounds.measure(platform, kind, self.now)
        for _ in range(MOST_BURSTS):
            decision = decide(self.memory, observed, self._knows(platform), self._rules)
            self.memory = decision.memory
            yield Said(observed, decision.verdict)
            if decision.plan is None:
                return
            planned = [PlannedBurst(platform, decision.plan)]
            (observed,), self.now = self.rounds.burst(planned, self.now)
        raise EndlessError(f"{MOST_BURSTS} bursts after one round of {platform}")

    def _knows(self, platform: str) -> About:
        known = self._about[platform]
        if self.references is None:
            return known
        return _about(
            self.config, platform, self._thresholds, references=self.references.get(platform, ())
        )


def _about(
    config: Config,
    platform: str,
    thresholds: Thresholds,
    references: tuple[Verdict, ...] | None = None,
    outside: bool = False,
) -> About:
    definition = next(p for p in config.platforms if p.name == platform)
    known = about(
        config,
        definition,
        references=references or (),
        has_references=references is not None,
        outside=outside,
    )
    return replace(known, thresholds=thresholds)
