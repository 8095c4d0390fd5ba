"""TLS, passwords and slow clients, against the real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import bcrypt
import click
import httpx
import pytest
import trustme
from click.testing import CliRunner, Result
from msgspec.structs import replace

from probe.cli import main
from probe.commands.asking import ask
from probe.config.schema import HttpServer, TlsServer, WebConfig
from probe.publish.latest.board import Board
from probe.publish.web import patience
from probe.publish.web.door import MOST_OPEN
from probe.publish.web.guard import Guard
from probe.publish.web.server import ListenError, ReloadResult, Server, create_app
from synth.shape import config
from tests.again import SOON_SECONDS, undisturbed

PASSWORD = "correct horse"
USERS = WebConfig(
    basic_auth_users={"anna": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}
)
PATHS = ["/", "/metrics", "/probe?target=x", "/nothing"]


async def fine() -> ReloadResult:
    return ReloadResult(ok=True, text="done")


@asynccontextmanager
async def serving(
    web: WebConfig, *, listen: str = "127.0.0.1:0", scheme: str = "http", **client: object
) -> AsyncIterator[tuple[httpx.AsyncClient, Server]]:
    server = Server(create_app(Board(config()), fine), listen, web)
    await server.start()
    url = f"{scheme}://localhost:{server.address.rpartition(':')[2]}"
    try:
        async with httpx.AsyncClient(
            base_url=url,
            trust_env=False,
            timeout=SOON_SECONDS,
            **client,  # type: ignore[arg-type]
        ) as asking:
            yield asking, server
    finally:
        await server.stop()


@pytest.mark.parametrize(
    "auth",
    [None, ("anna", "wrong"), ("bob", PASSWORD), ("", ""), ("anna", "x" * 100), ("anna", "a\0b")],
)
async def test_without_the_right_password_nothing_is_told(auth: tuple[str, str] | None) -> None:
    async with serving(USERS) as (client, _):
        for path in PATHS:
            answer = await client.get(path, auth=auth)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic realm=")
            long = auth is not None and len(auth[1]) > 72
            words = "unauthorized: a password has at most 72 bytes" if long else "unauthorized"
            assert answer.text == f"{words}\n"
        changed = await client.post("/-/reload", auth=auth)  # type: ignore[arg-type]
        assert changed.status_code == 401


async def test_with_it_everything_is() -> None:
    async with serving(USERS) as (client, _):
        for _again in range(2):
            assert (await client.get("/metrics", auth=("anna", PASSWORD))).status_code == 200
        assert (await client.post("/-/reload", auth=("anna", PASSWORD))).status_code == 200


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Basic YQ==", "Bearer x", "Basic /////w==", "basic"]
)
async def test_rubbish_is_no_password(header: str) -> None:
    async with serving(USERS) as (client, _):
        answer = await client.get("/metrics", headers={"Authorization": header})
        assert answer.status_code == 401


async def test_health_needs_no_password() -> None:
    async with serving(USERS) as (client, _):
        assert (await client.get("/-/healthy")).status_code == 200
        assert (await client.get("/-/ready")).status_code == 503


async def test_a_password_that_was_right_is_not_worked_out_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[bytes] = []
    right = bcrypt.checkpw

    def counted(password: bytes, digest: bytes) -> bool:
        made.append(password)
        return right(password, digest)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    async with serving(USERS) as (client, _):
        for _again in range(5):
            await client.get("/metrics", auth=("anna", PASSWORD))
        for _again in range(2):
            await client.get("/metrics", auth=("nobody", "wrong"))
    assert [p.decode() for p in made] == [PASSWORD, "wrong", "wrong"]


async def test_from_elsewhere_nothing_is_changed_without_a_password() -> None:
    async with serving(WebConfig(), listen="0.0.0.0:0") as (client, _):
        assert (await client.get("/metrics")).status_code == 200
        refused = await client.post("/-/reload")
        assert (refused.status_code, "web_config" in refused.text) == (403, True)
    async with serving(USERS, listen="0.0.0.0:0") as (client, _):
        assert (await client.post("/-/reload", auth=("anna", PASSWORD))).status_code == 200


async def test_headers_are_added_to_every_answer() -> None:
    web = replace(USERS, http_server_config=HttpServer(headers={"X-Frame-Options": "deny"}))
    async with serving(web) as (client, _):
        for path in ("/-/healthy", "/metrics"):
            assert (await client.get(path)).headers["x-frame-options"] == "deny"


@pytest.fixture
def pem(tmp_path: Path) -> tuple[trustme.CA, TlsServer]:
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    leaf.private_key_pem.write_to_path(tmp_path / "a.key")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "a.crt")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    return authority, TlsServer(
        cert_file=str(tmp_path / "a.crt"), key_file=str(tmp_path / "a.key"), min_version="TLS13"
    )


def asking_clients(tls: TlsServer, folder: Path) -> TlsServer:
    """``tls``, with a certificate asked of each client."""
    return replace(
        tls,
        client_ca_file=str(folder / "ca.crt"),
        client_auth_type="RequireAndVerifyClientCert",
    )


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_tls_of_the_least_version_and_no_plain_text(
    pem: tuple[trustme.CA, TlsServer],
) -> None:
    authority, tls = pem
    web = WebConfig(tls_server_config=tls)
    old = trusting(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(web, scheme="https", verify=trusting(authority)) as (client, server):
        assert (await client.get("/metrics")).status_code == 200
        port = server.address.rpartition(":")[2]
        async with httpx.AsyncClient(verify=old, trust_env=False, timeout=SOON_SECONDS) as late:
            with pytest.raises(httpx.ConnectError):
                await late.get(f"https://localhost:{port}/metrics")
        async with httpx.AsyncClient(trust_env=False, timeout=SOON_SECONDS) as plain:
            with pytest.raises(httpx.RemoteProtocolError):
                await plain.get(f"http://localhost:{port}/metrics")


async def test_a_client_must_show_its_certificate_where_that_is_required(
    pem: tuple[trustme.CA, TlsServer], tmp_path: Path
) -> None:
    authority, tls = pem
    required = asking_clients(tls, tmp_path)
    web = WebConfig(tls_server_config=required)
    known = trusting(authority)
    authority.issue_cert("client.example").configure_cert(known)
    async with serving(web, scheme="https", verify=known) as (client, _):
        assert (await client.post("/-/reload")).status_code == 200
    async with serving(web, scheme="https", verify=trusting(authority)) as (client, _):
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError)):
            await client.get("/metrics")


async def test_a_reload_takes_up_a_new_certificate_and_new_users(
    pem: tuple[trustme.CA, TlsServer],
) -> None:
    _, tls = pem
    other = trustme.CA()
    async with serving(
        WebConfig(tls_server_config=tls), scheme="https", verify=trusting(other)
    ) as (client, server):
        with pytest.raises(httpx.ConnectError):
            await client.get("/metrics")
        leaf = other.issue_cert("localhost")
        leaf.private_key_pem.write_to_path(tls.key_file)
        leaf.cert_chain_pems[0].write_to_path(tls.cert_file)
        assert server.use(replace(USERS, tls_server_config=tls)) == ""
        assert (await client.get("/metrics")).status_code == 401
        assert "restart" in server.use(USERS)


async def test_a_certificate_that_is_none_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("nothing")
    os.mkfifo(tmp_path / "pipe")
    for file in ("a", "none", "pipe"):
        tls = TlsServer(cert_file=str(tmp_path / file), key_file=str(tmp_path / file))
        server = Server(
            create_app(Board(config()), fine), "127.0.0.1:0", WebConfig(tls_server_config=tls)
        )
        with pytest.raises(
            ListenError, match=r"no such file|no certificate and key|no regular file"
        ):
            await server.start()


@pytest.mark.parametrize("sent", [b"", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-A"])
async def test_who_never_ends_a_request_is_cut(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(patience, "_LOOK_SECONDS", 0.05)
    async with serving(WebConfig()) as (client, server):
        reader, writer = await asyncio.open_connection(*server.address.split(":"))
        writer.write(sent)
        async with asyncio.timeout(SOON_SECONDS):
            # Nothing is said to who said nothing, be it with a goodbye or a reset.
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        assert (await client.get("/metrics")).status_code == 200


async def test_who_never_takes_an_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(patience, "_LOOK_SECONDS", 0.05)

    async def long(self: Guard, scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        for _ in range(400):
            await asyncio.sleep(0)
            await send(  # type: ignore[operator]
                {"type": "http.response.body", "body": bytes(65_536), "more_body": True}
            )

    monkeypatch.setattr(Guard, "__call__", long)
    server = Server(create_app(Board(config()), fine), "127.0.0.1:0")
    await server.start()
    _, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connections = server._server.server_state.connections
    async with asyncio.timeout(SOON_SECONDS):
        while not connections:
            await asyncio.sleep(0.01)
        while connections:
            await asyncio.sleep(0.05)
    writer.close()
    await server.stop()


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/-/../../etc/passwd",
        "/\\..\\",
    ],
)
async def test_no_path_leads_to_a_file(path: str) -> None:
    async with serving(WebConfig()) as (_, server):
        reader, writer = await asyncio.open_connection(*server.address.split(":"))
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        answer = await reader.read()
        assert answer.split()[1] in (b"404", b"400")
        assert b"root:" not in answer
        writer.close()


async def test_a_reload_that_asks_for_client_certificates_needs_a_restart(
    pem: tuple[trustme.CA, TlsServer], tmp_path: Path
) -> None:
    """What runs does not ask for them, so nobody may be taken for one who has shown one."""
    authority, tls = pem
    required = asking_clients(tls, tmp_path)
    async with serving(
        WebConfig(tls_server_config=tls),
        listen="0.0.0.0:0",
        scheme="https",
        verify=trusting(authority),
    ) as (client, server):
        assert (await client.post("/-/reload")).status_code == 403
        for other in (required, replace(tls, min_version="TLS12")):
            assert "restart" in server.use(WebConfig(tls_server_config=other))
        assert (await client.post("/-/reload")).status_code == 403


async def test_a_key_that_does_not_match_leaves_the_old_pair(
    pem: tuple[trustme.CA, TlsServer],
) -> None:
    authority, tls = pem
    async with serving(
        WebConfig(tls_server_config=tls), scheme="https", verify=trusting(authority)
    ) as (client, server):
        trustme.CA().issue_cert("localhost").cert_chain_pems[0].write_to_path(tls.cert_file)
        assert server.use(WebConfig(tls_server_config=tls)) != ""
        await client.aclose()
        async with httpx.AsyncClient(
            base_url=client.base_url,
            verify=trusting(authority),
            trust_env=False,
            timeout=SOON_SECONDS,
        ) as another:
            assert (await another.get("/-/healthy")).status_code == 200


async def test_who_only_holds_connections_keeps_nobody_out() -> None:
    async with serving(WebConfig()) as (client, server):
        host, _, port = server.address.rpartition(":")
        held = [await asyncio.open_connection(host, int(port)) for _ in range(200)]
        try:
            for _ in range(3):
                assert (await client.get("/metrics")).status_code == 200
            ended = [reader for reader, _ in held if await _is_over(reader)]
            assert len(ended) >= 200 - MOST_OPEN
        finally:
            for _, writer in held:
                writer.close()
            over = (writer.wait_closed() for _, writer in held)
            await asyncio.gather(*over, return_exceptions=True)


async def _is_over(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.01):
            return await reader.read(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@undisturbed
async def test_who_asks_often_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(patience, "_LOOK_SECONDS", 0.05)
    answered = 0
    async with serving(WebConfig()) as (_, server):
        host, _, port = server.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        with suppress(ConnectionError, EOFError):
            for _ in range(20):
                writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(line for line in head.lower().splitlines() if b"content-length" in line)
                await reader.readexactly(int(size.split(b":")[1]))
                answered += 1
                await asyncio.sleep(0.1)
            writer.close()
            await writer.wait_closed()
    assert answered == 20


def test_a_password_that_bcrypt_would_cut_is_refused_when_it_is_made() -> None:
    def made(given: str) -> Result:
        return CliRunner().invoke(main, ["password", "anna"], input=given + "\n")

    right = made("x" * 72)
    name, _, digest = right.output.strip().partition(": ")
    assert (right.exit_code, name) == (0, "anna")
    assert bcrypt.checkpw(b"x" * 72, digest.encode())
    for given in ("x" * 73, "ü" * 37, "", "a\tb"):
        refused = made(given)
        assert refused.exit_code == 1
        assert "x" * 10 not in refused.output
        assert ("at most 72 bytes" in refused.output) == (len(given) > 30)


def test_a_password_that_nobody_can_have_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROTTLEWATCH_PASSWORD", "x" * 73)
    with pytest.raises(click.ClickException, match="at most 72 bytes"):
        ask("http://127.0.0.1:9", "/", user="anna")
