"""What the kernel's tables say of the way to somewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from probe.measure.this_host.routes import gateway, interface_towards
from probe.measure.this_host.ways_out import interface_of, is_tunnel
from probe.model.identity import Family

HEAD = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
ETH = "eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0\n"
WLAN = "wlan0 00000000 0102A8C0 0003 0 0 600 00000000 0 0 0\n"
LAN = "eth0 0001A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0\n"
# As OpenVPN does it: two halves of the world are more than the whole of it.
HALVES = (
    "tun0 00000000 0100080A 0003 0 0 0 00000080 0 0 0\n"
    "tun0 00000080 0100080A 0003 0 0 0 00000080 0 0 0\n"
)
REFUSED = "* 000200C0 00000000 0200 0 0 0 00FFFFFF 0 0 0\n"


@pytest.mark.parametrize(
    ("table", "interface"),
    [
        ("", None),
        (HEAD, None),
        (HEAD + LAN, None),
        (HEAD + ETH + LAN, "eth0"),
        (HEAD + WLAN + ETH, "eth0"),
        (HEAD + ETH + HALVES, "tun0"),
        (HEAD + ETH + REFUSED, "eth0"),
        (HEAD + ETH + "junk\n\n", "eth0"),
    ],
)
def test_the_longest_prefix_then_the_least_metric(
    tmp_path: Path, table: str, interface: str | None
) -> None:
    routes = tmp_path / "route"
    routes.write_text(table)
    assert interface_towards("192.0.2.1", routes, routes) == interface


def test_ipv6_has_a_table_of_its_own(tmp_path: Path) -> None:
    routes6 = tmp_path / "ipv6_route"
    none, gate = "0" * 32, "fe80" + "0" * 27 + "1"
    routes6.write_text(
        f"{none} 00 {none} 00 {gate} 00000400 00000001 00000000 00000003 wlan0\n"
        f"{none} 00 {none} 00 {none} 00000100 00000001 00000000 00000001 wg0\n"
        f"{none} 00 {none} 00 {none} ffffffff 00000001 00000000 00200200 lo\n"
    )
    assert interface_towards("2001:db8::1", routes6, routes6) == "wg0"
    assert gateway("wlan0", Family.IPV6, routes6, routes6) == "fe80::1"
    assert gateway("wg0", Family.IPV6, routes6, routes6) == ""


def test_the_gateway_is_that_of_the_default_route(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text(HEAD + LAN + ETH)
    assert gateway("eth0", Family.IPV4, routes, routes) == "192.168.1.1"
    assert gateway("wlan0", Family.IPV4, routes, routes) == ""
    assert gateway("eth0", Family.IPV4, tmp_path / "none", routes) == ""


@pytest.mark.parametrize(
    "name", [b"\xff\xfe", "ä\u2028b".encode(), b"a\x85b", b"\x1b[2J", b"a\x1cb"]
)
def test_an_interface_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    routes, routes6 = tmp_path / "route", tmp_path / "ipv6_route"
    routes.write_bytes((HEAD + ETH).encode().replace(b"eth0", name))
    routes6.write_bytes(
        b"0" * 32 + b" 00 " + b"0" * 32 + b" 00 " + b"f" * 32 + b" 400 1 0 3     " + name + b"\n"
    )
    for address in ("192.0.2.1", "2001:db8::1"):
        found = interface_towards(address, routes, routes6)
        assert found is not None
        assert os.fsencode(found) == name
    addresses = tmp_path / "if_inet6"
    addresses.write_bytes(b"fd000000000000000000000000000002 05 40 00 80 " + name + b"\n")
    assert interface_of("fd00::2", addresses) == os.fsdecode(name)
    assert not is_tunnel(os.fsdecode(name), tmp_path)
