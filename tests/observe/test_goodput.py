"""Goodput exists for whole bodies and for cut ones, and for nothing else."""

from __future__ import annotations

import pytest

from probe.model.failure import BODY_TOO_SHORT, Failure
from probe.model.identity import Compares, Phase
from probe.model.observation import LegObservation
from probe.observe.goodput import goodput, handshake_seconds
from tests.values import failed, observed

CUT = Failure(phase=Phase.TRANSFER, reason="generic_timeout_error")


@pytest.mark.parametrize(
    ("leg", "expected"),
    [
        pytest.param(observed(seconds=2.0), 32_768.0, id="whole"),
        pytest.param(observed(seconds=1.0, processing=1.0), 32_768.0, id="the wait counts"),
        pytest.param(observed(seconds=4.0, body=8_192, failure=CUT), 2_048.0, id="cut is a sample"),
        pytest.param(observed(body=0, failure=CUT), None, id="nothing flowed"),
        pytest.param(observed(compares=Compares.HANDSHAKE), None, id="not compared by goodput"),
        pytest.param(observed(status=503), None, id="an error page"),
        pytest.param(
            observed(body=900, failure=Failure(phase=Phase.TRANSFER, reason=BODY_TOO_SHORT)),
            None,
            id="whole but another object",
        ),
        pytest.param(failed(Phase.TLS, "connection_reset"), None, id="never got there"),
    ],
)
def test_goodput(leg: LegObservation, expected: float | None) -> None:
    assert goodput(leg) == expected


@pytest.mark.parametrize(
    ("leg", "expected"),
    [
        pytest.param(observed(connect=0.1, tls=0.2), 0.3, id="fine"),
        pytest.param(observed(connect=0.1, tls=0.2, failure=CUT), 0.3, id="cut later"),
        pytest.param(failed(Phase.TLS, "generic_timeout_error"), None, id="died in it"),
        pytest.param(failed(Phase.CONNECT, "connection_refused"), None, id="never connected"),
    ],
)
def test_handshake_seconds(leg: LegObservation, expected: float | None) -> None:
    assert handshake_seconds(leg) == (None if expected is None else pytest.approx(expected))
