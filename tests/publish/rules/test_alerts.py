"""Which alerts fire when: every one of them somewhere, and none where it should not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lab.programs import need
from probe.config.dump import dump
from probe.config.schema import NationConfig
from probe.model.verdict import State
from probe.publish.rules.rule_file import rule_file
from probe.publish.rules.upkeep_alerts import upkeep_alerts

STATES = tuple(state.value for state in State)
MINUTES = 60
# Whatever fires of what is steady does so by then, and what tells of a nation far sooner. All the
# rules are evaluated in each minute until the last that is looked at.
ALL_FIRE = "40m"
NEWS = "15m"
PREFIXES = ("Throttlewatch", "DRILL_Throttlewatch")
# What is heard: inside, in so many of four networks, the state of X and Facebook (the other
# networks are fine, or silent with None), and the reference's. Then what must fire.
SITUATIONS: dict[str, tuple[int, str, str | None, str | None, set[str]]] = {
    "calm": (4, "ok", "ok", "ok", set()),
    "nation": (4, "throttled", "ok", "ok", {"Nation", "Systematic"}),
    "nation, nobody abroad": (
        4,
        "blocked",
        "ok",
        None,
        {"NationWithoutReference", "Systematic"},
    ),
    "down everywhere": (4, "blocked", "ok", "down", {"FailsAbroad"}),
    "half the networks": (2, "throttled", "ok", "ok", {"Partial"}),
    "one network": (1, "blocked", "ok", "ok", {"Network"}),
    "an outage, nobody abroad": (4, "impaired", "ok", None, {"Impaired"}),
    "withheld": (4, "withheld", "ok", "ok", set()),
    "slow lines": (4, "degraded", "ok", "ok", {"NationDegraded"}),
    "dead lines": (4, "offline", "ok", "ok", {"NationOffline", "CoverageLow"}),
    "silence": (4, "unknown", "ok", "ok", {"CoverageLow"}),
    "three of four silent": (1, "ok", None, "ok", {"CoverageLow"}),
}


def series(situation: str, drill: bool) -> dict[str, str]:
    """The input series of a situation."""
    networks, struck, others, abroad, _ = SITUATIONS[situation]
    mark = ', drill="true"' if drill else ""
    found: dict[str, str] = {}
    for index in range(5):
        name = "abroad" if index == 4 else f"v{index}"
        state = abroad if index == 4 else (struck if index < networks else others)
        place = (
            f'vantage="{name}", country="{"DE" if index == 4 else "PK"}", asn="{64_500 + index}", '
            f'access="fixed", role="{"reference" if index == 4 else "inside"}"{mark}'
        )
        steady = f"x{MINUTES}"
        found[f"throttlewatch_vantage_info{{{place}}}"] = f"1{steady}"
        for platform in ("x", "facebook"):
            slot = f'vantage="{name}", platform="{platform}"{mark}'
            found[f"throttlewatch_verdict_since_timestamp_seconds{{{slot}}}"] = f"0{steady}"
            for control in ("jquery", "debian"):
                found[f'throttlewatch_verdict_control_info{{{slot}, control="{control}"}}'] = (
                    f"1{steady}"
                )
            if state is None:
                continue
            for one in STATES:
                where = f'{place}, platform="{platform}", state="{one}"'
                found[f"throttlewatch_verdict_state{{{where}}}"] = f"{int(one == state)}{steady}"
    return found


# What is so over QUIC in so many of four networks while TCP is in the situation; abroad over QUIC.
OVER_QUIC: dict[str, tuple[str, int, str, str | None, set[str]]] = {
    "all networks": ("calm", 4, "blocked", "ok", {"NationOverTransport"}),
    "all networks, nobody abroad": ("calm", 4, "throttled", None, {"NationOverTransport"}),
    "half of them": ("calm", 2, "blocked", "ok", {"PartialOverTransport"}),
    "one of them": ("calm", 1, "blocked", "ok", {"NetworkOverTransport"}),
    "all carry none of it": ("calm", 4, "offline", "ok", set()),
    "well, and TCP blocked": ("nation", 4, "ok", "ok", {"Nation", "Systematic"}),
    "fails abroad": ("calm", 4, "blocked", "down", set()),
    "impaired, nobody abroad": ("calm", 4, "impaired", None, {"ImpairedOverTransport"}),
    "impaired in one network": ("calm", 1, "impaired", "ok", {"ImpairedOverTransport"}),
    "impaired abroad alone": ("calm", 0, "ok", "impaired", set()),
    "an outage over both": (
        "an outage, nobody abroad",
        4,
        "impaired",
        None,
        {"Impaired", "ImpairedOverTransport"},
    ),
    "both": ("one network", 4, "blocked", "ok", {"Network", "NationOverTransport"}),
}


def quic_series(case: str, drill: bool) -> dict[str, str]:
    """The input series of a situation over TCP and of what is so over QUIC of X."""
    situation, networks, state, abroad, _ = OVER_QUIC[case]
    mark = ', drill="true"' if drill else ""
    found = series(situation, drill)
    for index in range(5):
        name = "abroad" if index == 4 else f"v{index}"
        said = abroad if index == 4 else (state if index < networks else "ok")
        if said is None:
            continue
        slot = f'vantage="{name}", platform="x", transport="quic"{mark}'
        place = (
            f'country="{"DE" if index == 4 else "PK"}", asn="{64_500 + index}", '
            f'access="fixed", role="{"reference" if index == 4 else "inside"}"'
        )
        steady = f"x{MINUTES}"
        found[f'throttlewatch_transport_info{{{slot}, {place}, state="{said}"}}'] = f"1{steady}"
        found[f"throttlewatch_transport_since_timestamp_seconds{{{slot}}}"] = f"0{steady}"
    return found


def promtool(
    folder: Path, tests: list[dict[str, Any]], title: str = "X (Twitter)", docs: str = "docs"
) -> str:
    """What ``promtool test rules`` has to say against ``tests``. ``title``: what X is called."""
    rules = dump(rule_file(NationConfig(), ("x", "facebook"), titles={"x": title}, docs=docs))
    (folder / "rules.yml").write_text(rules)
    whole = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yml").write_bytes(msgspec.json.encode(whole))
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def firing(names: set[str]) -> list[dict[str, Any]]:
    return [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(names)]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_fires(situation: str, tmp_path: Path) -> None:
    """And a drill of the same, in the same fleet at the same time, is told as a drill."""
    need("promtool", "prometheus")
    names = SITUATIONS[situation][4]
    expected = {prefix + name for name in names for prefix in PREFIXES}
    found = series(situation, drill=False) | series(situation, drill=True)
    said = promtool(
        tmp_path,
        [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values} for name, values in found.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": ALL_FIRE,
                        "exp_samples": firing(expected),
                    }
                ],
            }
        ],
    )
    assert not said, said


def test_what_fires_over_quic(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    said = promtool(
        tmp_path,
        [
            {
                "name": case,
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values}
                    for drill in (False, True)
                    for name, values in quic_series(case, drill).items()
                ],
                "promql_expr_test": [
                    {
                        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": ALL_FIRE,
                        "exp_samples": firing(
                            {prefix + name for name in expected for prefix in PREFIXES}
                        ),
                    },
                    {
                        "expr": 'count(ALERTS{alertstate="firing", transport!="quic", '
                        'alertname=~".*OverTransport"})',
                        "eval_time": ALL_FIRE,
                        "exp_samples": [],
                    },
                ],
            }
            for case, (*_, expected) in OVER_QUIC.items()
        ],
    )
    assert not said, said


def test_an_alert_over_quic_has_its_own_numbers(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    said = promtool(
        tmp_path,
        [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values}
                    for name, values in quic_series("both", False).items()
                ],
                "alert_rule_test": [
                    {
                        "eval_time": ALL_FIRE,
                        "alertname": f"Throttlewatch{name}",
                        "exp_alerts": [],
                    }
                    for name in ("NationOverTransport", "Network")
                ],
            }
        ],
    )
    assert "X (Twitter) over quic in PK: throttled or blocked in most networks" in said
    assert "4 of 4 networks that are heard, since 1970-01-01 00:00:00 +0000 UTC. That is" in said
    assert "1 of 4 networks that are heard, since 1970-01-01 00:00:00 +0000 UTC. One" in said


def test_a_name_in_two_networks(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    found = series("calm", drill=False)
    twice = {
        name.replace('asn="64500"', 'asn="64510"'): values
        for name, values in found.items()
        if 'vantage="v0"' in name and "vantage_info" in name
    }
    said = promtool(
        tmp_path,
        [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values} for name, values in (found | twice).items()
                ],
                "alert_rule_test": [
                    {
                        "eval_time": "20m",
                        "alertname": "ThrottlewatchVantageInTwoNetworks",
                        "exp_alerts": [
                            {
                                "exp_labels": {"severity": "warning", "vantage": "v0"},
                                "exp_annotations": {
                                    "summary": "vantage v0 claims two networks and counts for "
                                    "neither",
                                    "description": "Two vantages of the fleet have the same name, "
                                    "or one changed its configured asn or country.",
                                    "runbook_url": "docs/runbook.md"
                                    "#throttlewatchvantageintwonetworks",
                                },
                            }
                        ],
                    }
                ],
            }
        ],
    )
    assert not said, said


@pytest.mark.parametrize("drill", [False, True])
def test_an_alert_says_how_many_and_since_when(drill: bool, tmp_path: Path) -> None:
    need("promtool", "prometheus")
    shown = {
        "ThrottlewatchNation": (
            "X (Twitter) in PK: throttled or blocked nation-wide",
            "4 of 4 networks that are heard, since 1970-01-01 00:00:00 +0000 UTC. Most of",
        ),
        "ThrottlewatchSystematic": (
            "X (Twitter) in PK: began together with other platforms",
            "4 of 4 networks that are heard, since 1970-01-01 00:00:00 +0000 UTC. "
            "Began together: facebook, X (Twitter). Several",
        ),
    }
    said = promtool(
        tmp_path,
        [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values}
                    for name, values in series("nation", drill).items()
                ],
                "alert_rule_test": [
                    {
                        "eval_time": NEWS,
                        "alertname": f"DRILL_{name}" if drill else name,
                        "exp_alerts": [],
                    }
                    for name in shown
                ],
            }
        ],
    )
    # promtool prints what it got where nothing was expected.
    for summary, description in shown.values():
        assert ("DRILL: " if drill else "") + summary in said
        assert description in said


# By vantage (v0, v1 inside, abroad): why it is rotten there (None: it is not), and whether X is
# restricted there. Then whether that is said.
ROT: dict[str, tuple[tuple[str | None, bool], tuple[str | None, bool], str | None, bool]] = {
    "well": ((None, False), (None, False), None, False),
    "gone at one": (("gone", False), (None, False), None, True),
    "gone where it is throttled as well": (("no_link", True), (None, False), None, True),
    "not reached, and nothing known": (("unreached", False), (None, False), None, True),
    "not reached, and blocked": (("unreached", True), ("unreached", True), None, False),
    "reached nowhere": (("unreached", True), ("unreached", True), "unreached", True),
}


@pytest.mark.parametrize("name", ROT)
def test_rot_is_told_from_restrictions(name: str, tmp_path: Path) -> None:
    need("promtool", "prometheus")
    first, second, abroad, said = ROT[name]
    found = {}
    for vantage, (why, restricted), role in (
        ("v0", first, "inside"),
        ("v1", second, "inside"),
        ("abroad", (abroad, False), "reference"),
    ):
        slot = f'vantage="{vantage}", platform="x"'
        reason = f', reason="{why}"' if why else ""
        series_of = f'throttlewatch_target_rotten{{{slot}, target="object", role="{role}"{reason}}}'
        found[series_of] = f"{int(why is not None)}x60"
        state = f'throttlewatch_verdict_state{{{slot}, role="{role}", state="blocked"}}'
        found[state] = f"{int(restricted)}x60"
    expression = 'ALERTS{alertname="ThrottlewatchTargetRotten", alertstate="firing"}'
    labels = '{platform="x", target="object", alertname="ThrottlewatchTargetRotten"}'
    problem = promtool(
        tmp_path,
        [
            {
                "interval": "1m",
                "input_series": [{"series": one, "values": v} for one, v in found.items()],
                "promql_expr_test": [
                    {
                        "expr": f"sum by (alertname, platform, target) ({expression})",
                        "eval_time": "30m",
                        "exp_samples": [{"labels": labels, "value": 1}] if said else [],
                    }
                ],
            }
        ],
    )
    assert not problem, problem


@pytest.mark.parametrize("drill", [False, True])
def test_a_curtain_is_told_with_its_country_and_vantages(drill: bool, tmp_path: Path) -> None:
    """v0 is heard by two servers and claims two countries; v9 has no place yet. Fastly's is over
    after a quarter of an hour."""
    need("promtool", "prometheus")
    mark, prefix = (', drill="true"', "DRILL_") if drill else ("", "")
    places = {("v0", "RU"): "x60", ("v1", "RU"): "x60", ("v0", "XX"): "x60"}
    found = {
        f'throttlewatch_vantage_info{{vantage="{name}", country="{land}", role="inside"{mark}}}': (
            f"1{length}"
        )
        for (name, land), length in places.items()
    }
    for who, kind, vantage, values in (
        ("Cloudflare", "frozen", 'v0", replica="a', "3x60"),
        ("Cloudflare", "frozen", 'v0", replica="b', "3x60"),
        ("Cloudflare", "frozen", "v1", "2x60"),
        ("Cloudflare", "frozen", "v9", "2x60"),
        ("Fastly", "silent", "v1", "1x15 stale"),
    ):
        labels = f'vantage="{vantage}", operator="{who}", kind="{kind}"{mark}'
        found[f"throttlewatch_curtain_sites{{{labels}}}"] = values
    name = f"{prefix}ThrottlewatchCurtain"

    def fires(minute: int, *expected: tuple[str, str]) -> dict[str, Any]:
        which = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
        return {
            "expr": f"group by (operator, kind) ({which})",
            "eval_time": f"{minute}m",
            "exp_samples": [
                {"labels": f'{{operator="{who}", kind="{kind}"}}', "value": 1}
                for who, kind in expected
            ],
        }

    told = {
        "eval_time": "40m",
        "alertname": name,
        "exp_alerts": [],
    }
    rules = {
        "interval": "1m",
        "input_series": [{"series": one, "values": v} for one, v in found.items()],
        "promql_expr_test": [
            fires(14, ("Cloudflare", "frozen"), ("Fastly", "silent")),
            fires(40, ("Cloudflare", "frozen")),
        ],
    }
    said = promtool(tmp_path, [rules])
    assert not said, said
    # promtool prints what it got where nothing was expected.
    said = promtool(tmp_path, [{**rules, "alert_rule_test": [told]}])
    assert "RU: sites at Cloudflare alone are frozen" in said
    assert "So it is at 2 vantages," in said or said.count("So it is at 1 vantages,") == 2


@pytest.mark.parametrize(
    "title",
    [
        'The "X" {of {{ $labels.country }}} `100%` it\'s \\n',
        "{{/* nothing */}}",
        "ends with {",
        "}} {{- end -}} {",
        "two\nlines: # {",
        "a\x07bell\r\nand more",
    ],
)
def test_a_title_and_an_address_are_told_as_they_are_written(title: str, tmp_path: Path) -> None:
    need("promtool", "prometheus")
    docs = "https://example.org/{{ now }}/{"
    found = series("an outage, nobody abroad", drill=False)
    expected = [
        {
            "exp_labels": {"severity": "warning", "country": "PK", "platform": platform},
            "exp_annotations": {
                "summary": f"{called} in PK: slow or failing while other sites are fine, "
                "here or everywhere",
                "description": "It is proven at 4 vantages, and nothing rules out that the "
                "platform itself is the cause: it accuses nobody. Look from outside before you say "
                "where.",
                "runbook_url": f"{docs}/runbook.md#throttlewatchimpaired",
            },
        }
        for platform, called in (("x", title), ("facebook", "facebook"))
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in found.items()],
        "alert_rule_test": [
            {
                "eval_time": NEWS,
                "alertname": "ThrottlewatchImpaired",
                "exp_alerts": expected,
            }
        ],
    }
    said = promtool(tmp_path, [test], title, docs)
    assert not said, said


@pytest.mark.parametrize(
    ("situation", "name", "told"),
    [
        ("an outage, nobody abroad", "Impaired", "It is proven at 4 vantages,"),
        ("nation", "Nation", "4 of 4 networks that are heard"),
    ],
)
def test_a_vantage_that_two_servers_hear_is_counted_once(
    situation: str, name: str, told: str, tmp_path: Path
) -> None:
    need("promtool", "prometheus")
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f'{one.removesuffix("}")}, replica="{replica}"}}', "values": values}
            for one, values in series(situation, drill=False).items()
            for replica in "ab"
        ],
        "alert_rule_test": [
            {
                "eval_time": NEWS,
                "alertname": f"Throttlewatch{name}",
                "exp_alerts": [],
            }
        ],
    }
    # promtool prints what it got where nothing was expected.
    assert told in promtool(tmp_path, [test])


def test_every_alert_fires_somewhere() -> None:
    group = rule_file(NationConfig(), ("x",))["groups"][1]["rules"]
    names = {rule["alert"].removeprefix("DRILL_").removeprefix("Throttlewatch") for rule in group}
    told = (*SITUATIONS.values(), *OVER_QUIC.values())
    somewhere = set[str]().union(*(situation[4] for situation in told))
    upkeep = {alert.name.removeprefix("Throttlewatch") for alert in upkeep_alerts()}
    upkeep.add("TargetRotten")
    assert names == somewhere | upkeep | {"VantageInTwoNetworks", "Vantage", "Silent", "Curtain"}


def test_a_probes_bundle_tells_its_owner(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    expires = 'throttlewatch_bundle_expires_timestamp_seconds{instance="a"}'
    refused = 'throttlewatch_bundle_refused{instance="a"}'
    usable = 'throttlewatch_bundle_usable{instance="a"}'
    found = {expires: "600x90", refused: "0x20 1x20 0x50", usable: "1x50 0x40"}
    expected: dict[int, set[str]] = {
        5: set(),
        30: {"BundleRefused"},
        47: set(),
        55: {"BundleRefused"},
        75: {"BundleRefused", "BundleExpired"},
    }
    said = _fires(tmp_path, found, expected)
    assert not said, said


def _fires(folder: Path, found: dict[str, str], expected: dict[int, set[str]]) -> str:
    """What is wrong with the alerts that fire at some minutes."""
    return promtool(
        folder,
        [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in found.items()],
                "promql_expr_test": [
                    {
                        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": f"{minute}m",
                        "exp_samples": firing({f"Throttlewatch{name}" for name in names}),
                    }
                    for minute, names in expected.items()
                ],
            }
        ],
    )


def test_a_lone_vantage_that_is_throttled_tells_its_owner(tmp_path: Path) -> None:
    need("promtool", "prometheus")
    found = {
        name: values
        for name, values in series("one network", drill=False).items()
        if 'vantage="v0"' in name
    }
    said = _fires(tmp_path, found, {1: set(), 55: {"Vantage"}})
    assert not said, said


def test_a_country_that_falls_silent_is_told(tmp_path: Path) -> None:
    """Everybody inside stops being heard at minute 20, for good."""
    need("promtool", "prometheus")
    found = {
        name: values
        if 'vantage="abroad"' in name
        else f"{values.removesuffix(f'x{MINUTES}')}x20 stale _x{MINUTES}"
        for name, values in series("calm", drill=False).items()
    }
    said = _fires(
        tmp_path, found, {19: set(), 24: {"Silent"}, 59: {"Silent", "CoverageLow", "VantageSilent"}}
    )
    assert not said, said
