from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields

from probe.config import estimate, load, schema, warnings
from probe.config.amount import LEGS_PER_HOUR
from probe.schedule.host_budget import LEGS_PER_HOUR as OF_THE_BUDGET
from tests.config.files import DEMO, loaded

LOCAL = DEMO.replace("name: demo\n", "name: local\nkind: control\nscope: domestic\n")


def told(folder: Path, text: str, word: str, **definitions: str) -> bool:
    found = warnings(loaded(folder, text, None, **definitions))
    return any(word in warning for warning in found)


def test_the_default_is_warned_of_what_only_the_operator_knows() -> None:
    found = warnings(load(None, {}))
    assert [warning.split()[0] for warning in found] == ["no", "country"]


def test_a_complete_configuration_is_not_warned_of(tmp_path: Path) -> None:
    assert warnings(loaded(tmp_path, "country: TR\n", local=LOCAL)) == ()


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("https://a.example", True), ("https://a.example/", True), ("https://a.example/d/", True),
        ("https://a.example/d/f", False), ("https://a.example/?f", True),
    ],
)  # fmt: skip
def test_a_control_inside_that_is_no_file_is_warned_of(
    url: str, warned: bool, tmp_path: Path
) -> None:
    local = (
        "name: local\ntitle: Local\nkind: control\nscope: domestic\nwhy: inside\noperator: a\n"
        "hosts: [a.example]\ntargets: [{name: object, why: a file, min_bytes: 64KiB, "
        f"url: '{url}', no_swap: a control, no_decoy: a control}}]\n"
    )
    assert told(tmp_path, "country: TR\n", "a front page or a folder", local=local) is warned


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("controls: [control-jquery, control-kernel]", "only 2 control(s)"),
        ("controls: [control-jquery, control-debian]", "1 operator(s)"),
        ("listen: 0.0.0.0:9880", "listen 0.0.0.0:9880"),
        ('listen: "[::]:9880"', "listen [::]:9880"),
        ("schedule: {light: 2m}", "x.com: 32 legs an hour"),
        ("schedule: {light: 1m}", "for each control|of each control"),
        ("schedule: {light: 2m, transfer: 2m}", "MB a day"),
        ("vantages: [{name: a, role: reference}]", "every vantage is a reference"),
        ("vantages: [{name: a}, {name: b}]", "vantages a and b"),
        ("vantages: [{name: a, interface: wwan0}]", "vantage a asks the host's own name servers"),
        ('vantages: [{name: a, source_address: "2001:db8::1"}]', "ipv4 rounds cannot leave"),
        ("beacon: x.com", "beacon x.com"),
        (
            "outside: [{url: 'http://far.example/o.json', key: "
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=}]",
            "read without TLS",
        ),
        (
            "targets: {url: 'http://far.example/l.json', keys: "
            "[11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=]}",
            "asked for without TLS",
        ),
        (
            "targets: {keys: [11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=, "
            "21qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=]}",
            "one of 2 keys is enough",
        ),
    ],
)
def test_a_warning_names_what_is_wrong(text: str, word: str, tmp_path: Path) -> None:
    assert any(told(tmp_path, text, part) for part in word.split("|"))


@pytest.mark.parametrize("listen", ["127.0.0.1:9880", "localhost:1", "'[::1]:9880'"])
def test_loopback_is_not_warned_of(listen: str, tmp_path: Path) -> None:
    assert not told(tmp_path, f"listen: {listen}", "listen")


def test_a_laboratory_has_no_budget(tmp_path: Path) -> None:
    fast = "schedule: {light: 10s}\nplatforms: [demo]\ncontrols: [local]\n"
    assert told(tmp_path, fast, "legs an hour", demo=DEMO, local=LOCAL)
    pinned = fast + "resolve: {demo.example: [10.0.0.1]}\n"
    assert not told(tmp_path, pinned, "legs an hour", demo=DEMO, local=LOCAL)
    public = fast + "resolve: {demo.example: [10.0.0.1, 8.8.8.8]}\n"
    assert told(tmp_path, public, "legs an hour", demo=DEMO, local=LOCAL)


def test_the_budget_is_the_schedules() -> None:
    assert LEGS_PER_HOUR == OF_THE_BUDGET


def test_the_estimate_counts_every_leg_that_is_declared(tmp_path: Path) -> None:
    one = estimate(loaded(tmp_path, "platforms: [x]\n"))
    assert one.host_legs_per_hour["x.com"] == 14.0  # one of two swaps, in transfer rounds only
    beacon = estimate(loaded(tmp_path, "platforms: [x]\nbeacon: beacon.example\n"))
    assert beacon.host_legs_per_hour["beacon.example"] == 12.0
    assert beacon.bytes_per_day > one.bytes_per_day
    twice = estimate(loaded(tmp_path, "platforms: [x]\nvantages: [{name: a}, {name: b}]\n"))
    assert twice.bytes_per_day == pytest.approx(2 * one.bytes_per_day)
    assert twice.host_legs_per_hour == one.host_legs_per_hour


@pytest.mark.parametrize(
    ("mode", "said"), [(0o600, ""), (0o400, ""), (0o640, "its whole group"), (0o644, "everybody")]
)
def test_files_with_secrets_that_others_may_read_are_warned_of(
    mode: int, said: str, tmp_path: Path
) -> None:
    digest = "$2b$12$" + "a" * 53
    files = {
        "web.yaml": "tls_server_config: {cert_file: a.crt, key_file: a.key}\n"
        f"basic_auth_users: {{anna: '{digest}'}}\n",
        "a.crt": "",
        "a.key": "",
        "word": "",
        "hub": "",
        "key": "",
        "url": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644 if name == "a.crt" else mode)
    for key in ("bearer_token_file: word", "username: us, password_file: word"):
        text = (
            f"web_config: web.yaml\nforward: {{url: 'https://a.example/w', {key}}}\n"
            "vantages: [{name: a, role: reference}]\noutside_key_file: key\n"
            "hub: {url: 'https://hub.example', credential_file: hub}\n"
            "notify: {receivers: [{name: me, url_file: url, hosts: [a.example]}]}\n"
        )
        told = [line for line in warnings(loaded(tmp_path, text)) if "chmod 600" in line]
        assert all(said in line for line in told)
        assert {line.split("chmod 600 ")[1].split("`")[0] for line in told} == {
            str(tmp_path / name) for name in files if said and name != "a.crt"
        }


def test_each_key_of_a_file_is_known_to_hold_a_secret_or_none() -> None:
    """A new one is decided upon: if it has a secret, others' reading is warned of (above)."""
    secret = {"password_file", "bearer_token_file", "credential_file", "url_file", "key_file"}
    secret |= {"outside_key_file"}
    found = {
        field.name
        for kind in vars(schema).values()
        if isinstance(kind, type) and issubclass(kind, Struct)
        for field in fields(kind)
        if field.name.endswith("_file")
    }
    assert found - secret == {"ca_file", "cert_file", "client_ca_file"}
