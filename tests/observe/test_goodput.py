"""Goodput exists for whole bodies and for cut ones, and for nothing else."""

from __future__ import annotations

from math import inf

import pytest

from probe.model.failure import BODY_TOO_SHORT, Failure
from probe.model.identity import Compares, Phase
from probe.model.observation import LegObservation
from probe.observe.effort import hard, read_effort
from probe.observe.goodput import ended, goodput, handshake_seconds
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


@pytest.mark.parametrize("reason", ["connection_reset", "connection_aborted", "eof_error"])
@pytest.mark.parametrize("body", [1, 8_192, 65_535])
def test_a_body_that_was_reset_is_no_sample_of_its_pace_however_quickly_it_came(
    reason: str, body: int
) -> None:
    leg = observed(seconds=0.001, body=body, failure=Failure(phase=Phase.TRANSFER, reason=reason))
    assert ended(leg)
    assert read_effort(leg) == inf
    assert hard(leg) is None, "that is a way of throttling"


def test_one_that_our_own_deadline_cut_is_a_sample_still() -> None:
    leg = observed(seconds=4.0, body=8_192, failure=CUT)
    assert not ended(leg)
    assert read_effort(leg) == pytest.approx(1.0 / 2_048.0)


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
