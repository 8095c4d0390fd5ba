"""Exports: what is read back is what was written, nothing private is in it, memory stays flat."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from probe.model.failure import Failure
from probe.model.identity import Phase
from probe.model.observation import SkippedLeg
from probe.model.stored import StoredRound
from probe.observe.goodput import goodput
from probe.publish.export.export_csv import csv_lines
from probe.publish.export.export_jsonl import jsonl_lines
from probe.publish.export.export_ooni import ooni_lines
from probe.publish.export.leg_table import COLUMNS, leg_rows
from probe.publish.privacy.configured_names import NOTHING
from probe.publish.privacy.exported_fields import Scrubber
from synth.event import ONSET, VANTAGES, WEEK, history
from tests.publish.naming import scrubber_of
from tests.publish.test_other_transports import over_both

DATA_MD = Path(__file__).parents[3] / "docs" / "data.md"
PLACES = {vantage.name: vantage for vantage in VANTAGES}
Writer = Callable[[Iterable[StoredRound]], Iterator[bytes]]
WRITERS: dict[str, Writer] = {
    "jsonl": jsonl_lines,
    "csv": lambda rounds: csv_lines(rounds, PLACES),
    "ooni": lambda rounds: ooni_lines(rounds, PLACES),
}
# As docs/data.md calls them.
KINDS = {str: "text", int: "integer", float: "number", bool: "yes or no"}
# An address, a host name, a network's name and a user, as they might come from outside.
PLANTED = ("203.0.113.77", "2001:db8::77", "marys-laptop", "MarysWiFi", "mary")


def around_onset() -> list[StoredRound]:
    return list(history(ONSET - 600.0, ONSET + 1_200.0))


def with_planted(stored: StoredRound) -> StoredRound:
    """The round as it were if everything that the outside can write were about the probe."""
    detail = " ".join(PLANTED)
    legs = []
    for leg in stored.observed.legs:
        url = (
            f"https://{leg.leg.connect_to}/v/203.0.113.77/play?ip=203.0.113.77&six=2001:db8::77&n=1"
        )
        legs.append(
            msgspec.structs.replace(
                leg,
                leg=msgspec.structs.replace(leg.leg, url=url),
                failure=Failure(phase=Phase.TRANSFER, reason="connection_reset", detail=detail),
            )
        )
    dns = [
        msgspec.structs.replace(
            one, failure=Failure(phase=Phase.RESOLVE, reason="dns_servfail_error", detail=detail)
        )
        for one in stored.observed.dns
    ]
    skipped = tuple(SkippedLeg(leg=leg.leg, reason="host_budget") for leg in legs)
    observed = msgspec.structs.replace(
        stored.observed, legs=tuple(legs), dns=tuple(dns), skipped=skipped
    )
    return msgspec.structs.replace(stored, observed=observed)


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_that_others_say_about_the_probe_is_exported(name: str) -> None:
    planted = [with_planted(stored) for stored in around_onset()]
    assert PLANTED[0].encode() in msgspec.json.encode(planted)
    written = b"".join(WRITERS[name](planted)).decode()
    assert written.count("\n") > 10
    for secret in PLANTED:
        assert secret not in written


def test_json_lines_read_back_are_the_rounds() -> None:
    rounds = around_onset()
    lines = list(jsonl_lines(rounds, scrubber_of(rounds)))
    assert [msgspec.json.decode(line, type=StoredRound) for line in lines] == rounds
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)


def test_the_table_has_a_line_for_each_leg_with_the_legs_own_numbers() -> None:
    rounds = around_onset()
    written = b"".join(csv_lines(rounds, PLACES)).decode()
    rows = list(csv.DictReader(io.StringIO(written)))
    legs = [(stored, leg) for stored in rounds for leg in stored.observed.legs]
    assert len(rows) == len(legs)
    for row, (stored, leg) in zip(rows, legs, strict=True):
        assert list(row) == [column.name for column in COLUMNS]
        assert row["round_id"] == stored.observed.id
        assert row["leg"] == leg.leg.role.value
        assert row["asn"] == str(PLACES[stored.observed.vantage].asn)
        assert row["verdict_state"] == stored.verdict.state.value
        assert float(row["round_started_unix_seconds"]) == stored.observed.started_at
        rate = goodput(leg)
        if rate is None:
            assert row["goodput_bytes_per_second"] == ""
        else:
            assert float(row["goodput_bytes_per_second"]) == pytest.approx(rate, rel=1e-6)


def test_what_was_not_measured_is_empty_and_an_unknown_vantage_has_its_name() -> None:
    outage = next(
        stored
        for stored in history(WEEK + 3 * 86_400.0 + 12_000.0, WEEK + 3 * 86_400.0 + 12_300.0)
        if stored.verdict.state == "offline"
    )
    row = next(csv.DictReader(io.StringIO(b"".join(csv_lines([outage], {})).decode())))
    assert (row["vantage"], row["country"], row["asn"]) == ("office", "ZZ", "")
    assert row["failure"] == "generic_timeout_error"
    for absent in ("goodput_bytes_per_second", "tls_seconds", "http_status", "tls_version"):
        assert row[absent] == ""


def test_every_column_is_in_the_data_dictionary_and_no_other() -> None:
    part = DATA_MD.read_text().partition("## CSV")[2].partition("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{one.name}` | {KINDS[one.kind]} | {one.meaning} |" for one in COLUMNS]


def test_the_values_of_a_column_are_of_its_kind() -> None:
    rows = list(leg_rows(around_onset(), PLACES, Scrubber(NOTHING)))
    for column, values in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        kinds = {type(value) for value in values if value is not None}
        assert kinds <= {column.kind}, column.name


def test_every_field_of_the_ooni_export_is_in_the_data_dictionary_and_no_other() -> None:
    part = DATA_MD.read_text().partition("## OONI")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `([\w.]+)` \|", part, re.MULTILINE))
    written: set[str] = set()
    both, said = over_both()
    for line in ooni_lines([*around_onset(), StoredRound(observed=both, verdict=said)], PLACES):
        measurement = msgspec.json.decode(line)
        written |= measurement.keys()
        written |= {f"annotations.{key}" for key in measurement["annotations"]}
        written |= {f"test_keys.{key}" for key in measurement["test_keys"]}
    assert documented == written - {"annotations", "test_keys"}


def test_every_field_of_the_json_lines_is_in_the_data_dictionary_and_no_other() -> None:
    part = DATA_MD.read_text().partition("## JSON Lines")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `([\w.]+)` \|", part, re.MULTILINE))
    assert documented == set(_fields("", StoredRound))


def _fields(prefix: str, of: type) -> Iterator[str]:
    for field in msgspec.inspect.type_info(of).fields:  # type: ignore[attr-defined]
        name = f"{prefix}{field.encode_name}"
        inner = _struct_in(field.type)
        if inner is not None:
            yield from _fields(f"{name}.", inner)
        else:
            yield name


def _struct_in(found: msgspec.inspect.Type) -> type | None:
    if isinstance(found, msgspec.inspect.StructType) and not found.array_like:
        return found.cls
    if isinstance(found, msgspec.inspect.VarTupleType):
        return _struct_in(found.item_type)
    if isinstance(found, msgspec.inspect.UnionType):
        return next((inner for inner in map(_struct_in, found.types) if inner is not None), None)
    return None


@pytest.mark.parametrize("name", WRITERS)
def test_memory_does_not_grow_with_what_is_written(name: str) -> None:
    tracemalloc.start()
    try:
        written = sum(map(len, WRITERS[name](history(WEEK, WEEK + 0.1 * 86_400.0))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert written > 1_000_000
    # Nine to 200 times less; whoever keeps what is read or written needs half of it or more.
    assert peak < written / 4
