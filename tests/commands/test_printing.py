"""Where nothing can be printed a command says so; names are printed as they are."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from probe.publish.terminal.console import Doing, console

ROOT = Path(__file__).parents[2]
# Each command in a process of its own, which are forks of one.
PROGRAM = """
import os, sys
from probe.cli import main
for number, line in enumerate(sys.stdin.read().splitlines()):
    child = os.fork()
    if child == 0:
        os.environ["HOME"] = os.environ["XDG_STATE_HOME"] = sys.argv[1]
        main(line.split(), prog_name="throttlewatch")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(f"status {status}: {line}", file=sys.stderr)
"""
COMMANDS = ["--help", "version", "plan", "run --help"]


def printed(folder: Path, commands: list[str], out: str) -> str:
    """What is on standard error when standard output is ``out``."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" "$2" {out}', sys.executable, PROGRAM, str(folder)],
        input="\n".join(commands),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path) -> None:
    said = printed(tmp_path, COMMANDS, ">/dev/full")
    assert "Traceback" not in said
    assert said.count("cannot write to standard output: No space left on device") == len(COMMANDS)
    for command in COMMANDS:
        assert f"status 1: {command}\n" in said


def test_without_a_standard_output_nothing_fails_but_what_needs_it(tmp_path: Path) -> None:
    said = printed(tmp_path, COMMANDS, ">&-")
    assert "Traceback" not in said
    assert said.count("status 0: ") == len(COMMANDS)


@pytest.mark.parametrize("name", ["X [/b]", "[red]X", ":smile:", "[link=file:///]", "\\[b]"])
def test_names_are_no_markup(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    console().print(name)
    assert out.getvalue() == f"{name}\n"
    with Doing(name) as doing:
        doing.now(name)


def test_every_command_prints_by_that_console() -> None:
    others = [
        path.name
        for path in (ROOT / "probe").rglob("*.py")
        if "demo" not in str(path)
        and path.name != "console.py"
        and re.search(r"[^.\w]Console\(", path.read_text())
    ]
    assert others == []
