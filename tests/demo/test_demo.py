"""The demo from end to end, watched as an operator would: Prometheus, Alertmanager, a webhook."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lab.loopback.prometheus import Prometheus, alertmanager, free_address, prometheus
from lab.programs import need
from probe.commands.demo import play
from probe.config.dump import dump
from probe.config.schema import NationConfig
from probe.config.values import Seconds
from probe.demo.cast import COUNTRY, LINES, PLATFORMS
from probe.demo.lines import Narration
from probe.demo.script import twentieth_of_january
from probe.demo.table import StageView, render
from probe.demo.tale import Tale
from probe.model.finding import Scope
from probe.model.identity import Role
from probe.model.verdict import State
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_line as names_line
from probe.publish.metrics import metric_names_nation as names_nation
from probe.publish.metrics import metric_names_store as names_store
from probe.publish.metrics import metric_names_target as names_target
from probe.publish.rules.rule_file import rule_file
from tests.deploy.dashboards import queries

ALERTS = {"ThrottlewatchNation", "ThrottlewatchNationWithoutReference"}


def quick_rules() -> str:
    """The product's rules, evaluated every second and told at once."""
    file = rule_file(NationConfig(hold=Seconds(0.0)), tuple(site.name for site in PLATFORMS))
    for group in file["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            if "alert" in rule:
                rule["for"] = "0s"
    return dump(file)


def tells(webhook: str) -> str:
    """A configuration of Alertmanager that tells ``webhook`` at once."""
    return dump(
        {
            "route": {"receiver": "us", "group_wait": "1s", "group_by": ["alertname", "platform"]},
            "receivers": [{"name": "us", "webhook_configs": [{"url": f"http://{webhook}/"}]}],
        }
    )


class Webhook:
    """Keeps what Alertmanager tells."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        self.alerts += json.loads(await reader.readexactly(length))["alerts"]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def a_failing_leg(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What the demo has nothing of and dashboards ask for: a failure, legs left out, QUIC, and what
    a hub and a sick probe say."""
    await reader.readuntil(b"\r\n\r\n")
    lines = []
    for line in LINES:
        where = f'vantage="{line.name}",platform="x"'
        lines += [
            f'{names.LEG_FAILURE.name}{{{where},target="page",leg="target",family="ipv4",'
            'phase="tls",reason="connection_reset"} 1',
            f'{names.LEGS_SKIPPED.name}{{{where},reason="host_budget"}} {time.time():.0f}',
        ]
    over_quic = f'country="{COUNTRY}",platform="x",kind="restricted",transport="quic"'
    lines.append(f"{names_nation.SCOPE.name}{{{over_quic}}} 0")
    where = f'vantage="{LINES[0].name}"'
    lines += [
        f'throttlewatch_hub_heard_timestamp_seconds{{{where},country="{COUNTRY}"}} 1',
        f"throttlewatch_hub_clock_ahead_seconds{{{where}}} 90",
        f'throttlewatch_hub_dropped_total{{{where},reason="time"}} 1',
        f"throttlewatch_hub_archive_bytes{{{where}}} 1000",
        f"throttlewatch_hub_archive_room_bytes{{{where}}} 4000",
        f"{names_line.TUNNEL.name}{{{where}}} 1",
        f"{names_store.FORWARD_WAITING.name} 1",
        f"{names_store.STORE_BYTES.name} 1",
        f'{names_target.ROTTEN.name}{{{where},platform="x",target="page",reason="gone"}} 1',
    ]
    page = ("\n".join(lines) + "\n").encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(page)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + page)
    await writer.drain()
    writer.close()


def without_data(server: Prometheus, began: float, vantage: str) -> list[str]:
    """The dashboards' queries that gave no data over the whole of the event."""
    chosen = {"country": COUNTRY, "vantage": vantage, "platform": ".+"}
    return [
        f"{where}: {expr}"
        for where, expr in queries(chosen)
        if not server.get(
            "/api/v1/query_range",
            query=expr,
            start=f"{began:.0f}",
            end=f"{time.time():.0f}",
            step="5",
        )["data"]["result"]
    ]


