"""Whom the daemon believes."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from probe.measure.trust import Trust, TrustError
from tests.measure.servers import authority, trust


def client(source: Trust, *, check_name: bool, alpn: tuple[str, ...] = ()) -> ssl.SSLObject:
    return source.client(
        ssl.MemoryBIO(), ssl.MemoryBIO(), sni="a.example", alpn=alpn, check_name=check_name
    )


def test_a_ca_file_replaces_the_systems_authorities(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(str(path))
    context = client(Trust.load(str(path)), check_name=True).context
    assert context.cert_store_stats()["x509_ca"] == 1


def test_the_systems_authorities_load() -> None:
    context = client(Trust.load(None), check_name=True).context
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_chain_is_always_demanded() -> None:
    for check_name in (True, False):
        assert client(trust(), check_name=check_name).context.verify_mode is ssl.CERT_REQUIRED


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match=r"nothing\.pem: no such file"):
        Trust.load(str(tmp_path / "nothing.pem"))


def test_a_file_without_certificates(tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("no certificate\n")
    with pytest.raises(TrustError, match="no certificates"):
        Trust.load(str(path))


def test_a_system_without_authorities_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "certs").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certs"))
    with pytest.raises(TrustError, match="install the package ca-certificates, or set ca_file"):
        Trust.load(None)


def test_authorities_in_a_folder_are_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "certs").mkdir()
    authority().cert_pem.write_to_path(str(tmp_path / "certs" / "0a1b2c3d.0"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certs"))
    Trust.load(None)
