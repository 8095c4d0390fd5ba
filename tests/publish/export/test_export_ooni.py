"""The OONI export is read by OONI's own package, which makes observations of it."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, Vantage
from probe.model.observation import Clock, DnsAnswer, DnsObservation
from probe.model.stored import StoredRound
from probe.publish.export.export_ooni import measurements, ooni_lines
from synth.event import ONSET, VANTAGES, history
from tests.publish.naming import scrubber_of
from tests.values import a_round, failed, observed

with warnings.catch_warnings():
    # What its dependencies deprecate is not for us to fail on.
    warnings.simplefilter("ignore")
    from oonidata import dataformat, observations
    from oonidata.netinfo import ASInfo, IPInfo

PLACES = {vantage.name: vantage for vantage in VANTAGES}
HOME = PLACES["home"]


class NoNetworks:
    """OONI's database of networks, which it downloads; here every lookup knows nothing."""

    def lookup_asn(self, day: datetime, asn: int) -> ASInfo:
        return ASInfo(asn=asn, as_org_name="", as_cc="ZZ", as_name="")

    def lookup_ip(self, day: datetime, ip: str) -> IPInfo:
        return IPInfo(as_info=self.lookup_asn(day, 0), cc="ZZ")


class NoFingerprints:
    def match_http(self, response: object) -> list[object]:
        return []

    def match_dns(self, answer: object) -> None:
        return None


def read(line: bytes) -> tuple[Any, list[Any], list[Any], list[Any], list[Any]]:
    """One line as a measurement, and its DNS, TCP, TLS and HTTP observations."""
    # That version knows the keys of urlgetter under web_connectivity's class only.
    measurement = dataformat.WebConnectivity.from_dict(msgspec.json.decode(line))
    return (
        measurement,
        *observations.make_web_connectivity_observations(
            measurement, NoFingerprints(), NoNetworks()
        ),
    )


def lines(stored: StoredRound, vantage: Vantage = HOME) -> list[bytes]:
    places = {stored.observed.vantage: vantage}
    return list(ooni_lines([stored], places, scrubber_of([stored])))


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def stored(*legs: Any, **more: Any) -> StoredRound:
    verdict = next(history(ONSET - 600.0, ONSET)).verdict
    return StoredRound(observed=msgspec.structs.replace(a_round(*legs), **more), verdict=verdict)


def test_each_leg_becomes_the_observations_of_its_phases() -> None:
    rounds = list(history(ONSET + 600.0, ONSET + 1_500.0))
    seen = 0
    for one in rounds:
        for line, leg in zip(lines(one), one.observed.legs, strict=False):
            measurement, dns, tcp, tls, http = read(line)
            assert measurement.probe_asn == "AS64501"
            assert (dns, len(tcp), len(tls), len(http)) == ([], 1, 1, 1)
            assert (tcp[0].ip, tcp[0].port, tcp[0].failure) == (leg.address, 443, None)
            assert tls[0].server_name == leg.leg.sni
            assert tls[0].ip == leg.address
            assert http[0].request_url == leg.leg.url
            assert http[0].response_status_code == 206
            started = at(leg.started_at)
            connected = (tcp[0].timestamp - started).total_seconds()
            assert connected == pytest.approx(leg.phases[Phase.CONNECT], abs=1e-4)
            whole = leg.phases[Phase.PROCESSING] + leg.phases[Phase.TRANSFER]
            assert http[0].runtime == pytest.approx(whole, abs=1e-4)
            seen += 1
    assert seen > 100


def test_the_curve_is_what_oonis_probe_writes_of_throttling() -> None:
    one = next(
        r
        for r in history(ONSET + 600.0, ONSET + 1_500.0)
        if r.observed.kind == "transfer" and r.observed.vantage == "home"
    )
    for line, leg in zip(lines(one), one.observed.legs, strict=False):
        measurement = read(line)[0]
        events = [
            e
            for e in measurement.test_keys.network_events
            if e.operation == "bytes_received_cumulative"
        ]
        assert [e.num_bytes for e in events] == [s.bytes for s in leg.curve]
        begin = next(
            e.t
            for e in measurement.test_keys.network_events
            if e.operation == "http_transaction_start"
        )
        assert [e.t - begin for e in events] == pytest.approx(
            [s.seconds for s in leg.curve], abs=1e-5
        )


