"""``tools/run`` as root: what sends packets or serves pages runs without privileges."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# A program that says who it is, in place of throttlewatch.
PROGRAM = """#!/bin/sh
echo "user=$(id -u) groups=$(id -G) arguments=$* state=$STATE_DIRECTORY home=$HOME"
grep -E '^(CapEff|CapPrm|CapBnd|CapInh|NoNewPrivs)' /proc/self/status
touch "$STATE_DIRECTORY/new" && ls -n "$STATE_DIRECTORY"
"""
NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A copy of the scripts, set up as far as they look, that everybody may read."""
    whole = Path(tempfile.mkdtemp(prefix="throttlewatch-"))
    whole.chmod(0o755)
    shutil.copytree(ROOT / "tools", whole / "tools")
    shutil.copytree(ROOT / "requirements", whole / "requirements")
    shutil.copy(ROOT / "pyproject.toml", whole)
    (whole / ".venv" / "bin").mkdir(parents=True)
    for name in ("throttlewatch", "python"):
        program = whole / ".venv" / "bin" / name
        program.write_text(PROGRAM)
        program.chmod(0o755)
    for lock in ("run", "quic", "demo", "hub"):
        summed = subprocess.run(
            f"cat pyproject.toml requirements/{lock}.txt | cksum",
            shell=True, cwd=whole, capture_output=True, text=True, check=True,
        )  # fmt: skip
        (whole / ".venv" / f"installed-{lock}").write_text(summed.stdout.strip())
    state = whole / "state"
    state.mkdir()
    (state / "history.sqlite3").write_text("of an earlier run as root")
    yield whole
    shutil.rmtree(whole)


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    wanted = {"RUN_AS": "nobody", "STATE_DIRECTORY": str(folder / "state"), **environ}
    return subprocess.run(
        ["sh", "tools/run", *arguments],
        cwd=folder, env={**os.environ, **wanted}, capture_output=True, text=True, check=False,
    )  # fmt: skip


SENDS = ("", "run", "now", "once", "check", "explain", "demo", "nation", "drill")


@pytest.mark.parametrize("command", [*SENDS, "outside read", "targets update", "hub serve"])
def test_what_measures_or_serves_has_no_privileges(folder: Path, command: str) -> None:
    done = run(folder, *([*command.split(), "--light"] if command else []))
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    asked = f"{command} --light" if command else "run"
    assert first.startswith(f"user={NOBODY} groups={NOBODY} arguments={asked} ")
    assert first.endswith("home=/nonexistent")
    said = dict(line.split(":\t") for line in rest if ":\t" in line)
    assert said.pop("NoNewPrivs") == "1"
    assert len(said) == 4
    assert {int(value, 16) for value in said.values()} == {0}
    # The history is this user's, what root left in it too, and nobody else's.
    owners = [line.split()[2] for line in rest if " history.sqlite3" in line or " new" in line]
    assert owners == [str(NOBODY)] * 2
    assert (folder / "state").stat().st_mode & 0o777 == 0o700
    assert "running as the user nobody" in done.stderr


@pytest.mark.parametrize(
    "command", ["report", "export", "history", "wipe", "platforms", "targets key", "outside"]
)
def test_what_only_reads_or_writes_files_stays_who_it_is(folder: Path, command: str) -> None:
    done = run(folder, *command.split())
    assert done.stdout.startswith("user=0 ")
    assert "running as" not in done.stderr


def test_root_can_be_kept(folder: Path) -> None:
    assert run(folder, "run", KEEP_ROOT="1").stdout.startswith("user=0 ")


def test_where_it_cannot_be_given_up_that_is_said(folder: Path) -> None:
    folder.chmod(0o700)
    done = run(folder, "run")
    assert done.stdout.startswith("user=0 ")
    assert "running as root: the user nobody may not read" in done.stderr
    folder.chmod(0o755)
    other = run(folder, "run", RUN_AS="no:such:user")
    assert other.stdout.startswith("user=0 ")
    assert "running as root: there is no user no:such:user, and none could be made" in other.stderr


def test_a_python_that_the_user_may_not_read_is_said(folder: Path) -> None:
    hidden = folder / "of-root"
    hidden.mkdir(mode=0o700)
    python = folder / ".venv" / "bin" / "python"
    shutil.move(python, hidden / "python")
    python.symlink_to(hidden / "python")
    done = run(folder, "run")
    assert done.stdout.startswith("user=0 ")
    assert "may not read the Python that .venv is made of" in done.stderr
