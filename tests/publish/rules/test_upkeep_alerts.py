"""Alerts about the probes themselves: who is silent, whose clock is wrong, what comes late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.programs import need
from probe.hub.fleet_health import HealthTrouble
from probe.publish.rules.upkeep_alerts import upkeep_alerts
from tests.publish.rules.test_alerts import promtool

MINUTES = 75
HUB = "throttlewatch_hub"
Given = dict[str, str]
Expected = dict[int, set[str]]
"""Who is told of at some minutes: the alert's name, and labels."""


def case(given: Given, expected: Expected) -> dict[str, Any]:
    """One of promtool's tests."""

    def one(text: str) -> dict[str, object]:
        name, *labels = text.split()
        more = "".join(f", {part}" for part in labels)
        return {"labels": f'{{alertname="Throttlewatch{name}"{more}}}', "value": 1}

    names = "|".join(alert.name for alert in upkeep_alerts())
    shown = "alertname, country, vantage, instance, outside, reason"
    fires = f'group by ({shown}) (ALERTS{{alertstate="firing", alertname=~"{names}"}})'
    return {
        "interval": "1m",
        "input_series": [{"series": s, "values": v} for s, v in given.items()],
        "promql_expr_test": [
            {
                "expr": fires,
                "eval_time": f"{minute}m",
                "exp_samples": [one(text) for text in sorted(texts)],
            }
            for minute, texts in expected.items()
        ],
    }


def home(name: str, *, asn: int = 64_500, until: int = MINUTES, more: str = "") -> Given:
    """A vantage inside that is heard ``until`` this minute."""
    labels = f'vantage="{name}", country="PK", asn="{asn}", access="fixed", role="inside"{more}'
    return {f"throttlewatch_vantage_info{{{labels}}}": f"1x{until} stale _x{MINUTES - until}"}


def abroad(name: str, until: int = MINUTES) -> Given:
    labels = f'vantage="{name}", country="DE", access="hosting", role="reference"'
    return {f"throttlewatch_vantage_info{{{labels}}}": f"1x{until} stale _x{MINUTES - until}"}


def half_of_thirty() -> dict[str, Any]:
    """They leave one after the other, so that no shutdown is told; the only reference is first."""
    given = abroad("abroad", 5)
    for number in range(30):
        leaves = 5 + 2 * number if number < 15 else MINUTES
        given |= home(f"v{number:02}", asn=64_500 + number % 10, until=leaves)
    gone = {f'VantageSilent country="PK" vantage="v{n:02}"' for n in range(15)}
    reference = {"ReferenceSilent", 'VantageSilent country="DE" vantage="abroad"'}
    return case(given, {4: set(), 16: set(), 30: {"ReferenceSilent"}, 74: reference | gone})


def references() -> dict[str, Any]:
    """One of two is missed; one that becomes a vantage inside is not."""
    given = abroad("a", 10) | abroad("b") | home("v") | abroad("c", 10)
    given |= dict.fromkeys(home("c", asn=64501), f"_x10 1x{MINUTES}")
    return case(given, {60: {'VantageSilent country="DE" vantage="a"'}})


def hub_says() -> dict[str, Any]:
    """Beside the rules' own memory; who was revoked is not missed by either."""

    def heard(name: str, at: str, newest: str, ahead: str = "0x75") -> Given:
        labels = f'vantage="{name}", country="PK", role="inside"'
        return {
            f"{HUB}_heard_timestamp_seconds{{{labels}}}": at,
            f"{HUB}_newest_timestamp_seconds{{{labels}}}": newest,
            f"{HUB}_clock_ahead_seconds{{{labels}}}": ahead,
        }

    def archived(name: str, size: int) -> Given:
        labels = f'vantage="{name}", country="PK", role="inside"'
        return {
            f"{HUB}_archive_bytes{{{labels}}}": f"0x20 {size}x55",
            f"{HUB}_archive_room_bytes{{{labels}}}": "1000x75",
        }

    def refused(reason: str, values: str) -> Given:
        labels = f'instance="hub", reason="{reason}"'
        return {f"{HUB}_refused_requests_total{{{labels}}}": values}

    given = (
        heard("well", "0+60x75", "0+60x75", "-59x75")
        | heard("silent", "600x75", "600x75")
        | heard("late", "0+60x75", "0x75")
        | heard("ahead", "0+60x75", "0+60x75", "120x75")
        | heard("behind", "0+60x75", "0+60x75", "-61x75")
        | home("gone", until=10)
        | home("left", until=10)
        | {f'{HUB}_revoked_timestamp_seconds{{vantage="gone"}}': "900x75"}
        | archived("well", 899)
        | archived("full", 900)
        | refused("disk", "0+1x75")
        # What is wrong with those who come is no trouble of the hub, and one hitch is none.
        | refused("engine", "0+0x20 1+0x55")
        | refused("credential", "0+9x75")
        | refused("rate", "0+9x75")
    )
    expected = {
        'VantageSilent country="PK" vantage="silent"',
        'VantageSilent country="PK" vantage="left"',
        'ForwardBacklog vantage="late"',
        'ClockWrong vantage="ahead"',
        'ClockWrong vantage="behind"',
        'ArchiveNearlyFull country="PK" vantage="full"',
        'HubCannotTake instance="hub" reason="disk"',
    }
    return case(given, {5: set(), 70: expected})


