"""What is so over another transport than TCP, wherever a verdict is told."""

from __future__ import annotations

import io

from msgspec.structs import replace
from rich.console import Console

from probe.model.basis import Basis
from probe.model.burst import Burst
from probe.model.identity import Compares, RoundKind
from probe.model.observation import QuicInfo, RoundObservation
from probe.model.stored import StoredRound
from probe.model.verdict import Method, State, TransportFinding, Trigger, Verdict
from probe.outlets.events import RoundJudged
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import Registry
from probe.publish.terminal.explanation import explain
from probe.verdict.remembered.memory import Memory
from probe.verdict.replay import outline
from probe.verdict.transports import joined
from synth.shape import NOW, config, full_round, verdict_of

BLOCKED = TransportFinding(
    transport="quic",
    state=State.BLOCKED,
    rule_id="blocked.tls",
    sentence="X over QUIC: it cannot be reached from this line.",
    at=NOW,
    since=NOW - 300.0,
    provisional=False,
    basis=Basis.SWAP,
    method=Method.QUIC,
    trigger=Trigger.NAME,
    e_value=30_000.0,
    holds_seconds=1_500.0,
)


def over_both(at: float = NOW) -> tuple[RoundObservation, Verdict]:
    """A round with legs over both, and what is said of it."""
    observed = replace(full_round(config(), "x"), started_at=at)
    over = tuple(
        replace(leg, leg=replace(leg.leg, prober="quic"), quic=QuicInfo(bytes_received=5_000))
        for leg in observed.legs
    )
    observed = replace(observed, beside=over)
    return observed, joined(verdict_of(observed), [replace(BLOCKED, at=at)])


def series(board: Board, name: str) -> list[dict[str, str]]:
    found = Registry("1").collector(board.snapshot()).collect()
    return [
        {**sample.labels, "value": f"{sample.value:.12g}"}
        for metric in found
        for sample in metric.samples
        if sample.name == f"throttlewatch_{name}"
    ]


def burst_over_quic(observed: RoundObservation) -> RoundObservation:
    plan = Burst(target="script", compares=Compares.HANDSHAKE, read_bytes=0, over="quic")
    return replace(observed, kind=RoundKind.BURST, legs=(), burst=plan)


def test_the_metrics_have_it_beside_tcps() -> None:
    observed, verdict = over_both()
    board = Board(config(), wall=lambda: NOW)
    board.round_finished(observed, verdict)
    (info,) = series(board, "transport_info")
    assert info == {
        "vantage": "default", "platform": "x", "transport": "quic", "state": "blocked",
        "country": "ZZ", "access": "fixed", "role": "inside",
        "basis": "swap", "method": "quic", "trigger": "name", "direction": "down",
        "value": "1",
    }  # fmt: skip
    (since,) = series(board, "transport_since_timestamp_seconds")
    assert float(since["value"]) == NOW - 300.0
    (looked,) = series(board, "transport_timestamp_seconds")
    assert float(looked["value"]) == NOW
    (evidence,) = series(board, "transport_evidence_log10")
    assert 4.4 < float(evidence["value"]) < 4.5
    states = {
        s["state"]: s["value"] for s in series(board, "verdict_state") if s["platform"] == "x"
    }
    assert states == {"ok": "1"}


def test_the_metrics_forget_it_when_it_holds_no_longer() -> None:
    observed, verdict = over_both()
    old = replace(verdict, over=(replace(BLOCKED, at=NOW - 2_000.0),))
    board = Board(config(), wall=lambda: NOW)
    board.round_finished(observed, old)
    assert series(board, "transport_info") == []


def test_a_burst_over_quic_leaves_what_is_known_of_tcps_controls() -> None:
    observed, verdict = over_both()
    verdict = replace(verdict, state=State.THROTTLED)
    board = Board(config(), wall=lambda: NOW)
    board.round_finished(observed, verdict)
    before = series(board, "verdict_control_info")
    board.round_finished(burst_over_quic(observed), verdict)
    assert series(board, "verdict_control_info") == before != []
    kinds = {(s["kind"], s["result"]) for s in series(board, "rounds_total")}
    assert ("burst", "ok") in kinds


def test_bytes_over_quic_are_counted() -> None:
    observed, verdict = over_both()
    sizes = []
    for one in (replace(observed, beside=()), observed):
        board = Board(config(), wall=lambda: NOW)
        board.round_finished(one, verdict)
        sizes.append(sum(float(s["value"]) for s in series(board, "wire_bytes_total")))
    assert sizes[1] > 1.9 * sizes[0]


def test_explain_shows_its_square_and_its_evidence() -> None:
    observed, verdict = over_both()
    out = io.StringIO()
    rounds = [
        StoredRound(observed=observed, verdict=verdict),
        StoredRound(observed=burst_over_quic(observed), verdict=verdict),
    ]
    explain(Console(file=out, width=160), rounds)
    told = out.getvalue()
    assert "over quic" in told
    assert "over quic: blocked, rule blocked.tls, evidence of its own test 30,000" in told
    assert "burst of script" in told
    assert "0 legs" not in told


def test_the_log_says_when_it_begins_and_ends() -> None:
    observed, verdict = over_both()
    calm = replace(verdict, over=(replace(BLOCKED, state=State.OK, provisional=False),))

    def changed(before: Verdict | None, now: Verdict) -> bool:
        event = RoundJudged(observed=observed, verdict=now, before=before, memory=Memory())
        return event.changed

    assert changed(calm, verdict)
    assert changed(verdict, calm)
    assert not changed(verdict, verdict)
    assert not changed(calm, replace(calm, over=()))


def test_replay_compares_it_as_well() -> None:
    _, verdict = over_both()
    assert outline(verdict) != outline(replace(verdict, over=()))
