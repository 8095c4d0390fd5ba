"""What resolvers say in the world of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random

from msgspec.structs import replace

from probe.config.schema import DnsConfig
from probe.measure.names.round_names import Resolution, is_address
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import Clock, DnsAnswer, DnsObservation, Place
from scenarios.model import DnsLie
from synth.censor import Censor

LIE = "198.51.100.7"
"""A server that is nobody's target: where forged answers lead."""
NOBODY = "0.0.0.0"
"""Where a hosts file sends a name that nobody is to reach."""
HOUR = 3_600.0
_FAILED = {DnsLie.NXDOMAIN: "dns_nxdomain_error", DnsLie.NOTHING: "generic_timeout_error"}


class Names:
    """Resolvers that know ``zone``.

    ``trouble``: the share of questions that the host's own resolver leaves unanswered;
    ``offline``: nobody answers any. ``filtered``: names that a filter at home answers with 0.0.0.0,
    to whoever asks the host's own resolver, and ``filed`` those that the host's own file does;
    ``half_answered``: the share of questions for a name that the host's resolver leaves unanswered.
    """

    def __init__(
        self, zone: Mapping[str, Sequence[str]], config: DnsConfig, censor: Censor, random: Random
    ) -> None:
        self._zone = zone
        self._config = config
        self._censor = censor
        self._random = random
        self._usual: dict[tuple[str, bool], tuple[DnsObservation, ...]] = {}
        self._usual_until = 0.0
        self.filtered: Mapping[str, float] = {}
        self.filed: Mapping[str, float] = {}
        self.half_answered: Mapping[str, float] = {}

    def resolve(self, name: str, at: float, *, trouble: float) -> tuple[Resolution, DnsObservation]:
        """Where the host is led, and the look-up."""
        seconds = self._random.uniform(0.002, 0.04)
        forged = self._censor.question(name)
        failure: Failure | None = None
        addresses = tuple(self._zone.get(name, ()))
        if forged is not None and forged.resolvers.meets(own=True):
            reason = _FAILED.get(forged.lie)
            if reason is not None:
                failure = Failure(phase=Phase.RESOLVE, reason=reason)
            addresses = (LIE,)
        elif name in self.filtered or name in self.filed:
            failure = Failure(phase=Phase.RESOLVE, reason="dns_bogon_error")
        elif (share := max(trouble, self.half_answered.get(name, 0.0))) and (
            self._random.random() < share
        ):
            reason = self._random.choice(("dns_servfail_error", "generic_timeout_error"))
            failure = Failure(phase=Phase.RESOLVE, reason=reason)
        if failure is not None:
            seconds = float(self._config.deadline) if "timeout" in failure.reason else seconds
            addresses = ()
        asked = _observation(name, "system", "host", at, seconds, addresses, failure)
        asked = self._at_home(asked)
        if name in self.filed:
            filed = _observation(name, "system", "host", at, 0.0, (NOBODY,), None)
            asked = replace(filed, place=Place.FILE)
        chosen = self._random.choice(addresses) if addresses else None
        return Resolution(address=chosen, seconds=seconds, failure=failure), asked

    def measured(
        self, names: Iterable[str], at: float, *, doh: bool, trouble: float, offline: bool
    ) -> tuple[DnsObservation, ...]:
        """What every resolver says on the wire. While all is well the answers of one hour are one
        value: nothing in them but their time would differ."""
        if at >= self._usual_until:
            self._usual.clear()
            self._usual_until = at + HOUR
        found: list[DnsObservation] = []
        for name in names:
            forged = self._censor.question(name)
            at_home = name in self.filtered or name in self.half_answered
            if forged is None and not trouble and not offline and not at_home:
                usual = self._usual.get((name, doh))
                if usual is None:
                    usual = tuple(self._asked(name, at, doh=doh, trouble=0.0, offline=False))
                    self._usual[name, doh] = usual
                found += usual
            else:
                asked = self._asked(name, at, doh=doh, trouble=trouble, offline=offline)
                found += map(self._at_home, asked)
        return tuple(found)

    def _asked(
        self, name: str, at: float, *, doh: bool, trouble: float, offline: bool
    ) -> list[DnsObservation]:
        if is_address(name):
            return []
        forged = self._censor.question(name)
        true = tuple(self._zone.get(name, ()))
        found = []
        for resolver in ("system", *(r.name for r in self._config.resolvers)):
            secure = any(r.name == resolver and r.doh for r in self._config.resolvers)
            if secure and not doh:
                continue
            seconds = self._random.uniform(0.004, 0.06)
            transport = "https" if secure else "udp"
            lied = forged is not None and not secure
            if forged is not None and not forged.resolvers.meets(own=resolver == "system"):
                lied = False
            if lied and forged is not None:
                found.append(self._lie(forged.lie, name, resolver, at, seconds, true))
            elif resolver == "system" and name in self.filtered and not offline:
                failure = Failure(phase=Phase.RESOLVE, reason="dns_bogon_error")
                found.append(_observation(name, resolver, transport, at, seconds, (), failure))
            elif offline or (
                resolver == "system"
                and (share := max(trouble, self.half_answered.get(name, 0.0)))
                and self._random.random() < share
            ):
                failure = Failure(phase=Phase.RESOLVE, reason="generic_timeout_error")
                wait = float(self._config.deadline)
                found.append(_observation(name, resolver, transport, at, wait, (), failure))
            else:
                found.append(_observation(name, resolver, transport, at, seconds, true, None))
        return found

    def _at_home(self, asked: DnsObservation) -> DnsObservation:
        """What a filter or forwarder at home answers comes from there."""
        mine = asked.name in self.filtered or asked.name in self.half_answered
        if not mine:
            return asked
        home = asked.resolver == "system"
        return replace(asked, place=Place.HOME if home else Place.BEYOND)

    def _lie(
        self,
        lie: DnsLie,
        name: str,
        resolver: str,
        at: float,
        seconds: float,
        true: tuple[str, ...],
    ) -> DnsObservation:
        reason = _FAILED.get(lie)
        if reason is not None:
            failure = Failure(phase=Phase.RESOLVE, reason=reason)
            wait = float(self._config.deadline) if lie is DnsLie.NOTHING else seconds
            return _observation(name, resolver, "udp", at, wait, (), failure)
        made = _observation(name, resolver, "udp", at, seconds, (LIE,), None)
        if lie is DnsLie.BESIDE:
            late = DnsAnswer(seconds=seconds + 0.02, rcode="NOERROR", addresses=true)
            answers = (*made.answers, late)
            return DnsObservation(
                name=name,
                family=Family.IPV4,
                resolver=resolver,
                transport="udp",
                started_at=at,
                seconds=seconds,
                clock=Clock.KERNEL,
                answers=answers,
            )
        return made


def _observation(
    name: str,
    resolver: str,
    transport: str,
    at: float,
    seconds: float,
    addresses: tuple[str, ...],
    failure: Failure | None,
) -> DnsObservation:
    answers: tuple[DnsAnswer, ...] = ()
    if failure is None:
        answers = (
            DnsAnswer(seconds=seconds, rcode="NOERROR", addresses=addresses, ttl_seconds=60),
        )
    return DnsObservation(
        name=name,
        family=Family.IPV4,
        resolver=resolver,
        transport=transport,
        started_at=at,
        seconds=seconds,
        clock=Clock.KERNEL if transport == "udp" else Clock.LOOP,
        answers=answers,
        failure=failure,
    )
