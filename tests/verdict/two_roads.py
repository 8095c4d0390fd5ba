"""The small country with two transports: each round has legs over TCP and over QUIC."""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Compares, LegRole, Phase, RoundKind
from probe.model.observation import Leg, LegObservation, QuicInfo, RoundObservation
from probe.verdict.about import Lane, TargetFacts
from tests.verdict.country import CONTROLS, Act, Country, about_x, facts, nothing

QUIC = "quic"
UNANSWERED = "generic_timeout_error"
SPEAK_QUIC = ("debian", "jquery", "kernel")
DROPPED = Failure(phase=Phase.TLS, reason=UNANSWERED)
"""The handshake is not answered, and the packet without a name is."""
SILENT = Failure(phase=Phase.CONNECT, reason=UNANSWERED)
"""Nor is that."""


class TwoRoads(Country):
    """``quic`` is what is done to legs over QUIC, ``act`` to those over TCP. ``with_swap``: the
    platform's server answers a neutral name over QUIC."""

    def __init__(
        self,
        seed: int = 1,
        *,
        vouched: bool = False,
        with_swap: bool = True,
        speak: tuple[str, ...] = SPEAK_QUIC,
    ) -> None:
        swap = Compares.GOODPUT if with_swap else None
        lane = Lane(
            prober=QUIC,
            over="over QUIC",
            targets=(TargetFacts(name="object", host="object.test", swap=swap),),
            controls=facts(speak),
        )
        super().__init__(
            seed, vouched=vouched, about=about_x(controls=facts(CONTROLS), lanes=(lane,))
        )
        self.speak = speak
        self.quic: Act = nothing
        self.with_swap = with_swap
        self.quic_bursts = 0
        self.beside = True

    def a_round(self, kind: RoundKind = RoundKind.TRANSFER) -> RoundObservation:
        made = super().a_round(kind)
        if not self.beside:
            return made
        own = [leg.leg for leg in made.legs if leg.leg.target == "object"]
        legs = [
            leg
            for leg in own
            if leg.role is LegRole.TARGET or (leg.role is LegRole.SWAP and self.with_swap)
        ]
        controls = {leg.owner: leg for leg in own if leg.role is LegRole.CONTROL}
        other = next(iter(controls.values()))
        for name in self.random.sample(self.speak, min(2, len(self.speak))):
            host = f"{name}.test"
            legs.append(
                replace(other, owner=name, operator=name, connect_to=host, sni=host,
                        compares=legs[0].compares, max_bytes=legs[0].max_bytes,
                        range_bytes=legs[0].range_bytes, min_bytes=legs[0].min_bytes)
            )  # fmt: skip
        return replace(made, beside=self._over_quic(legs, made.kind, None).beside)

    def a_burst(self, burst: Burst) -> RoundObservation:
        if burst.prober != QUIC:
            return super().a_burst(burst)
        self.quic_bursts += 1
        usual, swaps = self.act, self.swaps
        self.act, self.swaps = self.quic, self.with_swap
        made = super().a_burst(burst)
        self.act, self.swaps = usual, swaps
        legs = tuple(map(_as_quic, made.legs))
        skipped = tuple(replace(one, leg=replace(one.leg, prober=QUIC)) for one in made.skipped)
        return replace(made, legs=(), beside=legs, skipped=skipped)

    def _over_quic(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        usual, self.act = self.act, self.quic
        made = self._play(legs, kind, burst)
        self.act = usual
        return replace(made, legs=(), beside=tuple(map(_as_quic, made.legs)))


def _as_quic(seen: LegObservation) -> LegObservation:
    """What a leg would be over QUIC: no phase for the connection, and no word of the kernel's."""
    failed = seen.failure
    keeps = failed is not None and failed.phase is Phase.CONNECT
    phases = {p: s for p, s in seen.phases.items() if p is not Phase.CONNECT or keeps}
    return replace(
        seen,
        leg=replace(seen.leg, prober=QUIC),
        phases=phases,
        tcp=None,
        quic=QuicInfo(bytes_received=0 if failed is not None else 5_000),
    )
