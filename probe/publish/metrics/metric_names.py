"""Every metric, declared once: its name, kind, labels, and when it is absent.

What was not measured is absent, never 0. Label values come from the configuration or from closed
sets (``probe.model``), never from what the network answers. A label that does not apply to a
series is left out of it: a leg's series has ``platform`` or, on control legs, ``control``.

``role`` always is a vantage's role (inside, reference); a leg's corner of the square is ``leg``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from probe.config import probers
from probe.publish.metrics import metric_names_bundle as names_bundle
from probe.publish.metrics import metric_names_data as names_data
from probe.publish.metrics import metric_names_law as names_law
from probe.publish.metrics import metric_names_line as names_line
from probe.publish.metrics import metric_names_nation as names_nation
from probe.publish.metrics import metric_names_outside as names_outside
from probe.publish.metrics import metric_names_store as names_store
from probe.publish.metrics import metric_names_target as names_target
from probe.publish.metrics import metric_names_transport as names_transport
from probe.publish.metrics import metric_names_upload as names_upload
from probe.publish.metrics import metric_names_vouch as names_vouch
from probe.publish.metrics import metric_names_wishes as names_wishes
from probe.publish.metrics.metric_names_prober import metrics_of
from probe.publish.metrics.metric_spec import PREFIX, MetricSpec
from probe.publish.metrics.metric_spec import metric as _metric

__all__ = ["METRICS", "PREFIX", "MetricSpec"]

_LEG = ("vantage", "platform", "control", "target", "leg", "family")
_ROUND = ("vantage", "platform")
_HOW = ("basis", "method", "trigger", "signature", "phase", "direction", "severity")
_DNS = ("vantage", "platform", "name", "family", "resolver", "transport")
_RATIO = ("vantage", "platform", "target", "family", "versus")
_STALE = "2.5 intervals after it was last measured"
_STALE_READ = "2.5 transfer intervals after it was last measured"

# What one leg saw last.
LEG_SUCCESS = _metric(
    "gauge",
    "leg_success",
    _LEG,
    "Whether the last exchange of this leg gave what was asked of it (1) or failed (0).",
    absent=f"never attempted; {_STALE}",
)
LEG_FAILURE = _metric(
    "info",
    "leg_failure_info",
    (*_LEG, "phase", "reason"),
    "Why and in which phase the last exchange failed, as an OONI failure string.",
    absent="the last exchange did not fail",
)
LEG_FAILURE_SECONDS = _metric(
    "gauge",
    "leg_failure_seconds",
    _LEG,
    "Seconds that the failed phase of the last exchange lasted until it failed.",
    absent="the last exchange did not fail, or the time is not known",
)
LEG_PHASE = _metric(
    "gauge",
    "leg_phase_seconds",
    (*_LEG, "phase"),
    "Seconds that a phase of the last exchange took.",
    absent="the phase did not take place or did not end well",
)
# The same target by other probers, where they are used.
BESIDE = tuple(
    metrics_of(
        prober, leg=_LEG, stale=_STALE, ended="the phase did not take place or did not end well"
    )
    for prober in probers.BESIDE
)
LEG_MIN_RTT = _metric(
    "gauge",
    "leg_min_rtt_seconds",
    _LEG,
    "Least round-trip time of the last exchange's connection, as the kernel saw it.",
    absent="the kernel does not say; no connection",
)
LEG_RETRANSMITS = _metric(
    "gauge",
    "leg_retransmits",
    _LEG,
    "Segments that this host sent again during the last exchange.",
    absent="the kernel does not say; no connection",
)
LEG_NOT_AFTER = _metric(
    "gauge",
    "leg_certificate_not_after_timestamp_seconds",
    _LEG,
    "Unix time at which the server's certificate expires.",
    absent="no certificate was seen in the last exchange",
)
LEG_VERIFIED = _metric(
    "gauge",
    "leg_certificate_verified",
    _LEG,
    "Whether chain and name of a certificate that may be wrong without failing the leg held.",
    absent="the leg fails on a wrong certificate (see leg_failure_info); no handshake",
)
LEG_STATUS = _metric(
    "gauge",
    "leg_http_status_code",
    _LEG,
    "Status of an answer that was not the expected one.",
    absent="no answer, or the expected status",
)
# The same, of exchanges that read a body to compare goodput.
LEG_GOODPUT = _metric(
    "gauge",
    "leg_goodput_bytes_per_second",
    _LEG,
    "Body bytes per second from the request to the last byte, or until the body was cut.",
    absent=f"the leg is not read; it was refused or never began; {_STALE_READ}",
)
LEG_BODY = _metric(
    "gauge",
    "leg_body_bytes",
    _LEG,
    "Body bytes that the last exchange which compares goodput read.",
    absent=f"the leg is not read; no body began; {_STALE_READ}",
)
# Distributions.
PHASE_DURATION = _metric(
    "histogram",
    "phase_duration_seconds",
    ("vantage", "leg", "phase"),
    "Durations of the phases after resolving that ended well: of all targets, of all controls.",
    absent="no such phase has ended since the daemon started",
)
# Comparisons within a round.
GOODPUT_RATIO = _metric(
    "gauge",
    "goodput_ratio",
    _RATIO,
    "Goodput of a target over that of the other legs of its round; below 1 the target is slower.",
    absent=f"either has no goodput in the round; {_STALE_READ}",
)
HANDSHAKE_RATIO = _metric(
    "gauge",
    "handshake_ratio",
    _RATIO,
    "Handshake time of a target over that of the other legs of its round; above 1 it is slower.",
    absent=f"either did not end its handshake in the round; {_STALE}",
)
# DNS on the wire, per resolver. What the host itself gets is the phase ``resolve`` of a leg.
DNS_SUCCESS = _metric(
    "gauge",
    "dns_success",
    _DNS,
    "Whether the last query gave addresses (1) or failed (0).",
    absent=f"never asked; {_STALE}",
)
DNS_SECONDS = _metric(
    "gauge",
    "dns_lookup_seconds",
    _DNS,
    "Seconds from the last query to its first answer.",
    absent="the last query failed",
)
DNS_FAILURE = _metric(
    "info",
    "dns_failure_info",
    (*_DNS, "reason"),
    "Why the last query failed, as an OONI failure string.",
    absent="the last query did not fail",
)
DNS_CONFLICTING = _metric(
    "gauge",
    "dns_conflicting",
    _DNS,
    "Whether several answers came to the last query over UDP and disagree (1): one was injected.",
    absent="the last query failed; not asked over UDP",
)
# Rounds.
ROUNDS = _metric(
    "counter",
    "rounds_total",
    (*_ROUND, "kind", "result"),
    "Rounds by kind and result: ok (every leg was fine), failed (some failed), empty (none made).",
    absent="no such round yet",
)
ROUNDS_ABANDONED = _metric(
    "counter",
    "rounds_abandoned_total",
    _ROUND,
    "Rounds that began and were given up because of an error in the daemon.",
    absent="none yet",
)
ROUNDS_LATE = _metric(
    "counter",
    "rounds_late_total",
    _ROUND,
    "Rounds that were left out or could not start in time.",
    absent="none yet",
)
ROUND_RUNNING = _metric(
    "gauge",
    "round_running",
    _ROUND,
    "Whether a round or burst is being made just now.",
    absent="not configured",
)
ROUND_TIMESTAMP = _metric(
    "gauge",
    "round_last_timestamp_seconds",
    (*_ROUND, "kind"),
    "Unix time at which the last round of this kind ended.",
    absent="no such round yet",
)
ROUND_INTERVAL = _metric(
    "gauge",
    "round_interval_seconds",
    ("kind",),
    "Configured time between rounds of this kind.",
    absent="never",
)
LEGS_SKIPPED = _metric(
    "counter",
    "legs_skipped_total",
    (*_ROUND, "reason"),
    "Legs that were not attempted.",
    absent="none yet",
)
ROUND_PACE = _metric(
    "gauge",
    "round_pace_seconds",
    (*_ROUND, "kind"),
    "Time between rounds of this kind that the data budget allows now (light: of any kind).",
    absent="never",
)
ROUNDS_REFUSED = _metric(
    "counter",
    "rounds_refused_total",
    (*_ROUND, "reason"),
    "Rounds that were due and not made, or made as light ones: data budget, hours, no clock.",
    absent="none yet",
)
WIRE_BYTES = _metric(
    "counter",
    "wire_bytes_total",
    (*_ROUND, "direction"),
    "Bytes of a platform's rounds on the wire: its legs, its controls' and their DNS queries.",
    absent="nothing was counted yet",
)
# Verdicts.
VERDICT_STATE = _metric(
    "gauge",
    "verdict_state",
    (*_ROUND, "country", "asn", "access", "role", "state", "drill"),
    "1 for the state of this platform at this vantage, 0 for those that it was in before (since "
    "the daemon began, or in the last week of its history). It is unknown before the first round, "
    "and from 2.5 intervals after the last one on while none is being made, with the reason "
    "not_measured.",
    absent="not configured",
)
VERDICT_INFO = _metric(
    "info",
    "verdict_info",
    (*_ROUND, "rule_id", "reason", "drill"),
    "Which rule gave the state, and its reason.",
    absent="before the first round",
)
VERDICT_DETAIL = _metric(
    "info",
    "verdict_detail_info",
    (*_ROUND, *_HOW, "drill"),
    "How a platform is blocked, throttled or impaired; a label that does not apply is left out.",
    absent="the state is none of throttled, blocked and impaired",
)
VERDICT_SLOWDOWN = _metric(
    "gauge",
    "verdict_slowdown_ratio",
    (*_ROUND, "drill"),
    "How many times slower than normal the slowest target was, beyond what a greater distance may "
    "explain; if no normal is known and it is slow, than a neutral name at the same server, or "
    "than other sites.",
    absent="nothing could be compared, or no normal is known and it is not slow; the target failed "
    "outright, or its reads stop",
)
VERDICT_EVIDENCE = _metric(
    "gauge",
    "verdict_evidence_log10",
    _ROUND,
    "Evidence of the sequential test (common logarithm of its e-value) that a target is slowed.",
    absent="nothing is suspected",
)
VERDICT_TESTED = _metric(
    "gauge",
    "verdict_tested_bytes",
    _ROUND,
    "Most body bytes read at once in the last day while all was well: what begins later is not "
    "seen.",
    absent="only handshakes were tested",
)
VERDICT_PROVISIONAL = _metric(
    "gauge",
    "verdict_provisional",
    (*_ROUND, "drill"),
    "Whether something is suspected, and the sequential test has not spoken.",
    absent="before the first round",
)
VERDICT_SINCE = _metric(
    "gauge",
    "verdict_since_timestamp_seconds",
    (*_ROUND, "drill"),
    "Unix time at which this state began.",
    absent="before the first round",
)
VERDICT_TIME = _metric(
    "gauge",
    "verdict_timestamp_seconds",
    (*_ROUND, "drill"),
    "Unix time of what the verdict was made of: when somebody last looked.",
    absent="before the first round",
)
VERDICT_CONTROL = _metric(
    "info",
    "verdict_control_info",
    (*_ROUND, "control", "drill"),
    "A control that was fine in the last round, so that the platform could be compared with it.",
    absent=f"while the state is not `throttled`, `blocked` or `impaired`; {_STALE}",
)
# The daemon.
VANTAGE_INFO = _metric(
    "info",
    "vantage_info",
    ("vantage", "country", "asn", "access", "role", "upstream", "drill"),
    "What the configuration says about a vantage.",
    absent="never",
)
VANTAGE_TIME = _metric(
    "gauge",
    "vantage_time_seconds",
    ("vantage",),
    "Unix time by the clock of the vantage's daemon, from which a server tells how wrong it is.",
    absent="never",
)
BUILD_INFO = _metric(
    "info", "build_info", ("version",), "Version of throttlewatch.", absent="never"
)
RELOAD_SUCCESS = _metric(
    "gauge",
    "config_last_reload_successful",
    (),
    "Whether the last (re)load of the configuration succeeded.",
    absent="never",
)
RELOAD_TIMESTAMP = _metric(
    "gauge",
    "config_last_reload_success_timestamp_seconds",
    (),
    "Unix time of the last successful (re)load of the configuration.",
    absent="never",
)
CLOCK_STEPS = _metric(
    "counter",
    "clock_steps_total",
    (),
    "Steps of the wall clock that were noticed.",
    absent="never",
)


def _declared(values: Iterable[object]) -> Iterator[MetricSpec]:
    """Those of this module, in the order in which they stand here."""
    for value in values:
        if isinstance(value, MetricSpec):
            yield value
        elif value is BESIDE:
            for one in BESIDE:
                yield from (one.success, one.failure, one.phase)


METRICS: tuple[MetricSpec, ...] = (
    *_declared(list(globals().values())),
    *names_bundle.METRICS,
    *names_data.METRICS,
    *names_law.METRICS,
    *names_line.METRICS,
    *names_nation.METRICS,
    *names_outside.METRICS,
    *names_store.METRICS,
    *names_target.METRICS,
    *names_transport.METRICS,
    *names_upload.METRICS,
    *names_vouch.METRICS,
    *names_wishes.METRICS,
)
