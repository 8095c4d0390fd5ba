"""The rules as files: promtool accepts them, every alert is explained, drills stay apart; and a
real Prometheus that evaluates them tells a real Alertmanager."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from ruamel.yaml import YAML

from lab.loopback.prometheus import alertmanager, prometheus
from lab.programs import need
from probe.config.dump import dump
from probe.config.schema import NationConfig
from probe.config.values import Seconds
from probe.model.verdict import State
from probe.publish.metrics import metric_names as names
from probe.publish.rules import recording_rules
from probe.publish.rules.rule_file import rule_file
from probe.publish.rules.upkeep_alerts import upkeep_alerts

DOCS = Path(__file__).parents[3] / "docs"
PLATFORMS = ("x", "facebook")
THRESHOLDS = NationConfig()


def rules(of: NationConfig = THRESHOLDS, group: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rule_file(of, PLATFORMS)["groups"][group]["rules"]
    return found


@pytest.mark.parametrize(
    "thresholds",
    [THRESHOLDS, NationConfig(weights={"64500": 0.4}, total_weight=1.0, hold=Seconds(0.0))],
)
def test_promtool_accepts_them(thresholds: NationConfig, tmp_path: Path) -> None:
    need("promtool", "prometheus")
    (tmp_path / "rules.yml").write_text(dump(rule_file(thresholds, PLATFORMS)))
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", "rules.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_names_are_level_metric_operation() -> None:
    for rule in rules():
        assert re.fullmatch(
            r"(vantage|asn|platform|country):throttlewatch_\w+:[a-z]+", rule["record"]
        )


def test_every_recorded_series_is_documented() -> None:
    documented = set(re.findall(r"`(\w+:throttlewatch_\w+:\w+)`", (DOCS / "nation.md").read_text()))
    assert documented == {rule["record"] for rule in rules()}


@pytest.mark.parametrize("page", ["nation.md", "runbook.md"])
def test_every_metric_that_a_page_names_exists(page: str) -> None:
    text = (DOCS / page).read_text()
    known = {spec.name for spec in names.METRICS} | {rule["record"] for rule in rules()}
    assert (
        set(re.findall(r"(?:\w+:)?throttlewatch_\w+(?::\w+)?(?!\*)\b", text))
        - {"throttlewatch_nation_"}
        <= known
    )


def test_every_alert_has_what_a_person_needs() -> None:
    runbook = (DOCS / "runbook.md").read_text()
    titles = {heading.lower() for heading in re.findall(r"^## (\w+)$", runbook, re.MULTILINE)}
    for rule in rules(group=1):
        assert rule["for"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        notes = rule["annotations"]
        assert notes["summary"]
        assert notes["description"].endswith(".")
        page, _, anchor = notes["runbook_url"].partition("#")
        assert page == "docs/runbook.md"
        assert anchor in titles


def test_drills_have_alerts_of_their_own() -> None:
    both = rules(group=1)
    # A drill is an event; the upkeep of a daemon has none.
    upkeep = {alert.name for alert in upkeep_alerts()}
    real = [r for r in both if not r["alert"].startswith("DRILL") and r["alert"] not in upkeep]
    drilled = [rule for rule in both if rule["alert"].startswith("DRILL")]
    assert [f"DRILL_{rule['alert']}" for rule in real] == [rule["alert"] for rule in drilled]
    for rule in real:
        selected = re.findall(
            r"\w+:throttlewatch|throttlewatch_(?:verdict_state|target_rotten|curtain_sites|vantage_info)",
            rule["expr"],
        )
        assert len(selected) == rule["expr"].count('drill=""')
    for rule in drilled:
        assert 'drill=""' not in rule["expr"]
        assert rule["expr"].count('drill="true"') > 0
        assert rule["annotations"]["summary"].startswith("DRILL: ")
        assert "exercise" in rule["annotations"]["description"]


def test_thresholds_are_those_of_the_configuration() -> None:
    usual, other = (
        dump(rule_file(of, PLATFORMS))
        for of in (THRESHOLDS, replace(THRESHOLDS, min_networks=7, weights={"64500": 0.125}))
    )
    assert usual != other
    assert ">= 7" in other
    assert '{asn="64500"}' in other
    assert "* 0 + 0.125" in other


@pytest.mark.timeout(240)
@pytest.mark.parametrize("drill", [False, True])
async def test_a_national_event_reaches_an_alertmanager(tmp_path: Path, drill: bool) -> None:
    need("prometheus", "prometheus")
    need("prometheus-alertmanager", "prometheus-alertmanager")
    file = _at_once(NationConfig(hold=Seconds(0.0)))

    def watch(address: str) -> dict[str, Any]:
        with (
            alertmanager(tmp_path / "alertmanager") as receiver,
            prometheus(
                tmp_path / "prometheus",
                scrape=[address],
                rules=dump(file),
                alertmanager=receiver.url.removeprefix("http://"),
            ) as server,
        ):
            server.wait_for(f"{recording_rules.SCOPE} == 4")
            name = "DRILL_ThrottlewatchNation" if drill else "ThrottlewatchNation"
            alert = receiver.wait_for(name)
            others = {a["labels"]["alertname"] for a in receiver.alerts()}
            assert all(other.startswith("DRILL") is drill for other in others), others
            return alert

    async with exporter(_event(drill)) as address:
        alert = await asyncio.to_thread(watch, address)
    assert alert["labels"]["country"] == "PK"
    assert alert["labels"]["platform"] == "x"
    assert alert["annotations"]["summary"].startswith("DRILL: " if drill else "x in PK")
    assert "#throttlewatchnation" in alert["annotations"]["runbook_url"]


@asynccontextmanager
async def exporter(page: bytes) -> AsyncIterator[str]:
    """Serves ``page`` to whoever asks; the address as host:port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(page)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + page)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def examples() -> list[dict[str, Any]]:
    """The Prometheus configurations of docs/fleet.md: scrape, federation, remote write."""
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "fleet.md").read_text(), re.DOTALL)
    return [YAML(typ="safe", pure=True).load(block) for block in blocks]


