"""What stands around a hub: its compose file, its engine's configuration, its unit."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from lab.programs import need
from probe.cli import main
from probe.commands.rules import rules_text
from probe.config import load
from tests.deploy.dashboards import ROOT
from tests.deploy.test_dashboards import check

FOLDER = ROOT / "config" / "hub"
FILE = FOLDER / "compose.yaml"
UNIT = ROOT / "config" / "systemd" / "throttlewatch-hub.service"
UNITS = (UNIT, UNIT.with_stem("throttlewatch-hub-publish"))
FLEET = FOLDER / "fleet.yaml"


def services() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(FILE)["services"]
    return found


def options_of(words: list[str]) -> None:
    """Every option of a command of ours exists: click says nothing against it."""
    group: Any = main
    while words and isinstance(group, click.Group):
        group = group.get_command(click.Context(group), words[0])
        assert group is not None, words[0]
        words = words[1:]
    group.make_context("x", list(words), resilient_parsing=False).close()


def test_compose_takes_the_hubs_file() -> None:
    need("docker-compose", "docker-compose")
    check("docker-compose", "-f", str(FILE), "config", "--quiet")


def test_its_images_are_those_of_the_other_file() -> None:
    named = re.compile(r"^ +image: (\S+)$", re.MULTILINE)
    other = set(named.findall((ROOT / "compose.yaml").read_text()))
    assert set(named.findall(FILE.read_text())) == other


def test_what_it_mounts_exists_and_only_this_machine_is_served() -> None:
    for name, service in services().items():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
        for mounted in service.get("volumes", ()):
            source = mounted.partition(":")[0]
            assert not source.startswith(".") or (FOLDER / source).is_dir(), mounted


def test_the_engine_takes_its_configuration_where_the_rules_lie() -> None:
    need("promtool", "prometheus")
    check("promtool", "check", "config", str(FOLDER / "prometheus.yml"))
    (file,) = YAML(typ="safe", pure=True).load(FOLDER / "prometheus.yml")["rule_files"]
    mounts = [mounted.split(":") for mounted in services()["prometheus"]["volumes"]]
    ours = [(source, place) for source, place, *_ in mounts if source[0] == "."]
    inside = {place: (FOLDER / source).resolve() for source, place in ours}
    (named,) = re.findall(r"--config.file=(\S+)", "\n".join(services()["prometheus"]["command"]))
    where = (Path(named).parent / file).as_posix()
    place = next(place for place in inside if Path(place) in Path(_flat(where)).parents)
    assert (inside[place] / Path(_flat(where)).relative_to(place)).is_file()


def _flat(path: str) -> str:
    """Without `..`."""
    parts: list[str] = []
    for part in path.split("/"):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def started(unit: Path) -> list[str]:
    """The words after the program's name."""
    (line,) = re.findall(r"^ExecStart=\S+/throttlewatch (.+)$", unit.read_text(), re.MULTILINE)
    return shlex.split(line)


def test_commands_of_the_files_are_commands_of_ours() -> None:
    for name in ("hub", "publish"):
        options_of(list(services()[name]["command"]))
    for unit in UNITS:
        options_of(started(unit))


def test_all_read_the_fleets_configuration_which_is_one_of_the_shipped_rules() -> None:
    inside = "/etc/throttlewatch"
    for name in ("hub", "publish"):
        assert f"--config={inside}/{FLEET.name}" in services()[name]["command"]
        mounted = [one.split(":")[:2] for one in services()[name]["volumes"]]
        assert [(FOLDER / source).resolve() for source, at in mounted if at == inside] == [FOLDER]
    for unit in UNITS:
        words = started(unit)
        assert words[words.index("-c") + 1] == f"{inside}/{FLEET.name}"
    shipped = (ROOT / "config" / "prometheus" / "throttlewatch.rules.yml").read_text()
    config = load(FLEET, {})
    assert rules_text(config, "docs") == shipped
    assert {one.name for one in config.platforms} == {one.name for one in load(None, {}).platforms}


def test_a_web_server_may_read_what_the_unit_publishes() -> None:
    text, words = UNITS[1].read_text(), started(UNITS[1])
    out = words[words.index("--out") + 1]
    assert f"CacheDirectory={Path(out).name}\nCacheDirectoryMode=0755\n" in text
    assert Path(out).parent == Path("/var/cache")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_unit_is_as_shut_in_as_the_daemons(unit: Path) -> None:
    """Everything that the daemon's unit forbids."""
    daemon = (UNIT.parent / "throttlewatch.service").read_text()
    shut = re.compile(r"^((?:Protect|Private|Restrict|System|NoNew|Lock|Memory[DE]|Cap)\S+)$", re.M)
    assert set(shut.findall(daemon)) <= set(shut.findall(unit.read_text()))


def written_commands(page: str) -> list[str]:
    """What a page of the documentation has people type, each in one line."""
    text = (ROOT / "docs" / page).read_text().replace("\\\n", " ")
    return re.findall(r"^\$ throttlewatch (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("page", ["hub.md", "fleet.md"])
def test_each_command_that_the_pages_of_a_fleet_name_is_one_of_ours(page: str) -> None:
    """With its options, and with words that they take. What they do, tests/hub plays."""
    found = written_commands(page)
    assert found
    for line in found:
        words = shlex.split(line.partition(" > ")[0], comments=True)
        try:
            options_of(words)
        except click.ClickException as error:
            raise AssertionError(f"{line}: {error.format_message()}") from error
