"""The DNS measurement: one packet out, every answer that comes back.

Not a stub resolver: no retry, no cache, no next server, and the first answer does not end it. An
injected answer arrives beside the true one, so a measurement waits on for a second answer that
disagrees with the first. Arrivals are stamped by the kernel where it can.

A vantage behind a proxy is not measured here: proxies carry no UDP, and asking from this host's own
address would say something about another line. The caller leaves those out.
"""

from __future__ import annotations

from msgspec.structs import replace

from probe.config.schema import VantageConfig
from probe.measure.dns_heard import Asked, never_asked
from probe.measure.dns_message import build_query
from probe.measure.dns_tcp import ask_tcp
from probe.measure.dns_udp import ask_udp
from probe.measure.resolvers import Resolver
from probe.model.identity import Family
from probe.model.observation import DnsObservation


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

    The failure is judged by the first complete answer, which is what a stub resolver would have
    taken; ``conflicting`` says that another disagrees. Answers that the internet does not route are
    ``dns_bogon_error`` unless ``allow_private``. ``wire_bytes_*`` of UDP are IP, UDP and DNS; those
    of TCP are counted as those of a leg.

    Never raises for what the network does; cancelling closes the sockets.
    """
    asked = Asked(
        name=name,
        family=family,
        resolver=resolver.name,
        transport="udp",
        deadline_seconds=deadline_seconds,
        allow_private=allow_private,
    )
    try:
        query, again = build_query(name, family), build_query(name, family)
    except ValueError as error:
        return (never_asked(asked, str(error)),)
    heard = await ask_udp(
        query, resolver, via, deadline_seconds=deadline_seconds, linger_seconds=linger_seconds
    )
    over_udp = heard.observation(asked)
    if not over_udp.answers or not over_udp.answers[0].truncated:
        return (over_udp,)
    heard = await ask_tcp(again, resolver, via, deadline_seconds=deadline_seconds)
    return over_udp, heard.observation(replace(asked, transport="tcp"))
