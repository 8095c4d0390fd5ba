"""When a reference has looked at what is suspected here."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.identity import Family
from probe.model.verdict import Evidence, State, Verdict
from probe.model.vouch import Vouch
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.basis.references import vouched
from probe.verdict.remembered.memory import OpenSuspicion
from probe.verdict.thresholds import DEFAULT

ONSET = 1_700_000_000.0
SETTLED = DEFAULT.settle_seconds
HOUR = 3_600.0


def says(at: float, read_at: float | None = None, *, reads: bool = False) -> Verdict:
    """A reference's word at ``ONSET + at``: all is well. ``reads``: its round read."""
    measures = (Measure.HANDSHAKE, Measure.TRANSFER) if reads else (Measure.HANDSHAKE,)
    return Verdict(
        vantage="abroad",
        platform="x",
        state=State.OK,
        rule_id="ok",
        sentence="",
        at=ONSET + at,
        since=0.0,
        read_at=None if read_at is None else ONSET + read_at,
        evidence=tuple(
            Evidence(name=f"{one}_slowdown_ratio", subject="object", value=1.0) for one in measures
        ),
    )


@pytest.mark.parametrize(
    ("measure", "word", "counts"),
    [
        (Measure.HANDSHAKE, says(SETTLED), True),
        (Measure.HANDSHAKE, says(SETTLED - 1.0), False),
        (Measure.TRANSFER, says(SETTLED, reads=True), True),
        # A light round after one that read.
        (Measure.TRANSFER, says(SETTLED + 300.0), False),
        (Measure.TRANSFER, says(SETTLED + 300.0, SETTLED), True),
        # It read before the onset, in its first minutes, or in the future.
        (Measure.TRANSFER, says(SETTLED + 300.0, -60.0), False),
        (Measure.TRANSFER, says(SETTLED + 300.0, SETTLED - 1.0), False),
        (Measure.TRANSFER, says(SETTLED + 300.0, SETTLED + 301.0), False),
        # Of one that does not tell when it read it is known after a quarter more than an interval.
        (Measure.TRANSFER, says(1.25 * 900.0), True),
        (Measure.LONG, says(HOUR, HOUR), False),
    ],
)
def test_a_reference_has_looked_if_it_read_since(
    measure: Measure, word: Verdict, counts: bool
) -> None:
    suspicion = OpenSuspicion(
        target="object", measure=measure, family=Family.IPV4, onset_at=ONSET, last_at=ONSET
    )
    about = About(title="X", references=(word,), has_references=True)
    assert vouched(suspicion, ONSET + HOUR, about) is counts


@pytest.mark.parametrize(
    ("measure", "vouch", "counts"),
    [
        (Measure.HANDSHAKE, {"at": SETTLED}, True),
        (Measure.HANDSHAKE, {"at": SETTLED - 1.0}, False),
        (Measure.TRANSFER, {"at": SETTLED}, False),
        (Measure.TRANSFER, {"at": SETTLED, "read_at": SETTLED}, True),
        (Measure.LONG, {"at": SETTLED, "read_at": SETTLED}, False),
        (Measure.LONG, {"at": HOUR, "read_at": HOUR, "long_at": SETTLED}, True),
        (Measure.LONG, {"at": HOUR, "read_at": HOUR, "long_at": SETTLED - 1.0}, False),
    ],
)
def test_one_that_tells_each_target_is_believed_in_each_measure(
    measure: Measure, vouch: dict[str, float], counts: bool
) -> None:
    told = Vouch(target="object", **{name: ONSET + after for name, after in vouch.items()})
    word = replace(says(HOUR, HOUR, reads=True), vouches=(told,))
    suspicion = OpenSuspicion(
        target="object", measure=measure, family=Family.IPV4, onset_at=ONSET, last_at=ONSET
    )
    about = About(title="X", references=(word,), has_references=True)
    assert vouched(suspicion, ONSET + HOUR, about) is counts