@pytest.mark.timeout(560)
@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
async def test_calm_onset_nation_alert_recovery(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    need("prometheus", "prometheus")
    need("prometheus-alertmanager", "prometheus-alertmanager")
    script = twentieth_of_january()
    listen, hook, failing = free_address(), free_address(), free_address()
    views: list[StageView] = []
    silent: list[str] = []
    webhook = Webhook()
    tales: list[Tale] = []
    console = Console(file=(tmp_path / "said.txt").open("w"), width=160)
    say = Narration(console, script)

    def look(view: StageView) -> None:
        views.append(view)
        say(view)
        console.print(render(view, script))

    host, _, port = hook.rpartition(":")
    (tmp_path / "demo").mkdir()

    async def watched() -> None:
        with (
            alertmanager(tmp_path / "alertmanager", tells(hook)) as receiver,
            prometheus(
                tmp_path / "prometheus",
                scrape=[listen, failing],
                rules=quick_rules(),
                alertmanager=receiver.url.removeprefix("http://"),
            ) as server,
        ):
            began = time.time()
            tales.append(await play(tmp_path / "demo", script, listen, 1.0, look))
            assert restricted(views), "nobody was accused of anything"
            seen_from = Counter(vantage for vantage, _ in restricted(views)).most_common(1)[0][0]
            silent.extend(await asyncio.to_thread(without_data, server, began, seen_from))

    async with (
        await asyncio.start_server(webhook, host, int(port)),
        await asyncio.start_server(a_failing_leg, *failing.rsplit(":", 1)),
    ):
        await watched()
    assert not silent, "queries of dashboards that gave nothing"

    calm = [view for view in views if view.place.number == 0]
    struck = [view for view in views if 0 < view.place.number < len(script.acts) - 1]
    accused = {
        slot
        for view in struck
        for slot, verdict in view.snapshot.verdicts.items()
        if verdict is not None and verdict.state is State.THROTTLED
    }
    assert not restricted(calm)
    assert {platform for _, platform in accused} == {site.name for site in PLATFORMS}
    slowed = {line.name for line in LINES if line.asn in script.acts[-2].asns}
    assert {vantage for vantage, _ in accused} == slowed, "those and no others"
    national = {
        finding.platform
        for view in struck
        for finding in view.snapshot.findings
        if finding.scope is Scope.NATION
    }
    assert national == {site.name for site in PLATFORMS}
    assert {incident.platform for incident in views[-1].snapshot.incidents} >= national
    told = [alert for alert in webhook.alerts if alert["labels"]["alertname"] in ALERTS]
    assert {alert["labels"]["country"] for alert in told} == {"PK"}
    assert {alert["labels"]["platform"] for alert in told} & national
    (tale,) = tales
    assert tale.national
    assert tale.well, tale.sentences()
    assert len(restricted(views[-1:])) < len(restricted(struck[-1:]))
    assert all(
        verdict is None or verdict.state is not State.THROTTLED
        for line in LINES
        if line.role is Role.REFERENCE
        for view in views
        for (vantage, _), verdict in view.snapshot.verdicts.items()
        if vantage == line.name
    )
    for sentence in tale.sentences():
        console.print(sentence, soft_wrap=True)
    console.file.close()
    said = (tmp_path / "said.txt").read_text()
    assert all(act.title in said for act in script.acts)
    assert said.count("called throttled nation-wide") == len(PLATFORMS)
    assert not [record for record in caplog.records if record.exc_info]


def restricted(views: list[StageView]) -> list[tuple[str, str]]:
    """The vantages and platforms that are called throttled or blocked in any of ``views``."""
    return [
        slot
        for view in views
        for slot, verdict in view.snapshot.verdicts.items()
        if verdict is not None and verdict.restricted
    ]
