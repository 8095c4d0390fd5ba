"""DNS messages: the query we send, and what a reply means. Pure; dnspython reads and writes."""

from __future__ import annotations

import struct
from functools import lru_cache

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from msgspec import Struct

from probe.measure.names.special_addresses import is_special
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import DnsAnswer

# What fits into one unfragmented datagram on any path (DNS Flag Day 2020; RFC 9715).
EDNS_PAYLOAD_BYTES = 1_232

_RDATA_TYPES = {Family.IPV4: dns.rdatatype.A, Family.IPV6: dns.rdatatype.AAAA}

_FAILED_RCODES = {
    dns.rcode.NXDOMAIN: "dns_nxdomain_error",
    dns.rcode.SERVFAIL: "dns_servfail_error",
    dns.rcode.REFUSED: "dns_refused_error",
}


class Reply(Struct, frozen=True, kw_only=True):
    """What one received message is: our ``answer``, or the ``rejected`` failure string saying why
    it answers another query or none (``detail`` is for people)."""

    answer: DnsAnswer | None = None
    rejected: str = ""
    detail: str = ""


def build_query(
    name: str, family: Family, *, message_id: int | None = None, edns: bool = True
) -> dns.message.Message:
    """A recursive query for the A or AAAA records of ``name``, with EDNS and a random id.

    ``message_id`` replaces the random id (RFC 8484 wants 0, for caches). The letters' case is left
    alone: a resolver that does not preserve it would look like interference. Raises ``ValueError``
    when ``name`` cannot be a DNS name.
    """
    return dns.message.make_query(
        _absolute(name),
        _RDATA_TYPES[family],
        use_edns=0 if edns else False,
        payload=EDNS_PAYLOAD_BYTES if edns else None,
        id=message_id,
    )


@lru_cache(maxsize=256)
def ascii_name(name: str) -> str:
    """``name`` as it goes over the wire, without the final dot. Raises as ``build_query`` does."""
    return _absolute(name).to_text(omit_final_dot=True)


def read_reply(query: dns.message.Message, wire: bytes, *, seconds: float) -> Reply:
    """What ``wire``, which arrived ``seconds`` after ``query``, says. Any bytes are welcome.

    An answer must be a response with the query's id and question (the question may be left out of
    an error, as some servers do). Its addresses are those that the question's name leads to by the
    CNAMEs of this message alone; records of other names are not looked at.
    """
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True)
    # dnspython wraps most of what malformed input can raise, not all of it.
    except (dns.exception.DNSException, ValueError, IndexError, struct.error) as error:
        return Reply(rejected="dns_server_misbehaving", detail=f"not DNS: {type(error).__name__}")
    if message.id != query.id:
        return Reply(rejected="dns_reply_with_wrong_query_id", detail="reply with another id")
    if not query.is_response(message):
        return Reply(rejected="dns_server_misbehaving", detail="reply to another question")
    addresses, ttl_seconds = _addresses(message)
    return Reply(
        answer=DnsAnswer(
            seconds=seconds,
            rcode=dns.rcode.to_text(message.rcode()),
            addresses=addresses,
            ttl_seconds=ttl_seconds,
            truncated=bool(message.flags & dns.flags.TC),
        )
    )


def failure_of_answers(answers: tuple[DnsAnswer, ...], *, allow_private: bool) -> Failure | None:
    """The failure that these answers amount to, judged by the first complete one: a stub resolver
    takes that, even if it was injected. ``None`` while all are truncated: the answer is elsewhere.

    ``allow_private``: an address that the internet does not route is an honest answer here.
    Otherwise it is ``dns_bogon_error``: a resolver of ours or a censor answers with it.
    """
    whole = next((answer for answer in answers if not answer.truncated), None)
    if whole is None:
        return None
    if whole.rcode != dns.rcode.to_text(dns.rcode.NOERROR):
        code = dns.rcode.from_text(whole.rcode)
        reason = _FAILED_RCODES.get(code, "dns_server_misbehaving")
        return Failure(phase=Phase.RESOLVE, reason=reason, detail=f"rcode {whole.rcode}")
    if not whole.addresses:
        return Failure(
            phase=Phase.RESOLVE, reason="dns_no_answer", detail="no address of this kind"
        )
    if not allow_private and any(map(is_bogon, whole.addresses)):
        return Failure(
            phase=Phase.RESOLVE, reason="dns_bogon_error", detail="not an address of the internet"
        )
    return None


def is_bogon(address: str) -> bool:
    """Whether no public server can have this address (IANA's special-purpose registries)."""
    return is_special(address)


def _absolute(name: str) -> dns.name.Name:
    try:
        return dns.name.from_text(name.rstrip(".") + ".")
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"not a DNS name ({type(error).__name__})") from error


def _addresses(message: dns.message.Message) -> tuple[tuple[str, ...], int | None]:
    """The addresses to which the question's name leads, and the least TTL on the way.

    Not dnspython's own walk, which gives up after 16 CNAMEs; stub resolvers follow as many as the
    message holds. A loop, or addresses beside NXDOMAIN, lead nowhere.
    """
    if not isinstance(message, dns.message.QueryMessage) or len(message.question) != 1:
        return (), None
    if message.rcode() == dns.rcode.NXDOMAIN:
        return (), None
    question, ttls = message.question[0], list[int]()
    name, seen = question.name, set[dns.name.Name]()
    while name not in seen:
        seen.add(name)
        found = message.get_rrset(message.answer, name, question.rdclass, question.rdtype)
        if found is not None:
            return tuple(record.address for record in found), min([*ttls, found.ttl])
        alias = message.get_rrset(message.answer, name, question.rdclass, dns.rdatatype.CNAME)
        if not alias:
            break
        ttls.append(alias.ttl)
        name = alias[0].target
    return (), None
