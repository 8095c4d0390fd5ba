from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
import trustme
from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families as parse_text

from lab.loopback.prometheus import free_address
from lab.programs import need
from probe.config.schema import Settings, VantageConfig
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import LegObservation
from probe.publish.latest.board import Board
from probe.publish.metrics import blackbox
from probe.publish.metrics.exposition import encode
from synth.shape import config, full_round, verdict_of
from tests.again import SOON_SECONDS

# What blackbox_exporter has and a leg has not: addresses are not published, the chain's other
# certificates are not kept, bodies are not matched.
NOT_OURS = {
    "probe_failed_due_to_regex",
    "probe_http_last_modified_timestamp_seconds",
    "probe_ip_addr_hash",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_ssl_last_chain_info",
}


def exposition(leg: LegObservation) -> dict[str, Metric]:
    page = encode(blackbox.collector(leg), accept="", accept_encoding="")
    return {metric.name: metric for metric in parse_text(page.body.decode())}


def value(leg: LegObservation, name: str) -> float:
    (sample,) = exposition(leg)[name].samples
    return float(sample.value)


def measured() -> LegObservation:
    return full_round(config()).legs[0]


def board() -> Board:
    of = config()
    filled = Board(of)
    observed = full_round(of, "x")
    filled.round_finished(observed, verdict_of(observed))
    return filled


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def https_server() -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    server = HTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def blackbox_exporter(folder: Path) -> Iterator[str]:
    settings = folder / "blackbox.yml"
    settings.write_text(
        "modules:\n  web:\n    prober: http\n    http:\n      preferred_ip_protocol: ip4\n"
        "      tls_config: {insecure_skip_verify: true}\n"
    )
    address = free_address()
    process = subprocess.Popen(
        [
            "prometheus-blackbox-exporter",
            f"--config.file={settings}",
            f"--web.listen-address={address}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + SOON_SECONDS
        while time.monotonic() < until:
            try:
                httpx.get(f"http://{address}/-/healthy", trust_env=False, timeout=SOON_SECONDS)
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=SOON_SECONDS)


def test_names_labels_and_types_are_those_of_blackbox_exporter(tmp_path: Path) -> None:
    need("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
    with https_server() as target, blackbox_exporter(tmp_path) as exporter:
        answer = httpx.get(
            f"{exporter}/probe",
            params={"module": "web", "target": target},
            trust_env=False,
            timeout=SOON_SECONDS,
        )
    theirs = {metric.name: metric for metric in parse_text(answer.text)}
    ours = exposition(measured())
    assert [s.value for s in theirs["probe_success"].samples] == [1.0]
    assert theirs.keys() - ours.keys() <= NOT_OURS
    assert ours.keys() <= theirs.keys()
    for name, metric in ours.items():
        assert metric.type == theirs[name].type
        assert {tuple(s.labels) for s in metric.samples} == {
            tuple(s.labels) for s in theirs[name].samples
        }
    (tls,) = ours["probe_tls_version_info"].samples
    assert tls.labels == theirs["probe_tls_version_info"].samples[0].labels
    phases = {s.labels["phase"] for s in theirs["probe_http_duration_seconds"].samples}
    assert {s.labels["phase"] for s in ours["probe_http_duration_seconds"].samples} == phases


def test_a_failed_leg_leaves_out_what_was_not_measured() -> None:
    failure = Failure(phase=Phase.TLS, reason="connection_reset")
    leg = full_round(config(), failure=failure).legs[0]
    shown = exposition(leg)
    assert value(leg, "probe_success") == 0.0
    phases = {s.labels["phase"] for s in shown["probe_http_duration_seconds"].samples}
    assert phases == {"resolve", "connect"}
    assert shown.keys().isdisjoint(
        {"probe_http_status_code", "probe_http_version", "probe_ssl_earliest_cert_expiry"}
    )


@pytest.mark.parametrize(
    ("version", "number"),
    [("2", 2.0), ("h2", 2.0), ("HTTP/2", 2.0), ("HTTP/1.1", 1.1), ("1.1", 1.1)],
)
def test_http_versions_are_numbers(version: str, number: float) -> None:
    leg = measured()
    assert leg.http is not None
    leg = replace(leg, http=replace(leg.http, version=version))
    assert value(leg, "probe_http_version") == number


def test_the_ip_protocol_is_4_or_6() -> None:
    assert value(measured(), "probe_ip_protocol") == 4.0
    assert value(replace(measured(), family=Family.IPV6), "probe_ip_protocol") == 6.0


@pytest.mark.parametrize(
    ("name", "owner", "target"),
    [
        ("x", "x", "script"),
        ("x/page", "x", "page"),
        ("debian", "debian", "object"),
        ("debian/object", "debian", "object"),
    ],
)
def test_a_target_is_found_by_its_names(name: str, owner: str, target: str) -> None:
    found = blackbox.lookup(board().snapshot(), name, None)
    assert isinstance(found, LegObservation)
    assert (found.leg.owner, found.leg.target) == (owner, target)


@pytest.mark.parametrize(
    ("name", "vantage", "says", "known"),
    [
        ("nosuch", None, "unknown target 'nosuch'; known: x, x/script, x/page, facebook", False),
        ("x", "moon", "unknown vantage 'moon'; known: default", False),
        ("youtube", None, "youtube has no recent result from default", True),
    ],
)
def test_what_is_not_there_is_said(name: str, vantage: str | None, says: str, known: bool) -> None:
    found = blackbox.lookup(board().snapshot(), name, vantage)
    assert isinstance(found, blackbox.NoResult)
    assert found.message.startswith(says)
    assert found.known is known


def test_the_vantage_can_be_chosen() -> None:
    two = (VantageConfig(name="home"), VantageConfig(name="mobile"))
    of = config(settings=Settings(vantages=two))
    filled = Board(of)
    observed = full_round(of, "x", vantage="mobile")
    filled.round_finished(observed, verdict_of(observed))
    snapshot = filled.snapshot()
    assert isinstance(blackbox.lookup(snapshot, "x", "mobile"), LegObservation)
    assert isinstance(blackbox.lookup(snapshot, "x", None), blackbox.NoResult)
