"""Where the host's resolver leads, and when that is called astray."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import DnsAnswer, DnsObservation, Leg, RoundObservation
from probe.model.verdict import Method, State
from probe.verdict.one_round.where_names_lead import network_of
from synth.shape import dns_observed
from tests.verdict.country import WELL, Country, Done

SILENT = Failure(phase=Phase.CONNECT, reason="generic_timeout_error")
BOGON = Failure(phase=Phase.RESOLVE, reason="dns_bogon_error")
INSIDE = "203.0.113.10"
PRIVATE = "10.10.34.36"
ELSEWHERE = ("198.18.0.2", "198.18.1.3", "198.18.2.4")


def answer(
    name: str, resolver: str, transport: str, address: str, failure: Failure | None = None
) -> DnsObservation:
    found = DnsAnswer(seconds=0.02, rcode="NOERROR", addresses=(address,))
    return replace(dns_observed(name, resolver, transport), answers=(found,), failure=failure)


class Asked(Country):
    """The host's resolver gives ``own``, others the addresses of nodes elsewhere."""

    def __init__(self, own: str) -> None:
        super().__init__(1, swaps=False, addresses=(own,))
        self.poisoned = False

    def _play(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        made = super()._play(legs, kind, burst)
        names = ("page.test", "object.test") if burst is None else ()
        return replace(made, dns=tuple(one for name in names for one in self._asked(name)))

    def _asked(self, name: str) -> list[DnsObservation]:
        own, failure = self.addresses[0], BOGON if self.poisoned else None
        plain = [own] * 2 if self.poisoned else list(ELSEWHERE[:2])
        return [
            answer(name, "system", "host", own),
            answer(name, "system", "udp", own, failure),
            answer(name, "quad9", "udp", plain[0], failure),
            answer(name, "google", "udp", plain[1], failure),
            answer(name, "cloudflare", "https", ELSEWHERE[2]),
        ]


def silent(country: Country, address: str) -> None:
    country.act = lambda leg, at: (
        Done(fails=SILENT) if at == address and leg.role is LegRole.TARGET else WELL
    )


@pytest.mark.parametrize("node", [INSIDE, "203.0.113.77"])
def test_a_node_of_the_operators_own_that_is_out_of_order_is_no_false_answer(node: str) -> None:
    # No other resolver knows it, but the platform was well there, or beside it.
    country = Asked(INSIDE)
    country.run(20)
    country.addresses = (node,)
    silent(country, node)
    country.verdicts.clear()
    country.run(12)
    # That it is so in most rounds is said in the end, and accuses nobody.
    assert {verdict.state for verdict in country.verdicts} <= {State.UNKNOWN, State.IMPAIRED}


def test_a_place_that_nobody_else_knows_and_where_it_never_was_is_astray() -> None:
    country = Asked(INSIDE)
    country.run(20)
    country.addresses = ("192.0.2.1",)
    silent(country, "192.0.2.1")
    verdict = country.run(3)
    assert (verdict.state, verdict.method) == (State.BLOCKED, Method.DNS)


def test_a_private_address_for_everybody_is_a_false_answer() -> None:
    country = Asked(INSIDE)
    country.run(20)
    country.addresses, country.poisoned = (PRIVATE,), True
    silent(country, PRIVATE)
    verdict = country.run(3)
    assert (verdict.state, verdict.method) == (State.BLOCKED, Method.DNS)


def test_the_network_of_an_address() -> None:
    assert network_of("203.0.113.10") == "203.0.113.0/24"
    assert network_of("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert network_of(None) == ""
