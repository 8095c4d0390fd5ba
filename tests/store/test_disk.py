"""Disks that are full or read-only: a small file system of the test's own, made in a mount
namespace of its own, so that nothing of this machine is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.requires import refuse

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
import subprocess, sys, time
from pathlib import Path
from probe.config.schema import Seconds, StoreConfig
from probe.store.history import History
from probe.store.writer import Store
from tests.store.rounds import stored

folder = Path(sys.argv[1])

def mount(*options):
    subprocess.run(["mount", *options, str(folder)], check=True)

def wait_for(what):
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until, store.health()
        time.sleep(0.01)

def keep(numbers):
    for number in numbers:
        one = stored(number)
        store.round_finished(one.observed, one.verdict)

mount("-t", "tmpfs", "-o", "size=1m", "none")
store = Store.open(StoreConfig(path=str(folder / "h"), batch=Seconds(0.05)))
keep(range(20))
wait_for(lambda: store.health().committed_rounds == 20)

ballast = folder / "ballast"
with ballast.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
keep(range(20, 200))
wait_for(lambda: store.health().trouble is not None)
print("full:", store.health().trouble)
assert store.health().set_aside == 0
mount("-o", "remount,size=32m", "-t", "tmpfs")
ballast.unlink(missing_ok=True)
wait_for(lambda: store.health().committed_rounds == 200)
assert store.health().trouble is None

assert store.close(20)
mount("-o", "remount,ro", "-t", "tmpfs")
with History(folder / "h") as history:
    assert [r.observed.id for r in history.rounds()] == [stored(n).observed.id for n in range(200)]
store = Store.open(StoreConfig(path=str(folder / "h"), batch=Seconds(0.05)))
keep(range(200, 210))
wait_for(lambda: store.health().trouble is not None)
print("read-only:", store.health().trouble)
assert (store.health().set_aside, store.health().dropped) == (0, 0)
mount("-o", "remount,rw", "-t", "tmpfs")
wait_for(lambda: store.health().committed_rounds == 10)
assert store.close(20)
with History(folder / "h") as history:
    assert len(list(history.rounds())) == 210

# Its own folder, the lock, the history and its log: none is left for the index of the log.
mount("-t", "tmpfs", "-o", "nr_inodes=4", "none")
store = Store.open(StoreConfig(path=str(folder / "h"), batch=Seconds(0.05)))
keep(range(20))
wait_for(lambda: store.health().trouble is not None)
print("no inode:", store.health().trouble)
mount("-o", "remount,nr_inodes=100", "-t", "tmpfs")
wait_for(lambda: store.health().committed_rounds == 20)
assert store.close(20)
print("well")
"""


# What the page cache holds and the disk does not is lost with the power. The image of a file system
# has just what reached it, so a copy of it is the disk after a cut. The image itself is in memory:
# however slow this machine's own disk is, the test is quick.
POWER = """
import os, random, signal, sqlite3, subprocess, sys, time
from pathlib import Path
from probe.store.history import History
from tests.store.test_trouble import WRITER

under, cuts = Path(sys.argv[1]), int(sys.argv[2])
folder, image, copied, out = under / "disk", under / "image", under / "copied", under / "out"

def run(*command):
    subprocess.run(command, check=True)

run("mount", "-t", "tmpfs", "none", under)
folder.mkdir()
with image.open("wb") as file:
    file.truncate(32 * 1024 * 1024)
run("mkfs.ext4", "-q", image)
acknowledged = set()
for turn in range(cuts):
    run("mount", "-o", "loop", image, folder)
    with out.open("wb") as told:
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, folder / "h", str(turn * 100_000)], stdout=told
        )
    until = time.monotonic() + 60
    while out.stat().st_size < 20 * 33:
        assert writer.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    time.sleep(random.uniform(0.0, 0.3))
    os.kill(writer.pid, signal.SIGSTOP)
    acknowledged |= {line for line in out.read_text().splitlines() if len(line) == 32}
    copied.write_bytes(image.read_bytes())
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait(20)
    run("umount", folder)
    copied.rename(image)
run("mount", "-o", "loop", image, folder)
with History(folder / "h") as history:
    kept = {r.observed.id for r in history.rounds()}
    assert history.unreadable == 0
lost = acknowledged - kept
connection = sqlite3.connect(folder / "h")
print(connection.execute("PRAGMA integrity_check").fetchall(), "lost:", len(lost))
assert len(acknowledged) > 20 * cuts
connection.close()
run("umount", folder)
"""


def in_a_namespace(program: str, folder: Path, *arguments: str) -> list[str]:
    """What ``program`` prints with mounts of its own; the test is refused where it may not."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        refuse("a file system of one's own needs root and unshare")
    folder.mkdir()
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if tried.returncode:
        refuse(f"this container may not mount: {tried.stderr.decode()}")
    own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]  # its children end with it
    wrap = [*own, sys.executable, "-c", program, str(folder), *arguments]
    ended = subprocess.run(wrap, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout.splitlines()


def test_a_full_and_a_read_only_disk_lose_nothing(tmp_path: Path) -> None:
    said = in_a_namespace(PROGRAM, tmp_path / "disk")
    assert said == ["full: full", "read-only: read_only", "no inode: full", "well"]


def test_a_cut_of_the_power_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    if shutil.which("mkfs.ext4") is None or not Path("/dev/loop-control").exists():
        pytest.skip("an image of a file system needs mkfs.ext4 and loop devices")
    said = in_a_namespace(POWER, tmp_path / "under", "5")
    assert said == ["[('ok',)] lost: 0"]
