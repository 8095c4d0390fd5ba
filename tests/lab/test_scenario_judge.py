"""Right is called right and wrong is called wrong, whatever the daemon says."""

from __future__ import annotations

import pytest
from msgspec import structs

from lab.scenario.heard import Heard, Key, heard
from lab.scenario.judge import Moment, Phase, judge
from probe.model.verdict import Method, State, Trigger
from scenarios.model import ACCUSING, Expectation, Over, Said

OK = Heard(state=State.OK)
BY_NAME = Heard(state=State.THROTTLED, trigger="name", severity="severe")
EXPECTED = Expectation(
    said=(Said(state=State.THROTTLED, triggers=(Trigger.NAME,), severe=True),),
    within_rounds=3,
    recovers_within_rounds=2,
)
INNOCENT = Expectation(
    said=(Said(state=State.OK),), within_rounds=2, never=ACCUSING, recovers_within_rounds=None
)


def moments(calm: Heard, *during: Heard, after: tuple[Heard, ...] = (OK,)) -> list[Moment]:
    """One moment a round."""
    return [
        Moment(phase=Phase.CALM, rounds=4, heard=calm),
        *(Moment(phase=Phase.DURING, rounds=n, heard=h) for n, h in enumerate(during)),
        *(Moment(phase=Phase.AFTER, rounds=n, heard=h) for n, h in enumerate(after)),
    ]


def test_what_is_said_in_time_is_right() -> None:
    judged = judge(EXPECTED, moments(OK, OK, BY_NAME, after=(BY_NAME, OK)))
    assert (judged.detected, judged.recovered, judged.wrong) == (1, 1, ())


def test_too_late_is_wrong() -> None:
    judged = judge(EXPECTED, moments(OK, OK, OK, OK, OK, BY_NAME))
    assert judged.detected == 4
    assert judged.wrong == ("said in round 4, not within 3",)


def test_never_is_wrong() -> None:
    assert judge(EXPECTED, moments(OK, OK, OK)).wrong == ("ok at the end, never what is right",)


def test_another_trigger_is_not_what_is_right() -> None:
    other = structs.replace(BY_NAME, trigger="address")
    assert judge(EXPECTED, moments(OK, other)).detected is None
    mild = structs.replace(BY_NAME, severity="moderate")
    assert judge(EXPECTED, moments(OK, mild)).detected is None


def test_calling_throttling_a_block_is_wrong_even_when_corrected() -> None:
    blocked = Heard(state=State.BLOCKED, method=Method.TLS)
    assert judge(EXPECTED, moments(OK, blocked, BY_NAME)).wrong == ("blocked tls in round 0",)


def test_accusing_in_the_calm_is_wrong() -> None:
    judged = judge(EXPECTED, moments(BY_NAME, BY_NAME))
    assert "throttled name severe before anything happened" in judged.wrong


def test_a_calm_that_was_never_well_is_no_baseline() -> None:
    judged = judge(EXPECTED, moments(Heard(state=State.UNKNOWN), BY_NAME))
    assert judged.wrong == ("unknown, never ok before anything happened",)


def test_not_recovering_is_wrong_and_so_is_recovering_late() -> None:
    assert judge(EXPECTED, moments(OK, BY_NAME, after=(BY_NAME, BY_NAME))).wrong
    assert judge(EXPECTED, moments(OK, BY_NAME, after=(BY_NAME, BY_NAME, BY_NAME, OK))).wrong


def test_accusing_the_innocent_once_is_wrong() -> None:
    assert judge(INNOCENT, moments(OK, OK, OK)).wrong == ()
    assert judge(INNOCENT, moments(OK, OK, BY_NAME, OK)).wrong == (
        "throttled name severe in round 1",
    )


def test_a_reason_is_part_of_what_is_right() -> None:
    refused = Expectation(
        said=(Said(state=State.UNKNOWN, reasons=("refused",)),),
        within_rounds=2,
        recovers_within_rounds=None,
    )
    assert judge(refused, moments(OK, Heard(state=State.UNKNOWN, reason="refused"))).wrong == ()
    assert judge(refused, moments(OK, Heard(state=State.UNKNOWN, reason="suspected"))).wrong


EXPOSITION = """\
throttlewatch_verdict_state{vantage="home",platform="x",state="ok"} 0.0
throttlewatch_verdict_state{vantage="home",platform="x",state="throttled"} 1.0
throttlewatch_verdict_info{vantage="home",platform="x",rule_id="throttled.name",reason=""} 1.0
throttlewatch_verdict_detail_info{vantage="home",platform="x",trigger="name",phase="both"} 1.0
throttlewatch_verdict_slowdown_ratio{vantage="home",platform="x"} 12.5
throttlewatch_round_running{vantage="home",platform="x"} 1.0
throttlewatch_rounds_total{vantage="home",platform="x",kind="light",result="ok"} 5.0
throttlewatch_rounds_total{vantage="home",platform="x",kind="transfer",result="ok"} 2.0
throttlewatch_rounds_total{vantage="home",platform="x",kind="transfer",result="failed"} 1.0
throttlewatch_rounds_total{vantage="home",platform="x",kind="long",result="ok"} 1.0
throttlewatch_rounds_total{vantage="home",platform="x",kind="burst",result="ok"} 4.0
throttlewatch_rounds_total{vantage="home",platform="y",kind="burst",result="ok"} 4.0
"""


def test_metrics_are_read_as_they_are() -> None:
    assert heard(EXPOSITION) == {
        Key("home", "x"): Heard(
            state=State.THROTTLED,
            rounds=4,
            bursts=4,
            running=True,
            rule_id="throttled.name",
            trigger="name",
            phase="both",
            slowdown=12.5,
        )
    }


OVER_QUIC = """\
throttlewatch_transport_info{vantage="home",platform="x",transport="quic",country="TR",\
state="blocked",reason="",basis="name",method="quic",trigger="name"} 1.0
throttlewatch_transport_slowdown_ratio{vantage="home",platform="x",transport="quic"} 3.5
"""


def test_what_is_said_over_quic_is_heard_beside_what_is_said_over_tcp() -> None:
    found = heard(EXPOSITION + OVER_QUIC)
    of_tcp, of_quic = found[Key("home", "x")], found[Key("home", "x", Over.QUIC)]
    assert of_tcp.state is State.THROTTLED
    assert of_quic == Heard(
        state=State.BLOCKED,
        rounds=of_tcp.rounds,
        bursts=of_tcp.bursts,
        running=of_tcp.running,
        method="quic",
        trigger="name",
        slowdown=3.5,
    )


def test_the_trigger_of_a_block_over_quic_is_part_of_what_is_right() -> None:
    expected = Expectation(
        said=(Said(state=State.BLOCKED, by=(Trigger.NAME,)),),
        within_rounds=2,
        over=Over.QUIC,
        recovers_within_rounds=None,
    )
    named = Heard(state=State.BLOCKED, method="quic", trigger="name")
    assert judge(expected, moments(OK, named)).wrong == ()
    assert judge(expected, moments(OK, structs.replace(named, trigger="address"))).wrong


@pytest.mark.parametrize(
    ("key", "text"),
    [(Key("home", "x"), "home/x"), (Key("abroad", "x", Over.QUIC), "abroad/x/quic")],
)
def test_a_key_is_read_as_it_was_written(key: Key, text: str) -> None:
    assert key.text() == text
    assert Key.of_text(text) == key
