"""The world's HTTP/3 servers: what they show follows the name, what they give the request."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lab.loopback.servers import HERE
from lab.pki import Authority
from lab.world import http3
from lab.world.events import Handshake, Log, Request
from lab.world.events import read as read_events
from lab.world.spec import Certificate, Object, Site
from probe.measure.over_quic.quic import measure_quic
from probe.measure.tls.trust import Trust
from probe.model.identity import Answer, Compares, Phase, RoundKind
from probe.model.observation import LegObservation
from synth.shape import config, legs_of

NAMES = ("x.test", "neutral.test")
SIZE = 65_536


@pytest.fixture
def site() -> Site:
    certificates = tuple(Certificate(names=(n,), file=f"{n}.pem") for n in NAMES)
    return Site(
        name="site",
        addresses=("127.0.0.1",),
        certificates=certificates,
        objects={"*": {"*": Object(size_bytes=2 * SIZE)}},
    )


@pytest.fixture
def trust(tmp_path: Path, site: Site) -> Trust:
    authority = Authority()
    for one in site.certificates:
        (tmp_path / one.file).write_bytes(authority.issue(one.names))
    return Trust.load(str(authority.write_root(tmp_path / "ca.pem")))


async def asked(port: int, trust: Trust, name: str, **more: Any) -> LegObservation:
    (leg, *_) = legs_of(config(), "x", RoundKind.LIGHT)
    leg = replace(
        leg, prober="quic", port=port, sni=name, certificate_name=name,
        url=f"https://{name}:{port}/object", compares=Compares.GOODPUT,
        min_bytes=SIZE, max_bytes=SIZE, range_bytes=SIZE, **more,
    )  # fmt: skip
    return await measure_quic(
        leg, address="127.0.0.1", via=HERE, trust=trust, deadline_seconds=20.0, order=0
    )


async def test_each_name_has_its_certificate_and_what_it_asks_for(
    tmp_path: Path, site: Site, trust: Trust
) -> None:
    log_file = tmp_path / "events.jsonl"
    with log_file.open("ab") as stream:
        listening = await http3.serve(lambda: site, "127.0.0.1", 0, tmp_path, Log(stream))
        port = listening.get_extra_info("sockname")[1]
        seen = [await asked(port, trust, name) for name in NAMES]
        stranger = await asked(port, trust, "stranger.test")
        indifferent = await asked(port, trust, "stranger.test", answer=Answer.ANY)
        listening.close()
        await asyncio.sleep(0)
    assert [one.failure for one in seen] == [None, None]
    assert {one.body_bytes for one in seen} == {SIZE}
    assert {one.http.status for one in seen if one.http} == {206}
    assert all(one.connect_rtt_seconds for one in seen)
    assert stranger.failure is not None
    assert stranger.failure.reason == "ssl_invalid_hostname"
    assert indifferent.ok
    events = read_events(log_file)
    assert {one.sni for one in events if isinstance(one, Handshake)} == {*NAMES, "stranger.test"}
    assert [one.host for one in events if isinstance(one, Request)] == [
        f"{name}:{port}" for name in NAMES
    ]


async def test_a_slow_server_is_slow_over_http_3_as_well(
    tmp_path: Path, site: Site, trust: Trust
) -> None:
    """No answer and no body is sooner there than its servers give it."""
    slow = Object(size_bytes=2 * SIZE, latency_seconds=0.2, bytes_per_second=4 * SIZE)
    shown = replace(site, objects={"*": {"*": slow}})
    with (tmp_path / "events.jsonl").open("ab") as stream:
        listening = await http3.serve(lambda: shown, "127.0.0.1", 0, tmp_path, Log(stream))
        port = listening.get_extra_info("sockname")[1]
        seen = await asked(port, trust, "x.test")
        listening.close()
        await asyncio.sleep(0)
    assert seen.ok
    assert seen.body_bytes == SIZE
    assert seen.phases[Phase.PROCESSING] >= 0.9 * slow.latency_seconds
    # The first part is sent at once.
    assert seen.phases[Phase.TRANSFER] >= 0.9 * (SIZE - http3.PACED_BYTES) / slow.bytes_per_second
