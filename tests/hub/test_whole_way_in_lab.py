"""The whole way from packets to a public page: in a lab of network namespaces four daemons inside a
country, in four networks, and one abroad, each joined by the real command and run by it, measure X
through a censor that resets connections by their name; a real hub, engine and rules hear them.

All programs run in the namespace of the clients, so that they reach the hub by loopback.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace
from ruamel.yaml import YAML

from lab.lab import REPOSITORY, Lab
from lab.loopback.prometheus import free_address
from lab.net import SECOND_INTERFACE
from lab.programs import need
from lab.requires import requires_lab
from lab.scenario.setting import NAMESERVER, PACE, Setting, setting, settings
from lab.scenario.wire import rules_for
from probe.commands.rules import rules_text
from probe.config import load
from probe.config.dump import dump
from probe.model.finding import SCOPE_CODE, Scope
from probe.publish.rules import recording_rules
from scenarios.lines import FIBRE
from scenarios.model import Scenario
from scenarios.table import BY_ID
from tests.again import SOON_SECONDS

__all__ = ["requires_lab"]

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
SCENARIO = replace(BY_ID["hello-reset"], abroad=True).drawn(Random(1))
INSIDE = (64_501, 64_502, 64_503, 64_504)
SAID = "throttlewatch_verdict_state == 1"
NATION = (
    f'{recording_rules.SCOPE}{{platform="x", kind="restricted", transport=""}} '
    f"== {SCOPE_CODE[Scope.NATION]} and {recording_rules.AFFECTED_NETWORKS} == {len(INSIDE)}"
)
# Samples go out once a minute, and a page is of whole minutes.
MINUTES_SECONDS = 2 * SOON_SECONDS
PROGRAM = (sys.executable, "-m", "probe")


class Place:
    """Where it happens: commands and programs run in the clients' namespace."""

    def __init__(self, lab: Lab, programs: ExitStack) -> None:
        self._lab, self._programs = lab, programs

    def ran(self, *words: str) -> str:
        """What a command of the product prints."""
        done = self._lab.topology.client.run(
            [*PROGRAM, *words], cwd=REPOSITORY, timeout_seconds=MINUTES_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def runs(self, log: Path, *words: str) -> None:
        """Start a program; it is ended at the end."""
        out = self._programs.enter_context(log.open("wb"))
        process = self._lab.topology.client.spawn(
            words, stdout=out.fileno(), stderr=out.fileno(), cwd=REPOSITORY
        )
        self._programs.callback(ended, process)

    def answers(self, url: str) -> bool:
        return self._lab.exec(["curl", "-sf", "--max-time", "5", url]).returncode == 0

    def found(self, engine: str, query: str, *labels: str) -> list[tuple[str, ...]]:
        """These labels of all that the engine has of ``query``."""
        words = ("--data-urlencode", f"query={query}", f"{engine}/api/v1/query")
        done = self._lab.exec(["curl", "-sfG", "--max-time", "20", *words])
        found = json.loads(done.stdout)["data"]["result"]
        return [tuple(one["metric"].get(label, "") for label in labels) for one in found]


def ended(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def lab_of(scenario: Scenario) -> Iterator[tuple[Setting, Place]]:
    """The lab of a scenario, in which it happens from the beginning."""
    with (
        setting(scenario, FIBRE, random=Random(1)) as made,
        made.lab.control() as box,
        ExitStack() as programs,
    ):
        box.set_rules(rules_for(scenario.happens, made.places))
        yield made, Place(made.lab, programs)


@pytest.mark.timeout(600)
def test_from_packets_to_a_page(tmp_path: Path) -> None:
    need("prometheus", "prometheus")
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text(dump({"platforms": ["x"], "nation": {"hold": "0s"}}))
    with lab_of(SCENARIO) as (made, place):
        engine = runs_engine(place, tmp_path / "engine", fleet)
        listen, register = free_address(), str(tmp_path / "hub.sqlite3")
        place.runs(
            *(tmp_path / "hub.log", *PROGRAM, "hub", "serve", "--listen", listen),
            *("--metrics-listen", free_address(), "--register", register),
            *("--engine", f"{engine}/api/v1/write"),
        )
        soon(lambda: place.answers(f"http://{listen}/-/healthy"))
        invite = ("hub", "invite", "--url", f"http://{listen}", "--register", register)
        places = [("--country", "PK", "--asn", f"AS{asn}") for asn in INSIDE]
        abroad = ("--country", "DE", "--asn", "AS64510", "--access", "hosting")
        with ThreadPoolExecutor(len(INSIDE)) as several:
            rest = ("--role", "reference")
            lines = several.map(lambda at: place.ran(*invite, *at), (*places, (*abroad, *rest)))
            names = list(
                several.map(
                    lambda one: joined(place, made, tmp_path / f"p{one[0]}", one[1].split()[-1]),
                    enumerate(lines),
                )
            )
        ledger, site = ("--ledger", str(tmp_path / "findings.sqlite3")), tmp_path / "site"
        publish = (
            *("hub", "publish", "-c", str(fleet), *ledger, "--engine", engine),
            *("--out", str(site), "--behind", "0s", "--no-pictures"),
        )
        found = found_draft(place, engine, publish, ledger)
        place.ran("hub", "release", *ledger, found)
        place.ran(*publish)
        heard = place.found(engine, SAID, "vantage", "state")
    incident = json.loads((site / "incidents" / found / "incident.json").read_text())
    assert (incident["country"], incident["platform"]) == ("PK", "x")
    assert (incident["scope"], incident["reference"]) == ("nation", "fine")
    assert [one["asn"] for one in incident["networks"]] == [*INSIDE]
    assert sorted(heard) == sorted([*((one, "blocked") for one in names[:-1]), (names[-1], "ok")])
    everything = "".join(
        one.read_text(errors="replace") for one in site.rglob("*") if one.is_file()
    )
    assert not [name for name in names if name in everything]


def runs_engine(place: Place, folder: Path, fleet: Path) -> str:
    """A Prometheus with the fleet's rules; its URL."""
    folder.mkdir()
    listen = free_address()
    rules = rules_text(load(fleet, {}), "docs").replace("interval: 60s", "interval: 5s")
    (folder / "rules.yml").write_text(rules)
    (folder / "prometheus.yml").write_text(dump({"rule_files": ["rules.yml"]}))
    place.runs(
        *(folder / "log", "prometheus", f"--config.file={folder}/prometheus.yml"),
        *(f"--storage.tsdb.path={folder}/data", f"--web.listen-address={listen}"),
        "--web.enable-remote-write-receiver",
    )
    soon(lambda: place.answers(f"http://{listen}/-/ready"))
    return f"http://{listen}"


def joined(place: Place, made: Setting, folder: Path, line: str) -> str:
    """A daemon that has joined by ``line`` runs; its vantage's name. What a person would write into
    the file beside what `join` did: whose certificates this world has, and a pace for it."""
    file = folder / "throttlewatch.yaml"
    place.ran("join", line, str(file), "--yes")
    yaml = YAML(typ="safe")
    text = yaml.load(file.read_text())
    (vantage,) = text["vantages"]
    if vantage["role"] == "reference":  # past the censor
        vantage |= {"interface": SECOND_INTERFACE, "nameservers": [NAMESERVER]}
    own = settings(SCENARIO, PACE, made.main_file.parent)
    own = {key: own[key] for key in ("data_budget", "dns", "legs", "schedule", "platforms")}
    text |= own | {
        "ca_file": str(made.lab.ca_file),
        "controls": ["all"],
        "listen": free_address(),
        "store": {"path": str(folder / "history.sqlite")},
    }
    with file.open("w") as out:
        yaml.dump(text, out)
    place.runs(folder / "log", *PROGRAM, "run", "-c", str(file))
    return str(vantage["name"])


def found_draft(
    place: Place, engine: str, publish: tuple[str, ...], ledger: tuple[str, ...]
) -> str:
    """The draft on X. Its sentence is of a whole minute, in which all had told: of the first that
    begins after the rules have found it."""
    soon(lambda: place.found(engine, NATION, "country") == [("PK",)], MINUTES_SECONDS)
    end = time.monotonic() + MINUTES_SECONDS
    while time.monotonic() < end:
        time.sleep(60.0 - time.time() % 60.0 + 1.0)
        place.ran(*publish)
        listed = place.ran("hub", "findings", *ledger)
        found = re.search(r"^(pk-x-restricted-\d+)  draft", listed, re.MULTILINE)
        if found is not None and "nation-wide, 4 of 4 networks" in listed:
            return found[1]
    raise AssertionError(f"nothing was found: {listed}")


def soon(what: Callable[[], bool], seconds: float = SOON_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.2)
