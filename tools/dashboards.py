"""Write the dashboards of config/grafana: ``python tools/dashboards.py``.

Grafana's JSON is long and says the same again and again; what differs stands here. A test holds
that the files are what this writes, and that every query gives data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "config" / "grafana" / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
Json = dict[str, Any]

SCOPES = {
    "-1": ("too few networks heard", "#6e7687"),
    "0": ("nothing", "green"),
    "1": ("single lines", "#b8a13a"),
    "2": ("one network", "yellow"),
    "3": ("several networks", "orange"),
    "4": ("nation-wide", "red"),
}
STATES = {
    "0": ("ok", "green"),
    "1": ("unknown", "#6e7687"),
    "2": ("degraded", "yellow"),
    "3": ("down", "#b8a13a"),
    "4": ("offline", "blue"),
    "5": ("throttled", "orange"),
    "6": ("blocked", "red"),
    "7": ("impaired", "#c2679a"),
    "8": ("withheld", "purple"),
}


NO_DATA = "nothing was measured"
# Grafana takes a part of such a list as `text : value` only if both are there: so the value that
# stands for no drill is a regular expression that fits the empty label alone.
DRILL = {"no": "()", "yes": "true"}


def mapping(words: dict[str, tuple[str, str]]) -> list[Json]:
    """Numbers as words with a colour."""
    options = {
        value: {"text": text, "color": color, "index": index}
        for index, (value, (text, color)) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


def query(expr: str, legend: str = "", *, now: bool = False) -> Json:
    """One query; ``now`` asks for the present values only."""
    found: Json = {"datasource": SOURCE, "expr": expr, "legendFormat": legend, "refId": "A"}
    return {**found, "instant": True} if now else {**found, "range": True}


def panel(
    kind: str,
    title: str,
    about: str,
    *queries: Json,
    height: int = 8,
    width: int = 24,
    unit: str = "short",
    mappings: list[Json] | None = None,
    options: Json | None = None,
    custom: Json | None = None,
    low: float | None = None,
    high: float | None = None,
    transformations: list[Json] | None = None,
) -> Json:
    """One panel; ``width`` is in 24ths of the page, ``about`` is what the (i) beside it says."""
    defaults: Json = {
        "unit": unit,
        "noValue": NO_DATA,
        "mappings": mappings or [],
        "custom": custom or {},
    }
    if mappings:
        defaults["color"] = {"mode": "thresholds"}
        defaults["thresholds"] = {"mode": "absolute", "steps": [{"color": "green", "value": None}]}
    if low is not None:
        defaults["min"] = low
    if high is not None:
        defaults["max"] = high
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
        "targets": [{**one, "refId": chr(ord("A") + index)} for index, one in enumerate(queries)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options or {},
        "transformations": transformations or [],
    }


def text(content: str, height: int = 3) -> Json:
    """Words for whoever has never seen this."""
    return {
        "type": "text",
        "title": "",
        "gridPos": {"h": height, "w": 24, "x": 0, "y": 0},
        "options": {"mode": "markdown", "content": content},
    }


def timeline(title: str, about: str, *queries: Json, words: dict[str, tuple[str, str]]) -> Json:
    """States over time, one row each."""
    return panel(
        "state-timeline",
        title,
        about,
        *queries,
        mappings=mapping(words),
        custom={"lineWidth": 0, "fillOpacity": 80},
        options={
            "mergeValues": True,
            "showValue": "never",
            "rowHeight": 0.85,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        },
    )


def series(title: str, about: str, *queries: Json, **more: Any) -> Json:
    """Lines over time."""
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = {"lineWidth": 2, "spanNulls": False, **more.pop("custom", {})}
    return panel("timeseries", title, about, *queries, options=options, custom=custom, **more)


def table(title: str, about: str, expr: str, *, hide: tuple[str, ...] = (), **more: Any) -> Json:
    """The present values as rows."""
    hidden = dict.fromkeys(("Time", "__name__", "job", "instance", *hide), True)
    return panel(
        "table",
        title,
        about,
        {**query(expr, now=True), "format": "table"},
        transformations=[{"id": "organize", "options": {"excludeByName": hidden}}],
        **more,
    )


def variable(name: str, label: str, of: str, *, several: bool = False) -> Json:
    """A choice at the top, taken from the label values that there are."""
    found: Json = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": of, "refId": name},
        "definition": of,
        "refresh": 2,
        "sort": 1,
        "multi": several,
        "includeAll": several,
    }
    return (
        {**found, "allValue": ".+", "current": {"text": ["All"], "value": ["$__all"]}}
        if (several)
        else found
    )


def dashboard(uid: str, title: str, about: str, variables: list[Json], panels: list[Json]) -> Json:
    """A whole dashboard; panels flow from left to right and down, each gets its number."""
    x = y = row = 0
    for number, one in enumerate(panels, 1):
        place = one["gridPos"]
        if x + place["w"] > 24:
            x, y, row = 0, y + row, 0
        place["x"], place["y"] = x, y
        x, row = x + place["w"], max(row, place["h"])
        one["id"] = number
    source = {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }
    links = [
        {
            "title": "throttlewatch",
            "type": "dashboards",
            "tags": ["throttlewatch"],
            "asDropdown": False,
            "includeVars": True,
            "keepTime": True,
        }
    ]
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["throttlewatch"],
        "timezone": "utc",
        "schemaVersion": 38,
        "version": 1,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "links": links,
        "templating": {"list": [source, *variables]},
        "annotations": {"list": []},
        "panels": panels,
    }


def nation() -> Json:
    """What happens in the country."""

    def of(rule: str, metric: str, kind: str = "restricted", *, beside: bool = False) -> str:
        """The fleet's rules where Prometheus has them, else what one daemon finds by itself: over
        TCP, or over each transport beside it."""
        over = 'transport!=""' if beside else 'transport=""'
        chosen = f'country="$country", kind="{kind}", {over}, drill=~"$drill"'
        by = "platform, transport" if beside else "platform"
        # Aggregated on either side: with their labels as they are, `or` would keep both.
        return " or ".join(f"max by ({by}) ({one}{{{chosen}}})" for one in (rule, metric))

    scope = ("country:throttlewatch_scope:code", "throttlewatch_nation_scope")
    return dashboard(
        "throttlewatch-nation",
        "Nation",
        "Which platforms are slowed or blocked in a country, how widely, since when.",
        [
            variable(
                "country",
                "Country",
                'label_values(throttlewatch_vantage_info{role="inside"}, country)',
            ),
            {
                "name": "drill",
                "label": "Drill",
                "type": "custom",
                "query": ",".join(f"{text} : {value}" for text, value in DRILL.items()),
                "current": {"text": "no", "value": DRILL["no"]},
                "options": [
                    {"text": text, "value": value, "selected": text == "no"}
                    for text, value in DRILL.items()
                ],
            },
        ],
        [
            text(
                "Each platform is measured side by side with sites that nobody has a reason to slow "
                "down. **Red means: most networks of the country slow this platform down or block "
                "it, and have for a while.** Before you publish, read the runbook of the alert."
            ),
            panel(
                "stat",
                "Now",
                "How far a restriction of each platform reaches just now.",
                query(of(*scope), "{{platform}}", now=True),
                height=5,
                mappings=mapping(SCOPES),
                options={
                    "colorMode": "background",
                    "textMode": "value_and_name",
                    "reduceOptions": {"calcs": ["lastNotNull"]},
                },
            ),
            timeline(
                "Each platform over time",
                "How far throttling or blocking reached. Grey: too few networks to say anything.",
                query(of(*scope), "{{platform}}"),
                words=SCOPES,
            ),
            timeline(
                "Each platform over QUIC",
                "The same by what was measured over QUIC alone, where it is (`quic`). Browsers "
                "and apps fall back to TCP where it fails.",
                query(of(*scope, beside=True), "{{platform}} over {{transport}}"),
                words=SCOPES,
            ),
            series(
                "Share of the country affected",
                "Weight of the affected networks over that of the networks that were heard.",
                query(
                    of(
                        "country:throttlewatch_affected:share",
                        "throttlewatch_nation_affected_share",
                    ),
                    "{{platform}}",
                ),
                unit="percentunit",
                width=12,
                low=0,
                high=1,
            ),
            series(
                "Networks (ASNs): affected, and heard",
                "A country needs at least three networks that are heard before anything is said of it.",
                query(
                    of(
                        "country:throttlewatch_affected_networks:sum",
                        "throttlewatch_nation_affected_networks",
                    ),
                    "{{platform}} affected",
                ),
                query(
                    of(
                        "country:throttlewatch_covered_networks:count",
                        "throttlewatch_nation_covered_networks",
                    ),
                    "{{platform}} heard",
                ),
                width=12,
                low=0,
            ),
            timeline(
                "Lines: slow as a whole",
                "The line itself is slow, controls included: congestion, a cut cable, or throttling "
                "of everything. It names no platform.",
                query(of(*scope, kind="degraded"), "{{platform}}"),
                words=SCOPES,
            ),
            timeline(
                "Lines: nothing answers",
                "Neither platforms nor controls answer: a shutdown, or a power cut.",
                query(of(*scope, kind="offline"), "{{platform}}"),
                words=SCOPES,
            ),
            table(
                "Who measures",
                "The vantages, their networks and what kind of line they are.",
                'max by (vantage, asn, access, role) (throttlewatch_vantage_info{drill=~"$drill"})',
                hide=("Value",),
            ),
        ],
    )


VANTAGE = variable("vantage", "Vantage", "label_values(throttlewatch_vantage_info, vantage)")
PLATFORM = variable(
    "platform",
    "Platform",
    'label_values(throttlewatch_verdict_state{vantage="$vantage"}, platform)',
    several=True,
)
PICK = 'vantage="$vantage", platform=~"$platform"'


def state_code(pick: str) -> str:
    """The state as one number per platform: its place in ``STATES``."""
    terms = [
        f'max by (platform) (throttlewatch_verdict_state{{{pick}, state="{word}"}} == 1) * {code}'
        for code, (word, _) in STATES.items()
    ]
    return " or ".join(terms)


def vantage() -> Json:
    """What one vantage sees."""
    legs = 'vantage="$vantage", platform=~"$platform", leg="target"'
    return dashboard(
        "throttlewatch-vantage",
        "Vantage",
        "What one line sees of each platform, and of the sites it is compared with.",
        [VANTAGE, PLATFORM],
        [
            text(
                "One line, one place. The target is the platform; a *swap* is another name at the "
                "platform's address; a *control* is somebody else's site. **A slow target beside fast "
                "controls is what throttling looks like; all slow is a slow line.**"
            ),
            timeline(
                "Verdicts",
                "What is said of each platform. unknown always has a reason (Evidence).",
                query(state_code(PICK), "{{platform}}"),
                words=STATES,
            ),
            series(
                "Speed compared with controls",
                "Goodput of the target over that of the controls in the same round. What matters is "
                "how it changes, not whether it is 1.",
                query(
                    f'min by (platform) (throttlewatch_goodput_ratio{{{PICK}, versus="control"}})',
                    "{{platform}}",
                ),
                width=12,
                custom={"scaleDistribution": {"type": "log", "log": 10}},
            ),
            series(
                "Handshake time compared with controls",
                "Above 1 the platform's handshake takes longer than the controls' in the same round.",
                query(
                    f'max by (platform) (throttlewatch_handshake_ratio{{{PICK}, versus="control"}})',
                    "{{platform}}",
                ),
                width=12,
                custom={"scaleDistribution": {"type": "log", "log": 10}},
            ),
            series(
                "The square: speed of target and swap",
                "Bytes per second. A slow target beside a fast swap: the platform's name is what "
                "triggers it. Both slow: its address, or its own servers; some names may be spared.",
                query(
                    f"max by (platform, leg) (throttlewatch_leg_goodput_bytes_per_second{{{PICK}}})",
                    "{{platform}} {{leg}}",
                ),
                unit="Bps",
                width=12,
            ),
            series(
                "The square: speed of the controls",
                "Bytes per second of each control, on the same line.",
                query(
                    "max by (control) (throttlewatch_leg_goodput_bytes_per_second"
                    '{vantage="$vantage", leg="control"})',
                    "{{control}}",
                ),
                unit="Bps",
                width=12,
            ),
            series(
                "Where the time goes",
                "Phases of the last exchange with each platform: looking up the name, connecting, "
                "TLS, waiting for the first byte, reading.",
                query(
                    f"max by (platform, phase) (throttlewatch_leg_phase_seconds{{{legs}}})",
                    "{{platform}} {{phase}}",
                ),
                unit="s",
            ),
            series(
                "Data used per hour",
                "Bytes on the wire, both directions.",
                query(
                    'sum(increase(throttlewatch_wire_bytes_total{vantage="$vantage"}[1h]))',
                    "all platforms",
                ),
                unit="bytes",
                width=12,
                low=0,
            ),
            series(
                "Rounds per hour",
                "By how they ended. No line at all: the daemon does not measure.",
                query(
                    "sum by (result) (increase(throttlewatch_rounds_total"
                    '{vantage="$vantage"}[1h]))',
                    "{{result}}",
                ),
                width=12,
                low=0,
            ),
        ],
    )


def evidence() -> Json:
    """Why a verdict says what it says."""
    return dashboard(
        "throttlewatch-evidence",
        "Evidence",
        "What stands behind a verdict: how much slower, how sure, by what, and what was left out.",
        [VANTAGE, PLATFORM],
        [
            text(
                "A verdict needs a number (**how many times slower**) and a reason to believe it "
                "(**the evidence of a test in random order**, as a power of ten; it speaks at 4.3, "
                "which is 20,000)."
            ),
            series(
                "Times slower than normal",
                "The slowest target against its own history, relative to the controls.",
                query(
                    f"max by (platform) (throttlewatch_verdict_slowdown_ratio{{{PICK}}})",
                    "{{platform}}",
                ),
                width=12,
                custom={"scaleDistribution": {"type": "log", "log": 10}},
            ),
            series(
                "Evidence (powers of ten)",
                "Common logarithm of the e-value of the sequential test. Absent: nothing is suspected.",
                query(
                    f"max by (platform) (throttlewatch_verdict_evidence_log10{{{PICK}}})",
                    "{{platform}}",
                ),
                width=12,
            ),
            table(
                "How",
                "Trigger (what sets it off), signature (how it is slowed), phase, severity.",
                f"throttlewatch_verdict_detail_info{{{PICK}}}",
                hide=("Value", "vantage"),
                height=6,
            ),
            table(
                "Which rule spoke, and why",
                "The rule that gave the state, and its reason.",
                f"throttlewatch_verdict_info{{{PICK}}}",
                hide=("Value", "vantage"),
                width=12,
            ),
            table(
                "Controls that were fine",
                "Who the platform could be compared with, while it is throttled, blocked or impaired.",
                f"throttlewatch_verdict_control_info{{{PICK}}}",
                hide=("Value", "vantage"),
                width=12,
            ),
            table(
                "Since",
                "When each state began.",
                f"throttlewatch_verdict_since_timestamp_seconds{{{PICK}}} * 1000",
                hide=("vantage",),
                unit="dateTimeAsIso",
                width=12,
            ),
            table(
                "Bytes tested while all was well",
                "What begins only after more bytes than these is not seen.",
                f"throttlewatch_verdict_tested_bytes{{{PICK}}}",
                hide=("vantage",),
                unit="bytes",
                width=12,
            ),
            series(
                "Legs left out per hour",
                "What was not attempted, and why. A verdict claims nothing that these forbid.",
                query(
                    f"sum by (reason) (increase(throttlewatch_legs_skipped_total{{{PICK}}}[1h]))",
                    "{{reason}}",
                ),
                width=12,
                low=0,
            ),
            table(
                "Failures of the last exchanges",
                "Phase and reason, in OONI's words.",
                'throttlewatch_leg_failure_info{vantage="$vantage"}',
                hide=("Value", "vantage"),
                width=12,
            ),
        ],
    )


def fleet() -> Json:
    """How the probes are, for whoever looks after them."""
    country = 'country=~"$country"'
    heard = (
        f"max by (country, vantage) (throttlewatch_hub_heard_timestamp_seconds{{{country}}})\n"
        "or max by (country, vantage) "
        f"(vantage:throttlewatch_heard_timestamp_seconds:last{{{country}}} >= 0)\n"
        "or max by (country, vantage) "
        f"(vantage:throttlewatch_reference_heard_timestamp_seconds:last{{{country}}})"
    )
    ahead = (
        "max by (vantage) (throttlewatch_hub_clock_ahead_seconds)\n"
        "or max by (vantage) (throttlewatch_vantage_time_seconds"
        " - timestamp(throttlewatch_vantage_time_seconds))"
    )
    return dashboard(
        "throttlewatch-fleet",
        "Fleet",
        "How the probes are: who is silent, whose clock is wrong, what else needs a hand.",
        [
            variable(
                "country",
                "Country",
                "label_values(throttlewatch_vantage_info, country)",
                several=True,
            )
        ],
        [
            text(
                "For those who look after the probes: it names vantages, so show it to nobody else. "
                "**Whoever is silent sees nothing**, and a country without references is told "
                "nothing for sure."
            ),
            panel(
                "stat",
                "Heard within half an hour",
                "Vantages inside and references, by their role.",
                query(
                    "count by (role) "
                    f"(count by (role, vantage) (throttlewatch_vantage_info{{{country}}}))",
                    "{{role}}",
                    now=True,
                ),
                width=8,
                height=7,
            ),
            table(
                "What needs a hand",
                "Alerts about the probes; the runbook has each.",
                'ALERTS{alertname=~"Throttlewatch(VantageSilent|ReferenceSilent|ClockWrong|'
                "ForwardBacklog|HistoryNotWritten|Tunnel|BundleExpired|BundleRefused|TargetRotten|"
                'VantageInTwoNetworks)"}',
                hide=("Value",),
                width=16,
                height=7,
            ),
            table(
                "Last heard",
                "How long ago, the longest first.",
                f"sort_desc(time() - ({heard}))",
                unit="s",
                width=12,
            ),
            table(
                "Versions",
                "How many probes have which.",
                "count by (version) (throttlewatch_build_info)",
                width=12,
            ),
            series(
                "Clocks",
                "How far each is ahead, or (below 0) behind. More than a minute makes onsets wrong.",
                query(ahead, "{{vantage}}"),
                unit="s",
                width=12,
            ),
            series(
                "Waiting to be sent",
                "Points of a minute that a probe has and the receiver has not.",
                query("max by (instance) (throttlewatch_forward_waiting_points)", "{{instance}}"),
                width=12,
                low=0,
            ),
            series(
                "Data that is left",
                "Of what each vantage may use in a month.",
                query(
                    "max by (vantage) (throttlewatch_data_left_bytes)\n"
                    "/ max by (vantage) (throttlewatch_data_budget_bytes)",
                    "{{vantage}}",
                ),
                unit="percentunit",
                width=12,
                low=0,
            ),
            series(
                "Histories",
                "Bytes on disk.",
                query("max by (instance) (throttlewatch_store_bytes)", "{{instance}}"),
                unit="bytes",
                width=12,
                low=0,
            ),
            table(
                "Through a tunnel",
                "These do not measure the network that they are said to be in.",
                "max by (vantage) (throttlewatch_line_tunnel) == 1",
                hide=("Value",),
                width=8,
                height=7,
            ),
            table(
                "Nothing can be read",
                "Targets of which nothing could be read for hours, and why.",
                "max by (vantage, platform, control, target, reason) (throttlewatch_target_rotten)"
                " == 1",
                hide=("Value",),
                width=16,
                height=7,
            ),
            series(
                "What did not pass the hub, per hour",
                "Series and samples by reason (docs/hub.md).",
                query(
                    "sum by (reason) (increase(throttlewatch_hub_dropped_total[1h]))",
                    "{{reason}}",
                ),
                width=12,
                low=0,
            ),
            series(
                "Rounds in the archive",
                "How much of its room at the hub what a vantage sent takes.",
                query(
                    "max by (vantage) (throttlewatch_hub_archive_bytes\n"
                    "/ throttlewatch_hub_archive_room_bytes)",
                    "{{vantage}}",
                ),
                unit="percentunit",
                width=12,
                low=0,
            ),
        ],
    )


def texts() -> dict[str, str]:
    """The files' names and texts."""
    made = {"nation": nation(), "vantage": vantage(), "evidence": evidence(), "fleet": fleet()}
    return {f"{name}.json": json.dumps(content, indent=2) + "\n" for name, content in made.items()}


if __name__ == "__main__":
    for name, content in texts().items():
        (FOLDER / name).write_text(content)
