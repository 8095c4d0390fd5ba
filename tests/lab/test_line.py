"""The ways out of a host with several addresses, families and tunnels: a real kernel's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
ROOT = Path(__file__).parent.parent.parent
LOOK = """
import sys
from probe.config.schema import VantageConfig
from probe.measure.this_host.ways_out import Lines, interface_of
from probe.model.identity import Family
families = tuple(map(Family, sys.argv[2].split(",")))
line = Lines().look(VantageConfig(name="v", source_address=sys.argv[1] or None), families)
print(None if line is None else line.tunnel)
"""
# One Ethernet and one tunnel (what WireGuard's and OpenVPN's devices look like to /sys).
HOST = """
set -e
mount -t sysfs none /sys
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth1 up
ip tuntap add tun0 mode tun
ip link set eth0 up
ip link set tun0 up
"""


def looked(setting: str, *, source: str = "", families: str = "ipv4,ipv6") -> str:
    """What is said on such a host, once ``setting`` is done to it."""
    program = f'{HOST}\n{setting}\nexec "$@"'
    done = subprocess.run(
        [
            "unshare", "--net", "--mount", "sh", "-c", program, "sh",
            sys.executable, "-c", LOOK, source, families,
        ],
        capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ETH = "ip addr add 203.0.113.9/24 dev eth0\nip route add default via 203.0.113.1\n"
ETH6 = "ip -6 addr add 2a00:1450::9/64 dev eth0 nodad\nip -6 route add default via 2a00:1450::1\n"
TUN6 = "ip -6 addr add fd00::2/64 dev tun0 nodad\nip -6 route add default dev tun0 metric 1\n"


@pytest.mark.parametrize(
    ("setting", "source", "families", "tunnel"),
    [
        pytest.param(ETH, "", "ipv4,ipv6", "False", id="ethernet"),
        pytest.param(ETH + ETH6, "", "ipv4,ipv6", "False", id="ethernet, both families"),
        pytest.param(TUN6, "", "ipv4,ipv6", "True", id="a host with IPv6 alone"),
        pytest.param(ETH + TUN6, "", "ipv4,ipv6", "True", id="one family by the tunnel"),
        pytest.param(ETH + TUN6, "", "ipv4", "False", id="a family that is not measured"),
        pytest.param(
            ETH + "ip addr add 10.8.0.2/24 dev tun0\n"
            "ip route add 0.0.0.0/1 via 10.8.0.1\nip route add 128.0.0.0/1 via 10.8.0.1\n",
            "", "ipv4", "True", id="two halves of the world",
        ),
        pytest.param(
            ETH + "ip addr add 10.8.0.2/24 dev tun0\nip addr add 10.8.0.3/24 dev tun0\n",
            "10.8.0.3", "ipv4", "True", id="a second address",
        ),
        pytest.param(
            ETH + "ip route add 0.0.0.0/1 dev tun0 src 203.0.113.9\n"
            "ip route add 128.0.0.0/1 dev tun0 src 203.0.113.9\n",
            "", "ipv4", "True", id="a tunnel without an address",
        ),
        pytest.param("", "", "ipv4,ipv6", "None", id="no way out"),
    ],
)  # fmt: skip
def test_whether_packets_leave_through_a_tunnel(
    setting: str, source: str, families: str, tunnel: str
) -> None:
    assert looked(setting, source=source, families=families) == tunnel
