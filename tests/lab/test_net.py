"""The network that the lab stands on: real packets, real crashes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import requires
from lab.net import (
    BOX_INSIDE,
    BOX_OUTSIDE,
    CLIENT_ADDRESS,
    CLIENT_INTERFACE,
    ETC,
    WORLD_ADDRESS,
    WORLD_ADDRESS6,
    Namespace,
    Topology,
    abandoned,
    namespaces,
    run_mark,
)

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
CURL_TIMED_OUT = 28
REPOSITORY = Path(__file__).parents[2]

# Builds a lab with a process in its world, says its mark, and hangs until it is killed.
CRASHER = """
import sys, tempfile, time
from lab.net import Topology
with Topology() as t:
    t.client.etc({"resolv.conf": "nameserver 192.0.2.1\\n"})
    folder = tempfile.mkdtemp(prefix=f"{t.mark}-")
    p = t.world.spawn(["sleep", "600"])
    print(t.world.name, p.pid, folder, flush=True)
    time.sleep(600)
"""

ECHO_ONCE = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.create_server((sys.argv[1], 7), family=family)
print("ready", flush=True)
c, _ = s.accept()
data = b""
while more := c.recv(65536):
    data += more
c.sendall(str(len(data)).encode())
"""

SEND = """
import socket, sys
s = socket.create_connection((sys.argv[1], 7), timeout=5)
s.sendall(b"x" * 200_000)
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode())
"""


def exchange(topology: Topology, address: str) -> str:
    """What the world counted of 200,000 bytes that the client sent it."""
    server = topology.world.spawn(
        [sys.executable, "-c", ECHO_ONCE, address], stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    with server.stdout:
        assert server.stdout.readline() == "ready\n"
        sent = topology.client.run([sys.executable, "-c", SEND, address], timeout_seconds=10)
    server.wait(5)
    assert sent.stderr == ""
    return sent.stdout.strip()


def running(pid: int) -> bool:
    """Whether a process still does anything (one that nobody reaped does not)."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture(scope="module")
def topology(requires_lab: None) -> Iterator[Topology]:
    with Topology() as made:
        yield made


@pytest.mark.parametrize("address", [WORLD_ADDRESS, WORLD_ADDRESS6, "9.9.9.9", "2001:2::9"])
def test_the_client_reaches_every_address_of_the_world(topology: Topology, address: str) -> None:
    if address not in (WORLD_ADDRESS, WORLD_ADDRESS6):
        topology.give_world([address])
    assert exchange(topology, address) == "200000"


def test_the_client_reaches_nothing_else(topology: Topology) -> None:
    outside = topology.client.run(["curl", "-sS", "-m", "1", "http://203.0.113.7/"])
    assert outside.returncode == CURL_TIMED_OUT, outside.stderr


def test_no_packet_is_larger_than_the_line_allows(topology: Topology) -> None:
    capture = topology.client.spawn(
        ["tcpdump", "-i", CLIENT_INTERFACE, "-nn", "-l", "--immediate-mode", "greater", "1515"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert capture.stderr is not None
    assert capture.stdout is not None
    while "listening on" not in capture.stderr.readline():
        pass
    exchange(topology, WORLD_ADDRESS)
    capture.send_signal(signal.SIGINT)
    seen, said = capture.communicate(timeout=5)
    assert seen.strip() == ""
    assert "0 packets captured" in said


def test_without_its_bridge_the_box_lets_nothing_through() -> None:
    with Topology(bridge=False) as topology:
        ping = ["ping", "-c", "1", "-W", "1", WORLD_ADDRESS]
        assert topology.client.run(ping).returncode != 0
        for interface in (BOX_INSIDE, BOX_OUTSIDE):
            shown = topology.box.run(["ip", "-br", "link", "show", interface])
            assert "LOWER_UP" in shown.stdout


def test_files_in_etc_are_the_namespace_own(topology: Topology) -> None:
    topology.client.etc({"resolv.conf": "nameserver 198.51.100.53\n"})
    inside = topology.client.run(["cat", "/etc/resolv.conf"])
    assert inside.stdout == "nameserver 198.51.100.53\n"
    assert "198.51.100.53" not in Path("/etc/resolv.conf").read_text()


def test_two_labs_at_once_do_not_meet(topology: Topology) -> None:
    with Topology() as other:
        assert {other.client.name, other.world.name}.isdisjoint(
            {topology.client.name, topology.world.name}
        )
        assert exchange(other, WORLD_ADDRESS) == "200000"
        assert exchange(topology, WORLD_ADDRESS) == "200000"
    # The other's end is not ours.
    assert exchange(topology, WORLD_ADDRESS) == "200000"
    assert topology.client.run(["hostname", "-I"]).stdout.split()[0] == CLIENT_ADDRESS


def test_leaving_removes_namespaces_processes_and_files() -> None:
    with Topology() as topology:
        names = [topology.client.name, topology.box.name, topology.world.name]
        topology.client.etc({"resolv.conf": ""})
        left = topology.world.spawn(["sleep", "600"])
    assert not set(names) & set(namespaces())
    assert left.wait(timeout=20) != 0
    assert not (ETC / names[0]).exists()


def test_what_a_killed_run_left_is_removed_by_the_next() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", CRASHER], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert run.stdout is not None
    with run.stdout:
        name, pid, folder = run.stdout.readline().split()
    try:
        with Topology():
            # While it lives nobody touches it.
            assert name in namespaces()
            assert Namespace(name).pids() == [int(pid)]
            assert Path(folder).exists()
    finally:
        run.kill()
        run.wait()
    assert name in namespaces()
    with Topology():
        assert name not in namespaces()
        assert not (ETC / name.replace("-world", "-client")).exists()
        assert not Path(folder).exists()
        assert not running(int(pid))


def test_a_mark_belongs_to_one_process_and_not_to_its_number() -> None:
    mark = run_mark()
    pid, start = mark.removeprefix("tw").split("-")[:2]
    assert int(pid) == os.getpid()
    assert not abandoned(f"{mark}-client")
    assert abandoned(f"tw{pid}-{int(start) - 1}-000000-client")
    assert not abandoned("twin-peaks")
    assert not abandoned("somebody-else")


def test_a_host_without_a_lab_skips_but_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no namespaces"):
        requires.refuse("there are no namespaces")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no namespaces"):
        requires.refuse("there are no namespaces")
