"""What a public forge reads: workflows that take nothing by a name that can move, and forms that
ask for what the program can give."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from probe.cli import main
from tests.every import for_every

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
# Whose releases are named by tags that a later one takes over, and what asks for that.
MOVING = {"debian"}


def read(path: Path) -> dict[str, Any]:
    found = YAML(typ="safe").load(path.read_text())
    assert isinstance(found, dict)
    return found


@for_every(WORKFLOWS, lambda path: path.name)
def test_what_others_made_is_named_by_its_hash(path: Path) -> None:
    for used in re.findall(r"uses: (.*)", path.read_text()):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used
    for image in re.findall(r"image: (.*)", path.read_text()):
        named = re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)
        assert named or image.partition(":")[0] in MOVING, image


@for_every(WORKFLOWS, lambda path: path.name)
def test_a_run_may_do_little_and_ends(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        # What signs has an identity, and builds nothing.
        signs = {"id-token": "write"} if name == "sign" else {}
        assert job["permissions"] == {"contents": "read", **signs}
        assert job["timeout-minutes"] <= 90
    # What strangers write is in no command, and there is no secret to be had.
    assert "pull_request_target" not in path.read_text()
    assert "secrets." not in path.read_text()
    assert "github.event" not in path.read_text()


@for_every(WORKFLOWS, lambda path: path.name)
def test_what_a_workflow_installs_is_in_a_lock(path: Path) -> None:
    for line in re.findall(r"\bpip\"? install (.*)", path.read_text()):
        itself = "--no-deps" in line or "-e '.[lint]'" in line
        assert itself or re.match(r"--require-hashes .*-r requirements/\w+\.txt$", line), line


def test_what_people_install_is_signed_and_the_workflows_are_read_by_a_tool() -> None:
    packages = read(ROOT / ".github" / "workflows" / "packages.yml")["jobs"]
    assert set(packages["sign"]["needs"]) == set(packages) - {"sign"}
    (does,) = [step["run"] for step in packages["sign"]["steps"] if "run" in step]
    assert 'sigstore" sign ' in does
    tests = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]
    assert any("zizmor" in step.get("run", "") for step in tests["lint"]["steps"])


def test_every_python_that_is_promised_is_tried() -> None:
    tried = read(ROOT / ".github" / "workflows" / "tests.yml")
    promised = re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text()
    )
    assert tried["jobs"]["quick"]["strategy"]["matrix"]["python"] == promised


@for_every(WORKFLOWS, lambda path: path.name)
def test_files_of_ours_that_a_workflow_calls_exist(path: Path) -> None:
    for name in re.findall(r"\b((?:tools|requirements)/[\w.-]+)", path.read_text()):
        assert (ROOT / name).exists(), name


def commands_of(text: str) -> list[list[str]]:
    return [found.split() for found in re.findall(r"`throttlewatch ([^`>]+)", text)]


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("target", "check --online --json"),
        ("false-alarm", "export --format jsonl"),
        ("missed", "export --format jsonl"),
    ],
)
def test_a_form_asks_for_the_file_that_shows_it(form: str, wanted: str) -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{form}.yml").read_text()
    assert any(" ".join(words).startswith(wanted) for words in commands_of(text))
    # Nobody is to send what names them by mistake.
    assert "There is no address, name, place or account of anybody in it" in text


def test_commands_and_options_that_a_form_names_exist() -> None:
    seen = 0
    for words in (words for form in FORMS for words in commands_of(form.read_text())):
        options = {word for word in words if word.startswith("-")}
        command: click.Command = main
        if not words[0].startswith("-"):
            found = main.get_command(click.Context(main), words[0])
            assert found is not None, words
            command = found
        context = click.Context(command, info_name="throttlewatch")
        known = {name for one in command.get_params(context) for name in one.opts}
        assert options <= known, words
        seen += 1
    assert seen >= 6
