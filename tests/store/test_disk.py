"""Disks that are full or read-only: a small file system of the test's own, made in a mount
namespace of its own, so that nothing of this machine is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.lab.requires import refuse

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
print("well")
"""


def test_a_full_and_a_read_only_disk_lose_nothing(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        refuse("a file system of one's own needs root and unshare")
    folder = tmp_path / "disk"
    folder.mkdir()
    wrap = ["unshare", "--mount", sys.executable, "-c", PROGRAM, str(folder)]
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if tried.returncode:
        refuse(f"this container may not mount: {tried.stderr.decode()}")
    ended = subprocess.run(wrap, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert ended.stdout.splitlines() == ["full: full", "read-only: read_only", "well"]
