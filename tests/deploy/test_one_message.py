"""One event is one message: what the shipped Alertmanager's configuration holds back."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from lab.loopback.prometheus import alertmanager
from tests.again import SOON_SECONDS
from tests.deploy.test_dashboards import CONFIG

# What fires together, and what of it is told.
TOLD: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (
        frozenset(f"Throttlewatch{name}" for name in together.split()),
        frozenset(f"Throttlewatch{name}" for name in told.split()),
    )
    for together, told in (
        ("Nation Systematic Partial Network Vantage Impaired", "Nation"),
        ("NationWithoutReference Systematic Impaired", "NationWithoutReference"),
        ("Systematic Partial Impaired", "Systematic"),
        ("Network Impaired", "Network"),
        ("Impaired", "Impaired"),
        ("Nation NationOverTransport", "Nation"),
        ("Network NationOverTransport NetworkOverTransport", "Network NationOverTransport"),
        ("Nation ImpairedOverTransport", "Nation"),
        ("Impaired ImpairedOverTransport", "Impaired"),
        ("NetworkOverTransport ImpairedOverTransport", "NetworkOverTransport"),
        ("Network ImpairedOverTransport", "Network ImpairedOverTransport"),
        ("Silent CoverageLow", "Silent"),
        ("NationOffline CoverageLow", "NationOffline"),
        ("Nation CoverageLow", "Nation CoverageLow"),
    )
)


@pytest.mark.timeout(120)
def test_what_says_more_silences_what_says_less(tmp_path: Path) -> None:
    config = (CONFIG / "alertmanager" / "alertmanager.yml").read_text()
    with alertmanager(tmp_path, config) as server:
        alerts = [
            {"labels": {"alertname": name, "country": country, "platform": "x", "severity": "info"}}
            for index, (together, _) in enumerate(TOLD)
            for country in [f"C{index}"]
            for name in together
        ]
        # Another platform's is not held back by this one's.
        other = {"alertname": "ThrottlewatchPartial", "country": "C0", "platform": "y"}
        httpx.post(
            f"{server.url}/api/v2/alerts",
            json=[*alerts, {"labels": other}],
            trust_env=False,
            timeout=SOON_SECONDS,
        ).raise_for_status()
        deadline = time.monotonic() + 60.0
        told: dict[tuple[str, str], set[str]] = {}
        # Alertmanager holds back once it has passed the alerts through its routes.
        while time.monotonic() < deadline:
            told = {}
            for alert in httpx.get(
                f"{server.url}/api/v2/alerts", trust_env=False, timeout=SOON_SECONDS
            ).json():
                labels = alert["labels"]
                if not alert["status"]["inhibitedBy"]:
                    where = (labels["country"], labels["platform"])
                    told.setdefault(where, set()).add(labels["alertname"])
            if told.get(("C0", "x")) == set(TOLD[0][1]):
                break
            time.sleep(0.2)
    assert told.pop(("C0", "y")) == {"ThrottlewatchPartial"}
    assert told == {(f"C{index}", "x"): set(expected) for index, (_, expected) in enumerate(TOLD)}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("reason", "held"), [("engine", True), ("disk", False)])
def test_a_hub_that_hands_nothing_on_says_so_once_for_all(
    tmp_path: Path, reason: str, held: bool
) -> None:
    """With ``disk`` rounds wait and samples pass: who is silent then is silent by itself."""
    silent = [
        {"alertname": "ThrottlewatchVantageSilent", "country": "PK", "vantage": "a"},
        {"alertname": "ThrottlewatchReferenceSilent"},
        {"alertname": "ThrottlewatchCoverageLow", "country": "DE"},
    ]
    hub = {"alertname": "ThrottlewatchHubCannotTake", "instance": "hub", "reason": reason}
    nation = {"alertname": "ThrottlewatchNation", "country": "PK", "platform": "x"}
    config = (CONFIG / "alertmanager" / "alertmanager.yml").read_text()
    with alertmanager(tmp_path, config) as server:
        place = f"{server.url}/api/v2/alerts"
        given = [{"labels": labels} for labels in (hub, nation, *silent)]
        httpx.post(place, json=given, trust_env=False, timeout=SOON_SECONDS).raise_for_status()
        expected = {hub["alertname"], nation["alertname"]}
        expected |= set() if held else {one["alertname"] for one in silent}
        deadline = time.monotonic() + 60.0
        told: set[str] = set()
        while time.monotonic() < deadline and (told != expected or not held):
            alerts = httpx.get(place, trust_env=False, timeout=SOON_SECONDS).json()
            told = {
                one["labels"]["alertname"] for one in alerts if not one["status"]["inhibitedBy"]
            }
            if not held and all(one["status"]["state"] == "active" for one in alerts):
                break
            time.sleep(0.2)
    assert told == expected
