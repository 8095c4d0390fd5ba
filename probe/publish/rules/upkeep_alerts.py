"""Alerts about a probe itself, for whoever runs it: there is nothing to practise, so no drills."""

from __future__ import annotations

from collections.abc import Iterator

from probe.model.identity import Role
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_bundle
from probe.publish.metrics import metric_names_data as names_data
from probe.publish.metrics import metric_names_line as names_line
from probe.publish.metrics import metric_names_outside as names_outside
from probe.publish.metrics import metric_names_store as names_store
from probe.publish.rules.known_vantages import KNOWN, KNOWN_REFERENCE, MEASURED
from probe.publish.rules.rule_parts import Alert

# What the hub says of each vantage (probe/hub/hub_numbers.py).
HUB_HEARD = "throttlewatch_hub_heard_timestamp_seconds"
HUB_NEWEST = "throttlewatch_hub_newest_timestamp_seconds"
HUB_AHEAD = "throttlewatch_hub_clock_ahead_seconds"
HUB_REVOKED = "throttlewatch_hub_revoked_timestamp_seconds"
HUB_ARCHIVE = "throttlewatch_hub_archive_bytes"
HUB_ROOM = "throttlewatch_hub_archive_room_bytes"
HUB_REFUSED = "throttlewatch_hub_refused_requests_total"
NOT_HEARD_SECONDS = 1_800.0
# Without one everything that is said is weaker, so sooner than for a single vantage inside.
REFERENCE_SECONDS = 900.0
# What a reference publishes counts for 2.5 transfer intervals, 38 minutes by default.
OUTSIDE_SECONDS = 3_600.0
# Onsets count as one within ten minutes (`nation.onset_window`): a tenth of that.
CLOCK_SECONDS = 60.0
BACKLOG_SECONDS = 1_800.0
# Less than this share of its monthly data is left: at the usual pace that is a day.
LITTLE_DATA = 1 / 31
NEARLY_FULL = 0.9
"""Of the room that a vantage's rounds may take at the hub."""
# Why a hub sends everybody away, though nothing is wrong with what they send.
_HUBS_OWN = ("disk", "engine", "register")
_CLOCK = names.VANTAGE_TIME.name


def upkeep_alerts() -> Iterator[Alert]:
    """Somebody should look after a probe."""
    yield Alert(
        name="ThrottlewatchBundleExpired",
        expr=f"time() > {metric_names_bundle.EXPIRES.name}",
        hold="1h",
        severity="warning",
        summary="{{ $labels.instance }}: the bundle of definitions has expired",
        description=(
            "Nothing newer was found: whoever keeps the list has stopped, or somebody keeps newer "
            "ones from this probe. The old one is used on."
        ),
    )
    yield Alert(
        name="ThrottlewatchBundleRefused",
        expr=f"{metric_names_bundle.REFUSED.name} == 1 or {metric_names_bundle.USABLE.name} == 0",
        hold="0m",
        severity="warning",
        summary="{{ $labels.instance }}: a bundle of definitions may not be used",
        description=(
            "Its signatures, version or content are not right: a mistake of those who keep the "
            "list, or somebody tries to give this probe another one. What was used before is used "
            "on; throttlewatch_bundle_looks_total has the reason."
        ),
    )
    yield from _silence()
    yield Alert(
        name="ThrottlewatchClockWrong",
        expr=(
            f"max by (vantage) (abs({HUB_AHEAD}) > {CLOCK_SECONDS:g}\n"
            f"or abs(timestamp({_CLOCK}) - {_CLOCK}) > {CLOCK_SECONDS:g})"
        ),
        hold="10m",
        severity="warning",
        summary="{{ $labels.vantage }}: its clock is wrong",
        description=(
            "By {{ $value | humanizeDuration }}. What it says is as it was, but when it began is "
            "not: onsets that are wrong by minutes make several platforms seem to begin apart, or "
            "together. Let NTP keep it."
        ),
    )
    yield Alert(
        name="ThrottlewatchForwardBacklog",
        expr=(
            f"max by (vantage) ({HUB_HEARD} - {HUB_NEWEST} > {BACKLOG_SECONDS:g})\n"
            f"or max by (instance) (time() - {names_store.FORWARD_OLDEST.name} > "
            f"{BACKLOG_SECONDS:g})"
        ),
        hold="10m",
        severity="warning",
        summary="{{ $labels.vantage }}{{ $labels.instance }}: what it measured comes late",
        description=(
            "What it sends, or has to send, is {{ $value | humanizeDuration }} old. Rules do not "
            "run again over what comes late: until it has caught up this vantage counts as silent. "
            "throttlewatch_forward_trouble_info at the probe has the reason."
        ),
    )
    yield Alert(
        name="ThrottlewatchHistoryNotWritten",
        expr=f"max by (instance) ({names_store.STORE_WRITABLE.name} == 0)",
        hold="15m",
        severity="warning",
        summary="{{ $labels.instance }}: its history cannot be written",
        description=(
            "It measures on and remembers a while; what a restart forgets is gone, evidence and "
            "what is normal there included. throttlewatch_store_trouble_info has the reason: "
            "mostly a disk that is full or dying."
        ),
    )
    yield Alert(
        name="ThrottlewatchTunnel",
        expr=f"max by (vantage) ({names_line.TUNNEL.name} == 1)",
        hold="30m",
        severity="warning",
        summary="{{ $labels.vantage }}: measures through a tunnel, and not its own line",
        description=(
            "Its packets leave through a VPN or another tunnel, so what it says is about the "
            "tunnel's other end, and counts for the network that its configuration names. Take "
            "the probe out of the tunnel, or say where that ends."
        ),
    )
    yield Alert(
        name="ThrottlewatchConfigurationRefused",
        expr=f"max by (instance) ({names.RELOAD_SUCCESS.name} == 0)",
        hold="15m",
        severity="warning",
        summary="{{ $labels.instance }}: its configuration was not taken up",
        description=(
            "It goes on with the last one that was right, until it is begun anew. "
            "`throttlewatch check` there says what is wrong, and where."
        ),
    )
    yield Alert(
        name="ThrottlewatchDataNearlyUsed",
        expr=(
            f"max by (vantage) ({names_data.LEFT.name} / {names_data.BUDGET.name} < "
            f"{LITTLE_DATA:.4f})"
        ),
        hold="1h",
        severity="warning",
        summary="{{ $labels.vantage }}: its data is nearly used up",
        description=(
            "{{ $value | humanizePercentage }} of what it may use in a month is left. It measures "
            "less and then not at all until older days no longer count. `throttlewatch plan` there "
            "says what it is spent on."
        ),
    )
    yield from _of_the_hub()


