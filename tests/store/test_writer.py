"""What is given to the writer is in the history, in this run and in the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.model.finding import Finding, FindingKind, Incident, Scope
from probe.model.stored import StoredRound
from probe.model.verdict import State, TransportFinding
from probe.store import heap
from probe.store.history import History, HistoryError
from probe.store.writer import HURRY_SECONDS, Store
from tests.again import SOON_SECONDS
from tests.store.rounds import START, stored

SLOW = Seconds(3_600.0)


def a_store(path: Path, *, batch: float = 0.0) -> Store:
    return Store.open(StoreConfig(path=str(path), batch=Seconds(batch)))


def keep(store: Store, *rounds: StoredRound) -> None:
    for one in rounds:
        store.round_finished(one.observed, one.verdict)


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON_SECONDS
    while not what():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_what_was_kept_comes_back_equal_and_in_order(tmp_path: Path) -> None:
    rounds = [stored(number) for number in range(600)]
    store = a_store(tmp_path / "h")
    keep(store, *rounds[300:], *rounds[:300])
    assert store.close(20)
    with History(tmp_path / "h") as history:
        assert list(history.rounds()) == rounds
        assert history.bounds() == (rounds[0].observed.started_at, rounds[-1].observed.started_at)


def test_a_part_of_the_history(tmp_path: Path) -> None:
    rounds = [
        stored(n, platform=("x", "facebook")[n % 2], vantage=("home", "far")[n // 2 % 2])
        for n in range(40)
    ]
    store = a_store(tmp_path / "h")
    keep(store, *rounds)
    store.close(20)
    since, until = rounds[10].observed.started_at, rounds[30].observed.started_at
    with History(tmp_path / "h") as history:
        found = list(history.rounds(since=since, until=until, platform="x", vantage="far"))
    assert found == [
        r for r in rounds[10:30] if r.observed.platform == "x" and r.observed.vantage == "far"
    ]


def test_the_history_opens_while_the_daemon_writes(tmp_path: Path) -> None:
    store = a_store(tmp_path / "h")
    keep(store, stored(0))
    wait_for(lambda: store.health().committed_rounds == 1)
    with History(tmp_path / "h") as history:
        assert len(list(history.rounds())) == 1
        keep(store, stored(1))
        wait_for(lambda: store.health().committed_rounds == 2)
        assert len(list(history.rounds())) == 2
    store.close(20)


def test_a_round_is_acknowledged_when_it_can_be_read(tmp_path: Path) -> None:
    told: list[tuple[str, ...]] = []
    seen: list[int] = []
    path = tmp_path / "h"

    def acknowledged(ids: tuple[str, ...]) -> None:
        with History(path) as history:
            seen.append(len(list(history.rounds())))
        told.append(ids)

    store = Store.open(StoreConfig(path=str(path), batch=SLOW), acknowledged=acknowledged)
    keep(store, *(stored(n) for n in range(3)))
    store.close(20)
    assert sorted(sum(told, ())) == [stored(n).observed.id for n in range(3)]
    assert seen[-1] == 3


def test_rounds_wait_for_their_batch_but_a_change_of_state_does_not(tmp_path: Path) -> None:
    store = a_store(tmp_path / "h", batch=3_600.0)
    keep(store, stored(0))
    wait_for(lambda: store.health().committed_rounds == 1)
    keep(store, *(stored(n) for n in range(1, 5)))
    time.sleep(0.2)
    assert store.health().committed_rounds == 1
    keep(store, stored(5, state=State.BLOCKED))
    wait_for(lambda: store.health().committed_rounds == 6)
    store.close(20)


def beside(round_: StoredRound) -> StoredRound:
    """The same, and its platform is blocked over QUIC."""
    finding = TransportFinding(
        transport="quic", state=State.BLOCKED, rule_id="r", sentence="S.", at=START, since=START
    )
    return replace(round_, verdict=replace(round_.verdict, over=(finding,)))


@pytest.mark.parametrize(
    "made",
    [partial(stored, state=State.BLOCKED), lambda *a, **named: beside(stored(*a, **named))],
    ids=["state", "beside"],
)
def test_what_is_not_calm_waits_no_longer_than_a_minute(
    made: Callable[..., StoredRound], tmp_path: Path
) -> None:
    clock = [0.0]
    store = Store(
        tmp_path / "h", StoreConfig(batch=SLOW), monotonic=lambda: clock[0], wall=lambda: START
    )
    store.start()
    keep(store, stored(0), made(1, platform="facebook"))
    wait_for(lambda: store.health().committed_rounds == 2)
    keep(store, stored(2))
    wait_for(lambda: store.health().queued == 1)
    clock[0] += HURRY_SECONDS
    # Nothing is due yet: this round is calm too.
    keep(store, stored(3))
    wait_for(lambda: store.health().queued == 2)
    assert store.health().committed_rounds == 2
    keep(store, made(4, at=START + 600.0, platform="facebook"))
    wait_for(lambda: store._due == clock[0] + HURRY_SECONDS)
    clock[0] += HURRY_SECONDS
    store.save("any", b"wakes the writer")
    wait_for(lambda: store.health().committed_rounds == 5)
    store.close(20)


def test_small_state_outlives_the_run(tmp_path: Path) -> None:
    store = a_store(tmp_path / "h", batch=3_600.0)
    assert store.load("engine") is None
    store.save("engine", b"one")
    store.save("engine", b"two")
    store.save("other", b"")
    assert store.load("engine") == b"two"
    store.close(20)
    again = a_store(tmp_path / "h")
    assert (again.load("engine"), again.load("other")) == (b"two", b"")
    again.close(20)


def test_spans_hold_while_the_verdict_does(tmp_path: Path) -> None:
    ok = [stored(n) for n in range(3)]
    blocked = [stored(n, state=State.BLOCKED) for n in range(3, 5)]
    store = a_store(tmp_path / "h")
    keep(store, *ok, *blocked)
    store.close(20)
    store = a_store(tmp_path / "h")
    keep(store, stored(5, state=State.BLOCKED), stored(500, state=State.BLOCKED))
    store.close(20)
    with History(tmp_path / "h") as history:
        spans = list(history.verdict_spans())
        later = list(history.verdict_spans(since=blocked[0].observed.started_at))
    assert [(s.state, s.rounds, s.started_at) for s in spans] == [
        (State.OK, 3, START),
        (State.BLOCKED, 3, START + 900.0),
        (State.BLOCKED, 1, START + 150_000.0),
    ]
    assert spans[1].first == blocked[0].verdict
    assert spans[0].last == ok[-1].verdict
    assert later == spans[1:]


def test_each_commit_gives_back_what_its_rounds_have_freed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[None] = []
    monkeypatch.setattr(heap, "give_back", lambda: given.append(None))
    store = a_store(tmp_path / "h", batch=float(SLOW))
    keep(store, stored(0))
    # It ends with a commit, and looks for nothing to forget.
    store.close(SOON_SECONDS)
    assert store.health().committed_rounds == 1
    assert given


@pytest.mark.parametrize(("holds", "spans"), [(3_500.0, 2), (3_700.0, 1)])
def test_a_span_goes_on_for_as_long_as_its_last_verdict_holds(
    tmp_path: Path, holds: float, spans: int
) -> None:
    """At a slow pace rounds are further apart, and there is no gap between them."""
    slow = [stored(n, at=START + 3_600.0 * n) for n in range(2)]
    store = a_store(tmp_path / "h")
    for one in slow:
        store.round_finished(one.observed, replace(one.verdict, holds_seconds=holds))
    store.close(20)
    with History(tmp_path / "h") as history:
        assert len(list(history.verdict_spans())) == spans


def test_findings_and_incidents(tmp_path: Path) -> None:
    finding = Finding(
        at=START,
        country="TR",
        platform="x",
        kind=FindingKind.RESTRICTED,
        scope=Scope.NATION,
        sentence="X is throttled.",
    )
    incident = Incident(
        id="TR-x",
        country="TR",
        platform="x",
        kind=FindingKind.RESTRICTED,
        scope=Scope.NATION,
        since=START,
        opened_at=START + 600,
        updated_at=START + 600,
        severity=1.0,
        peak_share=1.0,
        networks=(1, 2, 3),
        sentence="X is throttled.",
    )
    longer = replace(incident, updated_at=START + 1_200, severity=9.0)
    store = a_store(tmp_path / "h")
    store.finding(finding)
    store.finding(replace(finding, at=START + 60, platform="facebook"))
    store.incident(incident)
    store.incident(longer)
    store.close(20)
    with History(tmp_path / "h") as history:
        assert list(history.findings(platform="x")) == [finding]
        assert len(list(history.findings(since=START, country="TR"))) == 2
        assert list(history.incidents(since=START + 900)) == [longer]
        assert list(history.incidents(until=START)) == []


def test_without_a_path_everything_is_only_in_memory(tmp_path: Path) -> None:
    store = Store.open(StoreConfig(path=None))
    keep(store, stored(0))
    store.save("engine", b"one")
    assert store.load("engine") == b"one"
    assert not store.health().on
    assert store.close()
    with pytest.raises(HistoryError, match=r"store\.path: null"):
        History.open(StoreConfig(path=None))


def test_nobody_waits_for_the_disk(tmp_path: Path) -> None:
    # A disk that hangs: the lock of the writer's thread is all that a round must never wait for.
    store = a_store(tmp_path / "h")
    hang = threading.Event()
    keeper = store._keeper
    assert keeper is not None
    keeper.commit = lambda *_: hang.wait(20.0)  # type: ignore[method-assign]
    keep(store, stored(0))
    began = time.monotonic()
    for number in range(100):
        keep(store, stored(number))
        store.save("engine", str(number).encode())
        store.health()
    assert not hang.is_set()
    assert time.monotonic() - began < 10.0
    hang.set()
    store.close(20)


def test_no_history_yet_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="nothing was measured yet"):
        History(tmp_path / "none")
