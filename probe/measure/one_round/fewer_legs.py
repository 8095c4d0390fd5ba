"""Which legs a round has, where the data budget does not pay for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from random import Random

from probe.model.identity import FIRST_PROBER, LegRole
from probe.model.observation import Leg, SkippedLeg
from probe.schedule.poured import LEFT_OUT

_Key = tuple[str, str, str]


class FewerLegs:
    """Chooses. Targets take turns, so that each of a platform's is measured as often."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._rounds = count(1)
        self._made: dict[_Key, int] = {}
        """In which round each target, of a vantage, was made last."""

    def of(
        self, vantage: str, legs: Sequence[Leg], most: int | None
    ) -> tuple[tuple[Leg, ...], tuple[SkippedLeg, ...]]:
        """``most`` of ``legs`` (``None``: all), and the others.

        First a control, then targets, those that were not made for longest before others, then what
        stands beside these at their addresses or under their names, further controls, and other
        probers' legs.
        """
        if most is None or len(legs) <= most:
            return tuple(legs), ()
        mine = [leg for leg in legs if leg.prober == FIRST_PROBER]
        controls = [leg for leg in mine if leg.role is LegRole.CONTROL]
        targets = [leg for leg in mine if leg.role is LegRole.TARGET]
        self._random.shuffle(targets)
        targets.sort(key=lambda leg: self._made.get((vantage, leg.owner, leg.target), 0))
        corners = [leg for leg in mine if leg.role in (LegRole.SWAP, LegRole.DECOY)]
        turn = {leg.target: place for place, leg in enumerate(targets)}
        corners.sort(key=lambda leg: turn.get(leg.target, len(turn)))
        others = [leg for leg in legs if leg.prober != FIRST_PROBER]
        wanted = [*controls[:1], *targets, *corners, *controls[1:], *others][:most]
        number = next(self._rounds)
        for leg in wanted:
            if leg.role is LegRole.TARGET:
                self._made[vantage, leg.owner, leg.target] = number
        kept = {id(leg) for leg in wanted}
        return (
            tuple(leg for leg in legs if id(leg) in kept),
            tuple(SkippedLeg(leg=leg, reason=LEFT_OUT) for leg in legs if id(leg) not in kept),
        )
