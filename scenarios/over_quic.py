"""What is done to QUIC alone, or to TCP alone: each transport is judged by itself.

A table of its own, since only a daemon that measures over QUIC can say any of it.
"""

from __future__ import annotations

from probe.model.verdict import Method, State, Trigger
from scenarios.model import (
    ABROAD,
    ACCUSING,
    EVERY,
    Answers,
    CutOff,
    Expectation,
    Happening,
    HelloDropped,
    Leaky,
    Over,
    Policed,
    QuicDropped,
    Range,
    Restricted,
    Said,
    Scenario,
    Silent,
    Whom,
    exactly,
)
from scenarios.rows import Row
from scenarios.throttling import ADDRESSED, FINE_ABROAD, NAMED, OK, throttled

KILOBIT = 1_000
FACEBOOK = (".facebook.com", ".fbcdn.net", ".facebook.net")
FACEBOOK_HOSTS = ("www.facebook.com", "static.xx.fbcdn.net", "connect.facebook.net")
YOUTUBE = (".googlevideo.com", ".youtube.com", ".ytimg.com")

RUSSIA = "net4people/bbs#382, #468, #505, #654 (Russia: by name since 2024, as such in 2022)"
BBS382 = "net4people/bbs#382 (about 512 kbit/s over QUIC, 128 over TCP)"
BBS413 = "net4people/bbs#413 (Turkey, 2024-10)"
GFW25 = "Exposing and Circumventing SNI-based QUIC Censorship, USENIX Security '25, and its data"
ROUTERS = "RFC 4787, REQ-5 (a mapping may be forgotten after 2 minutes, often is after 30 s)"
MOBILE_NETWORKS = "networks that limit UDP to protect themselves; no censorship of any site"
OWN_TROUBLE = "no single event: what a platform's own troubles look like"
FIREWALLS = "firewalls that pass TCP alone; no censorship of any site"

BLOCKED_BY_NAME = (Said(state=State.BLOCKED, methods=(Method.QUIC,), by=(Trigger.NAME,)),)
HANDSHAKES_KNOWN, RATES_KNOWN = 10, 24
"""After so many calm rounds; one in three that read reads over QUIC."""
REACTIONS = (0.059, 0.080, 0.090, 0.100, 0.110, 0.110, 0.120, 0.130, 0.150, 0.190, 7.519)
"""Seconds from a hello to the last packet that passed: the least, the deciles and the most of 742
connections that were dropped."""
FINE = Expectation(said=(OK,), within_rounds=2, never=(*ACCUSING, State.IMPAIRED, State.DEGRADED))
"""Of TCP, where QUIC alone is met."""
WHOEVERS = (
    OK,
    Said(state=State.DOWN),
    Said(state=State.DEGRADED),
    Said(state=State.UNKNOWN),
)
"""Of what may be so for everybody."""
FINE_OVER_QUIC = Expectation(
    over=Over.QUIC, said=(OK,), within_rounds=4, never=(*ACCUSING, State.IMPAIRED)
)
SILENT_FOR_ALL = Expectation(
    over=Over.QUIC,
    said=(Said(state=State.OFFLINE, reasons=("silent_for_all",)),),
    within_rounds=6,
    never=(*ACCUSING, State.IMPAIRED),
    recovers_within_rounds=8,
)


def by_name(names: tuple[str, ...], over: Over = Over.QUIC) -> Whom:
    """Flows whose hello has one of the names."""
    return Whom(names=names, over=over)


def policed(names: tuple[str, ...], over: Over, least: int, most: int) -> Restricted:
    """Of one transport, to so many kbit/s, each flow for itself."""
    rate = Range(least * KILOBIT, most * KILOBIT)
    return Restricted(
        whom=by_name(names, over),
        effects=(Policed(rate_bits_per_second=rate, burst_bytes=Range(6_000, 12_000)),),
    )


def quic_scenario(
    id: str,
    name: str,
    row: Row,
    source: str,
    platform: str,
    happens: tuple[Happening, ...],
    *expect: Expectation,
    calm_rounds: int = HANDSHAKES_KNOWN,
    lasts_rounds: int = 12,
    note: str = "",
) -> Scenario:
    """One of one platform, with a history of its own over QUIC."""
    return Scenario(
        id=id,
        name=name,
        rows=(row,),
        source=source,
        platforms=(platform,),
        alternatives=(happens,),
        expect=expect,
        calm_rounds=calm_rounds,
        lasts_rounds=lasts_rounds,
        quic=True,
        abroad=any(one.vantage == ABROAD for one in expect),
        note=note,
    )


