"""A drill: marked, apart from what is real, over by itself, and its alert arrives."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from lab.loopback.prometheus import alertmanager, prometheus
from lab.programs import need
from probe.cli import main
from probe.config.dump import dump
from probe.config.schema import NationConfig
from probe.config.values import Seconds
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import rows
from probe.publish.rules.rule_file import rule_file
from probe.publish.web.server import ReloadResult, Server, create_app
from synth.shape import config
from tests.again import SOON_SECONDS


async def no_reload() -> ReloadResult:
    raise AssertionError("nobody asked for it")


def samples(text: str) -> list[Sample]:
    return [sample for family in parse_text(text) for sample in family.samples]


def of_drill(found: list[Sample]) -> list[Sample]:
    return [sample for sample in found if "drill" in sample.labels]


def made_up(found: list[Sample]) -> list[Sample]:
    return [s for s in found if s.labels.get("vantage", "").startswith("drill-")]


async def test_every_series_of_it_is_marked_and_no_other() -> None:
    board = Board(config())
    server = Server(create_app(board, no_reload), "127.0.0.1:0")
    await server.start()
    try:
        async with httpx.AsyncClient(
            base_url=f"http://{server.address}", trust_env=False, timeout=SOON_SECONDS
        ) as web:
            before = samples((await web.get("/metrics")).text)
            begun = await web.post("/-/drill", params={"minutes": "15"})
            during = samples((await web.get("/metrics")).text)
            findings = (await web.get("/api/v1/findings")).json()
            ended = await web.post("/-/drill", params={"minutes": "0"})
            after = samples((await web.get("/metrics")).text)
    finally:
        await server.stop()
    assert (begun.status_code, ended.status_code) == (200, 200)
    assert "ends by itself" in begun.text
    assert of_drill(before) == of_drill(after) == []
    drilled = of_drill(during)
    assert drilled
    assert drilled == made_up(during)
    assert {sample.labels["drill"] for sample in drilled} == {"true"}
    assert findings == {"findings": [], "incidents": []}
    real = {(s.name, tuple(s.labels.items())) for s in during if "drill" not in s.labels}
    assert real == {(s.name, tuple(s.labels.items())) for s in before}


@pytest.mark.parametrize("minutes", ["", "-1", "1e9", "241", "½"])
async def test_nonsense_begins_nothing(minutes: str) -> None:
    board = Board(config())
    server = Server(create_app(board, no_reload), "127.0.0.1:0")
    await server.start()
    try:
        async with httpx.AsyncClient(
            base_url=f"http://{server.address}", trust_env=False, timeout=SOON_SECONDS
        ) as web:
            answer = await web.post("/-/drill", params={"minutes": minutes})
            read = await web.get("/-/drill")
    finally:
        await server.stop()
    assert (answer.status_code, read.status_code) == (400, 405)
    assert board.snapshot().drill is None


def test_it_ends_by_itself_and_when_the_clock_is_set_back() -> None:
    clock = [1_000.0]
    board = Board(config(), wall=lambda: clock[0])
    board.drill_begun(15.0)
    clock[0] = 1_899.0
    assert any("drill" in labels for _, labels, _ in rows(board.snapshot(), "0"))
    clock[0] = 1_900.0
    assert not any("drill" in labels for _, labels, _ in rows(board.snapshot(), "0"))
    clock[0] = 1_200.0
    assert board.snapshot().drill is None, "over is over"
    board.drill_begun(15.0)
    clock[0] = 10.0
    assert board.snapshot().drill is None


def test_the_command_says_when_nobody_answers_and_when_it_is_too_short() -> None:
    done = CliRunner().invoke(main, ["drill", "--minutes", "5", "--url", "http://127.0.0.1:1"])
    assert done.exit_code == 1
    assert "no daemon answers" in done.output
    assert "no alert arrives within 5" in done.output
    assert "Traceback" not in done.output


async def test_the_command_begins_and_ends_one() -> None:
    board = Board(config())
    server = Server(create_app(board, no_reload), "127.0.0.1:0")
    await server.start()

    def drill(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["drill", "--url", f"http://{server.address}", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    try:
        assert "a drill goes on until" in await asyncio.to_thread(drill)
        assert board.snapshot().drill is not None
        assert "no drill is going on" in await asyncio.to_thread(drill, "--stop")
        assert board.snapshot().drill is None
    finally:
        await server.stop()


@pytest.mark.timeout(240)
async def test_its_alert_arrives_and_goes_when_it_is_over(tmp_path: Path) -> None:
    need("prometheus", "prometheus")
    need("prometheus-alertmanager", "prometheus-alertmanager")
    of = config()
    passed = [0.0]
    board = Board(of, wall=lambda: time.time() + passed[0])
    board.drill_begun(15.0)
    file = rule_file(NationConfig(hold=Seconds(0.0)), tuple(p.name for p in of.platforms))
    for group in file["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            if "alert" in rule:
                rule["for"] = "0s"
    server = Server(create_app(board, no_reload), "127.0.0.1:0")
    await server.start()

    def watch() -> set[str]:
        with (
            alertmanager(tmp_path / "alertmanager") as receiver,
            prometheus(
                tmp_path / "prometheus",
                scrape=[server.address],
                rules=dump(file),
                alertmanager=receiver.url.removeprefix("http://"),
            ) as server_of_rules,
        ):
            receiver.wait_for("DRILL_ThrottlewatchNation")
            told = {alert["labels"]["alertname"] for alert in receiver.alerts()}
            passed[0] = 900.0
            server_of_rules.wait_for('absent(ALERTS{alertname=~"DRILL_.*"})')
            return told

    try:
        names = await asyncio.to_thread(watch)
    finally:
        await server.stop()
    assert all(name.startswith("DRILL_") for name in names), names
    assert board.snapshot().drill is None
