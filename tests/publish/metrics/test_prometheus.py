"""A real Prometheus scrapes the daemon's server, and has what the board has."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import httpx

from lab.loopback.prometheus import free_address
from lab.programs import need
from tests.again import SOON_SECONDS
from tests.publish.web.test_server import measured, serving

CONFIG = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: throttlewatch
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: blackbox
    metrics_path: /probe
    params: {{target: [x]}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


async def scraped(client: httpx.AsyncClient, query: str) -> dict[str, float]:
    """The answer to an instant query by instance-less labels, as soon as there is one."""
    until = time.monotonic() + SOON_SECONDS
    while time.monotonic() < until:
        try:
            answer = await client.get("/api/v1/query", params={"query": query})
        except httpx.TransportError:
            await asyncio.sleep(0.2)  # it does not listen yet
            continue
        # While it starts, it says so with a 503 that is no JSON.
        found = answer.json()["data"]["result"] if answer.status_code == 200 else []
        if found:
            return {
                str(sorted((k, v) for k, v in one["metric"].items() if k not in OWN)): float(
                    one["value"][1]
                )
                for one in found
            }
        await asyncio.sleep(0.2)
    raise AssertionError(f"Prometheus has nothing for {query}")


OWN = frozenset({"instance", "job"})


async def test_a_real_prometheus_scrapes_every_series(tmp_path: Path) -> None:
    need("prometheus", "prometheus")
    async with serving(measured("x")) as daemon:
        (tmp_path / "prometheus.yml").write_text(CONFIG.format(port=daemon.base_url.port))
        listen = free_address()
        prometheus = await asyncio.create_subprocess_exec(
            shutil.which("prometheus") or "",
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address={listen}",
            "--log.level=error",
        )
        try:
            async with httpx.AsyncClient(
                base_url=f"http://{listen}", trust_env=False, timeout=SOON_SECONDS
            ) as client:
                states = await scraped(client, 'throttlewatch_verdict_state{platform="x"}')
                count = await scraped(client, 'count({__name__=~"throttlewatch_.+"})')
                up = await scraped(client, "sum(up) == 2")
                probe = await scraped(client, 'probe_success{job="blackbox"}')
            page = (await daemon.get("/metrics")).text
        finally:
            prometheus.terminate()
            await prometheus.wait()
    assert list(states.values()) == [1.0]
    lines = [line for line in page.splitlines() if line.startswith("throttlewatch_")]
    assert list(count.values()) == [float(len(lines))]
    assert list(up.values()) == [2.0]
    assert list(probe.values()) == [1.0]
