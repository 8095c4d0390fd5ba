"""Small values that many tests build on: legs and rounds with the numbers that matter given."""

from __future__ import annotations

from collections.abc import Sequence

from probe.model.failure import Failure
from probe.model.identity import EVERY_LEG, Compares, Family, LegRole, Phase, RoundKind
from probe.model.observation import (
    Clock,
    HttpFacts,
    Leg,
    LegObservation,
    RoundObservation,
    SkippedLeg,
    TlsFacts,
)


def declared(
    role: LegRole = LegRole.TARGET,
    *,
    owner: str = "x",
    target: str = "page",
    compares: Compares = Compares.GOODPUT,
    max_bytes: int = 65_536,
) -> Leg:
    """A leg to ``owner``'s ``target``."""
    return Leg(
        role=role,
        owner=owner,
        target=target,
        connect_to=f"{owner}.test",
        port=443,
        url=f"https://{owner}.test/{target}",
        sni=f"{owner}.test",
        certificate_name=f"{owner}.test",
        compares=compares,
        min_bytes=max_bytes,
        max_bytes=max_bytes,
        range_bytes=max_bytes,
    )


def observed(
    role: LegRole = LegRole.TARGET,
    *,
    owner: str = "x",
    target: str = "page",
    seconds: float = 1.0,
    connect: float = 0.02,
    tls: float = 0.04,
    processing: float = 0.0,
    rtt: float | None = 0.02,
    body: int | None = 65_536,
    status: int = 206,
    failure: Failure | None = None,
    compares: Compares = Compares.GOODPUT,
) -> LegObservation:
    """A leg that took ``seconds`` to transfer ``body`` bytes, and failed with ``failure``."""
    reached = list(EVERY_LEG)
    if failure is not None:
        reached = reached[: reached.index(failure.phase) + 1]
    durations = {
        Phase.RESOLVE: 0.001,
        Phase.CONNECT: connect,
        Phase.TLS: tls,
        Phase.PROCESSING: processing,
        Phase.TRANSFER: seconds,
    }
    answered = Phase.TRANSFER in reached or (failure is not None and "status" in failure.reason)
    return LegObservation(
        leg=declared(role, owner=owner, target=target, compares=compares),
        order=0,
        started_at=1_700_000_000.0,
        duration_seconds=sum(durations.values()),
        clock=Clock.KERNEL,
        address="192.0.2.1",
        family=Family.IPV4,
        phases={phase: durations[phase] for phase in reached},
        failure=failure,
        connect_rtt_seconds=rtt if Phase.TLS in reached else None,
        tls=TlsFacts(version="TLSv1.3") if Phase.PROCESSING in reached else None,
        http=HttpFacts(version="2", status=status, content_length=65_536) if answered else None,
        body_bytes=body if Phase.TRANSFER in reached else None,
    )


def failed(
    phase: Phase, reason: str, role: LegRole = LegRole.TARGET, **more: str
) -> LegObservation:
    """A leg that failed in ``phase``."""
    return observed(role, failure=Failure(phase=phase, reason=reason), **more)  # type: ignore[arg-type]


def a_round(
    *legs: LegObservation,
    skipped: Sequence[SkippedLeg] = (),
    clock_stepped: bool = False,
    kind: RoundKind = RoundKind.TRANSFER,
) -> RoundObservation:
    """A round of platform x from vantage default."""
    return RoundObservation(
        id="0",
        vantage="default",
        platform="x",
        kind=kind,
        family=Family.IPV4,
        started_at=1_700_000_000.0,
        duration_seconds=5.0,
        legs=legs,
        skipped=tuple(skipped),
        clock_stepped=clock_stepped,
    )
