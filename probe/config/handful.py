"""Which controls a probe measures: a handful that it draws by a secret of its own, and keeps.

Whoever wants to blind all probes would put their controls on a list. So each has others, which
nobody can foresee without its secret; and since levels need the same controls for weeks, it keeps
them for as long as they serve. Pure: the secret and what was drawn are handed in and given back.

The handful has two sites of each of two operators, so that a trouble of an operator can be told
from a site's own, and others of as many operators and kinds of network as there is room for. Where
another transport is judged too, one or two more are drawn if too few of them speak it: without
controls of two operators nothing could ever be proven over it.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from probe.config.definition import Definition
from probe.config.probers import LEAST_OPERATORS, Prober
from probe.config.schema import Config

SITES = 8
"""Each is asked some 12 times an hour then, at the shipped intervals: about as often as ever."""
PAIRS = 2
_MOST_RETIRED = 64


class Handful(Struct, frozen=True):
    """What a probe has drawn: by its ``secret`` (hexadecimal), the names ``chosen``, and those
    ``retired`` because they did not serve here, the latest last; ``retired_at``: when each time a
    control was (Unix seconds), the latest last."""

    secret: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    chosen: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    retired_at: tuple[float, ...] = ()


def filled(handful: Handful, pool: Sequence[Definition], beside: Sequence[Prober] = ()) -> Handful:
    """The same handful with what is missing in it drawn from ``pool``: first of what never failed
    it. What is in the pool no more is dropped. ``beside``: probers whose legs are judged by
    themselves, and need controls that speak as they do."""
    known = {one.name: one for one in pool}
    chosen = [known[name] for name in dict.fromkeys(handful.chosen) if name in known]
    order = sorted(pool, key=lambda one: _place(handful, one))
    while len(chosen) < SITES:
        rest = [one for one in order if one not in chosen]
        if not rest:
            break
        # One that failed here before comes after all others, whatever it would add.
        able = [one for one in rest if one.name not in handful.retired] or rest[:1]
        chosen.append(min(able, key=lambda one: (_unfit(one, chosen, able), order.index(one))))
    for prober in beside:
        chosen += _more_that_speak(prober, chosen, order)
    return replace(handful, chosen=tuple(one.name for one in chosen))


def _more_that_speak(
    prober: Prober, chosen: Sequence[Definition], order: Sequence[Definition]
) -> list[Definition]:
    """What must be drawn beside ``chosen``, so that enough operators abroad can be compared with.
    Those that failed here are the last in ``order``."""
    able = {
        one.name: one.operator
        for one in (*chosen, *order)
        if one.scope == "foreign" and any(map(prober.speaks, one.targets))
    }
    known = {able[one.name] for one in chosen if one.name in able}
    more: list[Definition] = []
    for one in order:
        if len(known) >= LEAST_OPERATORS:
            break
        if one.name in able and one.operator not in known:
            known.add(one.operator)
            more.append(one)
    return more


def without(handful: Handful, names: Iterable[str], at: float) -> Handful:
    """The handful when ``names`` have failed it, at Unix time ``at``; others take their places when
    it is filled."""
    gone = tuple(name for name in handful.chosen if name in set(names))
    kept = tuple(name for name in handful.chosen if name not in gone)
    retired = (*(name for name in handful.retired if name not in gone), *gone)
    times = (*handful.retired_at, *(at for _ in gone))
    return Handful(handful.secret, kept, retired[-_MOST_RETIRED:], times[-_MOST_RETIRED:])


def retired_since(handful: Handful, at: float) -> int:
    """How many times a control was replaced since the Unix time ``at``."""
    return sum(one >= at for one in handful.retired_at)


def with_handful(config: Config, handful: Handful) -> Config:
    """``config`` with the handful in place of the pool's others."""
    drawn = [one for one in config.pool if one.name in handful.chosen]
    own = [one for one in config.controls if not one.pool]
    return replace(config, controls=tuple(sorted((*own, *drawn), key=lambda one: one.name)))


def with_whole_pool(config: Config) -> Config:
    """``config`` with all that may ever have been drawn: to read what was measured with."""
    names = {one.name for one in config.controls}
    more = tuple(one for one in config.pool if one.name not in names)
    return replace(config, controls=(*config.controls, *more)) if more else config


def _place(handful: Handful, one: Definition) -> tuple[int, bytes]:
    """Where it stands in this probe's own order, which nobody else can know."""
    retired = handful.retired.index(one.name) + 1 if one.name in handful.retired else 0
    key = bytes.fromhex(handful.secret)
    return retired, hmac.digest(key, one.name.encode(), "sha256")


def _unfit(
    one: Definition, chosen: Sequence[Definition], rest: Sequence[Definition]
) -> tuple[int, int]:
    """The less the better: what the handful has of its operator, and of its kind of network."""
    operators = Counter(other.operator for other in chosen)
    kinds = Counter(other.network for other in chosen)
    pairs = sum(count > 1 for count in operators.values())
    several = sum(other.operator == one.operator for other in (*chosen, *rest)) > 1
    if pairs < PAIRS and several and operators[one.operator] < 2:
        # The second site of an operator that is there comes first, then the first of such a one.
        return -1 - operators[one.operator], 0
    return operators[one.operator], kinds[one.network]
