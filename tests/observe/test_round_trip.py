"""What one round trip takes: never the time until a lost packet was sent again."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.observation import TcpInfo
from probe.observe.round_trip import round_trip_seconds
from tests.values import observed


@pytest.mark.parametrize(
    ("syn", "tcp", "is_"),
    [
        (0.033, None, 0.033),
        (0.035, TcpInfo(min_rtt_seconds=0.033, retransmits=0), 0.033),
        (0.033, TcpInfo(min_rtt_seconds=0.400, retransmits=0), 0.033),
        (None, TcpInfo(min_rtt_seconds=0.033, retransmits=1), 0.033),
        # Stored before a repeated SYN was known to have no round trip.
        (1.035, TcpInfo(min_rtt_seconds=0.033, retransmits=1), 0.033),
        (1.035, TcpInfo(retransmits=1), None),
        (3.035, None, None),
        # A satellite behind a satellite.
        (1.200, TcpInfo(min_rtt_seconds=1.150, retransmits=0), 1.150),
        (1.200, TcpInfo(retransmits=0), 1.200),
        (None, None, None),
    ],
)
def test_a_repeated_syn_has_none(syn: float | None, tcp: TcpInfo | None, is_: float | None) -> None:
    assert round_trip_seconds(replace(observed(rtt=syn), tcp=tcp)) == is_
