"""An answer that comes to a network card in two parts, while the thread is at other work."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.net import WORLD_ADDRESS, Namespace, Topology

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
PORT = 7007
PART_BYTES = 1_000
APART_SECONDS = 0.2
# Asked, it answers in two segments.
WORLD = f"""
import socket, time
server = socket.create_server(("", {PORT}))
print("ready", flush=True)
while True:
    client, _ = server.accept()
    client.recv(1)
    client.sendall(bytes({PART_BYTES}))
    time.sleep({APART_SECONDS})
    client.sendall(bytes({PART_BYTES}))
    client.close()
"""


@contextlib.contextmanager
def running(there: Namespace, command: list[str]) -> Iterator[None]:
    with there.spawn(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
        process.kill()


@pytest.fixture(scope="module")
def topology(requires_lab: None) -> Iterator[Topology]:
    if not Path("/dev/net/tun").exists():
        pytest.skip("no network card can be made here: there is no /dev/net/tun")
    with Topology(bridge=False, card=True) as made:
        hold = [sys.executable, "-m", "lab.delay", "0.005", "--card", made.client.name]
        with running(made.box, hold), running(made.world, [sys.executable, "-c", WORLD]):
            yield made


def between_first_and_last(topology: Topology, *options: str) -> float:
    reader = [sys.executable, "-m", "lab.late_reader", WORLD_ADDRESS, str(PORT), *options]
    return float(topology.client.run(reader, check=True).stdout)


def test_a_late_reader_finds_both_parts_merged_with_one_time(topology: Topology) -> None:
    assert between_first_and_last(topology) < APART_SECONDS / 10


def test_with_a_lookout_the_first_byte_keeps_its_own(topology: Topology) -> None:
    assert between_first_and_last(topology, "--lookout") > APART_SECONDS * 9 / 10
