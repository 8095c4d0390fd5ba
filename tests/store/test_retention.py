"""Calm times are thinned, incidents stay, and what must be forwarded is not lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from probe.config.schema import StoreConfig
from probe.config.values import Bytes
from probe.model.curtain import Curtain, CurtainKind
from probe.model.stored import StoredRound
from probe.model.verdict import LookingBack, State, TransportFinding
from probe.store.database import open_writer
from probe.store.history import History
from probe.store.retention import prune, used_bytes
from probe.store.samples import Samples
from probe.store.writer import Store
from tests.store.rounds import START, stored
from tests.store.test_writer import a_store, keep, wait_for

DAY = 86_400.0
# Two days, a round every five minutes; the platform is blocked for an hour in the middle.
BLOCKED = range(288, 300)
ROUNDS = [stored(n, state=State.BLOCKED if n in BLOCKED else State.OK) for n in range(576)]
MARGIN_ROUNDS = 36


def filled(path: Path, rounds: list[StoredRound]) -> sqlite3.Connection:
    store = a_store(path)
    keep(store, *rounds)
    assert store.close(30)
    return open_writer(path)


def after(
    path: Path, connection: sqlite3.Connection, now: float, **config: object
) -> list[StoredRound]:
    prune(
        connection,
        StoreConfig(**config),  # type: ignore[arg-type]
        now=now,
        forwarded=0,
        keep_samples_seconds=DAY,
    )
    connection.close()
    with History(path) as history:
        return list(history.rounds())


def test_nothing_is_forgotten_while_it_is_young(tmp_path: Path) -> None:
    path = tmp_path / "h"
    assert after(path, filled(path, ROUNDS), START + 20 * DAY) == ROUNDS


def test_calm_times_are_thinned_to_one_an_hour_and_evidence_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "h"
    left = after(path, filled(path, ROUNDS), START + 40 * DAY)
    evidence = ROUNDS[BLOCKED[0] - MARGIN_ROUNDS + 1 : BLOCKED[-1] + MARGIN_ROUNDS]
    assert [r for r in left if r in evidence] == evidence
    calm = [r for r in left if r not in evidence]
    hours = [int(r.observed.started_at // 3_600) for r in calm]
    assert 35 <= len(calm) <= 45
    assert len(set(hours)) >= len(hours) - 4


def test_a_later_pass_looks_only_at_what_became_old_and_leaves_the_same(tmp_path: Path) -> None:
    path = tmp_path / "h"
    at_once = after(path, filled(path, ROUNDS), START + 40 * DAY)
    path, config = tmp_path / "again", StoreConfig()
    connection = filled(path, ROUNDS)
    cut = START - DAY
    while cut < START + 3 * DAY:
        # Not by whole hours: a pass ends within one.
        until, cut = cut, cut + 5_000.0
        prune(
            connection,
            config,
            now=cut + float(config.full_detail),
            forwarded=0,
            keep_samples_seconds=DAY,
            thinned_until=until,
        )
    connection.close()
    with History(path) as history:
        left = list(history.rounds())
    assert [r for r in left if r.observed.kind == "light"] == [
        r for r in at_once if r.observed.kind == "light"
    ]


def test_evidence_outlives_calm_times(tmp_path: Path) -> None:
    path = tmp_path / "h"
    left = after(path, filled(path, ROUNDS), START + 500 * DAY)
    assert {r.verdict.state for r in left} == {State.OK, State.BLOCKED}
    assert len(left) < 100
    assert after(path, open_writer(path), START + 3_000 * DAY) == []


def test_a_cap_on_size_takes_calm_rounds_first(tmp_path: Path) -> None:
    path = tmp_path / "h"
    connection = filled(path, ROUNDS)
    cap = used_bytes(connection) // 2
    left = after(path, connection, START + 10 * DAY, max_size=Bytes(cap))
    assert [r for r in left if r.verdict.state is State.BLOCKED] == [ROUNDS[n] for n in BLOCKED]
    assert path.stat().st_size <= 1.1 * cap


SINCE = START + 300.0 * BLOCKED[0]
QUIC = TransportFinding(
    transport="quic",
    state=State.BLOCKED,
    rule_id="silent",
    sentence="Over QUIC nobody answers.",
    at=SINCE,
    since=SINCE,
)
CURTAIN = Curtain(operator="ovh", kind=CurtainKind.FROZEN, since=SINCE, sites=4, others=5)
BACK = LookingBack(
    target="object", since=START, until=SINCE, times=9.0, before=1.0, after=1.0, others=1.0
)


@pytest.mark.parametrize(
    ("beside", "evidence"),
    [
        ({"over": (QUIC,)}, True),
        ({"over": (replace(QUIC, state=State.IMPAIRED),)}, True),
        ({"curtains": (CURTAIN,)}, True),
        ({"back": BACK}, True),
        # A network that carries no QUIC at all is so for months, and a line that is slow, too.
        ({"over": (replace(QUIC, state=State.OFFLINE),)}, False),
        ({"over": (replace(QUIC, state=State.DEGRADED),)}, False),
        ({"over": (replace(QUIC, state=State.OK),)}, False),
        ({}, False),
    ],
)
def test_what_is_wrong_beside_the_state_is_evidence_too(
    beside: dict[str, Any], evidence: bool, tmp_path: Path
) -> None:
    """TCP is well all the time; for an hour something else is not."""
    path = tmp_path / "h"
    rounds = [stored(n) for n in range(576)]
    for n in BLOCKED:
        rounds[n] = replace(rounds[n], verdict=replace(rounds[n].verdict, **beside))
    kept = rounds[BLOCKED[0] - MARGIN_ROUNDS + 1 : BLOCKED[-1] + MARGIN_ROUNDS]
    left = after(path, filled(path, rounds), START + 40 * DAY)
    assert ([r for r in left if r in kept] == kept) is evidence
    assert 35 <= len([r for r in left if r not in kept]) <= 45
    left = after(path, open_writer(path), START + 500 * DAY)
    assert bool(left) is evidence


def test_samples_stay_until_they_were_forwarded(tmp_path: Path) -> None:
    path = tmp_path / "h"
    store: Store = a_store(path)
    begun = int(START) // 60 * 60
    name = (("__name__", "a"),)
    for n in range(150):
        store.sample(begun + 60 * n, {name: float(n)})
    wait_for(lambda: store.health().queued == 0)
    store.close(30)
    connection = open_writer(path)
    prune(connection, StoreConfig(), now=START, forwarded=100, keep_samples_seconds=DAY)
    connection.close()
    samples = Samples(path)
    left = samples.frames(99, 1_000)
    assert [dict(f.values) for f in left] == [{name: float(n)} for n in range(99, 150)]
    assert samples.frame(30) is None
    samples.close()


def test_samples_that_cannot_be_sent_do_not_push_evidence_out(tmp_path: Path) -> None:
    path, size = tmp_path / "h", 1_048_576
    store = a_store(path)
    rounds = ROUNDS[BLOCKED.start : BLOCKED.stop]
    keep(store, *rounds)
    begun = int(START) // 60 * 60
    noise = Random(1)
    names = [(("__name__", "a"), ("n", str(n))) for n in range(1_500)]
    for n in range(200):
        store.sample(begun + 60 * n, {name: noise.random() for name in names})
    wait_for(lambda: store.health().queued == 0)
    assert store.close(30)
    connection = open_writer(path)
    assert used_bytes(connection) > size
    now = START + 3 * DAY
    prune(
        connection,
        StoreConfig(max_size=Bytes(size)),
        now=now,
        forwarded=0,
        keep_samples_seconds=30 * DAY,
    )
    assert used_bytes(connection) < size
    ((newest, some),) = connection.execute("SELECT max(seq), count(*) FROM samples").fetchall()
    connection.close()
    with History(path) as history:
        assert list(history.rounds()) == rounds
    assert newest == 200
    assert 0 < some < 200
