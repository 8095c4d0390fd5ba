"""One law in several networks is said beside a finding, and makes none."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.model.finding import Finding, FindingKind
from probe.model.identity import Vantage
from probe.model.law import Amount, Between, Law, LawEffect, Unit
from probe.model.verdict import State
from probe.nation.local import Local
from probe.nation.same_law import same_law_words
from probe.nation.sight import Reading, Seen, Sight

AT = 1_700_000_040.0


def packets(low: float) -> Law:
    return Law(
        effect=LawEffect.ENDS,
        reads=5,
        at=AT,
        after=(Amount(Unit.PACKETS, Between(low, low + 2.0)),),
    )


def found(*laws: Law | None, state: State = State.THROTTLED) -> Finding:
    """Of one platform, with a network for each law."""
    readings = [
        Reading(
            vantage=Vantage(name=f"v{number}", country="ZZ", asn=64_500 + number),
            platform="x",
            state=state,
            since=AT - 600.0,
            law=law,
        )
        for number, law in enumerate(laws)
    ]
    seen = tuple(Seen(vantage=one.vantage) for one in readings)
    local = Local(NationConfig(), {"x": "X"})
    findings, _ = local.step(Sight(at=AT, seen=seen, readings=tuple(readings)))
    (one,) = [each for each in findings if each.kind is FindingKind.RESTRICTED]
    return one


@pytest.mark.parametrize(
    ("laws", "count"),
    [
        ((packets(24), packets(25), packets(40)), 2),
        ((packets(24), packets(25), packets(24), None), 3),
        ((packets(24), packets(40)), 0),
        ((packets(24), None), 0),
        ((None, None), 0),
    ],
)
def test_networks_of_one_law_are_counted(laws: tuple[Law | None, ...], count: int) -> None:
    one = found(*laws)
    plain = found(*(None for _ in laws))
    assert one.same_law == count
    assert same_law_words(one).startswith(f"In {count} networks") is bool(count)
    assert replace(one, same_law=0) == plain


def test_what_is_not_affected_is_not_counted() -> None:
    assert found(packets(24), packets(24), state=State.OK).same_law == 0
