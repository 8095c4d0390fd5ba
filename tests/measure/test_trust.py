"""Whom the daemon believes."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from lab.loopback.servers import authority, trust
from lab.programs import need
from probe.measure.one_leg.failures import failure_of
from probe.measure.tls.trust import Trust, TrustError
from probe.model.identity import Phase


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


def test_each_client_offers_its_own_protocols() -> None:
    both = Trust.load(None)
    for alpn in (("h2", "http/1.1"), ("http/1.1",), ("http/1.1",), ("h2",), ("h2", "http/1.1")):
        for check_chain in (True, False):
            hello = ssl.MemoryBIO()
            session = both.client(
                ssl.MemoryBIO(),
                hello,
                sni="a.example",
                alpn=alpn,
                check_name=True,
                check_chain=check_chain,
            )
            with pytest.raises(ssl.SSLWantReadError):
                session.do_handshake()
            names = b"".join(bytes([len(name)]) + name.encode() for name in alpn)
            # RFC 7301, 3.1: the type, the length of the extension, that of the list, the list.
            lengths = (len(names) + 2).to_bytes(2) + len(names).to_bytes(2)
            assert b"\x00\x10" + lengths + names in hello.read()


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


def hello_of(ask: Callable[[int], object]) -> bytes:
    """The first TLS record that ``ask`` sends to a port of ours."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=ask, args=(server.getsockname()[1],))
        thread.start()
        connection, _ = server.accept()
        record = b""
        with connection:
            while len(record) < 5 or len(record) < 5 + int.from_bytes(record[3:5]):
                record += connection.recv(65_536)
        thread.join()
    return record


def shape_of(record: bytes) -> tuple[bytes, bytes, list[tuple[int, bytes | int]]]:
    """Versions, ciphers and extensions of a ClientHello (RFC 8446, section 4.1.2), in their order;
    of those that hold chance (key_share) or a name, and of padding, the length alone."""
    at = 9 + 2 + 32
    at += 1 + record[at]
    size = int.from_bytes(record[at : at + 2])
    ciphers = record[at + 2 : at + 2 + size]
    at += 2 + size
    at += 1 + record[at] + 2
    extensions: list[tuple[int, bytes | int]] = []
    while at < len(record):
        kind, size = int.from_bytes(record[at : at + 2]), int.from_bytes(record[at + 2 : at + 4])
        value = record[at + 4 : at + 4 + size]
        extensions.append((kind, size if kind in (0, 21, 51) else value))
        at += 4 + size
    return record[:3] + record[9:11], ciphers, extensions


def curl(port: int) -> None:
    place = f"a.example:{port}"
    subprocess.run(
        ["curl", "-s", "-m", "5", "--resolve", f"{place}:127.0.0.1", f"https://{place}/"],
        check=False,
        capture_output=True,
    )


def ours(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        outgoing = ssl.MemoryBIO()
        session = trust().client(
            ssl.MemoryBIO(), outgoing, sni="a.example", alpn=("h2", "http/1.1"), check_name=True
        )
        with pytest.raises(ssl.SSLWantReadError):
            session.do_handshake()
        sock.sendall(outgoing.read())
        sock.recv(1)


def test_the_hello_is_that_of_curl_on_this_system() -> None:
    need("curl", "curl")
    said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(map(int, said.split()[1].split(".")[:2]))
    if f"OpenSSL/{ssl.OPENSSL_VERSION.split()[1]}" not in said or version >= (8, 16):
        pytest.skip("this curl has another TLS library than Python, or offers TLS 1.2 at least")
    assert shape_of(hello_of(ours)) == shape_of(hello_of(curl))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_offered_for_looks_is_not_accepted(version: ssl.TLSVersion) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = version
    authority().issue_cert("a.example").configure_cert(old)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = old.wrap_bio(to_server, to_client, server_side=True)
    session = trust().client(to_client, to_server, sni="a.example", alpn=(), check_name=True)
    with pytest.raises(ssl.SSLError, match=r"(?i)legacy|unsupported|version|disallowed|alert"):
        shake_hands(session, server)


def shake_hands(*sides: ssl.SSLObject) -> None:
    for side in sides * 4:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()


def test_a_cut_is_no_end_whatever_python_tells_openssl() -> None:
    """Python 3.11 before 3.11.3 sets this option in each context: whoever forges a FIN on the way
    would have a read end well, or as one that the server ended."""
    issuer = trustme.CA()
    at_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert("a.example").configure_cert(at_server)
    context = ssl.create_default_context()
    issuer.configure_trust(context)
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = Trust(context).client(down, up, sni="a.example", alpn=(), check_name=True)
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = at_server.wrap_bio(heard, said, server_side=True)
    for _ in range(3):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            heard.write(up.read())
            down.write(said.read())
    down.write_eof()
    with pytest.raises(ssl.SSLError) as cut:
        client.read(1)
    assert failure_of(cut.value, Phase.TRANSFER).reason == "eof_error"


def test_what_python_before_3_11_3_calls_a_cut_is_one() -> None:
    error = ssl.SSLError(1, "[SSL: UNEXPECTED_EOF_WHILE_READING] unexpected eof while reading")
    error.reason = "UNEXPECTED_EOF_WHILE_READING"
    assert failure_of(error, Phase.TRANSFER).reason == "eof_error"
