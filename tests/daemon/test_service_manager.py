"""What a real datagram socket hears, as systemd would."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.requires import refuse
from probe.daemon.service_manager import ServiceManager

UNIT = Path(__file__).parent.parent.parent / "config" / "systemd" / "throttlewatch.service"


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@throttlewatch-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0" + name[1:] if name.startswith("@") else name)
        heard.setblocking(False)
        yield name, heard


def words(heard: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(heard.recv(100))
        except BlockingIOError:
            return found


async def test_ready_alive_stopping(systemd: tuple[str, socket.socket]) -> None:
    name, heard = systemd
    manager = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "150000"})
    assert words(heard) == []
    manager.ready(lambda: True)
    await asyncio.sleep(0.2)
    manager.stopping()
    first, *pings, last = words(heard)
    assert (first, last) == (b"READY=1", b"STOPPING=1")
    assert len(pings) >= 3
    assert set(pings) == {b"WATCHDOG=1"}
    await asyncio.sleep(0.1)
    assert words(heard) == []


async def test_a_daemon_that_does_not_live_gives_no_sign_of_it(
    systemd: tuple[str, socket.socket],
) -> None:
    name, heard = systemd
    manager = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000"})
    manager.ready(lambda: False)
    await asyncio.sleep(0.1)
    manager.stopping()
    assert words(heard) == [b"READY=1", b"STOPPING=1"]


@pytest.mark.parametrize(
    "environ",
    [{}, {"NOTIFY_SOCKET": "/nonexistent/socket"}, {"WATCHDOG_USEC": "much"}],
)
async def test_without_systemd_nothing_happens(environ: dict[str, str]) -> None:
    manager = ServiceManager(environ)
    manager.ready(lambda: True)
    manager.stopping()


@pytest.mark.parametrize(
    "unit",
    [UNIT, *(UNIT.with_stem(f"throttlewatch-{name}") for name in ("beacon", "hub", "hub-publish"))],
    ids=str,
)
def test_the_unit_is_closed_as_tightly_as_it_can_be(unit: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        refuse("systemd-analyze is not installed")
        return
    asked = [program, "security", "--offline=true", "--no-pager", str(unit)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    found = re.search(rf"Overall exposure level for {unit.name}: ([0-9.]+)", told.stdout)
    assert found is not None, told.stdout + told.stderr
    assert float(found[1]) <= 2.0


def test_the_unit_waits_for_ready_and_has_a_watchdog() -> None:
    lines = UNIT.read_text().splitlines()
    assert "Type=notify" in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
    assert "CapabilityBoundingSet=" in lines
