"""What passes the gate: a vantage's own series, in the hub's words, and nothing else."""

from __future__ import annotations

import math

import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.hub.enrolled import Enrolled, FleetPlace
from probe.hub.gate import (
    AHEAD_MILLISECONDS,
    BEHIND_MILLISECONDS,
    MOST_BODY_BYTES,
    MOST_PLAIN_BYTES,
    MOST_SAMPLES,
    MOST_SERIES,
    Dropped,
    UnreadableRequestError,
    passing,
)
from probe.model.identity import Access, Role
from probe.publish.forward.remote_write_message import WriteRequest
from tests.publish.forward.receivers import decode

NOW = 1_800_000_000.0
AT = int(NOW * 1_000)
WHO = Enrolled(
    name="pk-17557-abcde",
    place=FleetPlace(country="PK", asn=17_557, access=Access.MOBILE, upstream="AS64500"),
    joined=NOW,
)
Series = tuple[list[tuple[str, str]], list[tuple[int, float]]]


def body(*several: Series) -> bytes:
    """A request as somebody who may write anything sends it."""
    request = WriteRequest()
    for labels, samples in several:
        one = request.timeseries.add()
        for name, value in labels:
            one.labels.add(name=name, value=value)
        for timestamp, number in samples:
            one.samples.add(value=number, timestamp=timestamp)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def labels(**more: str) -> list[tuple[str, str]]:
    return [("__name__", "throttlewatch_verdict_state"), *more.items()]


def test_where_it_is_is_the_hubs_word() -> None:
    lies = labels(
        **{"vantage": WHO.name, "country": "DE", "asn": "1", "access": "fixed", "state": "ok"},
        **{"role": "reference", "upstream": "X", "instance": "somebody", "job": "other"},
    )
    passed = passing(body((lies, [(AT, 1.0)])), WHO, NOW)
    assert passed.samples == 1
    assert passed.dropped == {}
    (series,) = decode(passed.body)
    assert dict(series) == {
        "__name__": "throttlewatch_verdict_state",
        "vantage": WHO.name,
        "country": "PK",
        "asn": "17557",
        "access": "mobile",
        "role": "inside",
        "upstream": "AS64500",
        "instance": WHO.name,
        "job": "throttlewatch",
        "state": "ok",
    }


def test_a_label_that_a_series_does_not_have_is_not_given() -> None:
    passed = passing(body((labels(vantage=WHO.name), [(AT, 1.0)])), WHO, NOW)
    (series,) = decode(passed.body)
    assert [name for name, _ in series] == ["__name__", "instance", "job", "vantage"]


def test_who_is_in_no_network_says_none() -> None:
    nowhere = Enrolled(
        name="pk-abcde", place=FleetPlace(country="PK", role=Role.REFERENCE), joined=NOW
    )
    sent = body((labels(vantage="pk-abcde", asn="1", upstream="a"), [(AT, 1.0)]))
    (series,) = decode(passing(sent, nowhere, NOW).body)
    assert not {"asn", "upstream"} & {name for name, _ in series}


@pytest.mark.parametrize(
    ("series", "why"),
    [
        ((labels(vantage="another"), [(AT, 1.0)]), Dropped.VANTAGE),
        (([("__name__", "up")], [(AT, 1.0)]), Dropped.NAME),
        (([("__name__", "country:throttlewatch_scope:code")], [(AT, 1.0)]), Dropped.NAME),
        (([("vantage", WHO.name)], [(AT, 1.0)]), Dropped.NAME),
        ((labels(vantage=WHO.name) * 2, [(AT, 1.0)]), Dropped.LABELS),
        ((labels(**{"a b": "c"}), [(AT, 1.0)]), Dropped.LABELS),
        ((labels(**{f"l{n}": "v" for n in range(41)}), [(AT, 1.0)]), Dropped.LABELS),
        ((labels(long="v" * 1_025), [(AT, 1.0)]), Dropped.LABELS),
        ((labels(), [(AT + AHEAD_MILLISECONDS + 1, 1.0)]), Dropped.TIME),
        ((labels(), [(AT - BEHIND_MILLISECONDS - 1, 1.0)]), Dropped.TIME),
        ((labels(), [(-(2**63), 1.0)]), Dropped.TIME),
        ((labels(), [(AT, 1.0), (AT, 2.0)]), Dropped.ORDER),
        ((labels(), [(AT, 1.0), (AT - 1, 2.0)]), Dropped.ORDER),
    ],
)
def test_what_is_not_its_own_is_left_out_and_the_rest_passes(series: Series, why: Dropped) -> None:
    fine = (labels(vantage=WHO.name), [(AT - 60_000, 1.0), (AT, math.nan)])
    passed = passing(body(fine, series, fine), WHO, NOW)
    assert passed.dropped == {why: 1}
    assert passed.samples == 4
    assert passing(body(series), WHO, NOW).samples == 0


