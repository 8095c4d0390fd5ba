"""Whatever lies where the history should be, each command that reads it says so and ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli import main
from tests.pipes import pipe

COMMANDS = [
    "history",
    "incidents",
    "report -o -",
    "export -f csv",
    "explain -p x",
    "nation --from 6h",
]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands set up the log of their process, which is this one."""
    monkeypatch.setattr("probe.publish.log.event_lines.configure", lambda *_: None)


def said(folder: Path, command: str, path: Path) -> str:
    config = folder / "throttlewatch.yaml"
    config.write_text(f"store: {{path: '{path}'}}\n")
    if command == "backup":
        arguments = ["backup", str(folder / "copy"), "--history", str(path)]
    elif command == "replay":
        arguments = ["replay", str(path)]
    else:
        arguments = [*command.split(), "-c", str(config)]
    done = CliRunner().invoke(main, arguments)
    assert isinstance(done.exception, SystemExit), (command, done.exception)
    assert done.exit_code == 1, (command, done.output)
    return done.output


@pytest.mark.parametrize("command", [*COMMANDS, "backup", "replay"])
def test_whatever_lies_there(tmp_path: Path, command: str) -> None:
    with pipe(tmp_path / "pipe") as path:
        assert "no regular file" in said(tmp_path, command, path)
    for place in (Path("/dev/zero"), tmp_path / "none", tmp_path / "pipe" / "x", tmp_path):
        assert str(place) in said(tmp_path, command, place)
    assert "File name too long" in said(tmp_path, command, tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_of_another_user(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    for command in (*COMMANDS, "backup"):
        assert "not this user's" in said(tmp_path, command, tmp_path / "closed" / "h")
