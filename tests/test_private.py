"""What names the operator never comes out: planted in every place that could carry it."""

from __future__ import annotations

import io
import logging
import socket

import httpx
import pytest
from msgspec.structs import replace

from probe.app import Daemon
from probe.model.failure import Failure
from probe.model.identity import Phase, RoundKind
from probe.model.observation import LegObservation, RoundObservation, TlsFacts
from probe.publish import log as logs
from probe.publish.web import create_app
from tests.publish.shape import config, full_round

# Documentation's addresses stand for the operator's public and local ones.
PLANTED = ("203.0.113.77", "2001:db8:77::77", "pi-of-anna", "AnnasWlan", "anna-the-user")
SAID = f"your address is {' '.join(PLANTED)}"


def poisoned(observed: RoundObservation) -> RoundObservation:
    """A round in which the far end and the system say who we are, wherever they can."""

    def leg(seen: LegObservation, number: int) -> LegObservation:
        failure = Failure(phase=Phase.PROCESSING, reason="connection_reset", detail=SAID)
        return replace(
            seen,
            leg=replace(seen.leg, url=f"{seen.leg.url}?ip={PLANTED[0]}&user={PLANTED[4]}"),
            failure=failure if number % 2 else None,
            tls=TlsFacts(version="TLSv1.3", verify_error=SAID),
        )

    legs = tuple(leg(seen, number) for number, seen in enumerate(observed.legs))
    failed = Failure(phase=Phase.RESOLVE, reason="dns_nxdomain_error", detail=SAID)
    names = tuple(replace(d, name=f"{PLANTED[2]}.example", failure=failed) for d in observed.dns)
    return replace(observed, legs=legs, dns=(*observed.dns, *names))


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", PLANTED[4])
    monkeypatch.setenv("LOGNAME", PLANTED[4])
    monkeypatch.setenv("HOSTNAME", PLANTED[2])
    monkeypatch.setattr(socket, "gethostname", lambda: PLANTED[2])
    monkeypatch.setattr(socket, "getfqdn", lambda *name: PLANTED[2])
    monkeypatch.setattr("probe.measure.line._source", lambda: PLANTED[0])
    monkeypatch.setattr("probe.measure.line.interface_of", lambda address: PLANTED[3])


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("format", ["text", "json"])
async def test_metrics_pages_and_logs_say_nothing_about_the_operator(format: str) -> None:
    of, written = config(), io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("debug", format, written)
    try:
        daemon = Daemon(of, lambda: of)
        for platform in of.platforms:
            for kind in (RoundKind.TRANSFER, RoundKind.LIGHT):
                daemon._look_at_line("default")
                daemon._judge(poisoned(full_round(of, platform.name, kind=kind)))
        transport = httpx.ASGITransport(create_app(daemon._board, daemon.reload))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            paths = ["/", "/metrics", *(f"/probe?target={p.name}" for p in of.platforms)]
            answers = [await client.get(path) for path in paths]
            openmetrics = {"Accept": "application/openmetrics-text"}
            answers.append(await client.get("/metrics", headers=openmetrics))
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert all(answer.status_code == 200 for answer in answers), answers
    out = written.getvalue() + "".join(a.text + repr(a.headers) for a in answers)
    assert "throttlewatch_verdict_state" in out
    for word in PLANTED:
        assert word not in out
