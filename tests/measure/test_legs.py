"""The square that a round measures, declared from the configuration."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.definition import Corner, Definition, Target
from probe.config.schema import LegsConfig
from probe.config.values import Bytes
from probe.measure.objects.objects import ChosenObject
from probe.measure.one_round.legs import Endpoint, declare, draw_controls
from probe.model.identity import SCHEDULED, Compares, LegRole, RoundKind, Verify
from probe.model.observation import Leg

LEGS = LegsConfig()
VIDEO = Target(
    name="video",
    url="https://mirror.test/blob?x=1",
    connect_to="front.test",
    sni="test.video.test",
    host="mirror.test",
    certificate_name="mirror.test",
    verify=Verify.RECORD,
    min_bytes=Bytes(600_000),
    swap=Corner(
        why="the same object under its own name",
        sni="mirror.test",
        compares=Compares.GOODPUT,
        min_bytes=Bytes(600_000),
    ),
    decoy=Corner(why="the name alone", verify=Verify.RECORD),
)
PAGE = Target(
    name="page",
    url="https://www.video.test/generate_204",
    compares=Compares.HANDSHAKE,
    expect_status=(204,),
)
PLATFORM = Definition(
    name="video", title="Video", why="", hosts=(), operator="v", targets=(VIDEO, PAGE)
)


def control(name: str, operator: str, size: int = 200_000, scope: str = "foreign") -> Endpoint:
    url = f"https://{name}.test/object"
    target = Target(
        name="object",
        url=url,
        min_bytes=Bytes(size),
        compares=Compares.GOODPUT if size else Compares.HANDSHAKE,
    )
    definition = Definition(
        name=name,
        title=name,
        why="",
        hosts=(),
        targets=(target,),
        kind="control",
        operator=operator,
        scope=scope,
    )
    return Endpoint(
        definition=definition, target=target, object=ChosenObject(url=url, min_bytes=size)
    )


CONTROLS = [control("one", "a"), control("two", "b")]


def endpoints(definition: Definition = PLATFORM) -> list[Endpoint]:
    return [
        Endpoint(
            definition=definition,
            target=target,
            object=ChosenObject(url=target.url or "", min_bytes=int(target.min_bytes)),
        )
        for target in definition.targets
    ]


def legs(kind: RoundKind, *, beacon: str | None = "beacon.test") -> dict[tuple[str, str], Leg]:
    made, skipped = declare(endpoints(), CONTROLS, kind, legs=LEGS, beacon=beacon)
    assert skipped == ()
    return {(leg.role.value, leg.owner + "/" + leg.target): leg for leg in made}


def test_every_leg_says_exactly_what_it_is() -> None:
    square = legs(RoundKind.TRANSFER)
    shown = {
        key: (leg.connect_to, leg.sni, leg.url, leg.certificate_name, leg.verify.value)
        for key, leg in square.items()
    }
    blob = "https://mirror.test/blob?x=1"
    assert shown == {
        ("target", "video/video"): ("front.test", "test.video.test", blob, "mirror.test", "record"),
        ("swap", "video/video"): ("front.test", "mirror.test", blob, "mirror.test", "strict"),
        ("decoy", "video/video"): (
            "beacon.test",
            "test.video.test",
            blob,
            "test.video.test",
            "record",
        ),
        ("target", "video/page"): (
            "www.video.test",
            "www.video.test",
            "https://www.video.test/generate_204",
            "www.video.test",
            "strict",
        ),
        ("control", "one/object"): (
            "one.test",
            "one.test",
            "https://one.test/object",
            "one.test",
            "strict",
        ),
        ("control", "two/object"): (
            "two.test",
            "two.test",
            "https://two.test/object",
            "two.test",
            "strict",
        ),
    }
    assert square["target", "video/page"].expect_status == (204,)


def test_without_a_beacon_there_is_no_decoy() -> None:
    assert ("decoy", "video/video") not in legs(RoundKind.TRANSFER, beacon=None)


@pytest.mark.parametrize("kind", SCHEDULED)
def test_whatever_is_compared_by_goodput_reads_the_same_bytes(kind: RoundKind) -> None:
    reading = [leg for leg in legs(kind).values() if leg.compares is Compares.GOODPUT]
    expected = {RoundKind.LIGHT: set(), RoundKind.TRANSFER: {65_536}, RoundKind.LONG: {200_000}}
    assert {leg.max_bytes for leg in reading} == expected[kind]
    assert all(leg.range_bytes == leg.min_bytes == leg.max_bytes for leg in reading)
    roles = sorted(leg.role for leg in reading)
    assert roles == ([] if kind is RoundKind.LIGHT else ["control", "swap", "target"])


def test_what_is_not_read_stays_light() -> None:
    for leg in legs(RoundKind.TRANSFER).values():
        if leg.compares is Compares.HANDSHAKE:
            assert leg.max_bytes == leg.range_bytes == LEGS.light_bytes
            assert leg.min_bytes == 0


def test_a_target_without_an_object_is_skipped_and_named() -> None:
    missing = [
        Endpoint(definition=e.definition, target=e.target, object=None) for e in endpoints()[:1]
    ]
    made, skipped = declare(missing, CONTROLS, RoundKind.TRANSFER, legs=LEGS, beacon=None)
    assert [(s.leg.target, s.reason) for s in skipped] == [("video", "no_object")]
    assert {leg.role for leg in made} == {LegRole.CONTROL}


def draw(
    pool: list[Endpoint],
    count: int,
    *,
    read_bytes: int = 65_536,
    spent: frozenset[str] = frozenset(),
) -> list[str]:
    chosen = draw_controls(
        pool,
        count,
        read_bytes=read_bytes,
        has_tokens=lambda endpoint: endpoint.definition.name not in spent,
        random=Random(1),
    )
    return [endpoint.definition.name for endpoint in chosen]


def test_controls_are_of_different_operators() -> None:
    pool = [control("a1", "a"), control("a2", "a"), control("b1", "b")]
    names = draw(pool, 3)
    assert len(names) == 2
    assert {name[0] for name in names} == {"a", "b"}


def test_scopes_are_mixed() -> None:
    pool = [control(f"f{i}", f"f{i}") for i in range(8)] + [control("home", "h", scope="domestic")]
    assert "home" in draw(pool, 2)


def test_the_first_control_can_be_read() -> None:
    pool = [control(f"page{i}", f"p{i}", size=0) for i in range(8)] + [control("object", "o")]
    assert draw(pool, 2)[0] == "object"


def test_controls_without_tokens_take_no_part_unless_none_has_any() -> None:
    pool = [control("one", "a"), control("two", "b"), control("three", "c")]
    assert "two" not in draw(pool, 3, spent=frozenset({"two"}))
    assert len(draw(pool, 3, spent=frozenset({"one", "two", "three"}))) == 3


@given(st.integers(0, 2**32))
def test_every_control_has_its_turn(seed: int) -> None:
    random, pool = Random(seed), [control(f"c{i}", f"o{i}") for i in range(5)]
    seen: set[str] = set()
    for _ in range(200):
        chosen = draw_controls(
            pool, 2, read_bytes=65_536, has_tokens=lambda endpoint: True, random=random
        )
        seen |= {endpoint.definition.name for endpoint in chosen}
    assert len(seen) == 5
