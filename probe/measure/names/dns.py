"""The DNS measurement: one packet out, every answer that comes back.

Not a stub resolver: no cache, no next server, no retry but for what may be EDNS's fault, and the
first answer does not end it. An
injected answer arrives beside the true one, so a measurement waits on for a second answer that
disagrees with the first. Arrivals are stamped by the kernel where it can.

A vantage behind a proxy is not measured here: proxies carry no UDP, and asking from this host's own
address would say something about another line. The caller leaves those out.
"""

from __future__ import annotations

import time

from msgspec.structs import replace

from probe.config.schema import DnsConfig, VantageConfig
from probe.measure.names.dns_heard import DnsQuestion, never_asked
from probe.measure.names.dns_message import build_query
from probe.measure.names.dns_tcp import ask_tcp
from probe.measure.names.dns_udp import ask_udp
from probe.measure.names.resolver_place import place_of
from probe.measure.names.resolvers import Resolver
from probe.measure.one_leg.failures import TIMEOUT
from probe.measure.tls.trust import Trust
from probe.model.identity import Family
from probe.model.observation import DnsObservation

# Of the deadline: what an answer with EDNS is waited for, before it is asked for without.
EDNS_SHARE = 0.6
_ABOUT_EDNS = frozenset({"FORMERR", "NOTIMP", "BADVERS", "SERVFAIL"})
_NO_ANSWER = frozenset({TIMEOUT, "dns_server_misbehaving", "dns_reply_with_wrong_query_id"})


async def ask(
    name: str,
    family: Family,
    resolver: Resolver,
    *,
    via: VantageConfig,
    trust: Trust | None,
    dns: DnsConfig,
) -> tuple[DnsObservation, ...]:
    """``measure_dns`` as the table of probers calls it; it needs no ``trust``."""
    return await measure_dns(
        name,
        family,
        resolver,
        via=via,
        deadline_seconds=float(dns.deadline),
        linger_seconds=float(dns.linger),
        allow_private=dns.allow_private,
    )


async def measure_dns(
    name: str,
    family: Family,
    resolver: Resolver,
    *,
    via: VantageConfig,
    deadline_seconds: float,
    linger_seconds: float,
    allow_private: bool = False,
) -> tuple[DnsObservation, ...]:
    """Ask ``resolver`` for the addresses of ``name``: one UDP packet from a random port.

    Every answer to our question that arrives within ``deadline_seconds`` is kept, and waiting ends
    ``linger_seconds`` after the first. What else arrives is no answer, but if none comes it is the
    failure: a wrong id, another question, junk. A second observation follows if the first answer is
    truncated: the same question over TCP, with a connection and a deadline of its own.

    Some resolvers, or boxes on the way to them, cannot bear EDNS (RFC 6891, section 7). What looks
    like it (FORMERR, NOTIMP, BADVERS, SERVFAIL, silence, junk) is asked once more without, within
    the same deadline, before it is called a failure; ``edns`` says which of the two was answered.

    The failure is judged by the first complete answer, which is what a stub resolver would have
    taken; ``conflicting`` says that another disagrees. Answers that the internet does not route are
    ``dns_bogon_error`` unless ``allow_private``. ``wire_bytes_*`` of UDP are IP, UDP and DNS of
    both packets; those of TCP are counted as those of a leg.

    Never raises for what the network does; cancelling closes the sockets.
    """
    asked = DnsQuestion(
        name=name,
        family=family,
        resolver=resolver.name,
        transport="udp",
        deadline_seconds=deadline_seconds,
        allow_private=allow_private,
    )
    try:
        build_query(name, family)
    except ValueError as error:
        return (never_asked(asked, str(error)),)
    place = place_of(resolver.address)

    async def once(edns: bool, seconds: float) -> DnsObservation:
        heard = await ask_udp(
            build_query(name, family, edns=edns),
            resolver,
            via,
            deadline_seconds=seconds,
            linger_seconds=linger_seconds,
        )
        found = heard.observation(replace(asked, deadline_seconds=seconds))
        return replace(found, place=place, edns=edns if found.answers else None)

    over_udp = await once(True, deadline_seconds * EDNS_SHARE)
    if _edns_is_suspect(over_udp):
        spent = max(0.0, time.time() - over_udp.started_at)
        over_udp = _both(over_udp, await once(False, max(0.0, deadline_seconds - spent)))
    if not over_udp.answers or not over_udp.answers[0].truncated:
        return (over_udp,)
    again = build_query(name, family, edns=over_udp.edns is not False)
    heard = await ask_tcp(again, resolver, via, deadline_seconds=deadline_seconds)
    over_tcp = heard.observation(replace(asked, transport="tcp"))
    answered = over_udp.edns if over_tcp.answers else None
    return over_udp, replace(over_tcp, place=place, edns=answered)


def _edns_is_suspect(found: DnsObservation) -> bool:
    """Whether what came may be for EDNS, and not for the name."""
    if found.conflicting or found.failure is None:
        return False
    if not found.answers:
        return found.failure.reason in _NO_ANSWER
    return next(a.rcode for a in found.answers if not a.truncated) in _ABOUT_EDNS


def _both(first: DnsObservation, second: DnsObservation) -> DnsObservation:
    """The second try, or the first if that was as good; with the time and the bytes of both."""
    better = second if second.answers and not _edns_is_suspect(second) else first
    if not better.answers and second.answers:
        better = second
    seconds = second.seconds + max(0.0, second.started_at - first.started_at)
    return replace(
        better,
        started_at=first.started_at if better is first else second.started_at,
        seconds=seconds if not better.answers else better.seconds,
        wire_bytes_sent=_sum(first.wire_bytes_sent, second.wire_bytes_sent),
        wire_bytes_received=_sum(first.wire_bytes_received, second.wire_bytes_received),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)
