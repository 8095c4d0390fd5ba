"""What hits several platforms in the same minutes, or one of them while something else is wrong."""

from __future__ import annotations

from probe.model.verdict import Method, Signature, SlowPhase, State, Trigger
from scenarios.blocks import blocked
from scenarios.model import (
    ACCUSING,
    CutOff,
    DnsForged,
    DnsLie,
    Expectation,
    HelloDropped,
    Policed,
    Range,
    Resolvers,
    Restricted,
    Scenario,
    Whom,
)
from scenarios.rows import Row
from scenarios.throttling import (
    ADDRESSED,
    ALL_PLATFORMS,
    BBS490,
    DESIGN,
    KIB,
    KILOBIT,
    NETBLOCKS,
    OK,
    X_HOSTS,
    X_NAMES,
    YOUTUBE_HOSTS,
    impaired,
    throttled,
)

FROZEN = (CutOff(after_bytes=Range(16_000, 20_000)),)
META_HOSTS = (
    "www.facebook.com",
    "static.xx.fbcdn.net",
    "connect.facebook.net",
    "www.instagram.com",
    "static.cdninstagram.com",
)
# The others are well, and nothing is to be said of them.
WELL = (*ACCUSING, State.IMPAIRED, State.DEGRADED)
# Until some controls have been met twice only what is slower by far is seen; silence is.
CALM_ROUNDS = 10
CALM_ROUNDS_OF_FROZEN = 5

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        id="all-frozen",
        name="silence after 16-20 KB from the addresses of all four, in the same minute",
        rows=(Row.AT_ONCE,),
        source=f"{NETBLOCKS}; {BBS490}",
        platforms=ALL_PLATFORMS,
        alternatives=(
            (Restricted(whom=Whom(hosts=(*X_HOSTS, *META_HOSTS, *YOUTUBE_HOSTS)), effects=FROZEN),),
        ),
        expect=(
            Expectation(
                # Three operators' servers do not fall silent in the same minutes by themselves.
                said=throttled(
                    *ADDRESSED, signatures=(Signature.CUTOFF,), phases=(SlowPhase.TRANSFER,)
                ),
                within_rounds=6,
            ),
        ),
        calm_rounds=CALM_ROUNDS_OF_FROZEN,
    ),
    Scenario(
        id="one-frozen",
        name="silence after 16-20 KB from X's addresses alone; the three others are well",
        rows=(Row.AT_ONCE,),
        source=BBS490,
        platforms=ALL_PLATFORMS,
        alternatives=((Restricted(whom=Whom(hosts=X_HOSTS), effects=FROZEN),),),
        expect=(
            Expectation(
                platforms=("x",),
                said=impaired(signatures=(Signature.CUTOFF,), phases=(SlowPhase.TRANSFER,)),
                within_rounds=6,
                never=ACCUSING,
            ),
            Expectation(platforms=ALL_PLATFORMS[1:], said=(OK,), within_rounds=2, never=WELL),
        ),
        calm_rounds=CALM_ROUNDS_OF_FROZEN,
        note="Nobody looks from outside.",
    ),
    Scenario(
        id="two-mechanisms",
        name="X's ClientHello never arrives, YouTube's videos are policed by name",
        rows=(Row.AT_ONCE,),
        source=DESIGN,
        platforms=("x", "youtube"),
        alternatives=(
            (
                Restricted(whom=Whom(names=X_NAMES), effects=(HelloDropped(),)),
                Restricted(
                    whom=Whom(names=(".googlevideo.com",)),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(100 * KILOBIT, 150 * KILOBIT),
                            burst_bytes=Range(4 * KIB, 16 * KIB),
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(platforms=("x",), said=blocked(Method.TLS), within_rounds=4),
            Expectation(
                platforms=("youtube",),
                said=throttled(Trigger.NAME, Trigger.UNKNOWN),
                within_rounds=5,
            ),
        ),
        calm_rounds=CALM_ROUNDS,
    ),
    Scenario(
        id="throttled-while-resolvers-hang",
        name="YouTube's videos are policed by name while every resolver but the host's is silent",
        rows=(Row.AT_ONCE,),
        source=DESIGN,
        platforms=("youtube",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(),
                    effects=(DnsForged(lie=DnsLie.NOTHING, resolvers=Resolvers.OTHERS),),
                ),
                Restricted(
                    whom=Whom(names=(".googlevideo.com",)),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(100 * KILOBIT, 150 * KILOBIT),
                            burst_bytes=Range(4 * KIB, 16 * KIB),
                        ),
                    ),
                ),
            ),
        ),
        expect=(Expectation(said=throttled(Trigger.NAME, Trigger.UNKNOWN), within_rounds=5),),
        calm_rounds=CALM_ROUNDS,
        note="Public resolvers may be blocked on the same day; a look-up that hangs holds nobody.",
    ),
)
