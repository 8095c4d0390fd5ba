"""How a throttle works, from a vantage's series to the page of an incident."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.hub.engine_query import EngineQuery, RecordedSeries
from probe.hub.ledger import FindingsLedger, NetworkEvidence, NetworkLaw, PublicIncident, Reached
from probe.hub.recorded_laws import LAWS_QUERY, STRUCK_QUERY, laws_of, learnt
from probe.hub.site import files_of
from probe.model.finding import FindingKind
from probe.model.law import Amount, Between, Law, LawEffect, Reach, Unit
from probe.nation.same_law import law_groups
from probe.publish.forward.remote_write_message import HEADERS, encode
from probe.publish.languages.offered import OFFERED
from probe.publish.metrics import metric_names_law as names
from probe.publish.metrics.law_rows import law_rows
from probe.publish.metrics.metric_spec import MetricSpec
from probe.publish.rules import affected_rules
from tests.hub.test_publish import engine as engine
from tests.hub.test_site import incident, released, site_of
from tests.publish.forward.receivers import PrometheusReceiver

PACKETS = Law(
    effect=LawEffect.ENDS,
    reads=6,
    at=0.0,
    after=(Amount(Unit.PACKETS_DOWN, Between(23.0, 25.0)),),
    reach=Reach.CONNECTION,
    like="russia-2025-06",
)
BYTES = Law(
    effect=LawEffect.SLOWS,
    reads=4,
    at=0.0,
    after=(Amount(Unit.BYTES, Between(261_120.0, 263_168.0)),),
    bytes_per_second=Between(16_000.0, 16_500.0),
)
START = Law(
    effect=LawEffect.SLOWS,
    reads=3,
    at=0.0,
    from_start=True,
    bytes_per_second=Between(16_000.0, 16_000.0),
)
UNSURE = Law(
    effect=LawEffect.ENDS,
    reads=3,
    at=0.0,
    after=(Amount(Unit.BYTES, Between(1.0, 2.0)), Amount(Unit.SECONDS, Between(3.0, 4.0))),
)
KNOWN = {"packets": PACKETS, "bytes": BYTES, "start": START, "unsure": UNSURE}


def asks_of(
    said: Iterable[tuple[int, str, Law]], **more: str
) -> Callable[[str], tuple[RecordedSeries, ...]]:
    """An engine that has the laws of vantages: each with its network and name."""
    laws, struck = [], []
    for asn, name, law in said:
        who = {"vantage": name, "platform": "x"}
        for spec, labels, value in law_rows(who, law):
            metric = {"__name__": spec.name, **labels, **more}
            laws.append(RecordedSeries(metric, ((0.0, repr(value)),)))
        at = {**who, "country": "PK", "asn": f"{asn}", "kind": "restricted"}
        struck.append(RecordedSeries(at, ((0.0, "1"),)))
    return {LAWS_QUERY: tuple(laws), STRUCK_QUERY: tuple(struck)}.__getitem__


@pytest.mark.parametrize("law", KNOWN.values(), ids=KNOWN)
def test_what_a_vantage_publishes_is_read_as_it_is(law: Law) -> None:
    assert laws_of(asks_of([(1, "a", law)])) == {("PK", "x"): {1: law}}


def test_of_several_in_a_network_the_one_of_most_reads_tells() -> None:
    more = replace(PACKETS, reads=9)
    for order in ([BYTES, more, START], [more, START, BYTES]):
        said = [(1, f"v{number}", law) for number, law in enumerate(order)]
        assert laws_of(asks_of(said)) == {("PK", "x"): {1: more}}


@pytest.mark.parametrize(
    "more",
    [{"effect": "jan"}, {"reach": "jan"}, {"counts": "jan.home.example"}, {"bound": "jan"}],
)
def test_words_that_are_none_of_ours_are_not_repeated(more: dict[str, str]) -> None:
    assert "jan" not in repr(laws_of(asks_of([(1, "a", PACKETS)], **more)))
    like = laws_of(asks_of([(1, "a", PACKETS)], like="jan"))
    assert like == {("PK", "x"): {1: replace(PACKETS, like="")}}


@given(st.sampled_from(names.METRICS), st.sampled_from(["nan", "+Inf", "-Inf", "-1", "1e300"]))
def test_numbers_that_are_none_break_no_page(spec: MetricSpec, value: str) -> None:
    asks = asks_of([(1, "a", PACKETS), (2, "b", BYTES)])
    spoilt = tuple(
        replace(one, values=((0.0, value),)) if one.metric["__name__"] == spec.name else one
        for one in asks(LAWS_QUERY)
    )
    found = laws_of({LAWS_QUERY: spoilt, STRUCK_QUERY: asks(STRUCK_QUERY)}.__getitem__)
    for laws in found.values():
        assert all(group.sentence for group in law_groups(laws.items()))


def test_a_real_engine_is_asked_of_those_alone_that_are_struck(
    engine: PrometheusReceiver,
) -> None:
    now = time.time() // 60 * 60
    samples: dict[tuple[tuple[str, str], ...], tuple[tuple[int, float], ...]] = {}

    def put(value: float, **labels: str) -> None:
        samples[tuple(sorted(labels.items()))] = ((int(now * 1_000), value),)

    for asn, name, law, hit in ((1, "a", PACKETS, 1.0), (2, "b", BYTES, 0.0), (3, "c", START, 1.0)):
        who = {"vantage": name, "platform": "x"}
        place = {**who, "country": "PK", "asn": f"{asn}", "kind": "restricted"}
        put(hit, __name__=affected_rules.AFFECTED_VANTAGE, **place)
        for spec, labels, value in law_rows(who, law):
            put(value, __name__=spec.name, instance=name, job="throttlewatch", **labels)
        for spec, labels, value in law_rows({**who, "transport": "quic"}, UNSURE):
            put(value, __name__=spec.name, instance=name, job="throttlewatch", **labels)
    body = encode(samples, {})
    answer = httpx.post(engine.write_url, content=body, headers=HEADERS, trust_env=False)
    assert answer.status_code // 100 == 2, answer.text
    with closing(EngineQuery(engine.program.url)) as query:
        found = laws_of(lambda text: query.over(text, now, now, 60.0))
    assert found == {("PK", "x"): {1: PACKETS, 3: START}}


def struck(**more: Any) -> PublicIncident:
    evidence = tuple(NetworkEvidence(asn=asn, affected=2, vantages=2) for asn in (1, 2, 3))
    return replace(released(**more), evidence=evidence)


def test_what_is_known_of_a_network_stays_and_goes_to_its_incident_alone() -> None:
    one = learnt(struck(), {("PK", "x"): {1: PACKETS, 9: BYTES}, ("PK", "y"): {2: BYTES}})
    assert one.laws == (NetworkLaw(1, PACKETS),)
    one = learnt(one, {("PK", "x"): {2: BYTES}})
    assert one.laws == (NetworkLaw(1, PACKETS), NetworkLaw(2, BYTES))
    assert learnt(one, {}) == one
    assert learnt(one, {("PK", "x"): {1: BYTES}}).laws[0].law == BYTES
    for more in ({"closed_at": 1.0}, {"kind": FindingKind.OFFLINE}):
        assert not learnt(struck(**more), {("PK", "x"): {1: PACKETS}}).laws


def test_the_ledger_keeps_it_beside_what_people_decide(tmp_path: Path) -> None:
    ledger = FindingsLedger(tmp_path / "ledger")
    ledger.read_on(Reached(step=1), [PublicIncident(incident=incident())])
    (before,) = ledger.all()
    ledger.release(before.incident.id, 5.0)
    ledger.correct(before.incident.id, "It was one home.", 6.0)
    ledger.learn([replace(before, laws=(NetworkLaw(1, PACKETS),))])
    (after,) = ledger.all()
    assert (after.laws, after.released_at) == ((NetworkLaw(1, PACKETS),), 5.0)
    assert len(after.corrections) == 1
    ledger.close()


def test_the_page_says_how_it_works_and_in_which_networks_alike() -> None:
    laws = (
        NetworkLaw(1, PACKETS),
        NetworkLaw(2, BYTES),
        NetworkLaw(3, replace(PACKETS, reads=8)),
    )
    files = files_of(site_of(replace(struck(), laws=laws)))
    page = files["incidents/pk-x-restricted-1/index.html"].decode()
    said = re.findall(r'<p><bdi dir="ltr">(AS[^<]*)</bdi>: (.*?)</p>', page)
    plain = [(asns, re.sub(r"<[^>]*>|[\u2066-\u2069]", "", text)) for asns, text in said]
    assert plain == [
        (
            "AS1, AS3",
            "How it works, by 8 reads: a connection ends after 23 to 25 packets towards this line, "
            "whatever their size, each connection for itself. That is like what was reported of "
            "Russia, since June 2025, which tells nothing of who does it. In 2 networks the "
            "throttle works alike, as one kind of box would.",
        ),
        ("AS2", "How it works, by 4 reads: 128 to 132 kbit/s after 255 to 257 KiB."),
    ]
    for code in OFFERED:
        other = files.get(f"incidents/pk-x-restricted-1/index.{code}.html", b"").decode()
        assert 'lang="en"' not in "".join(re.findall(r"</bdi>: (.*?)</p>", other)), code