def probes_say() -> dict[str, Any]:
    """Of each two: one that is well, and one that is not."""
    well, wrong = "0+60x75", "0x75"
    values = {
        'forward_oldest_waiting_timestamp_seconds{instance="INSTANCE"}': (well, wrong),
        'store_writable{instance="INSTANCE"}': ("1x75", wrong),
        'line_tunnel{vantage="INSTANCE", instance="INSTANCE"}': (wrong, "1x75"),
        'vantage_time_seconds{vantage="INSTANCE", instance="INSTANCE"}': ("3+60x75", "90+60x75"),
        'outside_made_timestamp_seconds{outside="INSTANCE", instance="INSTANCE"}': (well, wrong),
        'config_last_reload_successful{instance="INSTANCE"}': ("1x75", wrong),
        'data_left_bytes{vantage="INSTANCE", instance="INSTANCE"}': ("100x75", "99x5 96x70"),
        'data_budget_bytes{vantage="INSTANCE", instance="INSTANCE"}': ("3000x75", "3000x75"),
    }
    given = {
        f"throttlewatch_{series.replace('INSTANCE', name)}": shown[index]
        for series, shown in values.items()
        for index, name in enumerate(("well", "wrong"))
    }
    expected = {
        'ForwardBacklog instance="wrong"',
        'HistoryNotWritten instance="wrong"',
        'Tunnel vantage="wrong"',
        'ClockWrong vantage="wrong"',
        'ReferenceSilent outside="wrong"',
        'ConfigurationRefused instance="wrong"',
        'DataNearlyUsed vantage="wrong"',
    }
    return case(given, {5: set(), 74: expected})


def test_who_looks_after_probes_is_told_and_of_nobody_else(tmp_path: Path) -> None:
    """Half of thirty probes and the only reference, too. One run of promtool: starting it costs
    more than the cases."""
    need("promtool", "prometheus")
    said = promtool(tmp_path, [half_of_thirty(), references(), hub_says(), probes_say()])
    assert not said, said


TOLD_BY = {
    HealthTrouble.SILENT: "VantageSilent",
    HealthTrouble.NEVER_HEARD: "VantageSilent",
    HealthTrouble.TUNNEL: "Tunnel",
    HealthTrouble.CLOCK: "ClockWrong",
    HealthTrouble.BACKLOG: "ForwardBacklog",
    HealthTrouble.DISK: "HistoryNotWritten",
    HealthTrouble.CONFIGURATION: "ConfigurationRefused",
    HealthTrouble.BUNDLE: "BundleRefused",
    HealthTrouble.ROOM: "ArchiveNearlyFull",
    HealthTrouble.DATA: "DataNearlyUsed",
    HealthTrouble.ROTTEN: "TargetRotten",
    # An older version measures as well as it did: it waits for whoever looks.
    HealthTrouble.VERSION: "",
}


def test_each_trouble_that_health_shows_is_told_by_an_alert() -> None:
    told = {alert.name.removeprefix("Throttlewatch") for alert in upkeep_alerts()}
    assert TOLD_BY.keys() == set(HealthTrouble)
    assert set(TOLD_BY.values()) - {"", "TargetRotten"} <= told
