"""Where nothing can be printed a command says so; names are printed as they are."""

from __future__ import annotations

import io
import os
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


@pytest.mark.parametrize("command", ["outside", "targets"])
def test_a_key_for_which_there_is_no_room_is_not_begun(command: str, tmp_path: Path) -> None:
    file = tmp_path / "private.pem"
    ask = [sys.executable, "-m", "probe", command, "key", str(file)]
    # No file may have a byte: to whoever writes one that is a full disk.
    full = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *ask],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert full.returncode == 1
    assert str(file) in full.stderr
    assert not file.exists()
    subprocess.run(ask, capture_output=True, timeout=60, check=True)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_has_room_in_part_is_no_success(unbuffered: str, tmp_path: Path) -> None:
    out = tmp_path / "rules.yml"
    # No file may be longer than a few KiB: the rest has no room.
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 8; exec "$0" -m probe rules > "$1"', sys.executable, str(out)],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert out.stat().st_size > 0
    assert done.returncode == 1
    assert "cannot write to standard output" in done.stderr


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


def test_what_is_said_beside_ends_nothing(tmp_path: Path) -> None:
    """``check`` warns, and a daemon does as it starts: the disk under its log may be full."""
    code = "import os, sys; from probe.start import main; sys.argv[1:] = ['check']; main()"
    for err in ("/dev/full", "&-"):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" -c "$1" 2>{err}', sys.executable, code],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0
        assert "configuration is right" in done.stdout


def test_nothing_takes_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    code = (
        "import os; from probe.start import keep_streams; keep_streams(); "
        "kept = [os.readlink(f'/proc/self/fd/{n}') for n in (0, 1, 2)]; "
        "open('said', 'w').write(' '.join(kept))"
    )
    command = ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code]
    subprocess.run(command, cwd=tmp_path, timeout=60, check=True)
    assert (tmp_path / "said").read_text() == "/dev/null /dev/null /dev/null"
