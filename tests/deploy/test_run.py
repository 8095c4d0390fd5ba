"""``tools/run`` sets up QUIC as well, and goes on without it where that cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# In the place of Python, whose pip writes down what it is asked for, and of the program.
PYTHON = """#!/bin/sh
echo "$*" >>calls
case "$*" in *requirements/quic.txt*) [ "$QUIC" = yes ] || { echo "no wheel" >&2; exit 1; } ;; esac
"""
LEFT_OUT = (
    "throttlewatch: without QUIC, whose libraries cannot be installed here "
    "(rm .venv/installed-quic: try again)\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the scripts, with an environment in which nothing is installed yet."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, text in (("python", PYTHON), ("throttlewatch", '#!/bin/sh\necho "runs $*"\n')):
        (tmp_path / ".venv" / "bin" / name).write_text(text)
        (tmp_path / ".venv" / "bin" / name).chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dpkg").write_text('#!/bin/sh\necho "$MACHINE"\n')
    (tmp_path / "bin" / "dpkg-query").write_text("#!/bin/sh\necho install ok installed\n")
    for name in ("dpkg", "dpkg-query"):
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def run(
    folder: Path, *arguments: str, quic: str, machine: str = "amd64"
) -> tuple[list[str], subprocess.CompletedProcess[str]]:
    """The locks that were installed, in their order, and what was said."""
    calls = folder / "calls"
    calls.write_text("")
    done = subprocess.run(
        ["sh", "tools/run", *arguments], cwd=folder, capture_output=True, text=True, check=True,
        env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "KEEP_ROOT": "1", "QUIC": quic,
             "MACHINE": machine},
    )  # fmt: skip
    asked = [line for line in calls.read_text().splitlines() if "requirements/" in line]
    return [line.rpartition("requirements/")[2] for line in asked], done


def test_it_is_installed_by_hash_after_what_cannot_be_missed(folder: Path) -> None:
    locks, done = run(folder, "version", quic="yes")
    assert locks == ["run.txt", "quic.txt"]
    assert done.stdout == "runs version\n"
    assert "without QUIC" not in done.stderr
    assert run(folder, "version", quic="yes")[0] == []


def test_where_it_cannot_be_it_goes_on_without_and_says_so_once(folder: Path) -> None:
    locks, done = run(folder, "now", "x", quic="no")
    assert locks == ["run.txt", "quic.txt"]
    assert done.stdout == "runs now x\n"
    assert done.stderr.count(LEFT_OUT) == 1
    assert "no wheel" not in done.stderr
    again = run(folder, "now", "x", quic="no")
    assert again[0] == []
    assert again[1].stderr == ""
    # Another lock, or its user's wish, is another try.
    (folder / ".venv" / "installed-quic").unlink()
    assert run(folder, "now", "x", quic="yes")[0] == ["quic.txt"]


def test_where_it_has_no_wheels_it_is_not_tried(folder: Path) -> None:
    locks, done = run(folder, "now", quic="yes", machine="armhf")
    assert "quic.txt" not in locks
    assert "run.txt" in locks
    assert done.stderr.count(LEFT_OUT) == 1


@pytest.mark.parametrize("command", ["demo", "hub"])
def test_a_demo_and_a_hub_have_no_use_for_it(folder: Path, command: str) -> None:
    assert run(folder, command, quic="yes")[0] == [f"{command}.txt"]
