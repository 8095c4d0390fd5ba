from __future__ import annotations

import gzip
import math
import subprocess
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from lab.programs import need
from probe.config import load
from probe.config.candidates import candidates_of, mark_of
from probe.config.schema import Config, Settings, VantageConfig
from probe.model.failure import OURS, Failure
from probe.model.identity import Access, Phase, Role, RoundKind, Verify
from probe.model.object_record import ObjectRecord, Why
from probe.model.observation import DnsAnswer, HttpFacts, RoundObservation, SkippedLeg
from probe.model.verdict import PROVEN, State
from probe.publish.latest.board import Board
from probe.publish.metrics import metric_names as names
from probe.publish.metrics.exposition import Registry, encode
from synth.shape import NOW, PLATFORMS, config, dns_observed, full_round, verdict_of
from tests.again import SOON_SECONDS

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
MOST_SERIES_PER_VANTAGE = 680


def board_after(*rounds: RoundObservation, of: Config | None = None) -> Board:
    board = Board(config() if of is None else of, wall=lambda: NOW)
    for observed in rounds:
        board.round_finished(observed, verdict_of(observed))
    return board


def text(board: Board, accept: str = "") -> str:
    collector = Registry("1.2.3").collector(board.snapshot())
    return encode(collector, accept=accept, accept_encoding="").body.decode()


def samples(board: Board, name: str = "", /, **labels: str) -> list[Sample]:
    """Samples of one metric (``""``: all) that have these labels."""
    return [
        sample
        for metric in parse_text(text(board))
        for sample in metric.samples
        if name in ("", sample.name.removeprefix(names.PREFIX))
        and labels.items() <= sample.labels.items()
    ]


def value(board: Board, name: str, /, **labels: str) -> float:
    (found,) = samples(board, name, **labels)
    return float(found.value)


def eventful(of: Config) -> Board:
    """A board on which everything that can be published has been published."""
    board = board_after(of=of)
    failure = Failure(phase=Phase.TLS, reason="connection_reset")
    for vantage in (v.name for v in of.settings.vantages):
        for platform in (p.name for p in of.platforms):
            for kind in RoundKind:
                bad = full_round(of, platform, vantage=vantage, kind=kind, failure=failure)
                board.round_finished(bad, verdict_of(bad, State.UNKNOWN, reason="target_failing"))
                # Each control once as the first of its round, which is the one that is read.
                for control in (c.name for c in of.controls):
                    good = full_round(of, platform, vantage=vantage, kind=kind, controls=[control])
                    good = replace(
                        good, skipped=(SkippedLeg(leg=good.legs[0].leg, reason="host_budget"),)
                    )
                    board.round_finished(good, verdict_of(good))
            board.round_late(vantage, platform)
    return board


def test_both_formats_parse_and_say_the_same() -> None:
    board = eventful(config())
    plain = {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for metric in parse_text(text(board))
        for s in metric.samples
        if s.name.startswith(names.PREFIX)
    }
    rich = {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for metric in parse_openmetrics(text(board, OPENMETRICS))  # type: ignore[no-untyped-call]
        for s in metric.samples
        if s.name.startswith(names.PREFIX)
    }
    assert plain == rich
    assert len(plain) > 400


def test_what_targets_give_to_read_has_metrics() -> None:
    board, now = board_after(), NOW
    record = ObjectRecord()
    for hours in (9.0, 8.0, 7.0, 0.5):
        why = None if hours == 9.0 else Why.GONE
        mark = mark_of(candidates_of(PLATFORMS[0].targets[0])[0])
        record = record.after(why, mark, now - 3_600.0 * hours)
    fine = ObjectRecord().after(None, "other", now)
    old = ObjectRecord().after(Why.GONE, "other", now - 90_000.0)
    unnamed = {"x/nothing": record, "nobody/object": record}
    records = {"x/script": record, "jquery/object": fine, "youtube/video": old, **unnamed}
    board.objects_seen("default", records)
    place = {"platform": "x", "target": "script"}
    assert value(board, "target_readable_ratio", **place) == 0.25
    assert value(board, "target_candidate", **place) == 1.0
    assert value(board, "target_rotten", **place, reason="gone", role="inside") == 1.0
    (since,) = samples(board, "target_unreadable_since_timestamp_seconds")
    assert (since.labels["reason"], since.value) == ("gone", record.since)
    assert value(board, "target_rotten", control="jquery", target="object") == 0.0
    assert len(samples(board, "target_readable_ratio")) == 2
    assert len(samples(board, "target_candidate")) == 1


