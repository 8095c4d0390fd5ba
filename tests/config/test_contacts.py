from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from probe.config import contacts, load
from probe.config.hosts import covers
from tests.config.files import DEMO, loaded


def hosts(config: object, owner: str) -> set[str]:
    return {c.host for c in contacts(config) if c.owner == owner}  # type: ignore[arg-type]


def test_every_host_of_every_definition_that_is_connected_to_appears() -> None:
    config = load(None, {"THROTTLEWATCH_PLATFORMS": "x,facebook,instagram,youtube,whatsapp"})
    listed = contacts(config)
    for definition in (*config.platforms, *config.controls):
        own = {c.host for c in listed if c.owner == definition.name}
        for target in definition.targets:
            urls = [target.url, target.fallback.url if target.fallback is not None else None]
            wanted = {urlsplit(url).hostname for url in urls if url is not None}
            if target.connect_to is not None:
                wanted = {target.connect_to}
            if target.discover is not None:
                pages = (target.discover.page, *target.discover.pages)
                wanted |= {*(urlsplit(page).hostname for page in pages), *target.discover.hosts}
            assert wanted <= own, (definition.name, target.name)
        assert all(covers((*definition.hosts,), host) for host in own)


def test_pages_may_redirect_to_any_host_of_the_definition() -> None:
    config = load(None, {})
    x = next(p for p in config.platforms if p.name == "x")
    assert set(x.hosts) == hosts(config, "x")


def test_what_is_said_on_the_wire_is_told() -> None:
    purposes = {c.purpose for c in contacts(load(None, {})) if c.owner == "youtube"}
    assert "video: target, under the name test.googlevideo.com" in purposes
    assert "video: swap, under the name mirror.gcr.io or www.google.com" in purposes


def test_resolvers_are_listed_with_their_ports_and_transports(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """\
dns:
  resolvers:
    - {name: plain, address: "9.9.9.9:5353"}
    - {name: six, address: "2620:fe::fe"}
    - {name: doh, doh: "https://dns.example/q", address: 192.0.2.53}
    - {name: odd, doh: "https://192.0.2.54:8443/q"}
    - {name: bracketed, doh: "https://dns.example/q", address: "[2001:db8::1]:444"}
""",
    )
    found = {(c.owner, c.host, c.port, c.transport) for c in contacts(config)}
    assert {
        ("system", "system", 53, "udp"),
        ("system", "system", 53, "tcp"),
        ("plain", "9.9.9.9", 5353, "udp"),
        ("plain", "9.9.9.9", 5353, "tcp"),
        ("six", "2620:fe::fe", 53, "udp"),
        ("doh", "192.0.2.53", 443, "tcp"),
        ("odd", "192.0.2.54", 8443, "tcp"),
        ("bracketed", "2001:db8::1", 444, "tcp"),
    } <= found


def test_a_proxy_is_listed_for_its_vantage_only_and_without_its_password(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """\
vantages:
  - name: home
  - {name: far, proxy: "socks5://me:hunter2@192.0.2.7"}
""",
    )
    listed = contacts(config)
    (proxy,) = [c for c in listed if c.owner == "far"]
    assert (proxy.host, proxy.port, proxy.vantages) == ("192.0.2.7", 1080, ("far",))
    assert "hunter2" not in repr(listed)
    resolvers = [c for c in listed if c.owner in {"system", "quad9", "google", "cloudflare-doh"}]
    assert {c.vantages for c in resolvers} == {("home",)}
    assert all(c.vantages == ("home", "far") for c in listed if c.owner == "x")


def test_only_a_proxy_with_a_name_needs_the_systems_resolver(tmp_path: Path) -> None:
    text = 'vantages: [{name: far, proxy: "http://%s:3128"}]\n'
    by_address = loaded(tmp_path, text % "192.0.2.7")
    assert hosts(by_address, "system") == set()
    assert hosts(by_address, "quad9") == set()
    by_name = loaded(tmp_path, text % "proxy.example")
    assert hosts(by_name, "system") == {"system"}
    assert hosts(by_name, "quad9") == set()


def test_a_vantages_own_name_servers_are_listed_for_it_alone(tmp_path: Path) -> None:
    text = """\
vantages:
  - name: home
  - {name: phone, interface: wwan0, nameservers: [9.9.9.10, "[2620:fe::10]:5353"]}
"""
    listed = contacts(loaded(tmp_path, text))
    own = {(c.host, c.port, c.transport) for c in listed if c.owner == "phone"}
    both = {("9.9.9.10", 53), ("2620:fe::10", 5353)}
    assert own == {(*place, transport) for place in both for transport in ("udp", "tcp")}
    assert {c.vantages for c in listed if c.owner == "phone"} == {("phone",)}
    assert {c.vantages for c in listed if c.owner == "system"} == {("home",)}


def test_a_beacon_appears_for_platforms_and_only_when_it_is_set(tmp_path: Path) -> None:
    assert all("decoy" not in c.purpose for c in contacts(loaded(tmp_path)))
    listed = contacts(loaded(tmp_path, "beacon: beacon.example\n"))
    decoys = {(c.owner, c.purpose) for c in listed if c.host == "beacon.example"}
    assert ("x", "page: decoy, under the name x.com") in decoys
    assert {owner for owner, _ in decoys} == {"x", "facebook", "instagram", "youtube"}


def test_ports_and_pinned_addresses_are_told(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "platforms: [demo]\nresolve: {demo.example: [192.0.2.1]}\n",
        demo=DEMO.replace("demo.example/", "demo.example:8443/"),
    )
    (contact,) = [c for c in contacts(config) if c.owner == "demo"]
    assert (contact.host, contact.port) == ("demo.example", 8443)
    assert contact.purpose == "page: target (pinned to 192.0.2.1)"


def test_platforms_that_are_not_measured_are_not_listed() -> None:
    assert hosts(load(None, {"THROTTLEWATCH_PLATFORMS": "x"}), "youtube") == set()


def test_the_receiver_of_the_metrics_and_its_proxy_are_listed(tmp_path: Path) -> None:
    text = "forward: {url: 'https://prometheus.test/write', proxy: 'http://u:p@way.test:3128'}"
    listed = [c for c in contacts(loaded(tmp_path, text)) if c.owner == "forward"]
    assert [(c.host, c.port) for c in listed] == [("way.test", 3128), ("prometheus.test", 443)]
    assert not hosts(load(None, {}), "forward")


def test_receivers_of_notifications_are_listed_and_so_are_their_proxies(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """\
notify:
  receivers:
    - {name: mail, url_file: m, hosts: ["mail.example.org:587", "2001:db8::1"]}
    - {name: far, url_file: f, hosts: [api.example.org], proxy: "socks5://me:word@192.0.2.9"}
""",
    )
    found = {(c.host, c.port, c.purpose) for c in contacts(config) if c.owner == "notify"}
    assert found == {
        ("mail.example.org", 587, "notifications to mail"),
        ("2001:db8::1", 443, "notifications to mail"),
        ("192.0.2.9", 1080, "socks5 proxy to the notifications' receiver far"),
        ("api.example.org", 443, "notifications to far, by the proxy"),
    }
    # Relative to the main file, wherever the daemon is started.
    assert config.settings.notify.receivers[0].url_file == str(tmp_path / "m")