@pytest.mark.parametrize(
    ("leg", "operation", "counts"),
    [
        (failed(Phase.RESOLVE, "dns_nxdomain_error"), "resolve", (0, 0, 0)),
        (failed(Phase.CONNECT, "generic_timeout_error"), "connect", (1, 0, 0)),
        (failed(Phase.TLS, "connection_reset"), "tls_handshake", (1, 1, 0)),
        (failed(Phase.PROCESSING, "eof_error"), "http_round_trip", (1, 1, 1)),
        (failed(Phase.TRANSFER, "generic_timeout_error"), "read", (1, 1, 1)),
    ],
)
def test_a_failure_stands_where_it_happened(
    leg: Any, operation: str, counts: tuple[int, int, int]
) -> None:
    measurement, _, tcp, tls, http = read(lines(stored(leg))[0])
    keys = next(measurements(stored(leg), HOME))["test_keys"]
    assert keys["failed_operation"] == operation
    assert keys["failure"] == leg.failure.reason
    assert (len(tcp), len(tls), len(http)) == counts
    seen = [o.failure for o in (*tcp, *tls, *http)]
    if seen:
        assert seen[-1] == leg.failure.reason
        assert seen[:-1] == [None] * (len(seen) - 1)
    assert measurement.measurement_uid


def test_our_own_failure_words_are_marked_as_unknown_to_ooni() -> None:
    leg = failed(Phase.TRANSFER, "body_too_short")
    assert next(measurements(stored(leg), HOME))["test_keys"]["failure"] == (
        "unknown_failure: body_too_short"
    )


def test_a_look_up_shows_every_answer_and_who_was_asked() -> None:
    asked = DnsObservation(
        name="x.test",
        family=observed().family,  # type: ignore[arg-type]
        resolver="quad9",
        transport="udp",
        started_at=1_700_000_000.25,
        seconds=0.01,
        clock=Clock.KERNEL,
        answers=(
            DnsAnswer(seconds=0.01, rcode="NOERROR", addresses=("192.0.2.9",), ttl_seconds=5),
            DnsAnswer(seconds=0.04, rcode="NOERROR", addresses=("192.0.2.1", "192.0.2.2")),
        ),
    )
    refused = msgspec.structs.replace(
        asked,
        resolver="system",
        answers=(),
        failure=Failure(phase=Phase.RESOLVE, reason="dns_refused_error"),
    )
    _, dns, tcp, tls, http = read(lines(stored(dns=(asked, refused)))[0])
    assert (tcp, tls, http) == ([], [], [])
    assert [(o.answer, o.engine_resolver_address, o.failure) for o in dns] == [
        ("192.0.2.9", "quad9", None),
        ("192.0.2.1", "quad9", None),
        ("192.0.2.2", "quad9", None),
        (None, "system", "dns_refused_error"),
    ]
    assert (dns[1].timestamp - dns[0].timestamp).total_seconds() == pytest.approx(0.03)


def test_what_was_special_about_a_leg_is_an_option() -> None:
    swap = msgspec.structs.replace(
        observed(LegRole.SWAP),
        leg=msgspec.structs.replace(observed().leg, sni="neutral.test", role=LegRole.SWAP),
    )
    measurement = next(measurements(stored(swap), HOME))
    assert "TLSServerName=neutral.test" in measurement["options"]
    assert "DNSCache=192.0.2.1 x.test" in measurement["options"]
    assert measurement["annotations"]["throttlewatch_leg"] == "swap"


def test_measurements_of_a_round_share_its_report_and_each_has_its_own_stable_id() -> None:
    one = next(history(ONSET, ONSET + 300.0))
    first = [msgspec.json.decode(line) for line in lines(one)]
    again = [msgspec.json.decode(line) for line in lines(one)]
    assert first == again
    assert len({m["report_id"] for m in first}) == 1
    assert len({m["measurement_uid"] for m in first}) == len(first) == 6


def test_a_probe_gives_no_address_of_its_own_and_none_of_its_resolver() -> None:
    for line in lines(next(history(ONSET, ONSET + 300.0))):
        measurement = msgspec.json.decode(line)
        assert measurement["probe_ip"] == "127.0.0.1"
        assert measurement["resolver_ip"] is None
        assert measurement["probe_cc"] == "ZZ"


def test_a_vantage_that_is_no_longer_configured_is_nowhere() -> None:
    one = next(history(ONSET, ONSET + 300.0))
    measurement = msgspec.json.decode(next(ooni_lines([one], {})))
    assert (measurement["probe_asn"], measurement["probe_cc"]) == ("AS0", "ZZ")
