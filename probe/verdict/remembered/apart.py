"""What is apart from what a platform was or could be: values that are remembered and spoken of."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from probe.observe.effort import Measure


class Led(StrEnum):
    """What a target's look-up was (the table in ``forged_answer.py``)."""

    NOTHING = ""
    OWN_FILE = "own_file"
    OWN_LOOKUP = "own_lookup"
    TROUBLE = "resolver_trouble"
    ASTRAY = "astray"


class EncryptedWord(StrEnum):
    """What encrypted resolvers say of a name of which the host's look-up says that there is none
    (``nameless.py``): not asked since, that there is none, or anything else."""

    UNHEARD = "unheard"
    NONE = "none"
    OTHER = "other"


class Farther(Struct, frozen=True, kw_only=True):
    """Every packet takes ``seconds`` longer than over weeks, beyond what controls do, at addresses
    in networks that were near: so it cannot be seen that the edge is another one. ``names``: of how
    many of the ``of`` targets; ``alike``: by the same time. ``controls``: that are as near as ever.
    """

    seconds: float
    names: int
    of: int
    alike: bool
    controls: int


class Slower(Struct, frozen=True, kw_only=True):
    """``target`` became ``times`` slower in ``measure`` than over weeks, and controls did not."""

    target: str
    measure: Measure
    times: float


class Relief(Struct, frozen=True, kw_only=True):
    """At ``at`` (Unix seconds) ``target`` became ``times`` faster than it had ever been here, since
    the first round at ``began_at``, while controls did not. ``before`` and ``after``: bytes a
    second (0: not kept); ``others``: how many times faster controls became."""

    target: str
    times: float
    at: float
    began_at: float
    before: float = 0.0
    after: float = 0.0
    others: float = 1.0
