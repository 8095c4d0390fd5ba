"""What has rotted is known to the next run: one that ends well, and one that is killed."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import trustme

from probe.config import load
from probe.config.candidates import candidates_of
from probe.daemon.object_cell import OBJECTS, ObjectCell
from probe.measure.objects.kept_objects import KeptObjects
from probe.measure.objects.objects import after_leg, object_now
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.store.history import History, HistoryError
from tests.config.files import written
from tests.daemon.test_control_draw import Kept

CONFIG = load(None, {})
VANTAGE = CONFIG.settings.vantages[0].name
YOUTUBE = next(one for one in CONFIG.platforms if one.name == "youtube")
VIDEO = next(one for one in YOUTUBE.targets if one.name == "video")
KEY = (VANTAGE, "youtube", "video")
SOON = 60.0
MAIN = """\
listen: 127.0.0.1:0
acknowledge_risks: true
ca_file: ca.pem
store: {path: state/h, batch: 0s}
platforms: [x]
controls: [neutral]
resolve: {one.example: [127.0.0.1], two.example: [127.0.0.1], neutral.example: [127.0.0.1]}
schedule: {light: 60s, transfer: 120s}
dns: {system: false, resolvers: [], allow_private: true}
"""
X = """\
name: x
kind: platform
title: X
operator: x
why: for a test
hosts: [one.example, two.example]
targets:
  - name: object
    why: it
    url: "https://one.example:PORT/first"
    min_bytes: 64KiB
    fallback: {url: "https://two.example:PORT/second", min_bytes: 64KiB}
    no_swap: it
    no_decoy: it
"""
NEUTRAL = """\
name: neutral
kind: control
title: Neutral
operator: neutral
why: for a test
hosts: [neutral.example]
targets:
  - {name: object, why: it, url: "https://neutral.example:PORT/", min_bytes: 64KiB, no_swap: it,
     no_decoy: it}
"""


def lose(state: BetweenRounds, now: float) -> None:
    """The candidate in use is gone, as its server says."""
    memory = state.memory(*KEY)
    candidate, _ = object_now(VIDEO, memory, now)
    known = after_leg(candidate, memory.of(candidate), False, now)
    state.remember(*KEY, memory.after(candidate, known))


def cell(store: Kept, state: BetweenRounds, now: float, wall: float) -> ObjectCell:
    return ObjectCell(store, state, monotonic=lambda: now, wall=lambda: wall)


def test_a_restart_goes_on_with_the_candidate_in_use() -> None:
    store, state = Kept(), BetweenRounds()
    lose(state, 1_000.0)
    cell(store, state, 1_010.0, 1_900_000_010.0).keep()
    after = BetweenRounds()
    cell(store, after, 5.0, 1_900_000_070.0).resume(CONFIG)
    used, _ = object_now(VIDEO, after.memory(*KEY), 5.0)
    assert used == candidates_of(VIDEO)[1]
    # And the first is tried again when it would have been: a day after it was lost.
    left = 86_400.0 - 70.0
    for later, number in ((left - 1.0, 1), (left + 1.0, 0)):
        used, _ = object_now(VIDEO, after.memory(*KEY), 5.0 + later)
        assert used == candidates_of(VIDEO)[number]


def test_nothing_is_written_where_nothing_changed() -> None:
    store, state = Kept(), BetweenRounds()
    one = cell(store, state, 1.0, 1_900_000_000.0)
    one.keep()
    assert not store.cells
    lose(state, 1.0)
    one.keep()
    written_once = store.cells.pop(OBJECTS)
    state.remember(*KEY, state.memory(*KEY))
    one.keep()
    assert not store.cells
    assert msgspec.json.decode(written_once, type=KeptObjects).objects


def test_what_is_found_late_is_joined_with_what_this_run_was_told() -> None:
    earlier, before = Kept(), BetweenRounds()
    lose(before, 1.0)
    lose(before, 2.0)
    cell(earlier, before, 3.0, 1_900_000_000.0).keep()
    store, state = Kept(), BetweenRounds()
    late = cell(store, state, 50.0, 1_900_000_100.0)
    late.resume(CONFIG)
    lose(state, 40.0)
    store.later[OBJECTS] = earlier.cells[OBJECTS]
    late.resume(CONFIG)
    first, second, third, *_ = candidates_of(VIDEO)
    memory = state.memory(*KEY)
    assert object_now(VIDEO, memory, 50.0)[0] == third
    assert memory.of(first).gone_at == 40.0  # its own word is the newer one
    assert memory.of(second).gone == 1


def test_what_is_damaged_is_as_good_as_none() -> None:
    for damaged in (b"", b"{}", b"[]", b"\xff", b'{"wall": "x"}', b'{"wall": 1, "objects": [{}]}'):
        store, state = Kept(), BetweenRounds()
        store.cells[OBJECTS] = damaged
        cell(store, state, 1.0, 1_900_000_000.0).resume(CONFIG)
        assert not state.objects


# ---- a real daemon, killed


class Asked(BaseHTTPRequestHandler):
    """The first object is gone, everything else is there."""

    def do_GET(self) -> None:
        found = self.path != "/first"
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        body = b"x" * 65_536 if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def far_end(folder: Path) -> Iterator[tuple[int, list[str]]]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("one.example", "two.example", "neutral.example").configure_cert(tls)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    server.asked = []  # type: ignore[attr-defined]
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, server.asked  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@contextmanager
def running(main: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "probe", "run", "-c", str(main)]
    with (main.parent / "log").open("ab") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[bytes], what: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not what():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_daemon_that_is_killed_does_not_ask_again_for_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with far_end(tmp_path) as (port, asked):
        definitions = {
            name: re.sub("PORT", str(port), text) for name, text in (("x", X), ("neutral", NEUTRAL))
        }
        main = written(tmp_path, MAIN, **definitions)

        def is_kept() -> bool:
            try:
                with History(tmp_path / "state" / "h") as history:
                    return history.load(OBJECTS) is not None
            except HistoryError:
                return False

        with running(main) as process:
            until(process, is_kept)
            assert "/first" in asked
        asked.clear()
        with running(main) as process:
            until(process, lambda: "/second" in asked)
        assert "/first" not in asked
