"""A vantage and the references that look at the same platforms from outside, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.config.schema import Config
from probe.model.verdict import Verdict
from synth.drive import Daemon, Said
from synth.world import World

STEP_SECONDS = 300.0


class Watched:
    """``inside`` judges with what references have said; without ``abroad`` nobody looks from
    outside. Every world of ``abroad`` has a reference of its own."""

    def __init__(
        self,
        config: Config,
        world: World,
        *,
        begin: float,
        abroad: Sequence[World] = (),
        only: tuple[str, ...] = (),
    ) -> None:
        self.worlds = (world, *abroad)
        self.inside = Daemon(config, world, begin=begin, only=only)
        self._references = [
            Daemon(config, at, begin=begin, only=only, vantage=f"abroad-{n}", outside=True)
            for n, at in enumerate(abroad)
        ]
        self._latest: dict[tuple[str, str], Verdict] = {}

    @property
    def now(self) -> float:
        """The inside daemon's time."""
        return self.inside.now

    def run(self, until: float) -> Iterator[Said]:
        """All rounds and bursts of the inside daemon that begin before ``until``."""
        if not self._references:
            yield from self.inside.run(until)
            return
        while self.inside.now < until:
            step = min(until, self.inside.now + STEP_SECONDS)
            for reference in self._references:
                for said in reference.run(step):
                    key = (said.observed.vantage, said.observed.platform)
                    self._latest[key] = said.verdict
            told: dict[str, tuple[Verdict, ...]] = {}
            for (_, platform), verdict in self._latest.items():
                told[platform] = (*told.get(platform, ()), verdict)
            self.inside.references = told
            yield from self.inside.run(step)