def test_legs_over_quic_have_metrics_of_their_own() -> None:
    observed = full_round(config())
    assert not samples(board_after(observed), "quic_success")
    leg = next(one for one in observed.legs if one.leg.owner == "x")
    over = replace(leg, leg=replace(leg.leg, prober="quic"))
    fine = replace(over, phases={Phase.TLS: 0.25, Phase.PROCESSING: 0.125})
    timeout = Failure(phase=Phase.TLS, reason="generic_timeout_error")
    failed = replace(over, phases={Phase.TLS: 10.0}, failure=timeout)
    place = {"platform": "x", "target": leg.leg.target, "leg": "target"}

    board = board_after(replace(observed, beside=(fine,)))
    assert value(board, "quic_success", **place) == 1.0
    assert value(board, "quic_phase_seconds", phase="tls", **place) == 0.25
    assert not samples(board, "quic_failure_info")
    assert value(board, "leg_phase_seconds", phase="tls", **place) == leg.phases[Phase.TLS]

    board = board_after(replace(observed, beside=(failed,)))
    assert value(board, "quic_success", **place) == 0.0
    assert not samples(board, "quic_phase_seconds")
    (info,) = samples(board, "quic_failure_info", **place)
    assert (info.labels["phase"], info.labels["reason"]) == ("tls", "generic_timeout_error")


@pytest.mark.parametrize(
    ("accept", "starts"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text; version=nonsense", "text/plain; version=0.0.4"),
        ("text/plain;version=0.0.4;q=0.3, */*;q=0.1", "text/plain; version=0.0.4"),
    ],
)
def test_the_format_is_the_one_asked_for(accept: str, starts: str) -> None:
    page = encode(
        Registry("1").collector(board_after().snapshot()), accept=accept, accept_encoding=""
    )
    assert page.headers["Content-Type"].startswith(starts)
    assert page.body.endswith(b"# EOF\n") == ("openmetrics" in page.headers["Content-Type"])


def test_gzip_when_asked_for() -> None:
    collector = Registry("1").collector(board_after().snapshot())
    page = encode(collector, accept="", accept_encoding="gzip, deflate")
    assert page.headers["Content-Encoding"] == "gzip"
    assert b"throttlewatch_build_info" in gzip.decompress(page.body)
    assert "Content-Encoding" not in encode(collector, accept="", accept_encoding="").headers


def test_promtool_finds_nothing_to_say() -> None:
    need("promtool", "prometheus")
    result = subprocess.run(
        ["promtool", "check", "metrics"],
        input=text(eventful(config())),
        capture_output=True,
        text=True,
        timeout=SOON_SECONDS,
        check=False,
    )
    assert (result.stdout + result.stderr, result.returncode) == ("", 0)


def test_series_per_vantage_are_few_with_the_default_configuration() -> None:
    default = load(None, {})
    two = tuple(
        VantageConfig(name=name, country="TR", asn=64_500, access=Access.MOBILE)
        for name in ("home", "mobile")
    )
    board = eventful(replace(default, settings=replace(default.settings, vantages=two)))
    found = samples(board)
    for vantage in ("home", "mobile"):
        own = [sample for sample in found if sample.labels.get("vantage") == vantage]
        assert 300 < len(own) <= MOST_SERIES_PER_VANTAGE
    assert sum("vantage" not in sample.labels for sample in found) < 30


def test_every_series_has_only_the_labels_that_are_declared() -> None:
    declared = {spec.name: spec for spec in names.METRICS}
    for sample in samples(eventful(config())):
        name = sample.name
        for ending in ("_bucket", "_count", "_sum"):
            if name.removesuffix(ending) in declared:
                name = name.removesuffix(ending)
        if not name.startswith(names.PREFIX):
            assert name.startswith("process_")
            continue
        allowed = set(declared[name].labels)
        if declared[name].kind == "histogram":
            allowed.add("le")
        assert set(sample.labels) <= allowed, name


def test_no_series_appears_twice_and_none_is_nan() -> None:
    found = samples(eventful(config()))
    keys = [(s.name, tuple(sorted(s.labels.items()))) for s in found]
    assert len(keys) == len(set(keys))
    assert not any(math.isnan(s.value) for s in found)


def test_before_the_first_round_only_the_state_is_said_and_it_is_unknown() -> None:
    board = board_after()
    assert value(board, "verdict_state", platform="x", state="unknown") == 1.0
    assert not samples(board, "verdict_state", platform="x", state="ok")
    for name in ("leg_success", "dns_success", "rounds_total", "verdict_provisional"):
        assert not samples(board, name)
    assert not samples(board, "verdict_since_timestamp_seconds")


