"""What the configuration knows of far ends, and the names that legs are given."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from probe.config.candidates import marked
from probe.config.neutral import neutral_names
from probe.config.schema import Config
from probe.measure.names.drawn_names import swap_names, with_drawn_names
from probe.model.observation import Leg


class FarEnds:
    """The vantages, platforms, controls and targets of a configuration, each by its name."""

    def __init__(self, config: Config, random: Random) -> None:
        self.platforms = {definition.name: definition for definition in config.platforms}
        self.controls = config.controls
        self.vantages = {vantage.name: vantage for vantage in config.settings.vantages}
        self.targets = {
            (definition.name, target.name): target
            for definition in (*config.platforms, *config.controls)
            for target in definition.targets
        }
        self._neutral = neutral_names(config.controls)
        self._random = random

    def drawn(self, legs: Sequence[Leg]) -> tuple[Leg, ...]:
        """``legs``, each with its name."""

        def names(leg: Leg) -> Sequence[str]:
            target = marked(self.targets[leg.owner, leg.target], leg.candidate)
            return swap_names(target, self._neutral)

        return with_drawn_names(legs, names, self._random)
