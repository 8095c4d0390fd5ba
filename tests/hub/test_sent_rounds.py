"""Rounds from a probe to a hub, with the real commands: joined, measured, sent, and read there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli import main
from probe.config import contacts, load
from probe.publish.parcels import courier
from probe.publish.parcels.archive import Archive
from probe.schedule import haste
from probe.store.history import History
from tests.daemon.test_bundle_end_to_end import far_end
from tests.hub.test_hub import RunningHub
from tests.hub.test_wishes import NOWHERE, SOON, probe, shown


@pytest.mark.timeout(240)
async def test_from_a_probe_to_a_report_at_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(haste, "WISHED_APART_SECONDS", 0.5)
    monkeypatch.setattr(courier, "EVERY_SECONDS", 0.3)
    monkeypatch.setattr(courier, "BETWEEN_SECONDS", 0.1)
    monkeypatch.setattr(courier, "FIRST_AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(courier, "MOST_AGAIN_SECONDS", 0.5)
    root = tmp_path / "archive"
    hub = RunningHub(tmp_path / "hub", NOWHERE, "--archive", str(root))
    await asyncio.to_thread(hub.start)

    async def until(what: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not what():
                await asyncio.sleep(0.05)

    async with far_end(tmp_path) as far, probe(tmp_path, hub, far, "--send-rounds") as daemon:
        (vantage,) = daemon.snapshot().vantages
        await until(lambda: shown(daemon).get("rounds_sent_total", 0.0) >= 2.0)
        # While the hub is away they wait, and come when it is there again.
        await asyncio.to_thread(hub.stop)
        before = shown(daemon)["rounds_sent_total"]
        daemon._data.wished(vantage.name, "x", 2)
        await until(lambda: shown(daemon).get("rounds_sending") == 0.0)
        await asyncio.to_thread(hub.start)
        await until(lambda: shown(daemon).get("rounds_sending") == 1.0)
        await until(lambda: shown(daemon)["rounds_sent_total"] > before)
        used = daemon._data.balance(vantage.name).used
    await asyncio.to_thread(hub.stop)
    assert used > 0
    assert Archive(root).vantages() == [vantage.name]
    file = tmp_path / "joined" / "throttlewatch.yaml"
    (told,) = [one for one in contacts(load(file, {})) if one.owner == "hub"]
    assert "what is measured is sent to it" in told.purpose

    # At the hub: the configuration names no vantage of the fleet, and the archive says where it is.
    fleet = str(tmp_path / "main.yaml")
    words = ("-c", fleet, "--history", str(root))
    page = tmp_path / "report.html"
    told_of("report", *words, "-o", str(page))
    assert vantage.name in page.read_text()
    assert "17557" in page.read_text()
    rows = told_of("export", "-f", "csv", *words).splitlines()
    assert any(f",{vantage.name},PK,17557,fixed,inside," in row for row in rows), rows[:2]
    lines = told_of("replay", str(root), "-c", fleet, "--json").splitlines()
    judged = [json.loads(line) for line in lines]
    with History(tmp_path / "state" / "h") as own:
        measured = {one.observed.id for one in own.rounds()}
    assert {one["id"] for one in judged} <= measured
    assert len(judged) >= 3
    assert all(one["agrees"] for one in judged)
    assert vantage.name in told_of("history", *words, "--from", "1d")


def told_of(*words: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout
