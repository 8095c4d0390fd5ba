"""An invitation that leads to no hub, or to harm: a sentence, and nothing is written."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli import main

OK = b"HTTP/1.1 200 OK\r\n\r\n"
ANSWERS = {
    "nothing": lambda: b"",
    "a page": lambda: OK + b"<html>Log in",
    "brackets": lambda: OK + b'{"x":' + b"[" * 6_000 + b"]" * 6_000 + b"}",
    "no letters": lambda: OK + b'{"vantage": "\xff"}',
    "too much": lambda: OK + b" " * 100_000,
    "another status": lambda: b"HTTP/1.1 418 x\r\nContent-Length: 0\r\n\r\n",
    "another place": lambda: b"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
}


@contextmanager
def far(answer: Callable[[], bytes], again: bytes = b"") -> Iterator[str]:
    """Whoever the line leads to; after ``answer`` it says ``again`` without an end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(answer())
                while again:
                    connection.sendall(again)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/#{'x' * 43}"
    thread.join(60.0)
    assert not thread.is_alive(), "it was read without an end"


def refused(line: str, folder: Path) -> str:
    done = CliRunner().invoke(main, ["join", line, str(folder / "throttlewatch.yaml"), "--yes"])
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit), done.exception
    assert not any(folder.iterdir())
    return done.output


@pytest.mark.parametrize("what", ANSWERS)
def test_who_is_no_hub_gets_a_sentence(what: str, tmp_path: Path) -> None:
    with far(ANSWERS[what]) as line:
        said = refused(line, tmp_path)
    assert "does not answer as a hub" in said or "cannot be reached" in said


@pytest.mark.parametrize(
    ("begin", "again"),
    [(b"", b"HTTP/1.1 102 p\r\n\r\n" * 500), (OK[:-2], b"X: y\r\n" * 500), (OK, b" " * 999)],
    ids=["interim answers", "a head", "a body"],
)
def test_an_answer_without_an_end_is_not_waited_for(
    begin: bytes, again: bytes, tmp_path: Path
) -> None:
    with far(lambda: begin, again) as line:
        refused(line, tmp_path)
