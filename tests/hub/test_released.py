"""A probe is told what its hub has released of other networks, and says of what it learns then that
it may be slow: with the real commands, from `hub release` to what people read."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from probe.app import Daemon
from probe.config.hub_wishes import MOST_BYTES, MOST_RESTRICTED
from probe.daemon import hub_watch
from probe.hub.enrolled import Enrolled, FleetPlace
from probe.hub.ledger import FindingsLedger, PublicIncident, Reached, ReleaseState
from probe.hub.released import STILL_SECONDS, read_released, restricted_for
from probe.model.finding import Ending, FindingKind
from probe.model.identity import Role
from probe.publish.metrics.exposition import rows
from probe.schedule import haste
from tests.daemon.test_bundle_end_to_end import far_end
from tests.hub.test_hub import RunningHub, ran
from tests.hub.test_site import NOW, incident, released
from tests.hub.test_wishes import NOWHERE, SOON, probe

WHO = Enrolled(name="pk-1", place=FleetPlace(country="PK", asn=1), joined=0.0)
HUB_SAYS = "so it may itself be slow. That is the word of the fleet's hub."


@pytest.mark.parametrize(
    ("what", "networks"),
    [
        ({}, 1),
        ({"networks": (2, 3, 4)}, 3),
        ({"networks": (1,)}, 0),  # its own, of which it may itself be what was heard
        ({"networks": ()}, 0),
        ({"country": "DE"}, 0),
        ({"kind": FindingKind.IMPAIRED}, 0),
        ({"kind": FindingKind.DEGRADED}, 0),
        ({"transport": "quic"}, 0),
        ({"drill": True}, 0),
        ({"closed_at": NOW, "ending": Ending.RECOVERED}, 0),
        ({"updated_at": NOW - STILL_SECONDS - 1.0}, 0),
    ],
)
def test_what_goes_on_in_other_networks_of_the_country_is_told(
    what: dict[str, Any], networks: int, tmp_path: Path
) -> None:
    ledger = FindingsLedger(tmp_path / "ledger")
    ledger.read_on(Reached(step=1), [released(**what)])
    ledger.close()
    found = restricted_for(WHO, read_released(tmp_path / "ledger"), NOW)
    assert [one.networks for one in found] == ([networks] if networks else [])
    assert all((one.platform, one.since) == ("x", incident().since) for one in found)


@pytest.mark.parametrize("standing", ReleaseState)
def test_what_was_not_released_is_told_to_nobody(standing: ReleaseState, tmp_path: Path) -> None:
    ledger = FindingsLedger(tmp_path / "ledger")
    ledger.read_on(Reached(step=1), [replace(released(), standing=standing)])
    ledger.close()
    told = restricted_for(WHO, read_released(tmp_path / "ledger"), NOW)
    assert bool(told) is (standing is ReleaseState.RELEASED)


def test_who_stands_outside_is_told_nothing_and_no_file_is_made(tmp_path: Path) -> None:
    abroad = replace(WHO, place=replace(WHO.place, role=Role.REFERENCE))
    assert restricted_for(abroad, [released()], NOW) == ()
    assert read_released(tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()


def test_the_answer_stays_within_its_bounds(tmp_path: Path) -> None:
    many = [
        PublicIncident(
            incident=incident(id=str(number), platform=f"platform-{number:030}", networks=(2,))
        )
        for number in range(2 * MOST_RESTRICTED)
    ]
    found = restricted_for(WHO, many, NOW)
    assert len(found) == MOST_RESTRICTED
    assert 200 * len(found) < MOST_BYTES


def released_by_hand(ledger: Path) -> str:
    """A draft that goes on now is in the file; a person releases it."""
    now = time.time()
    file = FindingsLedger(ledger)
    one = incident(
        since=now - 7_200.0, opened_at=now - 7_000.0, updated_at=now, networks=(1, 2, 17557)
    )
    file.read_on(Reached(step=1), [PublicIncident(incident=one)])
    file.close()
    return ran("hub", "release", "--ledger", str(ledger), one.id)


def learnt(daemon: Daemon) -> dict[str, float]:
    return {
        labels["platform"]: value
        for spec, labels, value in rows(daemon.snapshot(), "1")
        if spec.name == "throttlewatch_normal_learnt_while_restricted_networks"
    }


@pytest.mark.timeout(180)
async def test_from_a_release_at_the_hub_to_what_people_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_watch, "FIRST_SECONDS", 0.3)
    monkeypatch.setattr(haste, "WISHED_APART_SECONDS", 0.5)
    ledger = tmp_path / "findings"
    await asyncio.to_thread(released_by_hand, ledger)
    hub = RunningHub(tmp_path / "hub", NOWHERE, "--ledger", str(ledger))
    await asyncio.to_thread(hub.start)
    register = ("--register", str(hub.register))

    async def until(what: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not what():
                await asyncio.sleep(0.05)

    try:
        async with far_end(tmp_path) as far, probe(tmp_path, hub, far) as daemon:
            await until(lambda: daemon._hub.released("x") is not None)
            assert daemon._hub.released("other") is None
            await asyncio.to_thread(ran, "hub", "test", *register, "x", "--rounds", "4")
            await until(lambda: learnt(daemon) == {"x": 2.0})  # its own is none of them
            (vantage,) = {vantage for vantage, _ in daemon.snapshot().verdicts}
            said = daemon.snapshot().verdicts[vantage, "x"]
            assert said is not None
            assert said.sentence.endswith(HUB_SAYS)
            page = await asyncio.to_thread(httpx.get, f"http://{daemon.address}/", trust_env=False)
            assert "throttled or blocked at other vantages, in 2 networks" in page.text
    finally:
        await asyncio.to_thread(hub.stop)
    # The daemon has ended: what it stored says the same.
    with (tmp_path / "main.yaml").open("a") as file:
        file.write(f"vantages: [{{name: {vantage}, country: PK, asn: 17557}}]\n")
    main, history = str(tmp_path / "main.yaml"), str(tmp_path / "state" / "h")
    told = await asyncio.to_thread(
        ran, "explain", "x", "-c", main, "--history", history, "-v", vantage
    )
    assert "throttled or blocked at other" in " ".join(told.split())
    report = tmp_path / "report.html"
    await asyncio.to_thread(ran, "report", "-c", main, "--history", history, "-o", str(report))
    assert "throttled or blocked at other vantages, in 2 networks" in report.read_text()
    words = ("export", "-c", main, "--history", history)
    lines = await asyncio.to_thread(ran, *words, "-f", "jsonl")
    rounds = [json.loads(line) for line in lines.splitlines()]
    marked = [one for one in rounds if one["verdict"]["learnt_while"]]
    assert marked
    assert {one["observed"]["platform"] for one in marked} == {"x"}
    # A hub that was not heard for three intervals tells nothing any more; the level keeps its mark.
    others = [one["observed"]["others_restricted"] for one in rounds]
    assert {one["told_by"] for one in others if one is not None} == {"hub"}
    table = list(csv.DictReader(io.StringIO(await asyncio.to_thread(ran, *words, "-f", "csv"))))
    assert {row["normal_learnt_while_restricted_networks"] for row in table} == {"", "2"}
    again = await asyncio.to_thread(ran, "replay", "-c", main, history)
    assert "(100.0%) say what was said then" in " ".join(again.split())
