"""The daemon with one of its ideas taken away, to see which scenarios need it.

``python -m lab.scenario.broken WHAT run -c FILE``. What the daemon measures stays as it is;
the observation loses a part before it is judged. Nothing of this is in the product.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import structs

from probe.cli import main
from probe.measure.one_round.round import Rounds
from probe.model.identity import LegRole
from probe.model.observation import RoundObservation


def without_swap(observed: RoundObservation) -> RoundObservation:
    """No leg ever said a neutral name at the platform's address."""
    kept = tuple(leg for leg in observed.legs if leg.leg.role is not LegRole.SWAP)
    return structs.replace(observed, legs=kept)


def without_ledger(observed: RoundObservation) -> RoundObservation:
    """No address is known to have seen a platform's name."""
    kept = tuple(structs.replace(leg, seen_names=()) for leg in observed.legs)
    return structs.replace(observed, legs=kept)


def without_controls(observed: RoundObservation) -> RoundObservation:
    """There is nothing to compare with."""
    kept = tuple(leg for leg in observed.legs if leg.leg.role is not LegRole.CONTROL)
    return structs.replace(observed, legs=kept)


def without_dns(observed: RoundObservation) -> RoundObservation:
    """What resolvers say was never asked."""
    return structs.replace(observed, dns=())


BREAKS: dict[str, Callable[[RoundObservation], RoundObservation]] = {
    "swap": without_swap,
    "ledger": without_ledger,
    "controls": without_controls,
    "dns": without_dns,
}


def take_away(part: Callable[[RoundObservation], RoundObservation]) -> None:
    """Let every coroutine of ``Rounds`` that gives a round give it without that part."""
    for name in ("measure", "burst"):
        whole: Callable[..., Awaitable[RoundObservation]] | None = getattr(Rounds, name, None)
        if whole is not None:
            setattr(Rounds, name, _lacking(whole, part))


def _lacking(
    whole: Callable[..., Awaitable[RoundObservation]],
    part: Callable[[RoundObservation], RoundObservation],
) -> Callable[..., Awaitable[RoundObservation]]:
    async def measure(*args: Any, **kwargs: Any) -> RoundObservation:
        return part(await whole(*args, **kwargs))

    return measure


if __name__ == "__main__":
    take_away(BREAKS[sys.argv.pop(1)])
    main(prog_name="throttlewatch")
