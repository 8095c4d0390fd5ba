"""Each point in time of a round is held against what a probe can know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from probe.hub import round_times
from probe.hub.round_times import TIMES, of_its_time
from probe.model.curtain import Curtain, CurtainKind
from probe.model.law import Law, LawEffect
from probe.model.object_record import NothingRead, Why
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.model.stored import StoredRound
from probe.model.verdict import LookingBack, State, TransportFinding
from probe.model.viewers_cache import ViewersCache
from probe.model.vouch import Vouch
from synth.golden.kept import judged, read
from tests.store.rounds import stored

DAY, YEAR = 86_400.0, 366 * 86_400.0
# What is called so is a point in time.
_TIME = re.compile(r"at|since|until|date|.*_at|.*_not_after")


def types(of: type[Struct]) -> Iterator[type[Struct]]:
    """A type, and all that may be in it."""
    seen, waiting = set[type[Struct]](), [of]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            yield one
            for field in msgspec.structs.fields(one):
                waiting += structs(msgspec.inspect.type_info(field.type))


def structs(found: Any) -> list[type[Struct]]:
    if isinstance(found, msgspec.inspect.StructType):
        return [found.cls]
    parts = getattr(found, "types", None) or [getattr(found, "item_type", None)]
    return [one for part in parts if part is not None for one in structs(part)]


def test_no_time_is_missing_in_the_table() -> None:
    named = {
        (one, field.name)
        for one in types(StoredRound)
        for field in msgspec.structs.fields(one)
        if _TIME.fullmatch(field.name) and "float" in str(field.type)
    }
    assert named == {(one, name) for one, names in TIMES.items() for name in names}


def told() -> StoredRound:
    """A round that tells each kind of time."""
    one = stored(1)
    at = one.observed.started_at
    back = LookingBack(
        target="script", since=at - DAY, until=at, times=3.0, before=1e4, after=1e5, others=1.0
    )
    over = TransportFinding(
        transport="quic", state=State.OK, rule_id="ok", sentence="", at=at - DAY, since=at - DAY
    )
    verdict = replace(
        one.verdict,
        read_at=at,
        back=back,
        over=(over,),
        curtains=(
            Curtain(
                operator="Akamai", kind=CurtainKind.SLOW, since=at, sites=3, others=2, well_at=at
            ),
        ),
        unread=(NothingRead(target="script", since=at - DAY, why=Why.GONE, read_at=at - 2 * DAY),),
        viewers_cache=ViewersCache(target="video", at=at),
        law=Law(effect=LawEffect.ENDS, reads=3, at=at - 300 * DAY),
        vouches=(Vouch(target="script", at=at, read_at=at - DAY, long_at=at - DAY),),
    )
    others = OthersRestricted(networks=3, since=at - DAY, told_by=ToldBy.HUB, until=at)
    return replace(one, verdict=verdict, observed=replace(one.observed, others_restricted=others))


def changed(value: Any, of: type[Struct], field: str, at: float) -> Any:
    """``value`` with that time in the first of that type in it; ``None``: there is none."""
    if isinstance(value, of):
        return replace(value, **{field: at})
    for name in value.__struct_fields__:
        below = getattr(value, name)
        several = below if isinstance(below, tuple) else (below,)
        for place, one in enumerate(several):
            if isinstance(one, Struct) and (new := changed(one, of, field, at)) is not None:
                whole = (*several[:place], new, *several[place + 1 :])
                return replace(value, **{name: whole if isinstance(below, tuple) else new})
    return None


@pytest.mark.parametrize(
    ("of", "field"), [(one, name) for one, names in TIMES.items() for name in names]
)
def test_no_time_may_be_far_in_the_past_or_the_future(of: type[Struct], field: str) -> None:
    one = told()
    at = one.observed.started_at
    assert of_its_time(one)
    anything = TIMES[of][field] is round_times._any
    for wrong in (1.0, at - 20 * YEAR, at + 2 * DAY, at * 2, -at, 1e12, -1e12, 1e300):
        new = changed(one, of, field, wrong)
        # What a server says of itself may be wrong, and no more than a date can be.
        expected = anything and abs(wrong) < 1e11
        if field == "started_at" and new.observed.started_at == wrong:
            continue  # it is what all others are held against; the gate holds it against its clock
        assert of_its_time(new) is expected, (of, field, wrong)


def test_where_the_clock_was_set_legs_are_of_two_clocks() -> None:
    one = told()
    legs = tuple(replace(leg, started_at=leg.started_at + 2 * DAY) for leg in one.observed.legs)
    moved = replace(one, observed=replace(one.observed, legs=legs))
    assert not of_its_time(moved)
    assert of_its_time(replace(moved, observed=replace(moved.observed, clock_stepped=True)))


def test_what_rules_say_of_histories_is_of_its_time() -> None:
    rounds = 0
    for history in islice(read(), 0, None, 9):
        for one in islice(judged(history), 40):
            assert of_its_time(StoredRound(observed=one.observed, verdict=one.now))
            rounds += 1
    assert rounds > 100
