"""A country in which every resolver has a word of its own about the platform's names."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Family, LegRole, Phase, RoundKind
from probe.model.observation import Clock, DnsAnswer, DnsObservation, Leg, Place, RoundObservation
from probe.verdict.ladder.ladder import RULES
from probe.verdict.ladder.rule import Rule
from tests.verdict.country import WELL, Country, Done

NEAR, FAR = "104.244.42.1", "151.101.1.1"
"""Two places of the platform's: what plain resolvers give, and what the encrypted one gives."""
LIE, PRIVATE, ZERO = "203.0.113.66", "10.10.34.36", "0.0.0.0"
NAMES = ("page.test", "object.test")
_UNRESOLVED = "198.51.100.1"
SILENT = Failure(phase=Phase.CONNECT, reason="generic_timeout_error")
FALSE_CERTIFICATE = Failure(phase=Phase.TLS, reason="ssl_unknown_authority")
BOGON = "dns_bogon_error"


class Word(Struct, frozen=True):
    """What one resolver says: addresses (``beside``: and another answer to the same query), or a
    failure; ``None``: it is not asked."""

    addresses: tuple[str, ...] = ()
    failure: str | None = None
    beside: tuple[str, ...] = ()


def gives(*addresses: str) -> Word:
    bogon = any(one in (PRIVATE, ZERO) for one in addresses)
    return Word(addresses, BOGON if bogon else None)


def fails(reason: str) -> Word:
    return Word(failure=reason)


class Looked(Country):
    """``host`` is what the host's look-up gives, from ``place``; ``system`` the same resolver on
    the wire; ``plain`` two public ones over UDP, ``secure`` one over HTTPS (in rounds that read).
    ``at_lies``: what befalls a leg at an address that is not the platform's."""

    def __init__(
        self,
        seed: int = 1,
        *,
        place: Place | None = Place.BEYOND,
        rules: tuple[Rule, ...] = RULES,
    ) -> None:
        super().__init__(seed, swaps=False, rules=rules)
        self.place = place
        self.works: bool | None = None
        self.at_lies = SILENT
        self.down: frozenset[str] = frozenset()
        self.say(host=gives(NEAR), plain=(gives(NEAR), gives(NEAR)), secure=gives(FAR))

    def say(
        self,
        *,
        host: Word,
        system: Word | None = None,
        plain: tuple[Word | None, Word | None],
        secure: Word | None,
    ) -> None:
        """From now on. ``system`` is as the host's unless it is given."""
        self.host, self.system = host, system or host
        self.plain, self.secure = plain, secure
        resolved = host.addresses and ZERO not in host.addresses
        self.addresses = host.addresses if resolved else (_UNRESOLVED,)
        failure = Failure(phase=Phase.RESOLVE, reason=host.failure or "dns_no_answer")

        def act(leg: Leg, at: str) -> Done:
            if leg.role is not LegRole.TARGET:
                return WELL
            if at == _UNRESOLVED:
                return Done(fails=failure)
            if at in self.down:
                return Done(fails=SILENT)
            return WELL if at in (NEAR, FAR) else Done(fails=self.at_lies)

        self.act = act

    def _play(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        made = super()._play(legs, kind, burst)
        if burst is not None:
            return made
        on_wire = Place.BEYOND if self.place is Place.FILE else self.place
        words: list[tuple[str, str, Place | None, Word | None]] = [
            ("system", "host", self.place, replace(self.host, beside=())),
            ("system", "udp", on_wire, self.system),
            ("quad9", "udp", Place.BEYOND, self.plain[0]),
            ("google", "udp", Place.BEYOND, self.plain[1]),
        ]
        if kind is not RoundKind.LIGHT:
            words.append(("cloudflare", "https", Place.BEYOND, self.secure))
        asked = [
            _observed(name, resolver, transport, place, word)
            for name in NAMES
            for resolver, transport, place, word in words
            if word is not None
        ]
        return replace(made, dns=tuple(asked), resolver_works=self.works)


def _observed(
    name: str, resolver: str, transport: str, place: Place | None, word: Word
) -> DnsObservation:
    answers = [
        DnsAnswer(seconds=0.02, rcode="NOERROR", addresses=given)
        for given in (word.addresses, word.beside)
        if given
    ]
    if word.failure == "dns_nxdomain_error":
        answers = [DnsAnswer(seconds=0.02, rcode="NXDOMAIN"), *answers]
    reason = word.failure
    if transport == "host" and reason == BOGON and ZERO not in word.addresses:
        reason = None  # what the host would connect to
    return DnsObservation(
        name=name,
        family=Family.IPV4,
        resolver=resolver,
        transport=transport,
        started_at=1.0,
        seconds=0.02,
        clock=Clock.KERNEL,
        answers=tuple(answers),
        failure=Failure(phase=Phase.RESOLVE, reason=reason) if reason else None,
        place=place,
    )