def _of_the_hub() -> Iterator[Alert]:
    """What only the hub can say."""
    yield Alert(
        name="ThrottlewatchArchiveNearlyFull",
        expr=f"max by (country, vantage) ({HUB_ARCHIVE} / {HUB_ROOM} >= {NEARLY_FULL:g})",
        hold="15m",
        severity="warning",
        summary="{{ $labels.vantage }}: its rounds fill their room in the hub's archive",
        description=(
            "They take {{ $value | humanizePercentage }} of it. When it is full the probe keeps "
            "what it has, and what is 30 days old by then is not sent any more. `--room` gives "
            "more; far more than others send may be a probe in other hands."
        ),
    )
    yield Alert(
        name="ThrottlewatchHubCannotTake",
        expr=(
            f'sum by (instance, reason) (increase({HUB_REFUSED}{{reason=~"{"|".join(_HUBS_OWN)}"}}'
            f"[15m])) > 0"
        ),
        hold="15m",
        severity="warning",
        summary="{{ $labels.instance }}: the hub sends probes away ({{ $labels.reason }})",
        description=(
            "For half an hour it could not keep or hand on what they send: its disk (rounds wait), "
            "its register or the engine (all wait, and all of them count as silent). Probes keep "
            "it for 30 days and come again."
        ),
    )


def _silence() -> Iterator[Alert]:
    """Who is not heard, by whatever way it should be: the hub's word, or the rules' own memory."""
    silent = f"(time() - ({KNOWN}{{{MEASURED}}} >= 0)) > {NOT_HEARD_SECONDS:g}"
    abroad = f"(time() - {KNOWN_REFERENCE}{{{MEASURED}}}) > {NOT_HEARD_SECONDS:g}"
    yield Alert(
        name="ThrottlewatchVantageSilent",
        expr=(
            f"(max by (country, vantage) ({silent})\n"
            f"or max by (country, vantage) ({abroad})\n"
            f"or max by (country, vantage) (time() - {HUB_HEARD} > {NOT_HEARD_SECONDS:g}))\n"
            f"unless on (vantage) {HUB_REVOKED}"
        ),
        hold="5m",
        severity="warning",
        summary="{{ $labels.vantage }} in {{ $labels.country }}: silent for half an hour",
        description=(
            "Nothing of it was heard for {{ $value | humanizeDuration }}. It may be switched off, "
            "cut off, or sent away by its own network. `throttlewatch hub health` has all of "
            "them; those that will not come back belong into nation.gone, or are revoked."
        ),
    )
    yield Alert(
        name="ThrottlewatchReferenceSilent",
        expr=(
            f"time() - max({KNOWN_REFERENCE}{{{MEASURED}}}\n"
            f'or {HUB_HEARD}{{role="{Role.REFERENCE.value}"}}) > {REFERENCE_SECONDS:g}\n'
            f"or time() - max by (outside) ({names_outside.MADE.name}) > {OUTSIDE_SECONDS:g}"
        ),
        hold="5m",
        severity="critical",
        summary="{{ with $labels.outside }}{{ . }}: {{ end }}no reference is heard",
        description=(
            "For {{ $value | humanizeDuration }} nobody who looks from outside was heard. Until "
            "one is, nobody can tell a platform's own outage from a restriction, and findings "
            "are no more than consistent with one."
        ),
    )
