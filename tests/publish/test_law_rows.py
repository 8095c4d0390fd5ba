"""How a throttle works, as metrics."""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.identity import RoundKind
from probe.model.law import Amount, Between, Law, LawEffect, Reach, Unit
from probe.model.verdict import State, TransportFinding
from probe.publish.metrics.law_rows import law_rows
from probe.publish.metrics.transport_rows import transport_rows
from probe.publish.terminal.explanation import conclusion
from synth import shape

LABELS = {"vantage": "home", "platform": "x"}
SAID = shape.verdict_of(shape.full_round(shape.config(), kind=RoundKind.TRANSFER), State.THROTTLED)
LAW = Law(
    effect=LawEffect.SLOWS,
    reads=9,
    at=0.0,
    after=(Amount(Unit.BYTES, Between(1.0, 2.0)),),
    bytes_per_second=Between(3.0, 4.0),
    reach=Reach.TOGETHER,
)


def rows(law: Law | None) -> dict[tuple[str, ...], float]:
    found = {}
    for spec, labels, value in law_rows(LABELS, law):
        assert set(labels) <= set(spec.labels)
        own = [v for k, v in labels.items() if k not in LABELS]
        found[spec.name.removeprefix("throttlewatch_law_"), *own] = value
    return found


def test_each_number_is_there_with_its_bounds() -> None:
    assert rows(LAW) == {
        ("info", "slows", "bytes", "together"): 1.0,
        ("reads",): 9.0,
        ("after_bytes", "low"): 1.0,
        ("after_bytes", "high"): 2.0,
        ("rate_bytes_per_second", "low"): 3.0,
        ("rate_bytes_per_second", "high"): 4.0,
    }


def test_what_is_not_told_apart_is_not_in_the_label() -> None:
    both = (
        Amount(Unit.PACKETS, Between(24.0, 26.0)),
        Amount(Unit.PACKETS_DOWN, Between(14.0, 14.0)),
        Amount(Unit.SECONDS, Between(7.1, 7.2)),
    )
    found = rows(replace(LAW, effect=LawEffect.ENDS, after=both, bytes_per_second=None))
    assert ("info", "ends", "together") in found
    assert found["after_packets", "packets", "low"] == 24.0
    assert found["after_packets", "packets_down", "high"] == 14.0
    assert found["after_seconds", "high"] == 7.2


def test_where_nothing_was_found_nothing_is_there() -> None:
    assert rows(None) == {}


def test_over_another_transport_they_bear_its_name() -> None:
    found = TransportFinding(
        transport="quic",
        state=State.THROTTLED,
        rule_id="proven",
        sentence="X over QUIC: slow.",
        at=SAID.at,
        since=SAID.at,
        law=LAW,
    )
    said = replace(SAID, over=(found,))
    rows = [
        (spec.name, labels["bound"], value)
        for spec, labels, value in transport_rows(LABELS, {}, said, SAID.at)
        if "_law_rate" in spec.name and labels["transport"] == "quic"
    ]
    assert [value for *_, value in rows] == [3.0, 4.0]
    told = "\n".join(conclusion(said))
    assert told.index("X over QUIC: slow.") < told.index("How it works, by 9 reads")
