"""Nobody waits for who reads the log: neither events, nor pages, nor the end of the daemon."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.publish.log.event_lines import JsonFormatter
from probe.publish.log.patient_handler import MOST_LINES, PatientHandler
from tests.small_config import small_config

ROOT = Path(__file__).parents[3]
PAGE = 4_096


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """A pipe that takes as little as the kernel allows: (where it is read, where it is written)."""
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, PAGE)
    yield reads, writes
    for one in (reads, writes):
        os.close(one)


@pytest.fixture
def handler(ends: tuple[int, int]) -> PatientHandler:
    made = PatientHandler(os.dup(ends[1]))
    made.setFormatter(JsonFormatter())
    return made


@pytest.fixture
def logger(handler: PatientHandler) -> Iterator[logging.Logger]:
    """Ours, with this handler alone."""
    ours = logging.getLogger("probe")
    before = ours.handlers[:], ours.propagate, ours.level
    ours.handlers[:], ours.propagate = [handler], False
    ours.setLevel(logging.INFO)
    yield ours
    ours.handlers[:], ours.propagate, level = before
    ours.setLevel(level)


def lines_of(reads: int, *, until: str) -> list[dict[str, object]]:
    """Every line up to the one that says ``until``."""
    taken = b""
    while until.encode() not in taken or not taken.endswith(b"\n"):
        taken += os.read(reads, 65_536)
    return [json.loads(line) for line in taken.splitlines()]


def test_lines_keep_their_order(ends: tuple[int, int], logger: logging.Logger) -> None:
    for number in range(200):
        logger.info("event", extra={"number": number})
    logger.info("the end")
    told = lines_of(ends[0], until="the end")
    assert [one.get("number") for one in told] == [*range(200), None]


def test_what_nobody_takes_is_counted_and_told(
    ends: tuple[int, int], handler: PatientHandler, logger: logging.Logger
) -> None:
    more = MOST_LINES + PAGE  # than may wait, and than a full pipe has
    for number in range(more):
        logger.info("event", extra={"number": number})
    told: list[dict[str, object]] = []
    reader = threading.Thread(
        target=lambda: told.extend(lines_of(ends[0], until="the end")), daemon=True
    )
    reader.start()  # from here on somebody takes them
    for _ in range(60):
        handler.flush()  # at once, if nothing waits
    logger.info("again")
    logger.info("the end")
    reader.join(60)
    lost = [int(str(one["lines"])) for one in told if "lines" in one]
    events = [int(str(one["number"])) for one in told if "number" in one]
    assert events == sorted(events)
    assert lost
    assert len(events) + sum(lost) == more
    assert len(told) == len(events) + len(["again", *lost, "the end"])


def test_who_reads_no_more_ends_nothing(ends: tuple[int, int], handler: PatientHandler) -> None:
    """A reader that is gone: what is written is lost, and the next line is tried."""
    reads, writes = os.pipe()
    gone = PatientHandler(writes)
    os.close(reads)
    for one in (gone, handler):
        one.handle(logging.makeLogRecord({"msg": "event", "name": "probe"}))
    assert lines_of(ends[0], until="event")
    gone.close()
    handler.close()
    os.close(writes)


def test_a_descriptor_that_somebody_else_made_hasty_loses_no_half_of_a_line(
    ends: tuple[int, int], handler: PatientHandler, logger: logging.Logger
) -> None:
    """Who shares the terminal or pipe may ask that writing to it never waits."""
    os.set_blocking(ends[1], False)
    for number in range(200):
        logger.info("event", extra={"number": number, "more": "." * 200})
    logger.info("the end")
    told = lines_of(ends[0], until="the end")
    assert [one.get("number") for one in told] == [*range(200), None]


DAEMON = """\
listen: 127.0.0.1:0
acknowledge_risks: true
store: {path: history, batch: 0s}
platforms: [first]
controls: [neutral]
resolve: {first.example: [127.0.0.1], neutral.example: [127.0.0.1]}
dns: {system: false, resolvers: []}
"""


def test_a_daemon_whose_log_stands_still_serves_and_ends(
    tmp_path: Path, ends: tuple[int, int]
) -> None:
    """As with a pager, a terminal that was stopped, or a logging service that hangs."""
    main = small_config(tmp_path, DAEMON, {"first": "platform", "neutral": "control"})
    reads, writes = ends
    daemon = subprocess.Popen(
        [sys.executable, "-m", "probe", "run", "-c", str(main)],
        stderr=writes,
        cwd=ROOT,
    )
    said = b""
    while not (found := re.search(rb'"listen":"127\.0\.0\.1:(\d+)"', said)):
        said += os.read(reads, 65_536)
    address = f"http://127.0.0.1:{int(found[1])}"
    os.set_blocking(writes, False)
    try:  # now there is no room for another line
        while True:
            os.write(writes, bytes(PAGE))
    except BlockingIOError:
        os.set_blocking(writes, True)
    for _ in range(3):
        request = urllib.request.Request(f"{address}/-/reload", method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200
    with urllib.request.urlopen(f"{address}/metrics", timeout=60) as answer:
        assert b"throttlewatch_vantage_info" in answer.read()
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(60) == 0
