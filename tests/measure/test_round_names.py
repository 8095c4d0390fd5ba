"""Names of a round, with real resolvers: what leads nowhere, who is out of order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

import dns.message
import dns.rcode
import pytest

from probe.config.schema import DnsConfig, Settings, VantageConfig
from probe.config.values import Seconds
from probe.measure.names.round_names import Names, Resolution, resolver_works, through_translator
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import Clock, DnsAnswer, DnsObservation
from tests.measure.dns_server import DnsServer, Script, Step, answering, reply

PLATFORM, CONTROL = "www.x.example", "deb.control.example"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer() as running:
        yield running


def configured(*, allow_private: bool = False, deadline: float = 0.6) -> Settings:
    dns = DnsConfig(resolvers=(), deadline=Seconds(deadline), allow_private=allow_private)
    return Settings(vantages=(VantageConfig(name="here"),), dns=dns)


async def resolved(
    server: DnsServer, name: str = PLATFORM, *, allow_private: bool = False
) -> tuple[Resolution, DnsObservation]:
    via = VantageConfig(name="here", nameservers=(server.address,))
    names = Names(configured(allow_private=allow_private), via, Family.IPV4, Random(1))
    found = await names.resolve([name])
    return found[name], names.lookups[0]


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "127.9.9.9", "255.255.255.255"])
async def test_a_public_name_that_leads_to_ourselves_leads_nowhere(
    server: DnsServer, address: str
) -> None:
    server.udp = answering(address)
    found, lookup = await resolved(server)
    for failure in (found.failure, lookup.failure):
        assert failure is not None
        assert (failure.phase, failure.reason) == (Phase.RESOLVE, "dns_bogon_error")
    assert found.address is None
    # What came is kept all the same.
    assert [answer.addresses for answer in lookup.answers] == [(address,)]


async def test_where_private_addresses_are_expected_so_is_loopback(server: DnsServer) -> None:
    server.udp = answering("127.0.0.1")
    found, lookup = await resolved(server, allow_private=True)
    assert (found.address, lookup.failure) == ("127.0.0.1", None)


async def test_an_address_that_leads_somewhere_is_taken_beside_one_that_does_not(
    server: DnsServer,
) -> None:
    server.udp = answering("0.0.0.0", "104.244.42.1")
    found, lookup = await resolved(server)
    assert (found.address, lookup.failure) == ("104.244.42.1", None)


@pytest.mark.parametrize("private", ["10.10.34.36", "192.168.1.1", "100.64.9.9"])
async def test_other_addresses_of_no_public_server_are_gone_to(
    server: DnsServer, private: str
) -> None:
    server.udp = answering(private)
    assert (await resolved(server))[0].address == private


def remembering(*known: str, then: dns.rcode.Rcode | None) -> Script:
    """A router without a way out: it has what it remembers, and ``then`` for all else."""

    def script(query: dns.message.Message) -> Iterable[Step]:
        if query.question[0].name.to_text(omit_final_dot=True) in known:
            return [Step(reply(query, "151.101.1.1"))]
        return [] if then is None else [Step(reply(query, rcode=then))]

    return script


async def works(server: DnsServer, reason: str | None) -> bool | None:
    failure = None if reason is None else Failure(phase=Phase.RESOLVE, reason=reason)
    return await resolver_works(
        {PLATFORM: Resolution(failure=failure), CONTROL: Resolution(address="151.101.1.1")},
        settings=configured(),
        via=VantageConfig(name="here", nameservers=(server.address,)),
        family=Family.IPV4,
        neutral={CONTROL},
        random=Random(1),
    )


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (dns.rcode.NXDOMAIN, True),
        (dns.rcode.NOERROR, True),
        (dns.rcode.SERVFAIL, False),
        (dns.rcode.REFUSED, False),
        (None, False),
    ],
)
async def test_whether_a_resolver_still_asks_others(
    server: DnsServer, then: dns.rcode.Rcode | None, expected: bool
) -> None:
    server.udp = remembering(CONTROL, then=then)
    assert await works(server, "dns_servfail_error") is expected
    asked = {
        dns.message.from_wire(one).question[0].name.to_text(omit_final_dot=True)
        for one in server.udp_packets
    }
    assert len(asked) == 1
    assert all(name.endswith(f".{CONTROL}") for name in asked)


@pytest.mark.parametrize("reason", [None, "dns_nxdomain_error", "dns_no_answer"])
async def test_without_a_doubt_nobody_is_asked(server: DnsServer, reason: str | None) -> None:
    assert await works(server, reason) is None
    assert server.udp_packets == []


def six(name: str, address: str, resolver: str = "system") -> DnsObservation:
    return DnsObservation(
        name=name,
        family=Family.IPV6,
        resolver=resolver,
        transport="udp",
        started_at=1.0,
        seconds=0.01,
        clock=Clock.KERNEL,
        answers=(DnsAnswer(seconds=0.01, rcode="NOERROR", addresses=(address,)),),
        failure=Failure(phase=Phase.RESOLVE, reason="dns_bogon_error"),
    )


@pytest.mark.parametrize(
    ("platform", "control", "honest"),
    [
        ("64:ff9b:1::68f4:2a01", "64:ff9b:1::9765:101", True),
        ("64:ff9b:1:68f4:2a:100::", "64:ff9b:1:9765:1:100::", True),
        ("fd00:64:1::68f4:2a01", "fd00:64:1::9765:101", True),
        ("fd00:bad::1", "fd00:64:1::9765:101", False),
        ("64:ff9b:1::68f4:2a01", "2a04:4e42::645", False),
        ("::1", "::1", False),
    ],
)
def test_a_translator_that_serves_controls_too_is_the_networks_own(
    platform: str, control: str, honest: bool
) -> None:
    found = through_translator((six(PLATFORM, platform), six(CONTROL, control)), {CONTROL})
    assert (found[0].failure is None) is honest
