"""Commands that ask a running daemon: where, and with which password."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from probe.cli import main
from probe.commands.asking import url_of
from probe.commands.see_page import how_to_see
from probe.config import load
from probe.config.environment import PASSWORD
from probe.config.schema import TlsServer, WebConfig
from probe.model.foreign import printable
from tests.publish.web.test_auth import PASSWORD as RIGHT
from tests.publish.web.test_auth import USERS, serving


def run(*arguments: str, password: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env={"COLUMNS": "200", PASSWORD: password})


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9880", "http://127.0.0.1:9880"),
        ("[::1]:1", "http://[::1]:1"),
        ("0.0.0.0:9880", "http://127.0.0.1:9880"),
    ],
)
def test_where_the_daemon_is_asked(listen: str, url: str) -> None:
    config = load(None, {"THROTTLEWATCH_LISTEN": listen})
    assert url_of(config) == url
    tls = WebConfig(tls_server_config=TlsServer(cert_file="c", key_file="k"))
    assert url_of(replace(config, web=tls)) == url.replace("http:", "https:")


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("127.0.0.1:9881", "http://127.0.0.1:9881/ on this machine"),
        ("127.0.0.1:9881", "`ssh -L 9881:127.0.0.1:9881 THIS-MACHINE`"),
        ("9880", "and at the same port of this machine's addresses"),
        ("127.0.0.1:0", "the port that the log says"),
    ],
)
def test_how_to_see_the_page(listen: str, said: str) -> None:
    assert said in how_to_see(load(None, {"THROTTLEWATCH_LISTEN": listen}))


@pytest.mark.parametrize("command", ["drill", "nation"])
async def test_a_password_is_shown_where_one_is_asked_for(command: str) -> None:
    async with serving(USERS) as (client, _):
        asked = (command, "--url", str(client.base_url))
        nobody = await asyncio.to_thread(run, *asked)
        wrong = await asyncio.to_thread(run, *asked, "--user", "anna", password="no")
        right = await asyncio.to_thread(run, *asked, "--user", "anna", password=RIGHT)
    for refused in (nobody, wrong):
        assert refused.exit_code == 1
        assert f"--user NAME, and the password in {PASSWORD}" in refused.output
    assert right.exit_code == 0, right.output


@pytest.mark.parametrize("command", ["drill", "nation"])
def test_only_http_is_asked(command: str) -> None:
    assert "no http:// or https:// address" in run(command, "--url", "file:///etc/passwd").output


@contextmanager
def answering(*parts: bytes, pause_seconds: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Who says ``parts`` whatever is asked, its URL, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        asked.append(connection.recv(65_536))
                        for part in parts:
                            connection.sendall(part)
                            time.sleep(pause_seconds)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)


def http(status: str, body: bytes, *lines: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines, "", ""])
    return head.encode() + body


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "speaks no HTTP"),
        (b"", "speaks no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "speaks no HTTP"),
        (http("200 OK", b"x", "Content-Encoding: gzip"), "but not with findings"),
        (http("200 OK", b"["), "but not with findings"),
        (http("200 OK", b"[" * 100_000), "but not with findings"),
        (http("200 OK", b'{"x":' * 100_000), "but not with findings"),
        (http("200 OK", b"\xff\xfe"), "but not with findings"),
        (http("404 \x1b[2J", b"\x1b]0;owned\x07 \x9b2J\x00"), "answered 404"),
        (http("200 OK", b"x" * 9_000_000), "too long"),
        (http("503 Odd", b"x" * 9_000_000), "too long"),
    ],
)
def test_whatever_answers_it_is_told_in_a_sentence(answer: bytes, said: str) -> None:
    with answering(answer) as (url, _):
        found = run("nation", "--url", url)
    assert isinstance(found.exception, SystemExit), found.exception
    assert said in found.output
    assert found.output == printable(found.output)


def test_a_slow_answer_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.commands.asking.SECONDS", 0.3)
    with answering(*[b"HTTP/1.1 200 OK\r\nX: "] + [b"x"] * 300, pause_seconds=0.05) as (url, _):
        began = time.monotonic()
        found = run("nation", "--url", url)
        assert time.monotonic() - began < 300 * 0.05
    assert "nothing whole within 0.3 seconds" in found.output


def test_a_password_goes_to_whom_it_is_for_alone() -> None:
    with answering(http("200 OK", b"")) as (elsewhere, theirs):
        moved = http("302 Found", b"", f"Location: {elsewhere}/api/v1/findings")
        with answering(moved) as (url, asked):
            found = run("nation", "--url", url, "--user", "anna", password="long enough")
    assert b"Authorization" in b"".join(asked).title()
    assert theirs == []
    assert "302" in found.output
    assert "not followed" in found.output


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "http://a b/", f"http://{'a' * 70_000}", "http://127.0.0.1:99999", "http://"],
)
def test_an_address_that_is_none_is_told_in_a_sentence(url: str) -> None:
    found = run("nation", "--url", url)
    assert isinstance(found.exception, SystemExit), found.exception
    assert "no daemon answers at" in found.output


def test_a_user_may_have_any_name() -> None:
    with answering(http("401 Unauthorized", b"")) as (url, _):
        found = run("nation", "--url", url, "--user", "\udcff", password="long enough")
    assert "asks for a password" in found.output
