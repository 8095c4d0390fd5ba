"""What a DNS reply means, whatever bytes it is made of."""

from __future__ import annotations

from itertools import pairwise

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.names.dns_message import build_query, failure_of_answers, is_bogon, read_reply
from probe.model.identity import Family
from probe.model.observation import DnsAnswer

NAME = "www.example.com"


def _reply(query: dns.message.Message, *records: str) -> dns.message.Message:
    """A response to ``query`` with ``records`` in presentation format in its answer section."""
    response = dns.message.make_response(query)
    for record in records:
        owner, ttl, kind, data = record.split(maxsplit=3)
        response.answer.append(dns.rrset.from_text(owner, int(ttl), "IN", kind, data))
    return response


def _addresses(query: dns.message.Message, response: dns.message.Message) -> tuple[str, ...]:
    reply = read_reply(query, response.to_wire(), seconds=0.0)
    assert reply.answer is not None
    return reply.answer.addresses


def test_queries_differ_in_nothing_but_their_id() -> None:
    queries = [build_query(NAME, Family.IPV4) for _ in range(64)]
    assert len({query.id for query in queries}) > 32
    assert len({query.to_wire()[2:] for query in queries}) == 1
    assert queries[0].edns == 0
    assert queries[0].flags & dns.flags.RD
    assert str(queries[0].question[0]) == "www.example.com. IN A"


@pytest.mark.parametrize("name", ["a" * 64 + ".com", "a..com", ".".join(["abcdefgh"] * 32)])
def test_a_name_that_cannot_be_one_is_said_to_be_none(name: str) -> None:
    with pytest.raises(ValueError, match="not a DNS name"):
        build_query(name, Family.IPV4)


@pytest.mark.parametrize("length", [1, 15, 16, 17, 40])
def test_a_chain_of_any_length_is_followed(length: int) -> None:
    query = build_query(NAME, Family.IPV4)
    names = [f"{NAME}.", *(f"n{n}.example.net." for n in range(length))]
    links = [f"{a} {100 + n} CNAME {b}" for n, (a, b) in enumerate(pairwise(names))]
    response = _reply(query, *reversed(links), f"{names[-1]} 300 A 192.0.2.1")
    reply = read_reply(query, response.to_wire(), seconds=0.0)
    assert reply.answer is not None
    assert (reply.answer.addresses, reply.answer.ttl_seconds) == (("192.0.2.1",), 100)


def test_the_chain_of_cnames_is_followed_and_other_names_are_not() -> None:
    query = build_query(NAME, Family.IPV4)
    response = _reply(
        query,
        "elsewhere.example. 1 A 192.0.2.66",
        f"{NAME}. 300 CNAME edge.example.net.",
        "edge.example.net. 60 A 192.0.2.1",
    )
    reply = read_reply(query, response.to_wire(), seconds=0.5)
    assert reply.answer == DnsAnswer(
        seconds=0.5, rcode="NOERROR", addresses=("192.0.2.1",), ttl_seconds=60
    )


def test_a_chain_that_ends_outside_the_message_or_nowhere_gives_no_address() -> None:
    query = build_query(NAME, Family.IPV4)
    outside = _reply(query, f"{NAME}. 300 CNAME edge.example.net.")
    loop = _reply(query, f"{NAME}. 1 CNAME b.example.", f"b.example. 1 CNAME {NAME}.")
    assert (_addresses(query, outside), _addresses(query, loop)) == ((), ())


def test_only_records_of_the_family_count() -> None:
    query = build_query(NAME, Family.IPV6)
    response = _reply(query, f"{NAME}. 5 A 192.0.2.1", f"{NAME}. 5 AAAA 2001:db8::1")
    assert _addresses(query, response) == ("2001:db8::1",)


def test_a_reply_in_other_case_is_ours_and_one_for_another_name_is_not() -> None:
    query = build_query(NAME, Family.IPV4)
    same = dns.message.make_query(NAME.upper(), "A", id=query.id)
    other = dns.message.make_query("forged.example", "A", id=query.id)
    assert _addresses(query, _reply(same, f"{NAME}. 1 A 192.0.2.1")) == ("192.0.2.1",)
    reply = read_reply(query, _reply(other, "forged.example. 1 A 192.0.2.6").to_wire(), seconds=0.0)
    assert (reply.answer, reply.rejected) == (None, "dns_server_misbehaving")


