"""A small country for tests of the verdict: a platform, controls, and what is done to its legs.

Everything is arithmetic on seconds; there is no packet and no clock. ``Country.run`` plays rounds
and the bursts that the verdict plans, as the daemon does.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from random import Random

from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import EVERY_LEG, Compares, Fame, Family, LegRole, Phase, RoundKind
from probe.model.observation import (
    Clock,
    HttpFacts,
    Leg,
    LegObservation,
    RoundObservation,
    SkippedLeg,
    TcpInfo,
    TlsFacts,
)
from probe.model.verdict import Evidence, State, Verdict
from probe.observe.effort import Measure
from probe.verdict.about import About, ControlFacts, TargetFacts
from probe.verdict.decide import decide
from probe.verdict.ladder.ladder import RULES
from probe.verdict.ladder.rule import Rule
from probe.verdict.remembered.memory import Memory

READ = 65_536
LONG_READ = 524_288
SEGMENTS = 50
DEADLINE = 30.0
START = 1_700_000_000.0
INTERVAL = 900.0
CONTROLS = ("debian", "jquery", "kernel", "amazon")
BEACON = "198.18.7.7"
ADDRESSES = ("198.18.0.1", "198.18.0.2")


class Done:
    """What is done to one leg: times by factor, seconds added, a failure, or what TLS showed.
    ``lost``: segments of it (``None``: the kernel does not say); ``queued``: by how many times its
    later round trips are longer than the first. ``received``: bytes that came in order (``None``:
    the kernel does not say)."""

    def __init__(
        self,
        *,
        handshake: float = 1.0,
        transfer: float = 1.0,
        processing: float = 0.0,
        rtt: float = 1.0,
        fails: Failure | None = None,
        status: int = 0,
        tls: TlsFacts | None = None,
        lost: int | None = None,
        queued: float = 1.0,
        received: int | None = None,
    ) -> None:
        self.received = received
        self.lost, self.queued = lost, queued
        self.handshake = handshake
        self.transfer = transfer
        self.processing = processing
        self.rtt = rtt
        self.fails = fails
        self.status = status
        self.tls = tls


WELL = Done()
Act = Callable[[Leg, str], Done]


def nothing(leg: Leg, address: str) -> Done:
    """Nobody does anything."""
    return WELL


def about_x(**more: object) -> About:
    """What the configuration says of platform x."""
    known = About(
        title="X",
        targets=(
            TargetFacts(name="page", host="x.test", swap=Compares.HANDSHAKE),
            TargetFacts(name="object", host="object.test", reads=True, swap=Compares.GOODPUT),
        ),
        controls=facts(CONTROLS),
    )
    return replace(known, **more)


def facts(foreign: tuple[str, ...], domestic: tuple[str, ...] = ()) -> tuple[ControlFacts, ...]:
    """What the configuration says of controls."""
    return tuple(
        ControlFacts(
            name=f"{name}/object", operator=name, min_bytes=LONG_READ, foreign=name in foreign
        )
        for name in (*foreign, *domestic)
    )


def fine_outside(at: float, vantage: str = "abroad") -> Verdict:
    """What a reference says that has read at ``at`` and found all well."""
    return Verdict(
        vantage=vantage,
        platform="x",
        state=State.OK,
        rule_id="ok",
        sentence="",
        at=at,
        since=at,
        evidence=tuple(
            Evidence(name=f"{measure}_slowdown_ratio", subject="object", value=1.0)
            for measure in Measure
        ),
    )


class Country:
    """Plays rounds of platform x. ``noise`` is the log sd of each leg, ``line`` of each round.

    ``spent``: no host's budget has anything left for a burst. ``vouched``: a reference outside
    looks in each of the same minutes and finds the platform fine. ``homes``: the addresses of a
    target that has some of its own, one in each round.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        noise: float = 0.1,
        line: float = 0.1,
        addresses: tuple[str, ...] = ADDRESSES,
        swaps: bool = True,
        decoys: bool = False,
        about: About | None = None,
        rules: tuple[Rule, ...] = RULES,
        controls: tuple[str, ...] = CONTROLS,
        vouched: bool = False,
    ) -> None:
        self.random = Random(seed)
        self.noise = noise
        self.line = line
        self.addresses = addresses
        self.swaps = swaps
        self.decoys = decoys
        self._about = about or about_x(controls=facts(controls))
        self.vouched = vouched
        self.controls = controls
        self.memory = Memory()
        self.act: Act = nothing
        self.verdicts: list[Verdict] = []
        self.bursts = 0
        self.spent = False
        self.homes: dict[str, tuple[str, ...]] = {}
        self.rules = rules
        self.now = START

    @property
    def about(self) -> About:
        """What is known when a round is judged."""
        if not self.vouched:
            return self._about
        return replace(self._about, references=(fine_outside(self.now),), has_references=True)

    @about.setter
    def about(self, known: About) -> None:
        self._about = known

    def run(self, rounds: int, kind: RoundKind = RoundKind.TRANSFER) -> Verdict:
        """Play ``rounds`` rounds with whatever the verdict asks for; the last verdict."""
        for _ in range(rounds):
            self.now += INTERVAL
            decision = decide(self.memory, self.a_round(kind), self.about, self.rules)
            self.memory = decision.memory
            while decision.plan is not None:
                self.bursts += 1
                decision = decide(self.memory, self.a_burst(decision.plan), self.about, self.rules)
                self.memory = decision.memory
            self.verdicts.append(decision.verdict)
        return self.verdicts[-1]

    def a_round(self, kind: RoundKind = RoundKind.TRANSFER) -> RoundObservation:
        """One ordinary round."""
        reads = {RoundKind.TRANSFER: READ, RoundKind.LONG: LONG_READ}.get(kind, 0)
        legs = [_leg(LegRole.TARGET, "page", 0), _leg(LegRole.TARGET, "object", reads)]
        if self.swaps:
            legs += [_leg(LegRole.SWAP, "page", 0), _leg(LegRole.SWAP, "object", reads)]
        if self.decoys:
            legs += [_leg(LegRole.DECOY, "page", 0), _leg(LegRole.DECOY, "object", reads)]
        first, second = self.random.sample(self.controls, 2)
        legs += [_control(first, reads), _control(second, 0)]
        return self._play(legs, kind, None)

    def a_burst(self, burst: Burst) -> RoundObservation:
        """The burst that was planned."""
        reads = burst.read_bytes
        legs = [_leg(LegRole.TARGET, burst.target, reads)] * burst.each
        if burst.with_swap and self.swaps:
            legs += [named(_leg(LegRole.SWAP, burst.target, reads), burst.fame)] * burst.each
        names = [name.partition("/")[0] for name in burst.controls]
        self.random.shuffle(names)
        legs += [_control(names[i % len(names)], reads) for i in range(burst.each)]
        return self._play(legs, RoundKind.BURST, burst)

    def _play(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        refused = burst is not None and self.spent
        state = exp(self.random.gauss(0.0, self.line))
        address = burst.address if burst and burst.address else self.random.choice(self.addresses)
        drawn = self.random.sample(legs, len(legs))
        return RoundObservation(
            id=f"{self.random.getrandbits(32):08x}",
            vantage="home",
            platform="x",
            kind=kind,
            family=Family.IPV4,
            started_at=self.now,
            duration_seconds=5.0,
            legs=tuple(
                self._observe(leg, order, address, state)
                for order, leg in enumerate(() if refused else drawn)
            ),
            skipped=tuple(SkippedLeg(leg=leg, reason="host_budget") for leg in drawn if refused),
            burst=burst,
        )

    def _observe(self, leg: Leg, order: int, address: str, state: float) -> LegObservation:
        own_address = {LegRole.CONTROL: leg.owner, LegRole.DECOY: BEACON}
        home = self.homes.get(leg.target, (address,))
        at = own_address.get(leg.role, home[int(self.now // INTERVAL) % len(home)])
        done = self.act(leg, at)
        own = exp(self.random.gauss(0.0, self.noise)) * state
        rtt = 0.02 * done.rtt
        phases = {
            Phase.CONNECT: rtt,
            Phase.TLS: 0.04 * own * done.handshake * done.rtt,
            Phase.PROCESSING: 0.02 * done.rtt + done.processing,
            Phase.TRANSFER: (leg.range_bytes / 1e6) * own * done.transfer * done.rtt,
        }
        failure, body = done.fails, leg.range_bytes
        if done.status:
            failure = Failure(phase=Phase.PROCESSING, reason="http_unexpected_status_code")
        elif failure is None and phases[Phase.TRANSFER] > DEADLINE:
            failure = Failure(phase=Phase.TRANSFER, reason="generic_timeout_error")
            body = int(body * DEADLINE / phases[Phase.TRANSFER])
            phases[Phase.TRANSFER] = DEADLINE
        reached = list(EVERY_LEG)
        if failure is not None:
            reached = reached[: reached.index(failure.phase) + 1]
        answered = Phase.TRANSFER in reached or bool(done.status)
        return LegObservation(
            leg=leg,
            order=order,
            started_at=self.now,
            duration_seconds=sum(phases.values()),
            clock=Clock.KERNEL,
            address=None if failure and failure.phase is Phase.RESOLVE else at,
            family=Family.IPV4,
            phases={phase: phases[phase] for phase in reached if phase in phases},
            failure=failure,
            tcp=TcpInfo(
                rtt_seconds=rtt * done.queued,
                min_rtt_seconds=rtt,
                out_of_order=done.lost,
                segments_in=None if done.lost is None else SEGMENTS,
                bytes_received=done.received,
            ),
            connect_rtt_seconds=rtt if Phase.TLS in reached else None,
            tls=done.tls
            or (
                TlsFacts(version="TLSv1.3", verify_error="")
                if Phase.PROCESSING in reached
                else None
            ),
            http=HttpFacts(version="2", status=done.status or 206, content_length=leg.range_bytes)
            if answered
            else None,
            body_bytes=body if Phase.TRANSFER in reached else None,
        )


def named(swap: Leg, fame: Fame) -> Leg:
    """``swap`` under a neutral name of this kind."""
    return replace(swap, fame=fame, sni=f"{fame.value or 'neutral'}.test")


def _leg(role: LegRole, target: str, reads: int) -> Leg:
    name = "neutral.test" if role is LegRole.SWAP else f"{target}.test"
    return Leg(
        role=role,
        owner="x",
        target=target,
        connect_to=f"{target}.test",
        port=443,
        url=f"https://{name}/",
        sni=name,
        certificate_name=name,
        compares=Compares.GOODPUT if reads else Compares.HANDSHAKE,
        min_bytes=reads,
        max_bytes=reads or 1_024,
        range_bytes=reads or 1_024,
    )


def _control(name: str, reads: int) -> Leg:
    host = f"{name}.test"
    return Leg(
        role=LegRole.CONTROL,
        owner=name,
        target="object",
        connect_to=host,
        port=443,
        url=f"https://{host}/",
        sni=host,
        certificate_name=host,
        operator=name,
        compares=Compares.GOODPUT if reads else Compares.HANDSHAKE,
        min_bytes=reads,
        max_bytes=reads or 1_024,
        range_bytes=reads or 1_024,
    )
