"""Throttling as it has been seen, and its relatives that the history does not name but allows."""

from __future__ import annotations

from msgspec import structs

from probe.model.verdict import Signature, SlowPhase, State, Trigger
from scenarios.model import (
    ABROAD,
    ACCUSING,
    EVERY,
    NEIGHBOUR,
    CutOff,
    Delayed,
    Expectation,
    Lossy,
    Policed,
    Range,
    Restricted,
    Said,
    Scenario,
    Scope,
    Shaped,
    Whom,
    exactly,
)
from scenarios.rows import Row

KIB = 1024
KILOBIT = 1_000
X_NAMES = (".x.com", ".twitter.com", ".twimg.com", "t.co")
X_HOSTS = ("x.com", "abs.twimg.com", "platform.x.com")
YOUTUBE_HOSTS = (
    "google.com",
    "test.googlevideo.com",
    "redirector.googlevideo.com",
    "www.youtube.com",
    "i.ytimg.com",
)
META_NAMES = (".facebook.com", ".fbcdn.net", ".facebook.net", ".instagram.com", ".cdninstagram.com")
ALL_NAMES = (*X_NAMES, *META_NAMES, ".youtube.com", ".googlevideo.com", ".ytimg.com")
ALL_PLATFORMS = ("x", "facebook", "instagram", "youtube")

IMC21 = "Xue et al., Throttling Twitter, IMC '21, doi:10.1145/3487552.3487858"
MTS = "OONI measurement quoted in ntc.party/t/1724 (2022-02)"
BBS382 = "net4people/bbs#382; Meduza 2024-08-06"
RELAY320 = "MasterHttpRelayVPN-RUST#320 (Iran, 2026-04)"
BBS490 = "Cloudflare blog 2025-06-26; net4people/bbs#490"
TURKCELL = "ntc.party/t/3471 (2022-11)"
OONI_TURKEY = "OONI, 2025-turkiye-throttling-social-media"
ANDERSON = "Anderson, Dimming the Internet, arXiv:1306.4361"
OONI_QA = "ooni/probe-cli, internal/webconnectivityqa/throttling.go"
NETBLOCKS = "NetBlocks, via the press, 2024-01-07 and 2024-01-20"
DESIGN = "no single event: what the events above do not rule out"

# The fast losses of a policer and random loss look alike to a receiver of 64 KiB.
DROPS = (Signature.POLICER, Signature.LOSS)
OK = Said(state=State.OK)
LARGE_QUEUE = Range(64 * KIB, 256 * KIB)


def throttled(
    *triggers: Trigger,
    signatures: tuple[Signature, ...] = (),
    phases: tuple[SlowPhase, ...] = (),
    severe: bool | None = None,
) -> tuple[Said, ...]:
    """It is throttling, by one of the triggers (none given: whichever)."""
    return (
        Said(
            state=State.THROTTLED,
            triggers=triggers,
            signatures=signatures,
            phases=phases,
            severe=severe,
        ),
    )


def impaired(
    *, signatures: tuple[Signature, ...] = (), phases: tuple[SlowPhase, ...] = ()
) -> tuple[Said, ...]:
    """It is slow here, and from here nothing rules out that it is everywhere."""
    return (Said(state=State.IMPAIRED, signatures=signatures, phases=phases),)


NAMED = (Trigger.NAME, Trigger.UNKNOWN)
ADDRESSED = (Trigger.ADDRESS, Trigger.UNKNOWN)
IN_TRANSFER = (SlowPhase.TRANSFER, SlowPhase.BOTH)
IN_HANDSHAKE = (SlowPhase.HANDSHAKE, SlowPhase.BOTH)
# What a vantage outside must say meanwhile.
FINE_ABROAD = Expectation(
    vantage=ABROAD, said=(OK,), within_rounds=2, never=ACCUSING, recovers_within_rounds=None
)

_SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        id="russia-2021-twitter",
        name="X policed to 130-150 kbit/s per flow by name, both ways",
        rows=(Row.RUSSIA_2021_TWITTER,),
        source=IMC21,
        platforms=("x",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=X_NAMES),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(130 * KILOBIT, 150 * KILOBIT),
                            burst_bytes=Range(8 * KIB, 24 * KIB),
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                # X's object has no swap, so only a vantage outside rules out X's own trouble.
                said=throttled(*NAMED, signatures=(*DROPS, Signature.UNKNOWN), phases=IN_TRANSFER),
                within_rounds=5,
            ),
            FINE_ABROAD,
        ),
        abroad=True,
    ),
    Scenario(
        id="russia-2022-mts",
        name="X so slow that the TLS handshake dies: about 1 KB in 10 s",
        rows=(Row.RUSSIA_2022_MTS,),
        source=MTS,
        platforms=("x",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=X_NAMES),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(1 * KILOBIT, 3 * KILOBIT),
                            burst_bytes=Range(1_600, 2_400),
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                # A handshake that dies of slowness is throttled, not blocked.
                said=throttled(*NAMED, phases=IN_HANDSHAKE, severe=True),
                within_rounds=5,
            ),
        ),
    ),
    Scenario(
        id="russia-2024-youtube",
        name="googlevideo.com policed to about 128 kbit/s by name, no burst; pages untouched",
        rows=(Row.RUSSIA_2024_YOUTUBE,),
        source=BBS382,
        platforms=("youtube", "x"),
        neighbour=True,
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=(".googlevideo.com",)),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(110 * KILOBIT, 150 * KILOBIT),
                            burst_bytes=Range(3_000, 6_000),
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                platforms=("youtube",),
                # Whichever target is proven first: the video has a swap, the redirector none.
                said=throttled(*NAMED, signatures=(*DROPS, Signature.UNKNOWN)),
                within_rounds=3,
            ),
            Expectation(
                platforms=("x",),
                said=(OK,),
                within_rounds=3,
                never=(State.THROTTLED, State.BLOCKED, State.DEGRADED),
            ),
            Expectation(
                vantage=NEIGHBOUR,
                said=(OK,),
                within_rounds=3,
                never=(State.THROTTLED, State.BLOCKED, State.DEGRADED),
            ),
        ),
        note="Uneven by network: the neighbour is on another one. QUIC (about 512 kbit/s) is not "
        "measured.",
    ),
    Scenario(
        id="russia-2025-cutoff",
        name="silence after 16-20 KB from the platform's addresses, no reset",
        rows=(Row.RUSSIA_2025_CUTOFF,),
        source=BBS490,
        platforms=("youtube",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=YOUTUBE_HOSTS),
                    effects=(CutOff(after_bytes=Range(16_000, 20_000)),),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=impaired(signatures=(Signature.CUTOFF,), phases=(SlowPhase.TRANSFER,)),
                within_rounds=5,
                never=ACCUSING,
            ),
        ),
        note="YouTube here, because its swap reads as much as its target; the original met "
        "Cloudflare's ranges. By address, and nobody looks from outside.",
    ),
    Scenario(
        id="russia-2025-cutoff-x",
        name="silence after 16-20 KB from X's addresses, no reset",
        rows=(Row.RUSSIA_2025_CUTOFF,),
        source=BBS490,
        platforms=("x",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=X_HOSTS),
                    effects=(CutOff(after_bytes=Range(16_000, 20_000)),),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=throttled(*ADDRESSED, signatures=(Signature.CUTOFF,), severe=True),
                within_rounds=6,
            ),
            FINE_ABROAD,
        ),
        abroad=True,
        note="X's swap compares handshakes only, which a cut-off after 16 KB does not meet.",
    ),
    Scenario(
        id="turkcell-2022",
        name="once a name is seen, everything between client and that address is slow",
        rows=(Row.TURKEY_2022_TURKCELL,),
        source=TURKCELL,
        platforms=("youtube", "facebook"),
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=ALL_NAMES, lasting=True),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(100 * KILOBIT, 200 * KILOBIT),
                            burst_bytes=Range(8 * KIB, 24 * KIB),
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                # The swap is slow at an address that has seen the name: that is no address trigger.
                said=throttled(*NAMED),
                within_rounds=5,
            ),
        ),
        note="Two of the five platforms, to be done in time.",
    ),
    Scenario(
        id="turkey-2025-handshake",
        name="TLS handshakes with x.com and twitter.com far slower than with other names",
        rows=(Row.TURKEY_2025_HANDSHAKE,),
        source=OONI_TURKEY,
        platforms=("x",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=X_NAMES),
                    effects=(Delayed(round_trip_seconds=Range(0.8, 2.5)),),
                ),
            ),
            (
                Restricted(
                    whom=Whom(names=X_NAMES),
                    effects=(
                        Shaped(
                            rate_bits_per_second=Range(16 * KILOBIT, 40 * KILOBIT),
                            queue_bytes=LARGE_QUEUE,
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=throttled(
                    *NAMED,
                    signatures=(Signature.DELAY, Signature.SHAPER, Signature.UNKNOWN),
                    phases=IN_HANDSHAKE,
                ),
                within_rounds=4,
            ),
        ),
        note="OONI published times, not a mechanism: a delay, or a queue in front of a slow link.",
    ),
    Scenario(
        id="iran-2011-generalised",
        name="every flow's goodput down by 69-77 % or more, round trips not in proportion",
        rows=(Row.IRAN_2011_GENERALISED,),
        source=ANDERSON,
        platforms=("x",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=(EVERY,)),
                    effects=(
                        Shaped(
                            rate_bits_per_second=Range(250 * KILOBIT, 500 * KILOBIT),
                            queue_bytes=Range(8 * KIB, 16 * KIB),
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                # Never called targeted. Over a few rounds it may not be told from a bad hour.
                said=(
                    Said(state=State.DEGRADED),
                    Said(state=State.UNKNOWN),
                ),
                within_rounds=6,
                never=(State.THROTTLED, State.BLOCKED),
            ),
        ),
        # Seven controls take turns, and a slow line is known by how fast each of them was.
        calm_rounds=20,
    ),
    Scenario(
        id="ooni-qa-throttler",
        name="+300 ms and 10 % loss on the name",
        rows=(Row.OONI_QA,),
        source=OONI_QA,
        platforms=("youtube",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=(".googlevideo.com", ".youtube.com", ".ytimg.com")),
                    effects=(
                        Delayed(round_trip_seconds=exactly(0.3)),
                        Lossy(probability=exactly(0.10)),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=throttled(Trigger.NAME),
                within_rounds=4,
            ),
        ),
    ),
    Scenario(
        id="pakistan-2024",
        name="X, Facebook, Instagram and YouTube slow together, by no published mechanism",
        rows=(Row.PAKISTAN_2024,),
        source=NETBLOCKS,
        platforms=ALL_PLATFORMS,
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=ALL_NAMES),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(96 * KILOBIT, 192 * KILOBIT),
                            burst_bytes=Range(8 * KIB, 32 * KIB),
                        ),
                    ),
                ),
            ),
            (
                Restricted(
                    whom=Whom(names=ALL_NAMES),
                    effects=(
                        Shaped(
                            rate_bits_per_second=Range(96 * KILOBIT, 192 * KILOBIT),
                            queue_bytes=LARGE_QUEUE,
                        ),
                    ),
                ),
            ),
            (
                Restricted(
                    whom=Whom(names=ALL_NAMES),
                    effects=(
                        Delayed(round_trip_seconds=Range(0.6, 1.5)),
                        Lossy(probability=Range(0.05, 0.15)),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=throttled(*NAMED),
                within_rounds=6,
            ),
        ),
        lasts_rounds=10,
    ),
    Scenario(
        id="large-bucket",
        name="a policer with a bucket of 128-256 KiB, which 64 KiB reads do not see",
        rows=(Row.LARGE_BUCKET,),
        source=DESIGN,
        platforms=("youtube",),
        long_reads=True,
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=(".googlevideo.com",)),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(200 * KILOBIT, 400 * KILOBIT),
                            burst_bytes=Range(128 * KIB, 256 * KIB),
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=throttled(*NAMED, signatures=(*DROPS, Signature.UNKNOWN)),
                within_rounds=8,
                # Long reads differ much on a mobile line, and are made seldom to test for the end.
                recovers_within_rounds=12,
            ),
        ),
        lasts_rounds=12,
    ),
    Scenario(
        id="iran-2026-seconds",
        name="slow under the name, and dead 7.2 s after the connection began",
        rows=(Row.IRAN_2026_SECONDS,),
        source=RELAY320,
        platforms=("youtube",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=(".googlevideo.com",)),
                    effects=(
                        Shaped(
                            rate_bits_per_second=Range(30 * KILOBIT, 60 * KILOBIT),
                            queue_bytes=Range(32 * KIB, 64 * KIB),
                        ),
                        CutOff(after_seconds=exactly(7.23)),
                    ),
                ),
            ),
        ),
        expect=(Expectation(said=throttled(*NAMED), within_rounds=6),),
        note="A read of 64 KiB on a quick way is over long before, and a death alone is not seen: "
        "slowed here, as videos are that last.",
    ),
    Scenario(
        id="shaped-seen-from-outside",
        name="a queue before a slow link for the addresses; a vantage outside is as fast as ever",
        rows=(Row.RUSSIA_2024_YOUTUBE,),
        source=IMC21,
        platforms=("x",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=X_HOSTS),
                    effects=(
                        Shaped(
                            rate_bits_per_second=Range(100 * KILOBIT, 200 * KILOBIT),
                            queue_bytes=LARGE_QUEUE,
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=throttled(
                    *ADDRESSED,
                    signatures=(Signature.SHAPER, Signature.DELAY, Signature.UNKNOWN),
                ),
                within_rounds=6,
            ),
            FINE_ABROAD,
        ),
        abroad=True,
        note="Nothing is lost, and nothing stops: what waits in the queue is what the way shows.",
    ),
    Scenario(
        id="shaped-by-name",
        name="a queue in front of a slow link for the name",
        rows=(Row.RUSSIA_2024_YOUTUBE,),
        source=IMC21,
        platforms=("youtube",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(names=(".googlevideo.com",)),
                    effects=(
                        Shaped(
                            rate_bits_per_second=Range(100 * KILOBIT, 200 * KILOBIT),
                            queue_bytes=LARGE_QUEUE,
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                # A handshake alone does not tell a queue from a delay.
                said=throttled(
                    Trigger.NAME,
                    signatures=(Signature.SHAPER, Signature.DELAY, Signature.UNKNOWN),
                ),
                within_rounds=3,
            ),
        ),
        note="The paper saw policing for Twitter, and shaping of uploads by one network.",
    ),
    Scenario(
        id="policed-by-address",
        name="all that goes to the platform's addresses policed together",
        rows=(Row.PAKISTAN_2024,),
        source=DESIGN,
        platforms=("youtube",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=YOUTUBE_HOSTS),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(100 * KILOBIT, 200 * KILOBIT),
                            burst_bytes=Range(8 * KIB, 24 * KIB),
                            scope=Scope.ALL,
                        ),
                    ),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=impaired(signatures=(*DROPS, Signature.UNKNOWN)),
                within_rounds=6,
                never=ACCUSING,
            ),
        ),
        lasts_rounds=10,
        note="Nobody looks from outside.",
    ),
)

# The shipped controls take turns. Until some have been met twice, a platform may be slower than
# they by a factor of four for honest reasons, and only more than that is seen.
CALM_ROUNDS = 10
SCENARIOS = tuple(
    structs.replace(one, calm_rounds=max(one.calm_rounds, CALM_ROUNDS)) for one in _SCENARIOS
)
