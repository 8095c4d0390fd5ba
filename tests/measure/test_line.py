"""What looks like a tunnel, and when a line is another one; nothing that names it comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.config.schema import VantageConfig
from probe.measure import line
from probe.measure.line import Line, Lines, gateway, interface_of, is_tunnel

HERE = VantageConfig(name="here")
ROUTES = (
    "Iface\tDestination\tGateway\tFlags\n"
    "wlan0\t0000A8C0\t00000000\t0001\n"
    "wlan0\t00000000\t{gateway}\t0003\n"
)


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


def test_the_gateway_is_that_of_the_default_route(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text(ROUTES.format(gateway="0101A8C0"))
    assert gateway("wlan0", routes) == "0101A8C0"
    assert gateway("eth0", routes) == ""
    assert gateway("wlan0", tmp_path / "none") == ""


def test_another_gateway_is_another_line(monkeypatch: pytest.MonkeyPatch) -> None:
    at = ["0101A8C0"]
    monkeypatch.setattr(line, "_source", lambda: "127.0.0.1")
    monkeypatch.setattr(line, "gateway", lambda interface: at[0])
    lines = Lines()
    same = Line(tunnel=False, changed=False)
    assert [lines.look(HERE), lines.look(HERE)] == [same, same]
    at[0] = "0102A8C0"
    assert lines.look(HERE) == Line(tunnel=False, changed=True)
    assert lines.look(HERE) == same


def test_no_line_and_a_proxy_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "_source", lambda: None)
    assert Lines().look(HERE) is None
    assert Lines().look(VantageConfig(name="far", proxy="socks5://192.0.2.7:1080")) is None


def test_what_is_remembered_cannot_be_compared_by_anybody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line, "_source", lambda: "127.0.0.1")
    one, other = Lines(), Lines()
    one.look(HERE)
    other.look(HERE)
    assert one._digests != other._digests