def test_what_is_not_understood_does_not_pass() -> None:
    request = WriteRequest()
    one = request.timeseries.add()
    one.labels.add(name="__name__", value="throttlewatch_up")
    one.samples.add(value=1.0, timestamp=AT)
    # Field 3 of a request holds metadata, which the gate does not know; here it is any bytes.
    extended = bytes(cramjam.snappy.compress_raw(request.SerializeToString() + b"\x1a\x06secret"))
    passed = passing(extended, WHO, NOW)
    assert passed.samples == 1
    assert b"secret" not in bytes(cramjam.snappy.decompress_raw(passed.body))


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\x00" * 100,
        b"\xff" * 100,
        bytes(cramjam.snappy.compress_raw(b"\xff" * 100)),
        b"\xff\xff\xff\xff\x0f" + b"\x00" * 10,  # says that it unpacks to 4 GiB
        bytes(cramjam.snappy.compress_raw(b"\x00" * (MOST_PLAIN_BYTES + 1))),
        b"\x00" * (MOST_BODY_BYTES + 1),
        body(*[(labels(), [(AT, 1.0)])] * (MOST_SERIES + 1)),
    ],
)
def test_nothing_passes_of_what_cannot_be_read(hostile: bytes) -> None:
    try:
        passed = passing(hostile, WHO, NOW)
    except UnreadableRequestError:
        return
    assert passed.samples == 0


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_whatever_is_sent_is_read_or_refused(raw: bytes) -> None:
    for hostile in (raw, bytes(cramjam.snappy.compress_raw(raw))):
        try:
            passed = passing(hostile, WHO, NOW)
        except UnreadableRequestError:
            continue
        _only_its_own(passed.body)


LABELS = ("vantage", "country", "asn", "role", "__name__", "drill", "a b", "\x00")
VALUES = (WHO.name, "another", "PK", "", "throttlewatch_x", "up", "1")
ANY_SERIES = st.tuples(
    st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(VALUES)), max_size=6),
    st.lists(st.tuples(st.integers(AT - 2**33, AT + 2**20), st.floats()), max_size=4),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY_SERIES, max_size=6))
def test_only_its_own_passes(several: list[Series]) -> None:
    _only_its_own(passing(body(*several), WHO, NOW).body)


def _only_its_own(passed: bytes) -> None:
    said = WHO.labels()
    request = WriteRequest.FromString(bytes(cramjam.snappy.decompress_raw(passed)))
    for series in request.timeseries:
        found = {label.name: label.value for label in series.labels}
        assert len(found) == len(series.labels)
        assert [label.name for label in series.labels] == sorted(found)
        assert found["__name__"].startswith("throttlewatch_")
        assert found["instance"] == WHO.name
        assert all(found[name] == said[name] for name in said if name in found)
        assert all(found.values())
        times = [sample.timestamp for sample in series.samples]
        assert times == sorted(set(times))
        assert all(AT - BEHIND_MILLISECONDS <= at <= AT + AHEAD_MILLISECONDS for at in times)


def test_samples_are_counted_before_anything_is_made_of_them() -> None:
    """Each takes two bytes, and packed nearly none; of their time or not."""
    many = [(0, 0.0)] * (MOST_SAMPLES + 1)
    with pytest.raises(UnreadableRequestError, match=f"more than {MOST_SAMPLES} samples"):
        passing(body((labels(), many)), WHO, NOW)