@given(steps=st.lists(st.floats(0.0, 4_000.0), max_size=12))
@settings(max_examples=30, deadline=None)
def test_the_state_of_every_platform_is_said_as_long_as_the_daemon_lives(
    steps: list[float],
) -> None:
    """Whether or not a round ended in time."""
    now, of = [1_000.0], config()
    board = Board(of, monotonic=lambda: now[0], wall=lambda: NOW + now[0])
    for number, seconds in enumerate(steps):
        now[0] += seconds
        found = samples(board, "verdict_state")
        unknown = [s.labels["platform"] for s in found if s.labels["state"] == "unknown"]
        assert set(unknown) == {p.name for p in of.platforms}
        for name in unknown:
            assert sum(s.value for s in found if s.labels["platform"] == name) == 1.0
        if number % 2:
            observed = replace(full_round(of), holds_seconds=750.0)
            board.round_finished(observed, verdict_of(observed))


def test_exactly_one_state_holds_beside_those_that_it_was_in() -> None:
    board, before = Board(config()), set[State]()
    for state in State:
        before.add(state)
        observed = full_round(config())
        board.round_finished(observed, verdict_of(observed, state))
        found = {s.labels["state"]: s.value for s in samples(board, "verdict_state", platform="x")}
        assert found == {other.value: float(other is state) for other in before}


def test_controls_are_named_where_somebody_is_accused_or_may_be() -> None:
    observed = full_round(config())
    for state in State:
        board = Board(config())
        board.round_finished(observed, verdict_of(observed, state))
        found = samples(board, "verdict_control_info", platform="x")
        assert bool(found) is (state in PROVEN), state


def test_a_leg_that_fails_in_the_handshake_has_no_later_phase_and_no_goodput() -> None:
    of = config()
    reset = Failure(phase=Phase.TLS, reason="connection_reset", detail="read 192.0.2.7")
    board = board_after(full_round(of, failure=reset), of=of)
    leg = {"platform": "x", "target": "script", "leg": "target"}
    assert value(board, "leg_success", **leg) == 0.0
    assert value(board, "leg_failure_info", phase="tls", reason="connection_reset", **leg) == 1.0
    assert value(board, "leg_failure_seconds", **leg) == pytest.approx(0.043)
    phases = {s.labels["phase"] for s in samples(board, "leg_phase_seconds", **leg)}
    assert phases == {"resolve", "connect"}
    for name in ("leg_goodput_bytes_per_second", "leg_body_bytes", "leg_http_status_code"):
        assert not samples(board, name, **leg)
    assert not samples(board, "leg_certificate_not_after_timestamp_seconds", **leg)
    assert not samples(board, "goodput_ratio", platform="x")
    assert "192.0.2.7" not in text(board)


def test_a_leg_that_is_fine_has_no_failure_series() -> None:
    board = board_after(full_round(config()))
    assert value(board, "leg_success", platform="x", target="script", leg="target") == 1.0
    assert not samples(board, "leg_failure_info")
    assert not samples(board, "leg_failure_seconds")


def test_a_body_that_was_cut_is_a_sample_with_its_goodput() -> None:
    base = full_round(config())
    first = base.legs[0]
    cut = replace(
        first,
        failure=Failure(phase=Phase.TRANSFER, reason="generic_timeout_error"),
        body_bytes=16_000,
        phases={**first.phases, Phase.TRANSFER: 30.0},
    )
    board = board_after(replace(base, legs=(cut, *base.legs[1:])))
    leg = {"platform": "x", "target": "script", "leg": "target"}
    assert value(board, "leg_success", **leg) == 0.0
    assert value(board, "leg_body_bytes", **leg) == 16_000.0
    assert value(board, "leg_goodput_bytes_per_second", **leg) == pytest.approx(16_000 / 30.065)
    assert value(board, "goodput_ratio", platform="x", versus="control") < 0.01


def test_a_refusal_shows_its_status() -> None:
    base = full_round(config())
    refused = replace(
        base.legs[0],
        failure=Failure(phase=Phase.PROCESSING, reason="http_unexpected_status_code"),
        http=HttpFacts(version="2", status=403),
        body_bytes=None,
    )
    board = board_after(replace(base, legs=(refused, *base.legs[1:])))
    assert value(board, "leg_http_status_code") == 403.0
    assert not samples(board, "leg_goodput_bytes_per_second", target="script", leg="target")


@pytest.mark.parametrize(("error", "verified"), [("", 1.0), ("hostname mismatch", 0.0)])
def test_a_certificate_that_may_be_wrong_says_whether_it_held(error: str, verified: float) -> None:
    base = full_round(config())
    leg = base.legs[1]
    assert leg.tls is not None
    recorded = replace(
        leg,
        leg=replace(leg.leg, verify=Verify.RECORD),
        tls=replace(leg.tls, verify_error=error),
    )
    board = board_after(replace(base, legs=(base.legs[0], recorded)))
    assert value(board, "leg_certificate_verified") == verified


