"""A configuration with the default one's shape, and whole rounds as a healthy line would give."""

from __future__ import annotations

from collections.abc import Sequence

from probe.config.definition import Corner, Definition, Target
from probe.config.schema import Config, Settings
from probe.measure.objects.objects import ChosenObject
from probe.measure.one_round.legs import Endpoint, declare
from probe.model.failure import Failure
from probe.model.identity import EVERY_LEG, Compares, Family, Phase, RoundKind
from probe.model.observation import (
    HOLD_INTERVALS,
    Clock,
    DnsAnswer,
    DnsObservation,
    HttpFacts,
    Leg,
    LegObservation,
    RoundObservation,
    TcpInfo,
    TlsFacts,
)
from probe.model.verdict import State, Verdict

NOW = 1_700_000_000.0
READ_BYTES = 65_536


def target(name: str, host: str, *, read: bool = False, swap: str | None = None) -> Target:
    """An endpoint at ``host``: read for goodput, or only reached; ``swap``: the neutral name."""
    return Target(
        name=name,
        url=f"https://{host}/{name}",
        compares=Compares.GOODPUT if read else Compares.HANDSHAKE,
        min_bytes=READ_BYTES if read else 0,  # type: ignore[arg-type]
        swap=None if swap is None else Corner(why="test", sni=swap),
    )


def definition(name: str, *targets: Target, control: bool = False) -> Definition:
    """A platform or a control with these endpoints."""
    hosts = {t.url.split("/")[2] for t in targets if t.url}
    return Definition(
        name=name,
        title=name.capitalize(),
        why="test",
        hosts=tuple(sorted(hosts)),
        targets=targets,
        kind="control" if control else "platform",
        operator=f"{name}-operator" if control else "",
    )


PLATFORMS = (
    definition(
        "x",
        target("script", "abs.twimg.test", read=True, swap="neutral.test"),
        target("page", "x.test", swap="neutral.test"),
    ),
    definition(
        "facebook",
        target("script", "static.fbcdn.test", read=True),
        target("page", "www.facebook.test"),
    ),
    definition(
        "instagram",
        target("script", "static.cdninstagram.test", read=True),
        target("page", "www.instagram.test"),
    ),
    definition(
        "youtube",
        target("video", "googlevideo.test", read=True, swap="mirror.test"),
        target("script", "www.youtube.test", read=True, swap="www.gstatic.test"),
        target("redirector", "redirector.googlevideo.test"),
        target("image", "i.ytimg.test"),
    ),
)
CONTROLS = tuple(
    definition(name, target("object", f"{name}.test", read=True), control=True)
    for name in ("jquery", "debian", "python", "domestic")
)


def config(
    *,
    platforms: Sequence[Definition] = PLATFORMS,
    controls: Sequence[Definition] = CONTROLS,
    settings: Settings | None = None,
) -> Config:
    """The shape of the default configuration, or parts of it."""
    return Config(
        settings=Settings() if settings is None else settings,
        platforms=tuple(platforms),
        controls=tuple(controls),
    )


def leg_observed(leg: Leg, order: int = 0, failure: Failure | None = None) -> LegObservation:
    """What a healthy line sees of ``leg``, with every field that can be measured; or up to
    ``failure``."""
    phases = dict(zip(EVERY_LEG, (0.004, 0.021, 0.043, 0.065, 0.087), strict=True))
    reached = list(EVERY_LEG)
    if failure is not None:
        reached = reached[: reached.index(failure.phase) + 1]
    connected, secured = Phase.TLS in reached, Phase.PROCESSING in reached
    answered = Phase.TRANSFER in reached
    return LegObservation(
        leg=leg,
        order=order,
        started_at=NOW,
        duration_seconds=sum(phases[phase] for phase in reached),
        clock=Clock.KERNEL,
        address="192.0.2.7",
        family=Family.IPV4,
        phases={phase: phases[phase] for phase in reached},
        failure=failure,
        tcp=TcpInfo(rtt_seconds=0.03, min_rtt_seconds=0.02, retransmits=0) if connected else None,
        connect_rtt_seconds=0.021 if connected else None,
        tls=TlsFacts(version="TLSv1.3", certificate_not_after=NOW + 1e6, verify_error="")
        if secured
        else None,
        http=HttpFacts(version="2", status=206, content_length=leg.max_bytes) if answered else None,
        body_bytes=leg.max_bytes if answered else None,
        wire_bytes_sent=1_000,
        wire_bytes_received=leg.max_bytes + 5_000,
    )