def blocked_over_quic(within_rounds: int) -> Expectation:
    """By the name, and nothing else."""
    return Expectation(
        over=Over.QUIC,
        said=BLOCKED_BY_NAME,
        within_rounds=within_rounds,
        never=(State.THROTTLED,),
        recovers_within_rounds=8,
    )


SCENARIOS: tuple[Scenario, ...] = (
    quic_scenario(
        "quic-name-dropped",
        "the platform's name in QUIC's first packet is dropped, TCP is spared",
        Row.QUIC_NAME,
        RUSSIA,
        "youtube",
        (Restricted(whom=by_name(YOUTUBE), effects=(QuicDropped(),)),),
        blocked_over_quic(6),
        FINE,
    ),
    quic_scenario(
        "quic-version-dropped",
        "handshakes of QUIC's version 1 are dropped, whatever their name",
        Row.QUIC_AS_SUCH,
        RUSSIA,
        "facebook",
        (Restricted(whom=Whom(hosts=(EVERY,), over=Over.QUIC), effects=(HelloDropped(),)),),
        SILENT_FOR_ALL,
        FINE,
        note="The packet without a name is answered, since its version is another.",
    ),
    quic_scenario(
        "quic-all-udp",
        "nothing passes over UDP to port 443",
        Row.QUIC_AS_SUCH,
        FIREWALLS,
        "facebook",
        (Restricted(whom=Whom(hosts=(EVERY,), over=Over.QUIC), effects=(Silent(),)),),
        SILENT_FOR_ALL,
        FINE,
    ),
    quic_scenario(
        "russia-2024-youtube-both",
        "googlevideo at 512 kbit/s over QUIC and at 128 kbit/s over TCP",
        Row.RUSSIA_2024_YOUTUBE,
        BBS382,
        "youtube",
        (policed(YOUTUBE, Over.TCP, 110, 150), policed(YOUTUBE, Over.QUIC, 450, 570)),
        Expectation(
            said=throttled(*NAMED),
            within_rounds=4,
        ),
        Expectation(over=Over.QUIC, said=(OK,), within_rounds=4, never=(*ACCUSING, State.IMPAIRED)),
        note="No object of YouTube's is read over QUIC, so its rate there cannot be told, and the "
        "sentence says that only handshakes were tested.",
        calm_rounds=RATES_KNOWN,
    ),
    quic_scenario(
        "quic-and-tcp-each-slow",
        "the same of a platform whose objects are read over both",
        Row.RUSSIA_2024_YOUTUBE,
        BBS382,
        "facebook",
        (policed(FACEBOOK, Over.TCP, 110, 150), policed(FACEBOOK, Over.QUIC, 450, 570)),
        Expectation(said=throttled(*ADDRESSED), within_rounds=6),
        Expectation(
            over=Over.QUIC,
            said=(*throttled(*NAMED), Said(state=State.IMPAIRED)),
            within_rounds=12,
            never=(State.BLOCKED,),
            recovers_within_rounds=12,
        ),
        FINE_ABROAD,
        calm_rounds=RATES_KNOWN,
        lasts_rounds=16,
        note="References look over TCP, so they vouch for nothing over QUIC.",
    ),
    quic_scenario(
        "turkey-2024-tcp-alone",
        "throttled over TCP, and whoever uses QUIC is spared",
        Row.TCP_ALONE,
        BBS413,
        "facebook",
        (policed(FACEBOOK, Over.TCP, 100, 200),),
        Expectation(said=throttled(*ADDRESSED), within_rounds=6),
        FINE_OVER_QUIC,
        FINE_ABROAD,
        calm_rounds=RATES_KNOWN,
    ),
    quic_scenario(
        "beijing-2024-leaky",
        "the name in QUIC's first packet is dropped on a share of the connections, as at night",
        Row.QUIC_LEAKY,
        GFW25,
        "youtube",
        (Restricted(whom=by_name(YOUTUBE), effects=(Leaky(share=Range(0.4, 0.807)),)),),
        Expectation(
            over=Over.QUIC,
            said=(
                *BLOCKED_BY_NAME,
                Said(state=State.UNKNOWN),
            ),
            within_rounds=4,
            never=(State.THROTTLED, State.IMPAIRED),
            recovers_within_rounds=12,
        ),
        FINE,
        note="The hours of most censorship in the two weeks' data: up to 80.7 %. What fails on "
        "half of the connections is seen, and is proven by the share of rounds once a day has "
        "taught that, which is longer than this lasts.",
    ),
    quic_scenario(
        "beijing-2024-mostly-leaks",
        "the same by day, when one connection in ten is dropped",
        Row.QUIC_LEAKY,
        GFW25,
        "youtube",
        (Restricted(whom=by_name(YOUTUBE), effects=(Leaky(share=Range(0.013, 0.15)),)),),
        Expectation(
            over=Over.QUIC,
            said=(OK, *BLOCKED_BY_NAME),
            within_rounds=12,
            never=(State.THROTTLED,),
            recovers_within_rounds=None,
        ),
        FINE,
        note="The median hour drops 9.8 %. A share as small as a lossy line's is not proven in "
        "three hours; what is said must at least be no other thing.",
    ),
    quic_scenario(
        "beijing-2024-late",
        "the same as it is: some tenths of a second later, and then for three minutes whatever "
        "goes to the same address and port",
        Row.QUIC_LEAKY,
        GFW25,
        "youtube",
        (
            Restricted(
                whom=by_name(YOUTUBE),
                effects=(
                    Leaky(
                        share=Range(0.4, 0.807), reacts_seconds=REACTIONS, residual=exactly(180.0)
                    ),
                ),
            ),
        ),
        Expectation(
            over=Over.QUIC,
            said=(
                Said(state=State.BLOCKED, methods=(Method.QUIC,)),
                Said(state=State.IMPAIRED),
                Said(state=State.UNKNOWN),
                OK,
            ),
            within_rounds=4,
            never=(State.THROTTLED,),
            recovers_within_rounds=12,
        ),
        FINE,
        note="On a quick line the handshake and the head of an answer are there before the box has "
        "reacted, so what is short is spared; what follows within three minutes is not.",
    ),
    quic_scenario(
        "udp-forgotten",
        "a router that forgets each flow over UDP after 30 s",
        Row.UDP_FORGOTTEN,
        ROUTERS,
        "facebook",
        (
            Restricted(
                whom=Whom(hosts=(EVERY,), over=Over.QUIC),
                effects=(CutOff(after_seconds=exactly(30.0)),),
            ),
        ),
        FINE_OVER_QUIC,
        FINE,
    ),
    quic_scenario(
        "mobile-limits-quic",
        "a network that limits all of QUIC, whoever's it is",
        Row.QUIC_SLOW_FOR_ALL,
        MOBILE_NETWORKS,
        "facebook",
        (
            Restricted(
                whom=Whom(hosts=(EVERY,), over=Over.QUIC),
                effects=(
                    Policed(
                        rate_bits_per_second=Range(300 * KILOBIT, 1_000 * KILOBIT),
                        burst_bytes=Range(8_000, 64_000),
                    ),
                ),
            ),
        ),
        Expectation(
            over=Over.QUIC,
            said=(OK, Said(state=State.DEGRADED), Said(state=State.UNKNOWN)),
            within_rounds=12,
            never=(*ACCUSING, State.IMPAIRED),
            recovers_within_rounds=12,
        ),
        FINE,
        calm_rounds=RATES_KNOWN,
    ),
    quic_scenario(
        "platform-slow-over-both",
        "the platform's servers are slow for everybody, over either transport",
        Row.PLATFORM_SLOW,
        OWN_TROUBLE,
        "facebook",
        (
            Answers(
                hosts=FACEBOOK_HOSTS,
                latency_seconds=Range(0.2, 0.8),
                bits_per_second=Range(120 * KILOBIT, 300 * KILOBIT),
            ),
        ),
        Expectation(
            said=WHOEVERS,
            within_rounds=3,
            never=(*ACCUSING, State.IMPAIRED),
            recovers_within_rounds=8,
        ),
        Expectation(
            over=Over.QUIC,
            said=(*WHOEVERS, Said(state=State.IMPAIRED)),
            within_rounds=4,
            never=ACCUSING,
            recovers_within_rounds=12,
        ),
        Expectation(vantage=ABROAD, said=WHOEVERS, within_rounds=3, never=(State.BLOCKED,)),
        calm_rounds=RATES_KNOWN,
        note="No reference looks over QUIC, so over that it may be called impaired.",
    ),
)
