"""Into whose legs somebody pours bytes, and what that makes of its rounds. Pure arithmetic.

Honest rounds take what is usual, give or take a long chain of certificates. Whoever answers in a
far end's place can pour some 130 kB into a leg before it is seen that they are nobody's: twenty
times as much, of a handshake (``tests/measure/test_poured.py``).
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from probe.model.observation import RoundObservation

POURED_RATIO = 3.0
"""Rounds that take more than so many times what is usual are poured into."""
LEFT_OUT = "data_budget"
"""Why legs of such a round are not made."""
# Costs go up faster than they come down: a dead line must not make rounds look cheap.
LEARN_UP = 0.1
LEARN_DOWN = 0.05


class Poured(Struct, frozen=True, kw_only=True):
    """Of one platform at one vantage. ``ratio``: what its rounds took without their pages, by what
    is usual. ``legs`` of its last round, with those that were left out (0: none was made yet)."""

    ratio: float = 1.0
    legs: int = 0

    @property
    def is_poured(self) -> bool:
        """Whether its rounds take far more than they should: somebody pours into its legs."""
        return self.ratio > POURED_RATIO

    def after(self, observed: RoundObservation, size: float, usual: float) -> Poured:
        """A round took ``size`` bytes without its pages, as ``whole`` says; ``usual``: such rounds
        are expected to."""
        return replace(
            self, ratio=learnt(self.ratio, size / usual), legs=_made(observed) + _left_out(observed)
        )


def learnt(known: float, found: float) -> float:
    """What is expected from now on, in place of ``known``."""
    return known + (LEARN_UP if found > known else LEARN_DOWN) * (found - known)


def whole(observed: RoundObservation, size: float) -> float:
    """What the round would have taken with the legs that were left out, if it took ``size``."""
    made = _made(observed)
    return size * (made + _left_out(observed)) / made if made else size


def _made(observed: RoundObservation) -> int:
    return sum(1 for _ in observed.every_leg)


def _left_out(observed: RoundObservation) -> int:
    return sum(one.reason == LEFT_OUT for one in observed.skipped)