def test_a_kernel_that_says_nothing_leaves_its_series_out() -> None:
    base = full_round(config())
    board = board_after(replace(base, legs=tuple(replace(leg, tcp=None) for leg in base.legs)))
    for name in ("leg_min_rtt_seconds", "leg_retransmits"):
        assert not samples(board, name)


def test_dns_says_what_each_resolver_said() -> None:
    base = full_round(config())
    injected = replace(
        dns_observed("x.test", "quad9"),
        answers=(
            DnsAnswer(seconds=0.004, rcode="NOERROR", addresses=("203.0.113.9",)),
            DnsAnswer(seconds=0.020, rcode="NOERROR", addresses=("192.0.2.7",)),
        ),
    )
    silent = dns_observed("x.test", "google", failure="generic_timeout_error")
    secure = dns_observed("x.test", "cloudflare-doh", "https")
    board = board_after(replace(base, dns=(injected, silent, secure)))
    assert value(board, "dns_conflicting", resolver="quad9", name="x.test") == 1.0
    assert value(board, "dns_success", resolver="google") == 0.0
    assert value(board, "dns_failure_info", resolver="google", reason="generic_timeout_error") == 1
    assert value(board, "dns_success", resolver="cloudflare-doh", transport="https") == 1.0
    for name in ("dns_lookup_seconds", "dns_conflicting", "dns_failure_info"):
        expected = {
            "dns_lookup_seconds": {"quad9", "cloudflare-doh"},
            "dns_conflicting": {"quad9"},
            "dns_failure_info": {"google"},
        }[name]
        assert {s.labels["resolver"] for s in samples(board, name)} == expected


def test_histograms_are_cumulative_and_carry_no_target() -> None:
    of = config()
    board = board_after(full_round(of), full_round(of), of=of)
    labels = {"leg": "target", "phase": "connect"}
    counts = [s.value for s in samples(board, "phase_duration_seconds_bucket", **labels)]
    assert counts == sorted(counts)
    total = value(board, "phase_duration_seconds_count", **labels)
    assert counts[-1] == total == 4.0
    assert value(board, "phase_duration_seconds_sum", **labels) == pytest.approx(4 * 0.021)


def test_a_vantage_says_where_it_stands_and_leaves_out_what_is_not_said() -> None:
    known = VantageConfig(name="home", country="TR", asn=9_121, role=Role.REFERENCE)
    of = config(settings=Settings(vantages=(known, VantageConfig(name="other"))))
    board = board_after(of=of)
    (home,) = samples(board, "vantage_info", vantage="home")
    assert home.labels == {
        "vantage": "home",
        "country": "TR",
        "asn": "9121",
        "access": "fixed",
        "role": "reference",
    }
    (other,) = samples(board, "vantage_info", vantage="other")
    assert "asn" not in other.labels
    (state,) = samples(board, "verdict_state", vantage="home", platform="x")
    assert home.labels.items() <= state.labels.items()


@pytest.mark.parametrize(
    ("reason", "label"),
    [("target_failing", "target_failing"), ("see 192.0.2.7, it\nsaid no", "other")],
)
def test_only_words_become_reasons(reason: str, label: str) -> None:
    board = Board(config())
    observed = full_round(config())
    board.round_finished(observed, verdict_of(observed, State.UNKNOWN, reason=reason))
    (info,) = samples(board, "verdict_info", platform="x")
    assert info.labels["reason"] == label
    assert info.labels["rule_id"] == "ok"


def test_the_daemon_speaks_of_itself() -> None:
    board = board_after()
    board.clock_stepped(-3_600.0)
    board.round_started("default", "x", RoundKind.LIGHT)
    board.reload_finished(False, 5.0)
    assert value(board, "clock_steps_total") == 1.0
    assert value(board, "round_running", platform="x") == 1.0
    assert value(board, "round_running", platform="youtube") == 0.0
    assert value(board, "config_last_reload_successful") == 0.0
    assert value(board, "build_info", version="1.2.3") == 1.0
    assert value(board, "round_interval_seconds", kind="light") == Settings().schedule.light
    assert any(s.name == "process_cpu_seconds_total" for s in samples(board))


def test_our_own_failure_strings_are_labels_too() -> None:
    for reason in sorted(OURS):
        failure = Failure(phase=Phase.TRANSFER, reason=reason)
        board = board_after(full_round(config(), failure=failure))
        reasons: Mapping[str, str] = samples(board, "leg_failure_info")[0].labels
        assert reasons["reason"] == reason
