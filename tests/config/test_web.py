"""The web configuration: exporter-toolkit's format, every mistake said, no hash shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.config import warnings
from probe.config.web import load_web
from tests.config.files import loaded, mistakes

HASH = "$2y$04$" + "a" * 53
TLS = "tls_server_config: {cert_file: a.crt, key_file: keys/a.key}\n"


def wrong(folder: Path, text: str) -> list[str]:
    (folder / "web.yaml").write_text(text)
    web, found = load_web(folder / "web.yaml")
    assert web is None
    assert HASH not in repr(found)
    assert "hunter2" not in repr(found)
    return [f"{e.key}: {e.found}" for e in found]


def test_files_are_relative_to_the_web_configuration(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(TLS + f"basic_auth_users:\n  anna: {HASH}\n")
    config = loaded(tmp_path, "web_config: web.yaml\n")
    assert config.web.tls_server_config is not None
    assert config.web.tls_server_config.key_file == str(tmp_path / "keys" / "a.key")
    assert config.web.basic_auth_users == {"anna": HASH}
    assert config.web.authenticates


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("basic_auth_users: {anna: hunter2}", "basic_auth_users.anna"),
        (f"basic_auth_users: {{'an:na': '{HASH}'}}", "basic_auth_users.an:na"),
        ("tls_server_config: {cert_file: a.crt}", "tls_server_config"),
        (TLS.replace("{", "{cipher_suites: [x], "), "tls_server_config.cipher_suites"),
        (TLS.replace("{", "{min_version: TLS10, "), "tls_server_config.min_version"),
        (TLS.replace("{", "{client_ca_file: ca.crt, "), "tls_server_config.client_ca_file"),
        (TLS.replace("{", "{client_auth_type: RequestClientCert, "), "client_auth_type"),
        ("basic_auth_user: {}", "basic_auth_user"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, text: str, key: str) -> None:
    found = wrong(tmp_path, text)
    assert len(found) == 1
    assert key in found[0]


def test_a_missing_file_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    (error,) = mistakes(tmp_path, "web_config: none.yaml\n")
    assert error.found == "no such file or directory"
    assert error.file == str(tmp_path / "none.yaml")


def test_other_machines_without_password_or_tls_are_warned_of(tmp_path: Path) -> None:
    def told(web: str) -> list[str]:
        (tmp_path / "web.yaml").write_text(web)
        of = loaded(tmp_path, "listen: 0.0.0.0:9880\nweb_config: web.yaml\n")
        return [w for w in warnings(of) if w.startswith("listen")]

    users = f"basic_auth_users: {{anna: '{HASH}'}}\n"
    assert "without a password" in told("")[0]
    assert "without TLS" in told(users)[0]
    assert told(users + TLS) == []