def dns_observed(
    name: str, resolver: str = "system", transport: str = "udp", failure: str | None = None
) -> DnsObservation:
    """One answer, or the failure."""
    return DnsObservation(
        name=name,
        family=Family.IPV4,
        resolver=resolver,
        transport=transport,
        started_at=NOW,
        seconds=0.012,
        clock=Clock.KERNEL,
        answers=()
        if failure
        else (
            DnsAnswer(seconds=0.012, rcode="NOERROR", addresses=("192.0.2.7",), ttl_seconds=300),
        ),
        failure=Failure(phase=Phase.RESOLVE, reason=failure) if failure else None,
        wire_bytes_sent=60,
        wire_bytes_received=90,
    )


def legs_of(
    of: Config, platform: str, kind: RoundKind, controls: Sequence[str] | None = None
) -> tuple[Leg, ...]:
    """The legs that a round of ``platform`` declares, with these controls (``None``: all)."""
    chosen = [c for c in of.controls if controls is None or c.name in controls]
    own = next(p for p in of.platforms if p.name == platform)
    legs, _ = declare(
        [_endpoint(own, t) for t in own.targets],
        [_endpoint(c, t) for c in chosen for t in c.targets],
        kind,
        legs=of.settings.legs,
        beacon=of.settings.beacon,
    )
    return legs


def _endpoint(owner: Definition, of: Target) -> Endpoint:
    url = of.url or ""
    if of.discover is not None:
        url = f"https://{of.discover.hosts[0].replace('*', 'cache-7')}/found"
    size = max(int(of.min_bytes), READ_BYTES) if of.compares is Compares.GOODPUT else 0
    return Endpoint(definition=owner, target=of, object=ChosenObject(url=url, min_bytes=size))


def full_round(
    of: Config,
    platform: str = "x",
    *,
    vantage: str = "default",
    kind: RoundKind = RoundKind.TRANSFER,
    controls: Sequence[str] | None = None,
    failure: Failure | None = None,
    family: Family = Family.IPV4,
) -> RoundObservation:
    """A round in which everything was measured; ``failure`` befalls every leg of the platform."""
    legs = legs_of(of, platform, kind, controls)
    names = sorted({leg.connect_to for leg in legs})
    asked = [("system", "host"), ("system", "udp")]
    for resolver in of.settings.dns.resolvers:
        if resolver.address is not None:
            asked.append((resolver.name, "udp"))
        elif kind is not RoundKind.LIGHT:
            asked.append((resolver.name, "https"))
    return RoundObservation(
        id="1",
        vantage=vantage,
        platform=platform,
        kind=kind,
        family=family,
        started_at=NOW,
        duration_seconds=2.0,
        legs=tuple(
            leg_observed(leg, order, failure if leg.owner == platform else None)
            for order, leg in enumerate(legs)
        ),
        dns=tuple(dns_observed(name, *how) for name in names for how in asked),
        holds_seconds=HOLD_INTERVALS * float(of.settings.schedule.light),
    )


def verdict_of(
    observed: RoundObservation, state: State = State.OK, *, reason: str = "", sentence: str = ""
) -> Verdict:
    """A verdict on ``observed``."""
    return Verdict(
        vantage=observed.vantage,
        platform=observed.platform,
        state=state,
        rule_id="ok",
        sentence=sentence or f"{observed.platform.capitalize()}: reachable.",
        at=NOW,
        since=NOW - 600.0,
        reason=reason,
        holds_seconds=observed.holds_seconds,
    )
