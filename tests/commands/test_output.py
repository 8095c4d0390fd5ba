"""A command writes to what a name stands for, and never puts a file in its place."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from probe.commands.output import write

LINES = [b"one\n", b"two\n"]
TEXT = b"".join(LINES)


def device(path: Path) -> None:
    """A null device, in a folder of the test's own."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        path.open("wb").close()
    except PermissionError:
        pytest.skip("only root may make a device, and only where devices work")


def kind(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return stat.S_IFMT(found.st_mode), found.st_rdev


def failing() -> Iterator[bytes]:
    yield b"half"
    raise OSError(28, "No space left on device")


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    null = tmp_path / "null"
    device(null)
    before = kind(null)
    assert write(LINES, null) == len(TEXT)
    assert kind(null) == before
    assert [f.name for f in tmp_path.iterdir()] == ["null"]


def test_the_machines_own_null_device_stays_one() -> None:
    """By a process that may not write in /dev, if this one may: were it to try, it would fail."""
    before = kind(Path("/dev/null"))
    own = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    code = "from pathlib import Path; from probe.commands.output import write\n"
    code += "print(write([b'x'], Path('/dev/null')))"
    done = subprocess.run(
        [*own, sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if "ermission denied" in done.stderr and "/dev/null" not in done.stderr:
        pytest.skip("another user cannot read this environment")
    assert (done.stdout.strip(), done.returncode) == ("1", 0), done.stderr
    assert kind(Path("/dev/null")) == before


def test_a_pipe_gets_all_of_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write(LINES, pipe)
    reader.join(10.0)
    assert got == [TEXT]
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


@pytest.mark.parametrize("shell", [">", ">>", "|"])
def test_dev_stdout_is_standard_output(tmp_path: Path, shell: str) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"before\n")
    code = "from pathlib import Path; from probe.commands.output import write; "
    code += "write([b'one'], Path('/dev/stdout'))"
    end = f"| cat > {out}" if shell == "|" else f"{shell} {out}"
    before = kind(Path("/dev/stdout"))
    subprocess.run(f'{sys.executable} -c "{code}" {end}', shell=True, check=True)
    assert out.read_bytes() == (b"before\none" if shell == ">>" else b"one")
    assert kind(Path("/dev/stdout")) == before


def test_a_link_to_a_file_leads_on_to_it(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write(LINES, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == TEXT


def test_a_link_that_leads_nowhere_yet_makes_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("later")
    write(LINES, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later").read_bytes() == TEXT


def test_a_link_to_a_device_stays_both(tmp_path: Path) -> None:
    null, link = tmp_path / "null", tmp_path / "link"
    device(null)
    link.symlink_to(null)
    before = kind(null)
    write(LINES, link)
    assert (link.is_symlink(), kind(null)) == (True, before)


def test_other_names_of_a_file_have_it_too(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"old")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    write(LINES, tmp_path / "one")
    assert (tmp_path / "two").read_bytes() == TEXT


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444, 0o4755])
def test_a_file_keeps_its_modes_and_its_owner(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "report"
    file.write_bytes(b"old, and longer than the new one")
    if os.geteuid() == 0:
        os.chown(file, 1_234, 2_345)
    file.chmod(mode)
    before = file.stat()
    write(LINES, file)
    after = file.stat()
    assert file.read_bytes() == TEXT
    assert (after.st_mode & 0o777, after.st_uid, after.st_gid) == (
        before.st_mode & 0o777,
        before.st_uid,
        before.st_gid,
    )
    assert [f.name for f in tmp_path.iterdir()] == ["report"]


def test_a_new_file_has_the_modes_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "like").write_bytes(b"")
    write(LINES, tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "like").stat().st_mode


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_bytes(b"old")
    with pytest.raises(click.ClickException, match="No space left"):
        write(failing(), file)
    assert file.read_bytes() == b"old"
    with pytest.raises(click.ClickException):
        write(failing(), tmp_path / "new")
    assert [f.name for f in tmp_path.iterdir()] == ["report"]


def test_where_no_file_can_be_made_one_that_is_there_is_written() -> None:
    """A folder that may not be written, with a file that may."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be another user")
    with tempfile.TemporaryDirectory() as name:  # where others may look into, unlike tmp_path
        folder = Path(name)
        folder.chmod(0o755)
        file = folder / "report"
        file.write_bytes(b"old")
        file.chmod(0o666)
        assert as_another(folder, file) == 0
        assert file.read_bytes() == TEXT
        assert [f.name for f in folder.iterdir()] == ["report"]


def as_another(folder: Path, file: Path) -> int:
    """The exit status of a process of a user who may not write in the folder, but to the file."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(65_534)
            write(LINES, file)
            try:
                write(LINES, folder / "new")
            except click.ClickException:
                os._exit(0)
            os._exit(2)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize(
    "name", ["", ".", "..", "none/report", "file/x", "x" * 300, "circle", "circle/x", "socket"]
)
def test_what_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("back")
    (tmp_path / "back").symlink_to("circle")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    with pytest.raises(click.ClickException, match="cannot write"):
        write(LINES, tmp_path / name)
    assert {one.name for one in tmp_path.iterdir()} == {"file", "circle", "back", "socket"}


def test_a_link_beside_the_file_is_not_followed(tmp_path: Path) -> None:
    """Names that somebody could guess and put a link at are not used."""
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "report.partial").symlink_to("victim")
    write(LINES, tmp_path / "report")
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert (tmp_path / "report.partial").is_symlink()


@pytest.mark.parametrize(
    "end",
    [
        *("", "-wal", "-shm", ".lock", ".asked"),
        *(".corrupt-20260120T134000Z", ".newer-20260120T134000Z-wal", ".outlet-toy"),
    ],
)
@pytest.mark.parametrize("link", [False, True])
def test_a_history_is_never_written_over(tmp_path: Path, end: str, link: bool) -> None:
    history = tmp_path / "history.sqlite3"
    connection = sqlite3.connect(history)
    connection.execute("CREATE TABLE rounds (id)")
    connection.close()
    output = tmp_path / f"history.sqlite3{end}"
    if end:
        output.write_bytes(b"theirs")
    before = output.read_bytes()
    if link:
        (tmp_path / "link").symlink_to(output)
    with pytest.raises(click.ClickException, match="give another name"):
        write(LINES, tmp_path / "link" if link else output)
    assert output.read_bytes() == before


def test_what_is_only_named_so_is_written_over(tmp_path: Path) -> None:
    for name in ("report-wal", "x.lock", "history.sqlite3", ".lock", "-wal", ".outlet-toy"):
        (tmp_path / name).write_bytes(b"old")
        assert write(LINES, tmp_path / name) == len(TEXT)
        assert (tmp_path / name).read_bytes() == TEXT


def test_the_configuration_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "throttlewatch.yaml"
    file.write_text("country: IR\n")
    command = click.Context(click.Command("report"))
    command.params["path"] = file
    with command, pytest.raises(click.ClickException, match="is the configuration; give another"):
        write(LINES, file)
    assert file.read_text() == "country: IR\n"
