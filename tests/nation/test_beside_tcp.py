"""What many networks see over QUIC: a finding of its own, to which nothing over TCP is added."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.model.finding import Finding, FindingKind, Incident, Scope
from probe.model.identity import Role, Vantage
from probe.model.verdict import (
    HOME_RESOLVER,
    Method,
    State,
    TransportFinding,
    Verdict,
)
from probe.model.vouch import Vouch
from probe.nation.fuse import fuse, worst
from probe.nation.fusion_memory import FusionMemory
from probe.nation.local import Local, sight_of
from probe.store.history import History
from probe.verdict.transports import SILENT_FOR_ALL
from tests.nation.fleet import ABROAD, BEGIN, fleet
from tests.nation.histories import OPERATORS, history
from tests.nation.histories import History as Played
from tests.store.test_writer import a_store

QUIC = "quic"
OK, BLOCKED, THROTTLED, IMPAIRED = State.OK, State.BLOCKED, State.THROTTLED, State.IMPAIRED
STEPS = 17
# What a vantage says over TCP, and of QUIC (``None``: it does not measure it).
Said = tuple[State, TransportFinding | None]


def over_quic(
    state: State = BLOCKED,
    *,
    reason: str = "",
    method: Method | None = Method.QUIC,
    target: str = "object",
    measure: str = "handshake",
    holds_seconds: float = 900.0,
) -> TransportFinding:
    return TransportFinding(
        transport=QUIC,
        state=state,
        rule_id="some.rule",
        sentence="",
        at=BEGIN,
        since=BEGIN - 60.0,
        reason=reason,
        method=None if state is OK else method,
        target=target if state is IMPAIRED else "",
        measure=measure if state is IMPAIRED else "",
        holds_seconds=holds_seconds,
    )


def verdict(of: Vantage, at: float, said: Said) -> Verdict:
    state, quic = said
    if quic is not None:
        # Whoever is abroad shakes hands with its object in every minute, and reads nothing.
        outside = of.role is Role.REFERENCE and quic.state is OK
        vouches = (Vouch(target="object", at=at),) if outside else ()
        quic = replace(quic, at=at, vouches=vouches)
    return Verdict(
        vantage=of.name,
        platform="x",
        state=state,
        rule_id="some.rule",
        sentence="",
        at=at,
        since=BEGIN - 60.0,
        over=() if quic is None else (quic,),
    )


class Fleet:
    """Six networks of one home line each, and one vantage abroad, for ``STEPS`` minutes."""

    def __init__(self, inside: list[Said], abroad: Said | None = None) -> None:
        said = dict(zip(fleet(len(inside)), inside, strict=True))
        said[ABROAD] = (OK, over_quic(OK)) if abroad is None else abroad
        self.local = Local(NationConfig(), {"x": "X"})
        self.changed: list[Incident] = []
        for minute in range(STEPS):
            at = BEGIN + 60.0 * minute
            verdicts = {(one.name, "x"): verdict(one, at, what) for one, what in said.items()}
            sight = sight_of(at, said, verdicts, dict.fromkeys(verdicts, ("debian", "kernel")))
            self.findings, changed = self.local.step(sight)
            self.changed += changed

    def of(self, transport: str, kind: FindingKind = FindingKind.RESTRICTED) -> Finding:
        (one,) = (f for f in self.findings if (f.transport, f.kind) == (transport, kind))
        return one


# TCP in six networks, QUIC in them, and what is to be said of each, with its words.
EACH: dict[str, tuple[State, State, Scope, Scope, str]] = {
    "both well": (OK, OK, Scope.NONE, Scope.NONE, "X over QUIC is throttled or blocked in 0 of"),
    "QUIC blocked": (
        OK,
        BLOCKED,
        Scope.NONE,
        Scope.NATION,
        "PK: X over QUIC is throttled or blocked nation-wide, 6 of 6 networks (100% of their "
        "weight), since 2024-01-20 11:59 UTC; over TCP, to which browsers and apps fall back, it "
        "is throttled or blocked in 0 of 6 networks.",
    ),
    "QUIC throttled": (OK, THROTTLED, Scope.NONE, Scope.NATION, "fall back, it is"),
    "TCP blocked, QUIC spared": (BLOCKED, OK, Scope.NATION, Scope.NONE, "X over QUIC is"),
    "both": (
        THROTTLED,
        BLOCKED,
        Scope.NATION,
        Scope.NATION,
        "; over TCP it is throttled or blocked in 6 of 6 networks.",
    ),
    "QUIC blocked, TCP unknown": (
        State.UNKNOWN,
        BLOCKED,
        Scope.INSUFFICIENT,
        Scope.NATION,
        "; over TCP no network says whether it is so.",
    ),
}


@pytest.mark.parametrize("name", EACH)
def test_each_transport_has_its_own_scope(name: str) -> None:
    tcp, quic, tcp_scope, quic_scope, words = EACH[name]
    seen = Fleet([(tcp, over_quic(quic))] * 6)
    assert seen.of("").scope is tcp_scope
    assert seen.of(QUIC).scope is quic_scope
    assert words in seen.of(QUIC).sentence
    assert "QUIC" not in seen.of("").sentence
    assert not seen.of(QUIC).systematic
    affected = {"", QUIC} & {t for t, s in (("", tcp_scope), (QUIC, quic_scope)) if s == "nation"}
    assert {one.transport for one in seen.local.open_incidents} == affected
    assert len({one.id for one in seen.local.open_incidents}) == len(affected)


# What is found over QUIC on a line, and whether it stands for its network.
VOTES: dict[str, tuple[TransportFinding, bool]] = {
    "dropped by name": (over_quic(), True),
    "throttled": (over_quic(THROTTLED), True),
    "what may be a filter at home": (over_quic(reason=HOME_RESOLVER), False),
    "a name that leads elsewhere, for all transports": (over_quic(method=Method.DNS), False),
    "no site answers over it": (over_quic(State.OFFLINE, reason=SILENT_FOR_ALL), False),
    "all sites are slow over it": (over_quic(State.DEGRADED), False),
    "under test": (over_quic(State.UNKNOWN, reason="suspected"), False),
    "well": (over_quic(OK), False),
    "no longer fresh": (over_quic(holds_seconds=-1.0), False),
}


@pytest.mark.parametrize("name", VOTES)
def test_what_stands_for_a_network(name: str) -> None:
    one, votes = VOTES[name]
    seen = Fleet([(OK, one)] * 6)
    said = [f for f in seen.findings if f.transport]
    affected = {asn for f in said for asn in f.affected_asns}
    assert bool(affected) is votes
    assert not any(i.transport for i in seen.local.open_incidents) or votes
    # The value says the same of itself, but for its age.
    assert one.votes is (votes or name == "no longer fresh")


def test_lines_that_carry_no_quic_are_no_finding_about_lines() -> None:
    seen = Fleet([(OK, over_quic(State.OFFLINE, reason=SILENT_FOR_ALL))] * 6)
    assert {f.kind for f in seen.findings if f.transport} == {
        FindingKind.RESTRICTED,
        FindingKind.IMPAIRED,
    }
    assert seen.of(QUIC).scope is Scope.INSUFFICIENT
    assert seen.of("", FindingKind.OFFLINE).scope is Scope.NONE


def test_impaired_over_quic_counts_while_it_is_fine_abroad_over_quic() -> None:
    """TCP abroad is no witness of QUIC."""
    inside: list[Said] = [(OK, over_quic(IMPAIRED))] * 6
    assert Fleet(inside).of(QUIC).scope is Scope.NATION
    elsewhere: list[Said] = [
        (OK, over_quic(IMPAIRED, measure="transfer")),  # nobody reads abroad
        (OK, over_quic(IMPAIRED, target="page")),  # nobody looks at that abroad
        (OK, over_quic(IMPAIRED, target="", measure="")),
    ]
    for one in elsewhere:
        assert not Fleet([one] * 6).of(QUIC).affected_asns
    for abroad in (None, over_quic(State.UNKNOWN)):
        seen = Fleet(inside, (OK, abroad))
        assert not seen.of(QUIC).affected_asns
        assert seen.of(QUIC, FindingKind.IMPAIRED).scope is Scope.PARTIAL
        assert "it may be the platform's own outage" in seen.of(QUIC, FindingKind.IMPAIRED).sentence


def test_what_fails_abroad_over_quic_is_no_countrys_and_says_nothing_of_tcp() -> None:
    seen = Fleet([(BLOCKED, over_quic())] * 6, (OK, over_quic(State.DOWN)))
    assert seen.of(QUIC).scope is Scope.NONE
    assert "X over QUIC fails at the reference vantages abroad as well" in seen.of(QUIC).sentence
    assert seen.of("").scope is Scope.NATION


def test_who_does_not_measure_it_is_not_heard_of_it() -> None:
    seen = Fleet([(OK, over_quic())] * 2 + [(OK, None)] * 4)
    assert seen.of(QUIC).scope is Scope.INSUFFICIENT
    assert "judged in 2 networks, too few for a country" in seen.of(QUIC).sentence


def test_tcp_goes_first_where_both_reach_as_far() -> None:
    seen = Fleet([(BLOCKED, over_quic())] * 6)
    head = worst(reversed(seen.findings))
    assert head is not None
    assert head.transport == ""


def findings_of(played: Played) -> list[tuple[Finding, ...]]:
    memory, found = FusionMemory(), []
    for step in range(played.steps):
        memory, findings = fuse(memory, played.sight(step), NationConfig(), operators=OPERATORS)
        found.append(findings)
    return found


@pytest.mark.parametrize("seed", range(1, 31))
def test_nothing_crosses_over(seed: int) -> None:
    """Whatever is said over one transport, what is found over the other is the same to the letter;
    but that a finding over QUIC has TCP's numbers beside it."""
    both = history(seed)
    over_tcp = replace(both, posts=tuple(replace(post, beside=()) for post in both.posts))
    quiet = replace(
        both,
        posts=tuple(
            replace(
                post,
                told=tuple(
                    {p: replace(t, state=OK, since=0.0, reason="") for p, t in step.items()}
                    for step in post.told
                ),
            )
            for post in both.posts
        ),
    )
    whole = findings_of(both)
    tcp = [tuple(f for f in step if not f.transport) for step in whole]
    assert tcp == findings_of(over_tcp)

    def apart(steps: list[tuple[Finding, ...]]) -> list[list[Finding]]:
        return [
            [
                replace(f, sentence="", tcp_affected=None, tcp_covered=None)
                for f in step
                if f.transport
            ]
            for step in steps
        ]

    assert apart(whole) == apart(findings_of(quiet))


def test_both_of_a_step_are_kept(tmp_path: Path) -> None:
    seen = Fleet([(BLOCKED, over_quic())] * 6)
    store = a_store(tmp_path / "h")
    for finding in seen.findings:
        store.finding(finding)
    for incident in seen.changed:
        store.incident(incident)
    store.close(20)
    with History(tmp_path / "h") as kept:
        assert sorted(kept.findings(), key=str) == sorted(seen.findings, key=str)
        assert {i.transport for i in kept.incidents()} == {"", QUIC}
