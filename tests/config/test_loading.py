from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.config import load
from probe.config.document import Node, merge, parse, plain
from probe.config.schema import Settings
from probe.model.identity import Access, Family, Role
from tests.config.files import DEMO, loaded, mistakes, written

PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
CONTROL = DEMO.replace("name: demo\n", "name: own\nkind: control\noperator: me\n")


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert loaded(tmp_path).settings == Settings()


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """\
country: NO
schedule: {light: 2m}
legs:
vantages:
  - {name: phone, interface: wwan0, source_address: 192.0.2.4, access: mobile, asn: 64500}
  - {name: far, proxy: "http://u:p@192.0.2.7:3128", role: reference, country: DE}
families: [ipv4, ipv6]
resolve: {x.com: [192.0.2.1, "2001:db8::1"]}
""",
    )
    settings = config.settings
    assert settings.country == "NO"
    assert (settings.schedule.light, settings.schedule.transfer) == (120.0, 900.0)
    assert settings.legs == Settings().legs
    phone, far = settings.vantages
    assert (phone.access, phone.asn, phone.interface) == (Access.MOBILE, 64500, "wwan0")
    assert (far.role, far.country, far.proxy) == (Role.REFERENCE, "DE", "http://u:p@192.0.2.7:3128")
    assert settings.families == (Family.IPV4, Family.IPV6)
    assert settings.resolve == {"x.com": ("192.0.2.1", "2001:db8::1")}


def test_platforms_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    config = loaded(tmp_path, "platforms: [youtube, whatsapp, x]\ncontrols: [control-kernel]\n")
    assert [p.name for p in config.platforms] == ["youtube", "whatsapp", "x"]
    assert [c.name for c in config.controls] == ["control-kernel"]


def test_a_file_beside_the_main_one_adds_a_platform_and_a_control(tmp_path: Path) -> None:
    config = loaded(tmp_path, "platforms: [demo, x]\n", demo=DEMO, own=CONTROL)
    assert [p.title for p in config.platforms] == ["Demo", "X (Twitter)"]
    assert "own" in [c.name for c in config.controls]


def test_a_file_beside_the_main_one_replaces_an_embedded_definition(tmp_path: Path) -> None:
    config = loaded(tmp_path, "platforms: [x]\n", anything=DEMO.replace("name: demo", "name: x"))
    (x,) = config.platforms
    assert (x.title, len(x.targets)) == ("Demo", 1)


def test_definitions_names_another_folder_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "demo.yml").write_text(DEMO)
    (tmp_path / "mine" / "notes.txt").write_text("not read")
    (tmp_path / "mine" / ".hidden.yaml").write_text("not read: [")
    config = loaded(tmp_path, "definitions: mine\nplatforms: [demo]\n", x="not: read")
    assert [p.name for p in config.platforms] == ["demo"]


def test_overrides_change_what_they_name_and_nothing_else(tmp_path: Path) -> None:
    before = {t.name: t for t in load(None, {}).platforms[0].targets}
    config = loaded(
        tmp_path,
        """\
overrides:
  x:
    title: Twitter
    targets:
      - {name: page, swap: null, no_swap: not here}
      - {name: extra, url: "https://x.com/about", compares: handshake}
""",
    )
    x = config.platforms[0]
    page, object_, extra = x.targets
    assert x.title == "Twitter"
    assert (page.url, page.swap, page.no_swap) == (before["page"].url, None, "not here")
    assert object_ == before["object"]
    assert extra.url == "https://x.com/about"


def test_an_override_of_hosts_lets_a_target_move(tmp_path: Path) -> None:
    text = "overrides: {x: {targets: [{name: page, url: 'https://new.example/'}]%s}}"
    hosts = "[x.com, abs.twimg.com, platform.x.com, www.cloudflare.com, '*.example']"
    (error,) = mistakes(tmp_path, text % "")
    assert error.key == "overrides.x.targets[0].url"
    config = loaded(tmp_path, text % f", hosts: {hosts}")
    assert config.platforms[0].targets[0].url == "https://new.example/"


def test_a_ca_file_holds_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    main = written(tmp_path, "ca_file: ca.pem\n")
    assert load(main, {}).settings.ca_file == str(tmp_path / "ca.pem")
    monkeypatch.chdir(tmp_path)
    here = load(None, {"THROTTLEWATCH_CA_FILE": "ca.pem"})
    assert here.settings.ca_file == str(tmp_path / "ca.pem")


def test_an_anchor_is_shared_and_a_byte_order_mark_ignored(tmp_path: Path) -> None:
    text = "\ufeffschedule: {light: &a 10m, transfer: *a}\n"
    settings = loaded(tmp_path, text).settings
    assert (settings.schedule.light, settings.schedule.transfer) == (600.0, 600.0)


_trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("abc: #-", max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text("abc", max_size=3), below),
    max_leaves=8,
)


_mappings = st.dictionaries(st.sampled_from("abcd"), _trees)


def tree(value: object) -> Node:
    node, errors = parse(json.dumps(value), "file")
    assert not errors
    assert node is not None
    return node


# No deadline: the machine may be busy.
@settings(deadline=None)
@given(_trees)
def test_the_tree_says_what_the_yaml_says(value: object) -> None:
    assert plain(tree(value)) == value


@settings(deadline=None)
@given(_mappings, _mappings)
def test_merging_keeps_what_is_not_named_and_is_idempotent(
    base: dict[str, object], over: dict[str, object]
) -> None:
    merged = merge(tree(base), tree(over))
    result = plain(merged)
    assert set(result) == set(base) | set(over)
    assert all(result[key] == base[key] for key in set(base) - set(over))
    assert plain(merge(merged, tree(over))) == result
