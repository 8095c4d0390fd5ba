"""Where a resolver stands, by its address and the kernel's routes."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.measure.names.resolver_place import place_of
from probe.model.observation import Place

# Default by 203.0.113.1, attached to 198.51.100.0/24 (as /proc/net/route writes it).
ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 017100CB 0003 0 0 0 00000000 0 0 0
eth0 006433C6 00000000 0001 0 0 0 00FFFFFF 0 0 0
ppp0 00000000 00000000 0001 0 0 0 00000000 0 0 0
"""
# Default by 2606:4700::1, attached to 2a00:1450:1:2::/64.
ROUTES6 = """\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
26064700000000000000000000000001 00000400 00000001 00000000 00000003 eth0
2a001450000100020000000000000000 40 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo
"""


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.53", Place.HOST),
        ("::1", Place.HOST),
        ("192.168.1.1", Place.HOME),
        ("100.64.0.1", Place.HOME),
        ("fe80::1%eth0", Place.HOME),
        ("fd00::53", Place.HOME),
        ("203.0.113.1", Place.HOME),
        ("198.51.100.53", Place.HOME),
        ("2606:4700::1", Place.HOME),
        ("2a00:1450:1:2::53", Place.HOME),
        ("9.9.9.9", Place.BEYOND),
        ("2606:4700::2", Place.BEYOND),
        ("2a00:1450:1:3::53", Place.BEYOND),
    ],
)
def test_places(tmp_path: Path, address: str, place: Place) -> None:
    routes, routes6 = tmp_path / "route", tmp_path / "ipv6_route"
    routes.write_text(ROUTES)
    routes6.write_text(ROUTES6)
    assert place_of(address, routes, routes6) is place


def test_without_routes_the_address_decides(tmp_path: Path) -> None:
    gone = tmp_path / "none"
    assert place_of("8.8.8.8", gone, gone) is Place.BEYOND
    assert place_of("10.0.0.1", gone, gone) is Place.HOME
