"""Whatever stands where an engine should: a sentence, and no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler

import pytest

from probe.hub import engine_query
from probe.hub.engine_query import EngineQuery, EngineQueryError, RecordedSeries
from tests.publish.notify.receivers import Heard, listening


@pytest.fixture
def heard() -> Iterator[Heard]:
    with listening() as found:
        yield found


def test_what_is_no_number_is_left_out() -> None:
    series = RecordedSeries({}, ((60.0, "1"), (120.0, "NaN"), (180.0, "+Inf"), (240.0, "0.5")))
    assert series.by_step(60.0) == {1: 1.0, 4: 0.5}


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, b"<html>a portal</html>", "no answer of Prometheus"),
        (302, b"", "no answer of Prometheus"),
        (502, b"\xff", "no answer of Prometheus"),
        (422, b'{"status": "error", "error": "no such metric"}', "no such metric"),
        (200, b'{"status": "success", "data": {"result": [{"metric": 1}]}}', "no answer of"),
        (200, b"[" * 100_000, "no answer of Prometheus"),
        (200, b" " * 200_000, "more than 100000 bytes"),
    ],
)
def test_what_is_no_engine_is_said_to_be_none(
    status: int, body: bytes, says: str, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        to.send_header("Location", "http://192.0.2.1/")
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    heard.answer = answer
    monkeypatch.setattr(engine_query, "MOST_ANSWER_BYTES", 100_000)
    engine = closing(EngineQuery(f"http://127.0.0.1:{heard.port}"))
    with engine as query, pytest.raises(EngineQueryError, match=says):
        query.over("up", 0.0, 60.0, 60.0)
    assert heard.requests == 1
