"""The small country in which each round sends as well as reads."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from probe.config.probers import BY_NAME
from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Compares, LegRole, Phase, RoundKind
from probe.model.observation import HttpFacts, Leg, LegObservation, RoundObservation, UploadInfo
from probe.observe.effort import TIMEOUT
from probe.verdict.about import Lane, TargetFacts
from tests.verdict.country import CONTROLS, DEADLINE, Act, Country, about_x, facts, nothing

UPLOAD = "upload"
Manner = Callable[[LegObservation], LegObservation]
"""What a far end does with a body, whatever the way did."""
HEADS = 800
TAKE_BODIES = ("debian", "jquery", "kernel")


def takes(seen: LegObservation) -> LegObservation:
    """It takes what is sent."""
    return seen


class BothWays(Country):
    """``up`` is what is done to uploads, ``act`` to what comes down; ``manner`` what a server does
    with a body. ``with_swap``: the platform's server takes bodies under a neutral name, too."""

    def __init__(self, seed: int = 1, *, with_swap: bool = True, vouched: bool = False) -> None:
        lane = Lane(
            prober=UPLOAD,
            over=BY_NAME[UPLOAD].about,
            direction="up",
            targets=(
                TargetFacts(
                    name="object",
                    host="object.test",
                    reads=True,
                    swap=Compares.GOODPUT if with_swap else None,
                ),
            ),
            controls=facts(TAKE_BODIES),
        )
        known = about_x(controls=facts(CONTROLS), lanes=(lane,))
        super().__init__(seed, about=known, vouched=vouched)
        self.up: Act = nothing
        self.manner: Manner = takes
        self.with_swap = with_swap
        self.uploads = True
        self.upload_bursts = 0

    def a_round(self, kind: RoundKind = RoundKind.TRANSFER) -> RoundObservation:
        made = super().a_round(kind)
        if not self.uploads:
            return made
        own = [leg.leg for leg in made.legs if leg.leg.target == "object"]
        roles = (LegRole.TARGET, LegRole.SWAP) if self.with_swap else (LegRole.TARGET,)
        legs = [leg for leg in own if leg.role in roles]
        size = legs[0].range_bytes
        other = next(leg for leg in own if leg.role is LegRole.CONTROL)
        for name in self.random.sample(TAKE_BODIES, 2):
            host = f"{name}.test"
            named = replace(other, owner=name, operator=name, connect_to=host, sni=host)
            legs.append(replace(named, max_bytes=size, range_bytes=size))
        return replace(made, beside=self._sent(legs, kind, None).beside)

    def a_burst(self, burst: Burst) -> RoundObservation:
        if burst.prober != UPLOAD:
            return super().a_burst(burst)
        self.upload_bursts += 1
        usual, swaps = self.act, self.swaps
        self.act, self.swaps = self.up, self.with_swap
        made = super().a_burst(burst)
        self.act, self.swaps = usual, swaps
        return replace(made, legs=(), beside=tuple(map(self._as_upload, made.legs)))

    def _sent(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        usual, self.act = self.act, self.up
        made = self._play(legs, kind, burst)
        self.act = usual
        return replace(made, legs=(), beside=tuple(map(self._as_upload, made.legs)))

    def _as_upload(self, seen: LegObservation) -> LegObservation:
        """What a leg that read would be if it had sent as much."""
        size = seen.leg.max_bytes
        leg = replace(
            seen.leg,
            prober=UPLOAD,
            compares=Compares.HANDSHAKE,
            min_bytes=0,
            range_bytes=0,
            send_bytes=size,
        )
        whole = size + HEADS
        seconds = seen.phases.get(Phase.TRANSFER, DEADLINE)
        failed = seen.failure
        # A failure that was asked for leaves nothing; our deadline a part.
        part = seen.body_bytes or 0
        acked = 0 if failed is not None and part >= size else round(whole * part / size)
        if failed is not None and failed.reason == TIMEOUT:
            failed = Failure(phase=Phase.TRANSFER, reason=TIMEOUT)
        made = replace(
            seen,
            leg=leg,
            phases={**seen.phases, Phase.TRANSFER: seconds},
            failure=failed,
            http=HttpFacts(version="1.1", status=200) if failed is None else None,
            body_bytes=None,
            upload=UploadInfo(whole_bytes=whole, acked_bytes=acked, seconds=seconds or None),
        )
        return self.manner(made)
