"""What the commands that measure share: they keep to the budgets that the daemon keeps to."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from probe.commands.output import tell
from probe.config.definition import Target
from probe.config.handful import Handful, filled, with_handful
from probe.config.probers import judged_beside
from probe.config.schema import Config
from probe.measure.one_leg.prober import load
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.measure.tls.trust import Trust
from probe.model.observation import RoundObservation
from probe.schedule.data_budget import wire_bytes
from probe.store.shared import SharedBudget


def drawn_now(config: Config, known: Iterable[str] = ()) -> Config:
    """``config`` with a handful of controls drawn for this once, as a fixed few could be put on a
    list: those that are ``known`` on this line, as far as there are any."""
    once = Handful(secrets.token_hex(16), tuple(known))
    beside = judged_beside(config.settings)
    return with_handful(config, filled(once, config.pool, beside)) if config.pool else config


class Measuring:
    """``rounds`` within the budgets of hosts that the daemon and earlier commands have left.

    ``counted`` is to be told of each round, so that they and the daemon's data account have it.
    """

    def __init__(self, config: Config) -> None:
        load(config.settings)
        self._state = BetweenRounds()
        self._trust = Trust.load(config.settings.ca_file)
        self.rounds = self.rounds_of(config)
        self._shared = SharedBudget.of_command(config.settings.store, self._state.budget)
        self._refused = False
        self._tell({})

    def rounds_of(self, config: Config) -> Rounds:
        """Rounds with other definitions, within the same budgets."""
        return Rounds(config, self._trust, self._state)

    def page_trouble(self, vantage: str, owner: str, candidate: Target) -> str:
        """Why the page of a candidate gave no link when it was asked last (empty: it did)."""
        return self._state.memory(vantage, owner, candidate.name).of(candidate).trouble

    def counted(self, observed: RoundObservation) -> None:
        """``observed`` was made just now."""
        self._tell({observed.vantage: wire_bytes(observed)})

    def _tell(self, spent: dict[str, int]) -> None:
        if self._refused:
            return
        try:
            self._shared.tell(spent)
        except OSError as error:
            self._refused = True
            tell(
                "warning: the daemon is not told what this asks, nor this what the daemon asked: "
                f"{error.filename or 'the file'}: {(error.strerror or str(error)).lower()}"
            )
