"""What is recorded to be forwarded is what ``/metrics`` shows, and survives the message."""

from __future__ import annotations

import math
import struct

from prometheus_client.parser import text_string_to_metric_families as parse

from probe.publish.forward.remote_write_message import STALE
from probe.publish.forward.remote_write_message import encode as encode_message
from probe.publish.forward.remote_write_points import points
from probe.publish.forward.sampler import values
from probe.publish.metrics.exposition import Registry, encode
from probe.store.samples import Frame, Labels
from synth.shape import config
from tests.publish.forward.receivers import decode
from tests.publish.metrics.test_exposition import eventful


def test_every_series_of_metrics_is_recorded_with_its_value() -> None:
    snapshot, registry = eventful(config()).snapshot(), Registry("1")
    text = encode(registry.collector(snapshot), accept="", accept_encoding="").body.decode()
    shown = {
        tuple(sorted({**s.labels, "__name__": s.name}.items())): s.value
        for family in parse(text)
        for s in family.samples
    }
    recorded = values(registry.collector(snapshot))
    assert recorded.keys() == shown.keys()
    # The process's own figures change from look to look.
    ours = [key for key in shown if not dict(key)["__name__"].startswith("process_")]
    assert {key: recorded[key] for key in ours} == {key: shown[key] for key in ours}


def test_a_message_says_what_was_put_into_it() -> None:
    labels = (("__name__", "a"), ("vantage", "home"))
    body = encode_message({labels: [(1_000, 1.5), (61_000, STALE)]}, {"job": "t", "empty": ""})
    ((key, samples),) = decode(body).items()
    assert key == (("__name__", "a"), ("job", "t"), ("vantage", "home"))
    assert samples[0] == (1_000, 1.5)
    assert math.isnan(samples[1][1])
    assert struct.unpack("<Q", struct.pack("<d", samples[1][1]))[0] == 0x7FF0000000000002


def test_series_of_another_instance_are_other_series() -> None:
    labels = (("__name__", "a"), ("vantage", "home"))
    seen = set[Labels]()
    for external in ({"instance": "one"}, {"instance": "two"}, {"instance": "one", "vantage": "x"}):
        body = encode_message({labels: [(1_000, 1.5)]}, external)
        assert decode(body) == decode(encode_message({labels: [(1_000, 1.5)]}, external))
        seen |= decode(body).keys()
    # A series' own label wins.
    assert [dict(one)["instance"] for one in sorted(seen)] == ["one", "two"]
    assert {dict(one)["vantage"] for one in seen} == {"home"}


def test_stale_markers_end_series_once() -> None:
    def frame(seq: int, at: int, *numbers: int) -> Frame:
        values = {series(number): 1.0 for number in numbers}
        return Frame(seq=seq, at=at, values=values, followed=False)

    def series(number: int) -> Labels:
        return (("__name__", f"series_{number}"),)

    found = list(points(None, [frame(1, 60, 1, 2), frame(2, 120, 1), frame(3, 600, 1)]))
    assert [(p.at, sorted(p.values)) for p in found] == [
        (60, [series(1), series(2)]),
        (120, [series(1), series(2)]),
        (180, [series(1)]),
        (600, [series(1)]),
    ]
    assert math.isnan(found[1].values[series(2)])
    assert math.isnan(found[2].values[series(1)])
