"""The dashboards and the configuration of what stands around the daemon.

That each query gives data is held by ``tests/demo/test_demo.py``, where a real Prometheus watches a
whole event.
"""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

import pytest

from lab.programs import need
from probe.commands.rules import rules_text
from probe.config import load
from probe.config.dump import dump
from probe.hub.hub_numbers import HubNumbers
from probe.publish.metrics import metric_names as names
from probe.publish.rules.rule_file import rule_file
from tests.deploy.dashboards import (
    FOLDER,
    ROOT,
    custom_variables,
    dashboards,
    queries,
    read_as_grafana,
)

CONFIG = ROOT / "config"


def test_the_files_are_what_the_program_writes() -> None:
    texts = runpy.run_path(str(ROOT / "tools" / "dashboards.py"))["texts"]()
    assert {file.name: file.read_text() for file in FOLDER.glob("*.json")} == texts


BOARDS = ["evidence", "fleet", "nation", "vantage"]


def test_there_are_four() -> None:
    assert sorted(dashboards()) == BOARDS


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_explains_itself(name: str) -> None:
    board = dashboards()[name]
    assert board["uid"] == f"throttlewatch-{name}"
    assert board["description"]
    assert board["panels"][0]["type"] == "text"
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    for panel in board["panels"][1:]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["targets"]
        assert panel["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboards()[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_choices_are_what_grafana_makes_of_them() -> None:
    """`no : ,yes : true` would give the value "no :", and every panel would be empty."""
    assert read_as_grafana("no : ,yes : true")[0] == ("no :", "no :")
    seen = 0
    for board in dashboards().values():
        for one in custom_variables(board):
            seen += 1
            choices = read_as_grafana(one["query"])
            assert choices == [(option["text"], option["value"]) for option in one["options"]]
            assert (one["current"]["text"], one["current"]["value"]) == choices[0]
    assert seen


@pytest.mark.parametrize(("choice", "shown"), [(0, 2.0), (1, 3.0)])
def test_a_drill_is_shown_by_its_choice_and_no_other(
    choice: int, shown: float, tmp_path: Path
) -> None:
    need("promtool", "prometheus")
    (drill,) = custom_variables(dashboards()["nation"])
    chosen = {"country": "PK", "vantage": "v", "platform": ".+"}
    chosen["drill"] = read_as_grafana(drill["query"])[choice][1]
    (now,) = (expr for where, expr in queries(chosen) if where == "nation: Now")
    about = 'country="PK", platform="x", kind="restricted"'
    given = {
        f'throttlewatch_nation_scope{{{about}, instance="a"}}': "2",
        f'throttlewatch_nation_scope{{{about}, instance="a", drill="true"}}': "3",
    }
    promtool_expects(now, '{platform="x"}', shown, given, tmp_path)


def test_every_metric_and_label_of_a_query_exists() -> None:
    rules = {
        rule["record"]
        for group in rule_file(load(None, {}).settings.nation, ("x",))["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    hub = {one.name for one in HubNumbers().registry.collect()} | {
        "throttlewatch_hub_dropped_total"
    }
    known = {spec.name for spec in names.METRICS} | rules | hub
    for where, expr in queries({"country": "PK", "vantage": "v", "platform": ".+"}):
        used = set(re.findall(r"(?:\w+:)?throttlewatch_\w+(?::\w+)?", expr))
        assert used or expr.startswith("ALERTS{"), where
        assert used <= known, where


@pytest.mark.parametrize(("fleet", "shown"), [("0", 0.0), (None, 2.0)])
def test_what_the_fleet_says_is_shown_where_it_says_anything(
    fleet: str | None, shown: float, tmp_path: Path
) -> None:
    """A daemon by itself sees one network of many: it must not outvote the fleet's rules."""
    need("promtool", "prometheus")
    chosen = {"country": "PK", "vantage": "v", "platform": ".+"}
    (now,) = (expr for where, expr in queries(chosen) if where == "nation: Now")
    about = 'country="PK", platform="x", kind="restricted"'
    given = {f'throttlewatch_nation_scope{{{about}, instance="a", job="t"}}': "2"}
    if fleet is not None:
        given[f"country:throttlewatch_scope:code{{{about}}}"] = fleet
    promtool_expects(now, '{platform="x"}', shown, given, tmp_path)


def promtool_expects(
    expr: str, labels: str, value: float, given: dict[str, str], folder: Path
) -> None:
    """``expr`` gives this one sample, by a real Prometheus that has the series ``given``."""
    asked = {
        "expr": expr,
        "eval_time": "1m",
        "exp_samples": [{"labels": labels, "value": value}],
    }
    series = [{"series": name, "values": f"{value}x5"} for name, value in given.items()]
    one = {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}
    (folder / "tests.yml").write_text(dump({"rule_files": [], "tests": [one]}))
    check("promtool", "test", "rules", str(folder / "tests.yml"))


def test_prometheus_takes_its_configuration_with_the_rules_of_the_default() -> None:
    config = load(None, {})
    shipped = (CONFIG / "prometheus" / "throttlewatch.rules.yml").read_text()
    assert shipped == rules_text(config, "docs")
    need("promtool", "prometheus")
    check("promtool", "check", "config", str(CONFIG / "prometheus" / "prometheus.yml"))


def test_alertmanager_takes_its_configuration() -> None:
    need("amtool", "prometheus-alertmanager")
    check("amtool", "check-config", str(CONFIG / "alertmanager" / "alertmanager.yml"))


def test_what_compose_mounts_exists_and_only_this_machine_is_served() -> None:
    text = (ROOT / "compose.yaml").read_text()
    mounted = re.findall(r"- (\./[^:]+):", text)
    assert len(mounted) == 4
    assert all((ROOT / path).is_dir() for path in mounted)
    ports = re.findall(r'ports: \["([^"]+)"\]', text)
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_takes_its_file() -> None:
    need("docker-compose", "docker-compose")
    check("docker-compose", "-f", str(ROOT / "compose.yaml"), "config", "--quiet")


def check(*command: str) -> None:
    """The program has nothing to say against it."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_provisioning_leads_to_the_dashboards() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    provider = (
        CONFIG / "grafana" / "provisioning" / "dashboards" / "throttlewatch.yaml"
    ).read_text()
    (path,) = re.findall(r"path: (\S+)", provider)
    assert f"./config/grafana/dashboards:{path}:ro" in compose
    assert Path(path).is_absolute()
