"""A made-up history: rounds and verdicts of some vantages over any time, with one event in it.

Everything is drawn from a seed, so the same call gives the same rounds. Numbers are those of an
ordinary line (a log-normal goodput with an evening dip) and, during the event, of a policer at
128 kbit/s that acts on the platforms' names, as Russia's did in 2021 (docs/method.md). The verdicts
are written, not judged: this is a source of values for exports, reports and pages, and no test of
the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, exp, pi
from random import Random

from msgspec import Struct

from probe.model.failure import Failure
from probe.model.identity import (
    Access,
    Compares,
    Family,
    LegRole,
    Phase,
    Role,
    RoundKind,
    Vantage,
)
from probe.model.observation import (
    Clock,
    DnsAnswer,
    DnsObservation,
    HttpFacts,
    Leg,
    LegObservation,
    RoundObservation,
    Sample,
    TcpInfo,
    TlsFacts,
)
from probe.model.stored import StoredRound
from probe.model.verdict import Evidence, Signature, SlowPhase, State, Trigger, Verdict

DAY = 86_400.0
# 15 January 2026, a Thursday, 00:00 UTC; the event is on the sixth day.
WEEK = 1_768_435_200.0
ONSET = WEEK + 5 * DAY + 13 * 3_600.0 + 40 * 60.0
END = ONSET + 8.5 * 3_600.0
READ_BYTES = 65_536
POLICED_BYTES_PER_SECOND = 15_500.0
USUAL_BYTES_PER_SECOND = 388_000.0  # what a read at home comes at, its waits included
TITLES = {"x": "X", "facebook": "Facebook", "instagram": "Instagram", "youtube": "YouTube"}
VANTAGES = (
    Vantage(name="home", country="ZZ", asn=64_501, access=Access.FIXED),
    Vantage(name="phone", country="ZZ", asn=64_502, access=Access.MOBILE),
    Vantage(name="office", country="ZZ", asn=64_503, access=Access.FIXED),
    Vantage(name="vps", country="ZZ", asn=64_504, access=Access.HOSTING),
    Vantage(name="abroad", country="DE", asn=64_510, access=Access.HOSTING, role=Role.REFERENCE),
)


class Line(Struct, frozen=True, kw_only=True):
    """How a vantage's line is: its goodput and round trip, how late the event reaches it (``None``:
    never), and when it had trouble of its own (from, to, state)."""

    bytes_per_second: float
    rtt_seconds: float
    late_seconds: float | None = None
    trouble: tuple[tuple[float, float, State], ...] = ()


LINES = {
    "home": Line(bytes_per_second=900_000.0, rtt_seconds=0.062, late_seconds=0.0),
    "phone": Line(
        bytes_per_second=420_000.0,
        rtt_seconds=0.085,
        late_seconds=240.0,
        trouble=((WEEK + 2 * DAY + 68_000.0, WEEK + 2 * DAY + 77_000.0, State.DEGRADED),),
    ),
    "office": Line(
        bytes_per_second=1_400_000.0,
        rtt_seconds=0.058,
        late_seconds=660.0,
        trouble=((WEEK + 3 * DAY + 9_000.0, WEEK + 3 * DAY + 23_000.0, State.OFFLINE),),
    ),
    "vps": Line(bytes_per_second=6_000_000.0, rtt_seconds=0.041),
    "abroad": Line(bytes_per_second=9_000_000.0, rtt_seconds=0.018),
}


def history(
    start: float = WEEK,
    end: float = WEEK + 7 * DAY,
    *,
    vantages: Sequence[Vantage] = VANTAGES,
    platforms: Sequence[str] = tuple(TITLES),
    event: tuple[float, float] | None = (ONSET, END),
    light_seconds: float = 300.0,
    transfer_every: int = 3,
    seed: int = 1,
) -> Iterator[StoredRound]:
    """Rounds in the order of time, of every vantage and platform, on a grid of ``light_seconds``;
    each ``transfer_every``-th reads bodies."""
    random = Random(seed)
    turns = int((end - start) / light_seconds)
    slots = [(v, p) for v in vantages for p in platforms]
    for turn in range(turns):
        kind = RoundKind.LIGHT if turn % transfer_every else RoundKind.TRANSFER
        for place, (vantage, platform) in enumerate(slots):
            at = start + (turn + place / len(slots)) * light_seconds
            yield _round(random, vantage, platform, kind, at, event, number=turn * 1000 + place)


def _round(
    random: Random,
    vantage: Vantage,
    platform: str,
    kind: RoundKind,
    at: float,
    event: tuple[float, float] | None,
    number: int,
) -> StoredRound:
    line = LINES[vantage.name]
    span = None
    if event is not None and line.late_seconds is not None:
        span = (event[0] + line.late_seconds, event[1] + 0.5 * line.late_seconds)
    policed = span is not None and span[0] <= at < span[1]
    trouble = next((s for a, b, s in line.trouble if a <= at < b), None)
    legs = _legs(random, line, platform, kind, at, policed, trouble)
    observed = RoundObservation(
        id=f"{number:016x}",
        vantage=vantage.name,
        platform=platform,
        kind=kind,
        family=Family.IPV4,
        started_at=at,
        duration_seconds=sum(leg.duration_seconds for leg in legs),
        legs=legs,
        dns=(
            DnsObservation(
                name=f"www.{platform}.example",
                family=Family.IPV4,
                resolver="system",
                transport="udp",
                started_at=at,
                seconds=0.021,
                clock=Clock.KERNEL,
                answers=(
                    DnsAnswer(
                        seconds=0.021, rcode="NOERROR", addresses=("192.0.2.7",), ttl_seconds=300
                    ),
                ),
            ),
        ),
    )
    return StoredRound(observed=observed, verdict=_verdict(observed, span, trouble))


def _legs(
    random: Random,
    line: Line,
    platform: str,
    kind: RoundKind,
    at: float,
    policed: bool,
    trouble: State | None,
) -> tuple[LegObservation, ...]:
    hour = (at % DAY) / 3_600.0
    evening = 1.0 - 0.35 * (1.0 + cos(2 * pi * (hour - 17.0) / 24.0)) / 2.0
    pace = line.bytes_per_second * evening * exp(random.gauss(0.0, 0.18))
    if trouble is State.DEGRADED:
        pace *= 0.06
    declared = [
        _declare(LegRole.TARGET, platform, "script", Compares.GOODPUT),
        _declare(LegRole.TARGET, platform, "page", Compares.HANDSHAKE),
        _declare(LegRole.SWAP, platform, "script", Compares.GOODPUT),
        _declare(LegRole.CONTROL, "debian", "object", Compares.GOODPUT),
        _declare(LegRole.CONTROL, "jquery", "object", Compares.HANDSHAKE),
    ]
    random.shuffle(declared)
    made, now = [], at
    for order, leg in enumerate(declared):
        slowed = policed and leg.role is LegRole.TARGET
        if trouble is State.OFFLINE:
            one = _dead(leg, order, now)
        else:
            one = _alive(random, leg, order, now, kind, pace, line.rtt_seconds, slowed)
        made.append(one)
        now += one.duration_seconds
    return tuple(made)


def _declare(role: LegRole, owner: str, target: str, compares: Compares) -> Leg:
    host = f"www.{owner}.example"
    name = "neutral.example" if role is LegRole.SWAP else host
    return Leg(
        role=role,
        owner=owner,
        target=target,
        connect_to=host,
        port=443,
        url=f"https://{name}/{target}",
        sni=name,
        certificate_name=name,
        compares=compares,
        operator="" if role is not LegRole.CONTROL else f"{owner}-operator",
        min_bytes=READ_BYTES,
        max_bytes=READ_BYTES,
    )


def _dead(leg: Leg, order: int, at: float) -> LegObservation:
    return LegObservation(
        leg=leg,
        order=order,
        started_at=at,
        duration_seconds=5.0,
        clock=Clock.KERNEL,
        address="192.0.2.7",
        family=Family.IPV4,
        phases={Phase.CONNECT: 5.0},
        failure=Failure(phase=Phase.CONNECT, reason="generic_timeout_error"),
    )


def _alive(
    random: Random,
    leg: Leg,
    order: int,
    at: float,
    kind: RoundKind,
    pace: float,
    rtt: float,
    slowed: bool,
) -> LegObservation:
    rtt *= exp(abs(random.gauss(0.0, 0.08)))
    tls = rtt * 1.1 + (0.32 * exp(random.gauss(0.0, 0.1)) if slowed else 0.0)
    read = kind is not RoundKind.LIGHT and leg.compares is Compares.GOODPUT
    size = READ_BYTES if read else 1_024
    rate = pace * exp(random.gauss(0.0, 0.12))
    if slowed:
        rate = min(rate, POLICED_BYTES_PER_SECOND * exp(random.gauss(0.0, 0.05)))
    transfer = size / rate
    processing = rtt * 1.2
    steps = 12 if read else 1
    return LegObservation(
        leg=leg,
        order=order,
        started_at=at,
        duration_seconds=rtt + tls + processing + transfer,
        clock=Clock.KERNEL,
        address="192.0.2.7" if leg.role is not LegRole.CONTROL else "198.51.100.7",
        family=Family.IPV4,
        phases={
            Phase.CONNECT: rtt,
            Phase.TLS: tls,
            Phase.PROCESSING: processing,
            Phase.TRANSFER: transfer,
        },
        connect_rtt_seconds=rtt,
        tcp=TcpInfo(rtt_seconds=rtt * 1.1, min_rtt_seconds=rtt, retransmits=0, out_of_order=0),
        tls=TlsFacts(version="TLSv1.3", alpn="h2", cipher="TLS_AES_128_GCM_SHA256"),
        http=HttpFacts(version="2", status=206, content_length=size),
        body_bytes=size,
        curve=tuple(
            Sample(processing + transfer * (i + 1) / steps, size * (i + 1) // steps)
            for i in range(steps)
        ),
        wire_bytes_sent=1_900,
        wire_bytes_received=size + 5_200,
    )


def _verdict(
    observed: RoundObservation, span: tuple[float, float] | None, trouble: State | None
) -> Verdict:
    """What is said of the round: throttling from the third round on, and two rounds too long, as
    a sequential test does."""
    at, platform = observed.started_at, observed.platform
    title = TITLES.get(platform, platform)
    common = {"vantage": observed.vantage, "platform": platform, "at": at}
    if trouble is State.OFFLINE:
        return Verdict(
            **common,  # type: ignore[arg-type]
            state=State.OFFLINE,
            rule_id="offline",
            sentence=f"{title}: no control answers; this line is offline.",
            since=at,
        )
    if trouble is State.DEGRADED:
        return Verdict(
            **common,  # type: ignore[arg-type]
            state=State.DEGRADED,
            rule_id="degraded",
            sentence=f"{title}: the whole line is slow, controls included.",
            since=at,
        )
    if span is not None and span[0] + 600.0 <= at < span[1] + 600.0:
        factor = USUAL_BYTES_PER_SECOND / POLICED_BYTES_PER_SECOND
        return Verdict(
            **common,  # type: ignore[arg-type]
            state=State.THROTTLED,
            rule_id="throttled.name",
            rules_version=1,
            sentence=f"{title}: slower than its own past and than the controls; "
            "another name at the same address is not.",
            since=span[0],
            provisional=False,
            trigger=Trigger.NAME,
            signature=Signature.POLICER,
            phase=SlowPhase.BOTH,
            direction="down",
            factor=factor,
            e_value=4.2e6,
            target="script",
            tested_bytes=READ_BYTES,
            may_claim=(
                f"{title} was slower than the controls measured with it, by more than chance "
                "explains.",
                "The platform's name in the connection sets it off: another name at the same "
                "address was fast.",
            ),
            may_not_claim=("Who did it, or why.",),
            evidence=(
                Evidence(
                    name="goodput_bytes_per_second",
                    subject="target script",
                    value=POLICED_BYTES_PER_SECOND,
                    versus="control debian/object",
                    reference=USUAL_BYTES_PER_SECOND,
                ),
            ),
        )
    return Verdict(
        **common,  # type: ignore[arg-type]
        state=State.OK,
        rule_id="ok",
        sentence=f"{title}: as fast as the controls.",
        since=at,
        provisional=False,
        tested_bytes=READ_BYTES,
    )
