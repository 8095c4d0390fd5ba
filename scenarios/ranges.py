"""Ranges of addresses that are met but for a list of names (Russia, 2025).

A famous neutral name is likely to be on the list, an obscure one is not; the platform's own name
is not the cause.
"""

from __future__ import annotations

from probe.model.verdict import Method, Signature, State, Trigger
from scenarios.model import (
    CutOff,
    Expectation,
    HelloDropped,
    Policed,
    Range,
    Restricted,
    Said,
    Scenario,
    Whom,
)
from scenarios.rows import Row
from scenarios.throttling import (
    CALM_ROUNDS,
    IN_TRANSFER,
    KIB,
    KILOBIT,
    X_HOSTS,
    YOUTUBE_HOSTS,
    throttled,
)

BBS662 = "net4people/bbs#490, #662"
# Those that the shipped controls are asked under, and what every list of exceptions has.
LISTED = (
    ".dotnet.microsoft.com",
    ".jquery.com",
    ".debian.org",
    ".videolan.org",
    ".amazonaws.com",
    ".ubuntu.com",
    ".kernel.org",
    "www.google.com",
)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        id="range-youtube",
        name="YouTube's addresses policed per flow under all but some listed names",
        rows=(Row.RUSSIA_2025_RANGE,),
        source=BBS662,
        platforms=("youtube",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=YOUTUBE_HOSTS, but_names=LISTED),
                    effects=(
                        Policed(
                            rate_bits_per_second=Range(90 * KILOBIT, 130 * KILOBIT),
                            burst_bytes=Range(8 * KIB, 24 * KIB),
                        ),
                    ),
                ),
            ),
        ),
        expect=(Expectation(said=throttled(Trigger.RANGE, phases=IN_TRANSFER), within_rounds=6),),
        calm_rounds=CALM_ROUNDS,
    ),
    Scenario(
        id="range-x",
        name="the ClientHello never arrives at X's addresses under all but some listed names",
        rows=(Row.RUSSIA_2025_RANGE,),
        source=BBS662,
        platforms=("x",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=X_HOSTS, but_names=LISTED),
                    effects=(HelloDropped(),),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=(Said(state=State.BLOCKED, methods=(Method.TLS,), by=(Trigger.RANGE,)),),
                within_rounds=4,
            ),
        ),
    ),
    Scenario(
        id="range-packets",
        name="silence at YouTube's addresses after some 25 packets, of either direction, under all "
        "but some listed names",
        rows=(Row.RUSSIA_2025_PACKETS,),
        source=f"{BBS662}; hyperion-cs/dpi-checkers, l4-25",
        platforms=("youtube",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=YOUTUBE_HOSTS, but_names=LISTED),
                    effects=(CutOff(after_packets=Range(23, 27)),),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=throttled(Trigger.RANGE, signatures=(Signature.CUTOFF,), phases=IN_TRANSFER),
                within_rounds=8,
            ),
        ),
        calm_rounds=CALM_ROUNDS,
        lasts_rounds=10,
        note="The original met the ranges of hosters: [many sites at once]"
        "(what-it-can-mistake.md) are a curtain.",
    ),
)
