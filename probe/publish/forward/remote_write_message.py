"""Prometheus' remote write 1.0 messages: protobuf, then snappy.

The messages are declared here as prometheus.io/docs/specs/prw/remote_write_spec gives them, so
neither a compiler nor generated code is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from probe.store.samples import Labels

# The NaN that says: this series has ended (prometheus/model/value, StaleNaN).
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

_PACKAGE = "prometheus"
_FIELDS = {
    "WriteRequest": (("timeseries", 1, "TimeSeries"),),
    "TimeSeries": (("labels", 1, "Label"), ("samples", 2, "Sample")),
    "Label": (("name", 1, "string"), ("value", 2, "string")),
    "Sample": (("value", 1, "double"), ("timestamp", 2, "int64")),
}
SeriesSamples = Mapping[Labels, Sequence[tuple[int, float]]]
"""Samples of each series in the order of time: milliseconds since 1970, value."""


def _declare() -> Any:
    field = descriptor_pb2.FieldDescriptorProto
    scalars = {
        "string": field.TYPE_STRING,
        "double": field.TYPE_DOUBLE,
        "int64": field.TYPE_INT64,
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="throttlewatch/remote_write.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            made = message.field.add(name=field_name, number=number)
            if kind in scalars:
                made.type, made.label = scalars[kind], field.LABEL_OPTIONAL
            else:
                made.type, made.label = field.TYPE_MESSAGE, field.LABEL_REPEATED
                made.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.WriteRequest"))


WriteRequest: Any = _declare()


def encode(series: SeriesSamples, external: Mapping[str, str]) -> bytes:
    """The body of a request. A series' own label wins over an external one of the same name."""
    request = WriteRequest()
    outer = tuple(external.items())
    for labels, samples in series.items():
        made = request.timeseries.add()
        made.MergeFromString(_head(labels, outer))
        for timestamp, number in samples:
            made.samples.add(value=number, timestamp=timestamp)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


@lru_cache(maxsize=2_048)
def _head(labels: Labels, external: Labels) -> bytes:
    """A series without samples: its labels, which are nine tenths of the work and stay the same."""
    made = WriteRequest().timeseries.add()
    # Receivers demand labels in order of their names, and treat an empty value as no label.
    for name, value in sorted({**dict(external), **dict(labels)}.items()):
        if value:
            made.labels.add(name=name, value=value)
    return bytes(made.SerializeToString())
