"""A letter, by the real process and the real library, to real receivers on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from probe.publish.notify.delivery import Delivered, deliver
from probe.publish.notify.mailbag import Letter
from tests.publish.notify.receivers import Heard, down, listening, receiver

LETTER = Letter(title="X is being throttled on this line", body="X: <b>five</b> *times* slower.")


@pytest.fixture
def heard() -> Iterator[Heard]:
    with listening() as found:
        yield found


@pytest.mark.parametrize("kind", ["json", "ntfy"])
async def test_a_letter_arrives_as_it_is_written(kind: str, heard: Heard, tmp_path: Path) -> None:
    place = f"127.0.0.1:{heard.port}"
    path = "topic" if kind == "ntfy" else "hook?:source=a"
    result = await deliver(receiver(tmp_path, f"{kind}://{place}/{path}", place), LETTER)
    assert result is Delivered.WELL
    (letter,) = heard.wait(1)
    assert letter["title"] == LETTER.title
    assert letter["message"] == LETTER.body
    # Nothing that whoever reads it would fetch from a third place.
    assert "http" not in str(letter)


async def test_a_host_that_is_not_named_is_not_reached(heard: Heard, tmp_path: Path) -> None:
    url = f"json://127.0.0.1:{heard.port}/"
    for named in ("ntfy.example.org", f"127.0.0.1:{heard.port + 1}", f"localhost:{heard.port}"):
        assert await deliver(receiver(tmp_path, url, named), LETTER) is Delivered.OTHER_HOST
    assert heard.requests == 0


async def test_a_name_that_leads_here_may_be_named(heard: Heard, tmp_path: Path) -> None:
    place = f"localhost:{heard.port}"
    assert await deliver(receiver(tmp_path, f"json://{place}/", place), LETTER) is Delivered.WELL


async def test_a_redirect_elsewhere_is_not_followed(heard: Heard, tmp_path: Path) -> None:
    with listening() as elsewhere:

        def away(to: BaseHTTPRequestHandler) -> None:
            to.send_response(307)
            to.send_header("Location", f"http://127.0.0.1:{elsewhere.port}/")
            to.send_header("Content-Length", "0")
            to.end_headers()

        heard.answer = away
        place = f"127.0.0.1:{heard.port}"
        result = await deliver(receiver(tmp_path, f"json://{place}/", place), LETTER)
        assert result in (Delivered.OTHER_HOST, Delivered.FAILED)
        assert (heard.requests, elsewhere.requests) == (1, 0)


async def test_who_refuses_or_is_away_has_not_got_it(heard: Heard, tmp_path: Path) -> None:
    heard.answer = down
    place = f"127.0.0.1:{heard.port}"
    assert await deliver(receiver(tmp_path, f"json://{place}/", place), LETTER) is Delivered.FAILED
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"127.0.0.1:{nobody.getsockname()[1]}"
        result = await deliver(receiver(tmp_path, f"json://{away}/", away), LETTER)
    assert result is Delivered.FAILED


async def test_an_answer_without_an_end_costs_the_process_alone(
    heard: Heard, tmp_path: Path
) -> None:
    def endless(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        while True:
            to.wfile.write(b"x" * 1_000_000)

    heard.answer = endless
    place = f"127.0.0.1:{heard.port}"
    result = await deliver(receiver(tmp_path, f"json://{place}/", place), LETTER, seconds=20.0)
    assert result in (Delivered.FAILED, Delivered.TOOK_TOO_LONG)


async def test_who_never_answers_is_left_and_so_is_he_when_the_daemon_stops(
    heard: Heard, tmp_path: Path
) -> None:
    let_go = threading.Event()

    def silence(_: BaseHTTPRequestHandler) -> None:
        let_go.wait(30.0)

    heard.answer = silence
    place = f"127.0.0.1:{heard.port}"
    silent = receiver(tmp_path, f"json://{place}/", place)
    assert await deliver(silent, LETTER, seconds=2.0) is Delivered.TOOK_TOO_LONG
    # On a busy machine the first may have ended before it asked.
    before = heard.requests
    task = asyncio.create_task(deliver(silent, LETTER))
    while heard.requests == before:
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    let_go.set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Delivered.NO_URL),
        ("json://a.example/\njson://b.example/", Delivered.NO_URL),
        ("nobody-knows://a.example/", Delivered.NOT_UNDERSTOOD),
        ("https://a.example/", Delivered.NOT_UNDERSTOOD),
        ("\xff", Delivered.NOT_UNDERSTOOD),
    ],
)
async def test_what_is_wrong_with_the_file_is_said(
    text: str, expected: Delivered, tmp_path: Path
) -> None:
    one = receiver(tmp_path, text, "a.example")
    assert await deliver(one, LETTER) is expected
    Path(one.url_file).unlink()
    assert await deliver(one, LETTER) is Delivered.NO_URL


async def test_by_a_proxy_nothing_is_looked_up_or_reached_here(
    heard: Heard, tmp_path: Path
) -> None:
    """The proxy is asked for the receiver's name, and the name's own host is out of reach."""
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    one = receiver(
        tmp_path, "jsons://hook.example/", "hook.example", proxy=f"http://127.0.0.1:{port}"
    )
    assert await deliver(one, LETTER) is Delivered.FAILED
    server.close()
    assert asked[0].startswith(b"CONNECT hook.example:443 ")
