"""Whatever lies where the history should be, each command that reads it says so and ends."""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli import main
from probe.store.database import open_writer
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
    monkeypatch.setattr("probe.publish.log.event_lines.configure", lambda *_, **__: None)


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


# Each command in a child of its own. Root is one who may look into every folder: without these two
# capabilities it is a user like others, who is not the folder's owner.
WITHOUT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
PROGRAM = """
import os, sys
from probe.cli import main
from probe.config import load
for name in main.list_commands(None):
    main.get_command(None, name)
load(None, {})  # once, and not in each child
for line in sys.stdin.read().splitlines():
    child = os.fork()
    if child == 0:
        os.dup2(1, 2)
        print(f"== {line}", flush=True)
        main(line.split(), prog_name="throttlewatch")
    os.waitpid(child, 0)
"""


NOBODY = 65_534


def told(lines: list[str], environ: dict[str, str]) -> dict[str, str]:
    """What each command says to another user."""
    done = subprocess.run(
        [*(WITHOUT if os.geteuid() == 0 else ()), sys.executable, "-c", PROGRAM],
        input="\n".join(lines),
        env={**os.environ, "HOME": "/nonexistent", "XDG_STATE_HOME": "", **environ},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    parts = done.stdout.split("== ")[1:]
    assert len(parts) == len(lines), done.stderr
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that its owner alone may enter, in one that everybody may."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "closed").mkdir()
        close(folder / "closed", 0o700)
        yield folder / "closed"


def close(path: Path, mode: int) -> None:
    """Nobody's, whom this user is not; or, for one who may not give it away, closed to itself."""
    path.chmod(mode if os.geteuid() == 0 else 0)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, -1)


@pytest.mark.parametrize("whose", ["a folder", "a file", "the service's"])
def test_a_history_of_another_user_is_not_none(closed: Path, whose: str) -> None:
    environ, file = {}, closed / "history.sqlite3"
    if whose == "the service's":
        # Where a unit says its state is: what it stands for cannot be looked into.
        environ["STATE_DIRECTORY"] = str(closed)
        settings = ""
    elif whose == "a file":
        file = closed.parent / "history.sqlite3"
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE rounds (id)")
        connection.close()
        close(file, 0o600)
        settings = f"store: {{path: '{file}'}}\n"
    else:
        settings = f"store: {{path: '{file}'}}\n"
    config = closed.parent / "throttlewatch.yaml"
    config.write_text(settings or "country: PK\n")
    lines = [f"{command} -c {config}" for command in COMMANDS]
    lines.append(f"backup {closed.parent / 'copy'} -c {config}")
    # The file that is asked for by its name, too.
    lines.extend(f"{command} -c {config} --history {file}" for command in ("history", "report"))
    lines.append(f"replay {file} -c {config}")
    owner = pwd.getpwuid(os.geteuid() or NOBODY).pw_name
    for command, words in told(lines, environ).items():
        assert f"cannot read {file}: " in words, command
        assert f"is {owner}'s and not this user's" in words, command
        assert f"`sudo -u {owner}`" in words, command
        assert "nothing was measured" not in words, command
        assert "Traceback" not in words, command


def test_a_history_on_a_full_disk_is_told_as_that(tmp_path: Path) -> None:
    """As it is after a cut of the power: with a log, and without the index that reading makes."""
    written, file = tmp_path / "written.sqlite3", tmp_path / "history.sqlite3"
    open_writer(written).close()
    with sqlite3.connect(written) as connection:
        connection.execute("CREATE TABLE more (id)")
        connection.commit()
        for end in ("", "-wal"):
            shutil.copy(f"{written}{end}", f"{file}{end}")
    connection.close()
    config = tmp_path / "throttlewatch.yaml"
    config.write_text(f"store: {{path: '{file}'}}\n")
    # No file may be longer than a few KiB: to whoever writes one that is a full disk.
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 8; exec "$0" -m probe history -c "$1"', sys.executable, config],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"cannot read {file}: its disk is full" in done.stderr
    assert "disk I/O error" not in done.stderr
