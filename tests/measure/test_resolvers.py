"""Which resolvers are asked, and which names are not asked about at all."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.config.schema import DnsConfig, ResolverConfig
from probe.measure.names import host_files
from probe.measure.names.host_files import HostFiles, ResolvConf, hosts_entries, resolv_conf
from probe.measure.names.resolvers import Resolver, host_and_port, resolvers, static_addresses
from probe.model.identity import Family
from tests.pipes import pipe

ONLY_SYSTEM = DnsConfig(resolvers=())


def _resolv_conf(folder: Path, text: str) -> Path:
    path = folder / "resolv.conf"
    path.write_text(text)
    return path


def test_the_system_is_the_first_nameserver_that_can_be_read(tmp_path: Path) -> None:
    text = "# dhcp\nsearch lan\nnameserver\nnameserver router.lan\nnameserver 192.0.2.1\n"
    path = _resolv_conf(tmp_path, text + "nameserver 192.0.2.2\n")
    assert resolvers(ONLY_SYSTEM, path) == (
        Resolver(name="system", transport="udp", address="192.0.2.1", port=53),
    )


@pytest.mark.parametrize("text", [None, "", "options edns0\n", "\xff\xfe\n"])
def test_without_a_nameserver_there_is_no_system_resolver(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "none" if text is None else _resolv_conf(tmp_path, text)
    assert resolvers(ONLY_SYSTEM, path) == ()


def test_a_rewritten_file_is_read_again(tmp_path: Path) -> None:
    path = _resolv_conf(tmp_path, "nameserver 192.0.2.1\n")
    before = resolvers(ONLY_SYSTEM, path)
    _resolv_conf(tmp_path, "nameserver fe80::1%lo\n")
    assert [r.address for r in (*before, *resolvers(ONLY_SYSTEM, path))] == [
        "192.0.2.1",
        "fe80::1%lo",
    ]


def test_a_vantages_own_name_servers_are_its_system(tmp_path: Path) -> None:
    path = _resolv_conf(tmp_path, "nameserver 192.0.2.1\n")
    own = ("192.0.2.2:5353", "192.0.2.3")
    (found,) = resolvers(ONLY_SYSTEM, path, nameservers=own)
    assert (found.name, found.address, found.port) == ("system", "192.0.2.2", 5353)


def test_the_system_is_left_out_when_the_operator_says_so(tmp_path: Path) -> None:
    path = _resolv_conf(tmp_path, "nameserver 192.0.2.1\n")
    assert resolvers(DnsConfig(system=False, resolvers=()), path) == ()


def test_configured_resolvers_keep_their_order_and_ports(tmp_path: Path) -> None:
    config = DnsConfig(
        system=False,
        resolvers=(
            ResolverConfig(name="plain", address="192.0.2.1"),
            ResolverConfig(name="port", address="192.0.2.1:5353"),
            ResolverConfig(name="six", address="[2001:db8::1]:54"),
            ResolverConfig(name="doh", doh="https://192.0.2.9/dns-query"),
            ResolverConfig(name="named", doh="https://doh.example:8443/q", address="192.0.2.8"),
        ),
    )
    assert [(r.name, r.transport, r.address, r.port) for r in resolvers(config, tmp_path)] == [
        ("plain", "udp", "192.0.2.1", 53),
        ("port", "udp", "192.0.2.1", 5353),
        ("six", "udp", "2001:db8::1", 54),
        ("doh", "https", "192.0.2.9", 443),
        ("named", "https", "192.0.2.8", 8443),
    ]


@pytest.mark.parametrize(
    "text", ["", "dns.example", "192.0.2.1:x", "192.0.2.1:70000", "[::1", "::1:"]
)
def test_a_resolver_that_leads_nowhere_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        host_and_port(text)


def test_pinned_names_give_the_addresses_of_the_family() -> None:
    pins = {"X.com": ("192.0.2.1", "2001:db8::1"), "v4.example": ("192.0.2.7",)}
    assert static_addresses(pins, "x.com.", Family.IPV4) == ("192.0.2.1",)
    assert static_addresses(pins, "x.COM", Family.IPV6) == ("2001:db8::1",)
    assert static_addresses(pins, "v4.example", Family.IPV6) == ()
    assert static_addresses(pins, "other.example", Family.IPV4) is None


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("", "", ResolvConf()),
        ("options edns0 trust-ad\n", "", ResolvConf(edns=True)),
        ("options use-vc\noptions rotate\n", "", ResolvConf(over_tcp=True, rotate=True)),
        ("options attempts:9 timeout:3\n", "", ResolvConf(attempts=5)),
        ("options attempts:x ndots:5\nsearch a b\n", "attempts:3", ResolvConf(attempts=3)),
        ("", "edns0", ResolvConf(edns=True)),
        (
            "".join(f"nameserver 192.0.2.{n}\n" for n in range(1, 6)),
            "",
            ResolvConf(nameservers=("192.0.2.1", "192.0.2.2", "192.0.2.3")),
        ),
    ],
)
def test_resolv_conf_as_glibc_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, options: str, expected: ResolvConf
) -> None:
    monkeypatch.setenv("RES_OPTIONS", options)
    assert resolv_conf(_resolv_conf(tmp_path, text)) == expected


@pytest.mark.parametrize(
    "attempts", ["9" * 5_000, "\u0663", "\u00b2", "-1", "", "1e3", "0x2"], ids=lambda text: text[:4]
)
def test_a_number_that_is_none_is_left_out(
    tmp_path: Path, attempts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _resolv_conf(tmp_path, f"nameserver 192.0.2.1\noptions attempts:{attempts} edns0\n")
    known = ResolvConf(nameservers=("192.0.2.1",), edns=True)
    assert resolv_conf(path) == known
    monkeypatch.setenv("RES_OPTIONS", f"attempts:{attempts}")
    assert resolv_conf(_resolv_conf(tmp_path, "nameserver 192.0.2.1\noptions edns0\n")) == known


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    with pipe(tmp_path / "pipe") as path:
        assert resolv_conf(path) == ResolvConf()
        assert hosts_entries(["x.test"], Family.IPV4, HostFiles(hosts=path, nsswitch=path)) == {}
    assert resolv_conf(Path("/dev/zero")) == ResolvConf()
    assert resolv_conf(tmp_path) == ResolvConf()


LINES = st.sampled_from(
    [
        "192.0.2.1 x.test",
        "192.0.2.2\tfox.test x.test # x.test",
        "0.0.0.0 box.test",
        "192.0.2.3 x.test.",
        "# 192.0.2.4 x.test",
        "192.0.2.5 y.test #x.test",
        "192.0.2.6 Y.TEST\r",
        "x.test 192.0.2.7",
        "nonsense x.test",
        "192.0.2.8 x.test.test",
        "2001:db8::1 y.test x.test",
        "  192.0.2.9   x.test  ",
        "",
    ]
)


@given(lines=st.lists(LINES, max_size=8), end=st.sampled_from(["", "\n"]))
def test_the_hosts_file_says_of_each_name_what_its_lines_say(lines: list[str], end: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "hosts"
        path.write_bytes(("\n".join(lines) + end).encode())
        files = HostFiles(hosts=path, nsswitch=Path(folder) / "none")
        for name in ("x.test", "y.test", "fox.test", "z.test"):
            words = [line.lower().partition("#")[0].split() or [""] for line in lines]
            own = dict.fromkeys(first for first, *named in words if name in named)
            plain = tuple(one for one in own if one.count(".") == 3)
            expected = {name: plain} if plain else {}
            assert hosts_entries([name], Family.IPV4, files) == expected


def test_a_hosts_file_is_not_read_again_for_other_names_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hosts"
    path.write_text("192.0.2.1 a.test b.test\n")
    read: list[Path] = []

    def counted(of: Path) -> str:
        read.append(of)
        return of.read_text()

    monkeypatch.setattr(host_files, "_read", counted)
    files = HostFiles(hosts=path, nsswitch=tmp_path / "none")
    for names in (["a.test", "b.test", "c.test"], ["a.test"], ["c.test", "a.test"], ["b.test"]):
        assert set(hosts_entries(names, Family.IPV4, files)) == {*names} - {"c.test"}
    assert read == [path]
