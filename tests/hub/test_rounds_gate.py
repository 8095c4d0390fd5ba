"""The gate for rounds: what is the vantage's own passes, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from msgspec.structs import replace

from probe.hub.enrolled import Enrolled, FleetPlace
from probe.hub.rounds_gate import LeftOut, UnreadableParcelError, rounds_passing
from probe.model.stored import StoredRound
from probe.publish.parcels import parcel
from probe.publish.parcels.parcel import packed
from probe.publish.parcels.zstandard import press
from tests.store.rounds import START, stored

NAME = "pk-17557-abcde"
WHO = Enrolled(name=NAME, place=FleetPlace(country="PK", asn=17_557), joined=0.0)
NOW = START + 86_400.0
Change = Callable[[StoredRound], StoredRound]

# What a terminal obeys, and what turns the text that follows.
MARKS = ("\x1b[2J", "\n", "\r", "\t", "\b", "\x00", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066")


def line(one: StoredRound) -> bytes:
    return msgspec.json.encode(one) + b"\n"


def own(number: int = 1) -> StoredRound:
    return stored(number, vantage=NAME)


def observed(**changes: object) -> Change:
    return lambda one: replace(one, observed=replace(one.observed, **changes))


def verdict(**changes: object) -> Change:
    return lambda one: replace(one, verdict=replace(one.verdict, **changes))


def test_own_rounds_pass_as_they_are() -> None:
    rounds = tuple(own(number) for number in range(20))
    found = rounds_passing(packed(map(line, rounds)), WHO, NOW)
    assert found.rounds == rounds
    assert not found.left_out


@pytest.mark.parametrize(
    "text",
    [
        "a\\nb",
        "C:\\u001b",
        "\\\\",
        "\u0627\u06cc\u06a9\u0633 \u200f\u200c",
        "\u00e9 \u2013 \u201cx\u201d",
    ],
)
def test_words_of_any_language_pass(text: str) -> None:
    found = rounds_passing(packed([line(verdict(sentence=text)(own()))]), WHO, NOW)
    assert [one.verdict.sentence for one in found.rounds] == [text]


def counted(**counts: int) -> Change:
    """With a leg that counts so."""

    def change(one: StoredRound) -> StoredRound:
        first, *others = one.observed.legs
        return replace(
            one, observed=replace(one.observed, legs=(replace(first, **counts), *others))
        )

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: stored(1, vantage="pk-17557-other"), LeftOut.VANTAGE),
        (observed(vantage="../../etc"), LeftOut.VANTAGE),
        (verdict(vantage="pk-17557-other"), LeftOut.VANTAGE),
        (verdict(platform="facebook"), LeftOut.NAMES),
        (
            lambda one: verdict(platform="../x")(observed(platform="../x")(one)),
            LeftOut.NAMES,
        ),
        (observed(id="../../x"), LeftOut.NAMES),
        *((verdict(sentence=f"X is fine{mark}"), LeftOut.TEXT) for mark in MARKS),
        *((verdict(may_claim=(f"it is\\{mark}",)), LeftOut.TEXT) for mark in MARKS),
        (verdict(sentence="x" * 2_001), LeftOut.TEXT),
        (observed(id=""), LeftOut.NAMES),
        (observed(id="x" * 65), LeftOut.NAMES),
        (observed(started_at=NOW + 3_600.0), LeftOut.TIME),
        (observed(started_at=NOW - 40 * 86_400.0), LeftOut.TIME),
        (observed(duration_seconds=-1.0), LeftOut.TIME),
        (observed(duration_seconds=1e9), LeftOut.TIME),
        (verdict(at=NOW + 86_400.0), LeftOut.TIME),
        (verdict(at=0.0), LeftOut.TIME),
        (verdict(since=-5.0), LeftOut.TIME),
        (verdict(since=NOW * 2), LeftOut.TIME),
        (verdict(holds_seconds=1e300), LeftOut.TIME),
        (verdict(rules_version=2**64), LeftOut.NUMBERS),
        (verdict(rules_version=-(2**64)), LeftOut.NUMBERS),
        (counted(order=2**63), LeftOut.NUMBERS),
        (counted(wire_bytes_received=10**15 + 1), LeftOut.NUMBERS),
    ],
)
def test_what_does_not_pass_keeps_nothing_else_out(change: Change, reason: LeftOut) -> None:
    body = packed([line(own(1)), line(change(own(2))), line(own(3))])
    found = rounds_passing(body, WHO, NOW)
    assert [one.observed.id for one in found.rounds] == [own(n).observed.id for n in (1, 3)]
    assert found.left_out == {reason: 1}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"observed": {"id": 1e999}}',
        line(own())[:-40],
        line(own()).replace(b'"kind":"light"', b'"kind":"of a newer version"'),
    ],
)
def test_a_line_that_is_no_round_is_left_out(text: bytes) -> None:
    found = rounds_passing(packed([line(own(1)), text.rstrip() + b"\n", line(own(2))]), WHO, NOW)
    assert len(found.rounds) == 2
    assert found.left_out == {LeftOut.UNREADABLE: 1}


def test_what_is_not_understood_does_not_pass() -> None:
    more = line(own()).replace(b'{"observed":{', b'{"evil":"x","observed":{"address":"192.0.2.1",')
    assert b"192.0.2.1" in more
    (one,) = rounds_passing(packed([more]), WHO, NOW).rounds
    assert one == own()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not packed"),
        (b"\x1f\x8b\x08" + b"\x00" * 40, "not packed"),
        (packed([line(own())])[:-4], "broken"),
        (packed([line(own())]) + b"more", "broken"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 60, "broken"),
        (packed([b"\n"] * 501), "more than 500 rounds"),
    ],
)
def test_what_is_no_parcel_is_none(body: bytes, said: str) -> None:
    with pytest.raises(UnreadableParcelError, match=said):
        rounds_passing(body, WHO, NOW)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten kilobytes of it are gigabytes; no more is ever made of it than a parcel may have."""
    made: list[int] = []

    def counting(size: int) -> bytearray:
        made.append(size)
        return bytearray(size)

    monkeypatch.setattr("probe.publish.parcels.zstandard.bytearray", counting, raising=False)
    bomb = press(b" " * (parcel.MOST_PLAIN_BYTES * 40))
    assert len(bomb) < 20_000
    for body in (bomb, press(b"a" * (parcel.MOST_PLAIN_BYTES + 1))):
        with pytest.raises(UnreadableParcelError, match="more than 8388608 bytes"):
            rounds_passing(body, WHO, NOW)
    assert max(made) == parcel.MOST_PLAIN_BYTES
    assert len(made) < 8
