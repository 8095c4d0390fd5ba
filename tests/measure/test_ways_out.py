"""What looks like a tunnel, and when a line is another one; nothing that names it comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.config.schema import VantageConfig
from probe.measure.this_host import routes, ways_out
from probe.measure.this_host.ways_out import Lines, WayOut, interface_of, is_tunnel
from probe.model.identity import Family

HERE = VantageConfig(name="here")


def link(folder: Path, kind: str, *, tun: bool = False) -> Path:
    (folder / "eth9").mkdir()
    (folder / "eth9" / "type").write_text(kind + "\n")
    if tun:
        (folder / "eth9" / "tun_flags").write_text("0x1002\n")
    return folder


@pytest.mark.parametrize(
    ("kind", "tunnel"),
    [("1", False), ("772", False), ("65534", True), ("512", True), ("778", True)],
)
def test_the_kernels_link_type_tells_a_tunnel(tmp_path: Path, kind: str, tunnel: bool) -> None:
    assert is_tunnel("eth9", link(tmp_path, kind)) is tunnel


def test_a_tap_device_is_a_tunnel_although_it_looks_like_ethernet(tmp_path: Path) -> None:
    assert is_tunnel("eth9", link(tmp_path, "1", tun=True))


def test_an_interface_that_is_gone_is_no_tunnel(tmp_path: Path) -> None:
    assert not is_tunnel("eth9", tmp_path)


def test_the_loopback_interface_is_found_by_its_address() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("192.0.2.77") is None


def test_another_gateway_is_another_line(monkeypatch: pytest.MonkeyPatch) -> None:
    at = ["192.168.1.1"]
    monkeypatch.setattr(ways_out, "_source", lambda family: "127.0.0.1")
    monkeypatch.setattr(routes, "gateway", lambda interface, family: at[0])
    monkeypatch.setattr(routes, "interface_towards", lambda address: "lo")
    lines = Lines()
    same = WayOut(tunnel=False, changed=False)
    assert [lines.look(HERE), lines.look(HERE)] == [same, same]
    at[0] = "192.168.2.1"
    assert lines.look(HERE) == WayOut(tunnel=False, changed=True)
    assert lines.look(HERE) == same


BOTH = (Family.IPV4, Family.IPV6)


@pytest.mark.parametrize(
    ("sources", "owners", "towards", "families", "tunnel"),
    [
        # By IPv4, by IPv6 alone, by one of two families.
        ({Family.IPV4: "10.8.0.2"}, {"10.8.0.2": "wg0"}, {}, BOTH, True),
        ({Family.IPV6: "fd00::2"}, {"fd00::2": "wg0"}, {}, BOTH, True),
        (
            {Family.IPV4: "10.0.0.2", Family.IPV6: "2a00::2"},
            {"10.0.0.2": "eth0", "2a00::2": "wg0"},
            {},
            BOTH,
            True,
        ),
        # It is there, but that family is not measured.
        (
            {Family.IPV4: "10.0.0.2", Family.IPV6: "2a00::2"},
            {"10.0.0.2": "eth0", "2a00::2": "wg0"},
            {},
            (Family.IPV4,),
            False,
        ),
        # The route leads into a tunnel that has no address of its own.
        ({Family.IPV4: "10.0.0.2"}, {"10.0.0.2": "eth0"}, {"192.0.2.1": "wg0"}, BOTH, True),
        ({Family.IPV4: "10.0.0.2"}, {"10.0.0.2": "eth0"}, {"192.0.2.1": "eth0"}, BOTH, False),
    ],
)
def test_a_tunnel_of_any_family_that_is_measured(
    monkeypatch: pytest.MonkeyPatch,
    sources: dict[Family, str],
    owners: dict[str, str],
    towards: dict[str, str],
    families: tuple[Family, ...],
    tunnel: bool,
) -> None:
    monkeypatch.setattr(ways_out, "_source", sources.get)
    monkeypatch.setattr(ways_out, "interface_of", owners.get)
    monkeypatch.setattr(ways_out, "is_tunnel", lambda interface: interface == "wg0")
    monkeypatch.setattr(routes, "interface_towards", towards.get)
    seen = Lines().look(HERE, families)
    assert seen is not None
    assert seen.tunnel is tunnel


def test_an_ipv6_address_is_found_among_the_kernels(tmp_path: Path) -> None:
    addresses = tmp_path / "if_inet6"
    addresses.write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fd000000000000000000000000000002 05 40 00 80      wg0\n"
    )
    assert interface_of("fd00::2", addresses) == "wg0"
    assert interface_of("fd00::3", addresses) is None
    assert interface_of("fd00::2", tmp_path / "none") is None


def test_no_line_and_a_proxy_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways_out, "_source", lambda family: None)
    assert Lines().look(HERE) is None
    assert Lines().look(VantageConfig(name="far", proxy="socks5://192.0.2.7:1080")) is None


def test_what_is_remembered_cannot_be_compared_by_anybody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ways_out, "_source", lambda family: "127.0.0.1")
    one, other = Lines(), Lines()
    one.look(HERE)
    other.look(HERE)
    assert one._digests != other._digests


def test_the_way_may_be_of_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways_out, "_source", lambda family: "192.0.2.7")
    monkeypatch.setattr(ways_out, "interface_of", lambda address: "\udcff\udcfe")
    monkeypatch.setattr(routes, "interface_towards", lambda address: None)
    assert Lines().look(HERE) == WayOut(tunnel=False, changed=False)
