"""Receivers on loopback: real servers that keep what they are sent, or behave badly."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lab.loopback.prometheus import free_address
from probe.config.schema import NotifyReceiver
from tests.again import SOON_SECONDS


class Heard:
    """What one receiver was sent, and how it answers."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []
        self.requests = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] = taken
        self.port = 0

    def wait(self, count: int, seconds: float = SOON_SECONDS) -> list[dict[str, Any]]:
        """Its letters, once there are so many."""
        end = time.monotonic() + seconds
        while len(self.letters) < count and time.monotonic() < end:
            time.sleep(0.02)
        return self.letters


def taken(to: BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    to.send_header("Content-Length", "2")
    to.end_headers()
    to.wfile.write(b"{}")


def down(to: BaseHTTPRequestHandler) -> None:
    to.send_error(503)


@contextmanager
def listening() -> Iterator[Heard]:
    """A web hook, or an ntfy server: both take JSON."""
    heard = Heard()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.requests += 1
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if heard.answer is taken:
                heard.letters.append(json.loads(body))
            try:
                heard.answer(self)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            """In silence."""

    # One that the kernel chose may be somebody's at another address of "localhost".
    port = int(free_address().rpartition(":")[2])
    server = ThreadingHTTPServer(("127.0.0.1", port), Answers)
    server.daemon_threads = True
    heard.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def receiver(
    folder: Path, url: str, *hosts: str, name: str = "group", proxy: str | None = None
) -> NotifyReceiver:
    """One whose URL is in a file of ``folder``."""
    file = folder / f"url-{name}"
    file.write_text(f"{url}\n")
    file.chmod(0o600)
    return NotifyReceiver(name=name, url_file=str(file), hosts=hosts, proxy=proxy)
