"""What is told of verdicts and incidents, and what is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.finding import Ending, FindingKind, Incident, Reference, Scope
from probe.model.verdict import RESTRICTED, State, TransportFinding, Verdict
from probe.publish.notify.notices import (
    LastTold,
    Notice,
    Restriction,
    of_incident,
    of_restriction,
    restrictions,
)

T = 1_700_000_000.0


def said(state: State, at: float = T, since: float = T) -> Restriction:
    return Restriction(
        key="home/x/",
        name="X",
        place="",
        state=state,
        at=at,
        since=since,
        sentence=f"X: {state.value}.",
    )


def titles(*states: tuple[State, float]) -> list[str]:
    told: LastTold | None = None
    found = []
    for number, (state, since) in enumerate(states):
        told, notice = of_restriction(said(state, T + number, since), told)
        found += [] if notice is None else [notice.title]
    return found


def test_a_restriction_is_told_once_and_so_is_its_end() -> None:
    assert titles(
        (State.OK, T),
        (State.THROTTLED, T + 1),
        (State.THROTTLED, T + 1),
        (State.UNKNOWN, T + 3),
        (State.OFFLINE, T + 4),
        (State.THROTTLED, T + 1),
        (State.BLOCKED, T + 6),
        (State.OK, T + 7),
        (State.OK, T + 7),
    ) == ["X is being throttled on this line", "X is blocked on this line", "X is fine"]


def test_what_is_called_otherwise_from_the_same_onset_on_is_corrected() -> None:
    impaired = "X is slow or failing on this line (whether elsewhere too is not known)"
    assert titles((State.THROTTLED, T), (State.IMPAIRED, T))[1] == f"Corrected: {impaired}"
    # What began later is another matter: the first has ended.
    assert titles((State.THROTTLED, T), (State.IMPAIRED, T + 900))[1] == impaired


@given(st.lists(st.tuples(st.sampled_from(State), st.integers(0, 3)), max_size=30))
def test_beginnings_and_ends_take_turns(history: list[tuple[State, int]]) -> None:
    told: LastTold | None = None
    begun = False
    for number, (state, since) in enumerate(history):
        told, notice = of_restriction(said(state, T + number, T + since), told)
        if state in RESTRICTED:
            begun = True
            assert told is not None
            assert told.word == state.value
        elif notice is not None:
            assert begun, "an end of what was never told"
            begun = False
            assert told is None
        # The words are the verdict's, whatever came before.
        assert notice is None or notice.text == f"X: {state.value}."


def test_each_transport_is_told_by_itself_and_by_its_name() -> None:
    over = TransportFinding(
        transport="quic",
        state=State.BLOCKED,
        rule_id="r",
        sentence="Over QUIC: no answer.",
        at=T,
        since=T,
    )
    verdict = Verdict(
        vantage="home",
        platform="youtube",
        state=State.OK,
        rule_id="ok",
        sentence="Fine.",
        at=T,
        since=T,
        over=(over,),
    )
    tcp, quic = restrictions(verdict, "YouTube", {"quic": "over QUIC"}, "home")
    assert of_restriction(tcp, None) == (None, None)
    _, notice = of_restriction(quic, None)
    assert notice == Notice(
        at=T, title="YouTube over QUIC is blocked on this line (home)", text="Over QUIC: no answer."
    )


def incident(scope: Scope, **more: object) -> Incident:
    one = Incident(
        id="tr-x-restricted-1",
        country="TR",
        platform="x",
        kind=FindingKind.RESTRICTED,
        scope=scope,
        since=T,
        opened_at=T,
        updated_at=T + 60.0,
        severity=1.0,
        peak_share=0.5,
        networks=(1, 2),
        sentence="TR: X is throttled or blocked in 2 of 4 networks.",
    )
    return replace(one, **more)


def test_an_incident_is_told_when_it_is_in_several_networks_grows_and_ends() -> None:
    told, found = None, []
    for step in (
        incident(Scope.NETWORK),
        incident(Scope.PARTIAL),
        incident(Scope.PARTIAL, severity=2.0),
        incident(Scope.NATION),
        incident(Scope.NATION, reference=Reference.FINE, severity=9.0),
        incident(
            Scope.NATION, reference=Reference.FINE, closed_at=T + 900.0, ending=Ending.RECOVERED
        ),
    ):
        told, notice = of_incident(step, told, "X")
        found += [] if notice is None else [notice.title]
    assert found == [
        "X is throttled or blocked in several networks (TR)",
        # Nobody abroad finds it fine: no more is said than in the sentence.
        "What is seen of X is consistent with its being throttled or blocked nation-wide (TR)",
        "Ended: X was throttled or blocked nation-wide (TR)",
    ]
    assert told is None


def test_what_is_so_over_another_transport_is_not_said_of_the_platform() -> None:
    _, notice = of_incident(incident(Scope.PARTIAL, transport="quic"), None, "X")
    assert notice is not None
    assert notice.title == "X over QUIC is throttled or blocked in several networks (TR)"


def test_the_end_of_what_was_never_told_is_not_told() -> None:
    closed = incident(Scope.NATION, closed_at=T, ending=Ending.RECOVERED)
    assert of_incident(closed, None, "X") == (None, None)
    joined = incident(Scope.NATION, closed_at=T, ending=Ending.MERGED)
    assert of_incident(joined, LastTold(word="nation", since=T), "X") == (None, None)


def test_who_is_not_heard_any_more_has_not_recovered_and_a_drill_is_one() -> None:
    told = LastTold(word="partial", since=T)
    gone = incident(Scope.PARTIAL, closed_at=T, ending=Ending.NO_DATA, drill=True)
    _, notice = of_incident(gone, told, "X")
    assert notice is not None
    assert notice.title.startswith("Not heard of any more: Drill: X was throttled")
    silent = incident(Scope.NETWORK, kind=FindingKind.SILENT, platform="")
    _, notice = of_incident(silent, None, "")
    assert notice is not None
    assert notice.title == "Most vantages fell silent within minutes (TR)"
