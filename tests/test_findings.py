"""A daemon with several vantages: its findings are published, kept, and taken up again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
from msgspec import json
from msgspec.structs import replace

from probe.app import Daemon
from probe.config.schema import Config, NationConfig, ScheduleConfig, Settings, VantageConfig
from probe.config.values import Seconds
from probe.model.finding import Ending, Finding, FindingKind, Incident, Scope
from probe.model.identity import Role
from probe.model.verdict import State
from probe.nation.incidents import severity_of
from probe.publish.metrics.exposition import rows
from probe.store.history import History
from probe.store.writer import Store
from synth.shape import NOW, config, full_round, verdict_of
from tests.again import SOON_SECONDS

PLACES = ("a", "b", "c", "d", "abroad")


def of(light: float = 300.0) -> Config:
    vantages = tuple(
        VantageConfig(
            name=name,
            country="DE" if name == "abroad" else "PK",
            asn=64_500 + index,
            role=Role.REFERENCE if name == "abroad" else Role.INSIDE,
        )
        for index, name in enumerate(PLACES)
    )
    settings = Settings(
        vantages=vantages,
        platforms=("x",),
        schedule=ScheduleConfig(light=Seconds(light)),
        nation=NationConfig(hold=Seconds(120.0), close=Seconds(120.0)),
    )
    whole = config(settings=settings)
    return replace(whole, platforms=whole.platforms[:1])


def measured(daemon: Daemon, config: Config, state: State) -> None:
    """Every vantage has made a round; those inside say ``state``."""
    for name in PLACES:
        observed = full_round(config, "x", vantage=name)
        said = verdict_of(observed, State.OK if name == "abroad" else state)
        daemon._board.round_finished(observed, said)


def minutes(daemon: Daemon, first: int, last: int) -> None:
    for minute in range(first, last):
        daemon._nation.find(NOW + 60.0 * minute, daemon._board.snapshot())


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    made = of()
    daemon = Daemon(made, lambda: made)
    yield daemon
    daemon._store.close(10.0)


def restricted(daemon: Daemon) -> Finding:
    found = daemon._board.snapshot().findings
    return next(f for f in found if f.kind is FindingKind.RESTRICTED)


def kept(daemon: Daemon) -> tuple[list[Finding], list[Incident]]:
    """What the history has, once everything was written."""
    daemon._store.close(10.0)
    assert daemon._store.path is not None
    with History(daemon._store.path) as history:
        findings = [f for f in history.findings() if f.kind is FindingKind.RESTRICTED]
        return findings, list(history.incidents())


def test_an_event_is_published_and_kept(daemon: Daemon) -> None:
    measured(daemon, daemon._config, State.THROTTLED)
    minutes(daemon, 0, 4)
    assert restricted(daemon).scope is Scope.NATION
    assert "nation-wide" in restricted(daemon).sentence
    published = {
        spec.name: value
        for spec, labels, value in rows(daemon._board.snapshot(), "1")
        if spec.name.startswith("throttlewatch_nation") and labels.get("kind", "") != "degraded"
    }
    assert published["throttlewatch_nation_incident_severity"] == 4 * 1.0
    measured(daemon, daemon._config, State.OK)
    minutes(daemon, 4, 7)
    assert restricted(daemon).scope is Scope.NONE
    findings, incidents = kept(daemon)
    assert [(f.at, f.scope) for f in findings] == [
        (NOW, Scope.PARTIAL),
        (NOW + 120.0, Scope.NATION),
        (NOW + 240.0, Scope.NONE),
    ]
    (incident,) = incidents
    assert (incident.scope, incident.ending) == (Scope.NATION, Ending.RECOVERED)
    assert incident.networks == (64_500, 64_501, 64_502, 64_503)


def test_an_open_incident_outlives_a_restart(daemon: Daemon) -> None:
    measured(daemon, daemon._config, State.BLOCKED)
    minutes(daemon, 0, 3)
    ((before,), closed) = (daemon._nation.local.open_incidents, kept(daemon)[1])
    assert [incident.id for incident in closed] == [before.id]
    again = Daemon(daemon._config, lambda: daemon._config)
    assert again._nation.local.open_incidents == (before,)
    measured(again, again._config, State.OK)
    minutes(again, 5, 9)
    (after,) = kept(again)[1]
    assert (after.id, after.ending) == (before.id, Ending.RECOVERED)
    assert after.severity == before.severity


def test_what_was_opened_before_the_history_could_be_read_joins_what_was_open(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(daemon, daemon._config, State.BLOCKED)
    minutes(daemon, 0, 3)
    (before,) = daemon._nation.local.open_incidents
    earlier = daemon._nation.local.open_incidents
    kept(daemon)
    # The next one finds the disk in trouble, and what an earlier run had open only a minute later.
    monkeypatch.setattr(Store, "load", lambda *_: None)
    monkeypatch.setattr(Store, "take", lambda *_: None)
    again = Daemon(daemon._config, lambda: daemon._config)
    measured(again, again._config, State.BLOCKED)
    minutes(again, 5, 7)
    (opened,) = again._nation.local.open_incidents
    assert opened.id != before.id
    late = [json.encode(earlier)]
    monkeypatch.setattr(Store, "take", lambda *_: late.pop() if late else None)
    minutes(again, 7, 8)
    (joined,) = again._nation.local.open_incidents
    assert (joined.id, joined.opened_at, joined.scope) == (before.id, NOW, Scope.NATION)
    assert joined.updated_at == NOW + 7 * 60.0
    # Each minute of either, and the one after, at the whole country.
    assert joined.severity == before.severity + opened.severity + severity_of(restricted(again))
    measured(again, again._config, State.OK)
    minutes(again, 8, 12)
    endings = {incident.id: incident.ending for incident in kept(again)[1]}
    assert endings == {before.id: Ending.RECOVERED, opened.id: Ending.MERGED}


async def test_findings_come_by_themselves() -> None:
    made = of(light=1.0)
    daemon = Daemon(made, lambda: made)
    measured(daemon, made, State.THROTTLED)
    task = asyncio.create_task(daemon._nation.run())
    try:
        async with asyncio.timeout(SOON_SECONDS):
            while not daemon._board.snapshot().findings:
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(daemon._store.close, 10.0)
    assert restricted(daemon).scope is Scope.PARTIAL