def test_a_reply_with_another_id_and_our_own_query_are_rejected() -> None:
    query = build_query(NAME, Family.IPV4)
    wrong = _reply(query, f"{NAME}. 1 A 192.0.2.6")
    wrong.id ^= 1
    rejected = [
        read_reply(query, wire, seconds=0.0).rejected for wire in (wrong.to_wire(), query.to_wire())
    ]
    assert rejected == ["dns_reply_with_wrong_query_id", "dns_server_misbehaving"]


def _answer(rcode: str = "NOERROR", *addresses: str, truncated: bool = False) -> DnsAnswer:
    return DnsAnswer(seconds=0.0, rcode=rcode, addresses=addresses, truncated=truncated)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ((_answer("NOERROR", "8.8.4.4"),), None),
        ((_answer("NXDOMAIN"),), "dns_nxdomain_error"),
        ((_answer("SERVFAIL"),), "dns_servfail_error"),
        ((_answer("REFUSED"),), "dns_refused_error"),
        ((_answer("FORMERR"),), "dns_server_misbehaving"),
        ((_answer("3841"),), "dns_server_misbehaving"),
        ((_answer("NOERROR"),), "dns_no_answer"),
        ((_answer("NOERROR", "8.8.4.4", "10.0.0.1"),), "dns_bogon_error"),
        ((_answer(truncated=True),), None),
        ((_answer(truncated=True), _answer("NXDOMAIN")), "dns_nxdomain_error"),
        ((_answer("NXDOMAIN"), _answer("NOERROR", "8.8.4.4")), "dns_nxdomain_error"),
        ((_answer("NOERROR", "8.8.4.4"), _answer("NXDOMAIN")), None),
    ],
)
def test_the_first_whole_answer_decides(answers: tuple[DnsAnswer, ...], reason: str | None) -> None:
    failure = failure_of_answers(answers, allow_private=False)
    assert (failure.reason if failure else None) == reason


def test_private_addresses_are_fine_where_they_are_expected() -> None:
    assert failure_of_answers((_answer("NOERROR", "10.0.0.1"),), allow_private=True) is None


@pytest.mark.parametrize(
    ("address", "bogon"),
    [
        ("127.0.0.1", True),
        ("0.0.0.0", True),
        ("10.10.34.35", True),
        ("100.64.0.1", True),
        ("169.254.1.1", True),
        ("224.0.0.1", True),
        ("255.255.255.255", True),
        ("::", True),
        ("::1", True),
        ("fd00::1", True),
        ("fe80::1", True),
        ("ff02::1", True),
        ("::ffff:127.0.0.1", True),
        ("104.244.42.1", False),
        ("2a00:1450:4001::1", False),
        ("64:ff9b::808:808", False),
        ("64:ff9b::a0a:2224", True),
        ("64:ff9b:1::808:808", True),
        ("100:0:0:1::1", True),
        ("192.0.0.8", True),
        ("192.0.0.9", False),
        ("192.88.99.1", False),
        ("192.31.196.1", False),
        ("198.19.255.255", True),
        ("198.20.0.0", False),
        ("240.0.0.1", True),
        ("2001::5db8:d822", True),
        ("2001:1::3", False),
        ("2001:4:112::1", False),
        ("2001:20::1", False),
        ("2001:200::1", False),
        ("2620:4f:8000::1", False),
        ("3fff:fff::1", True),
        ("3fff:1000::1", False),
        ("5f00::1", True),
        ("fec0::1", True),
    ],
)
def test_bogons(address: str, bogon: bool) -> None:
    assert is_bogon(address) is bogon


@given(junk=st.binary(max_size=600), keep_id=st.booleans())
def test_no_bytes_raise_and_none_become_an_answer(junk: bytes, keep_id: bool) -> None:
    query = build_query(NAME, Family.IPV4)
    wire = query.id.to_bytes(2, "big") + junk if keep_id else junk
    reply = read_reply(query, wire, seconds=0.0)
    assert (reply.answer is None) == bool(reply.rejected)
    assert reply.answer is None or not reply.answer.addresses


@given(
    edits=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 200),
)
def test_damaged_replies_never_raise_nor_answer_another_question(
    edits: list[tuple[int, int]], cut: int
) -> None:
    query = build_query(NAME, Family.IPV4)
    records = (f"{NAME}. 300 CNAME edge.example.net.", "edge.example.net. 60 A 192.0.2.1")
    wire = bytearray(_reply(query, *records).to_wire())
    for place, value in edits:
        wire[place % len(wire)] = value
    damaged = bytes(wire[: len(wire) - cut % len(wire)])
    reply = read_reply(query, damaged, seconds=0.0)
    if reply.answer is not None and reply.answer.addresses:
        assert dns.message.from_wire(damaged, ignore_trailing=True).question == query.question