def test_the_configurations_of_the_fleet_page_are_right(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    (tmp_path / "throttlewatch-rules.yml").write_text(dump(rule_file(THRESHOLDS, PLATFORMS)))
    assert len(examples()) == 3
    for number, example in enumerate(examples()):
        (tmp_path / "prometheus.yml").write_text(dump(example))
        done = subprocess.run(
            ["promtool", "check", "config", "prometheus.yml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"example {number}: {done.stdout + done.stderr}"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["federation", "remote write"])
async def test_a_centre_finds_what_a_region_heard(tmp_path: Path, how: str) -> None:
    need("prometheus", "prometheus")
    _, federation, writing = examples()
    rules_text = dump(_at_once(NationConfig(hold=Seconds(0.0))))

    def watch(address: str) -> None:
        if how == "federation":
            with prometheus(tmp_path / "region", scrape=[address]) as region:
                job = federation["scrape_configs"][0]
                job["static_configs"] = [{"targets": [region.url.removeprefix("http://")]}]
                more = {"scrape_configs": [job]}
                with prometheus(tmp_path / "centre", rules=rules_text, more=more) as centre:
                    found = centre.wait_for(f"{recording_rules.SCOPE} == 4")
        else:
            with prometheus(tmp_path / "centre", rules=rules_text) as centre:
                sending = writing["remote_write"]
                sending[0]["url"] = f"{centre.url}/api/v1/write"
                more = {"remote_write": sending}
                with prometheus(tmp_path / "region", scrape=[address], more=more):
                    found = centre.wait_for(f"{recording_rules.SCOPE} == 4")
                assert not centre.query("throttlewatch_unneeded")
        labels, _ = found[0]
        assert (labels["country"], labels["platform"]) == ("PK", "x")

    page = _event(drill=False) + b"throttlewatch_unneeded 1\n"
    async with exporter(page) as address:
        await asyncio.to_thread(watch, address)


def _at_once(of: NationConfig) -> dict[str, Any]:
    """The rules, evaluated every second and alerting at once."""
    file = rule_file(of, PLATFORMS)
    for group in file["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            if "alert" in rule:
                rule["for"] = "0s"
    return file


def _event(drill: bool) -> bytes:
    """What four vantages inside, struck, and one abroad, fine, publish."""
    mark = ',drill="true"' if drill else ""
    lines = []
    for index in range(5):
        abroad = index == 4
        who = (
            f'vantage="v{index}",country="{"DE" if abroad else "PK"}",asn="{64_500 + index}",'
            f'access="fixed",role="{"reference" if abroad else "inside"}"{mark}'
        )
        lines.append(f"throttlewatch_vantage_info{{{who}}} 1")
        for state in (one.value for one in State):
            on = state == ("ok" if abroad else "throttled")
            lines.append(
                f'throttlewatch_verdict_state{{{who},platform="x",state="{state}"}} {int(on)}'
            )
    return ("\n".join(lines) + "\n").encode()


def test_what_a_region_passes_on_is_what_the_rules_read() -> None:
    """docs/fleet.md names the series that the centre needs; a rule without one of them is mute."""
    written = dump(rule_file(THRESHOLDS, PLATFORMS))
    read = set(re.findall(r"(?<![:\w])throttlewatch_\w+", written))
    page = (DOCS / "fleet.md").read_text()
    passed = re.findall(r"throttlewatch_\(\w+_\([^)]*\)(?:\|\w+_\([^)]*\))*\)", page)
    assert len(passed) == 2
    for pattern in passed:
        assert {name for name in read if not re.fullmatch(pattern, name)} == set()
