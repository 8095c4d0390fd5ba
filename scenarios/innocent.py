"""What is not interference, and must never be called so."""

from __future__ import annotations

from probe.model.verdict import Method, State
from scenarios.lines import MOBILE, SLOW_MOBILE
from scenarios.model import (
    ABROAD,
    ACCUSING,
    DOMESTIC_HOST,
    EVERY,
    Answers,
    ClockStepped,
    CrossTraffic,
    CutOff,
    Delayed,
    DnsForged,
    DnsLie,
    Expectation,
    Gone,
    Happening,
    HostBusy,
    Impersonated,
    Impostor,
    LineBecomes,
    LineWorsens,
    Lossy,
    Pauses,
    Range,
    Resolvers,
    Restricted,
    Said,
    Scenario,
    Scope,
    Shaped,
    Silent,
    Whom,
    exactly,
)
from scenarios.rows import Row
from scenarios.throttling import BBS490, FINE_ABROAD, KIB, KILOBIT, LARGE_QUEUE, OK, X_HOSTS

IRAN_2019 = "Iran, 16 to 23 November 2019: article19.org/ttn-iran-november-shutdown"
DESIGN = "the project's list of what must not be taken for interference"
DEGRADED = Said(state=State.DEGRADED)
UNKNOWN = Said(state=State.UNKNOWN)
DOWN = Said(state=State.DOWN)
X_PAGE = ("x.com",)
META_2021 = (
    "Meta, 2021-10-04 and 2024-03-05: engineering.fb.com/2021/10/04/networking-traffic/outage"
)
META_HOSTS = (
    "www.facebook.com",
    "static.xx.fbcdn.net",
    "connect.facebook.net",
    "www.instagram.com",
    "static.cdninstagram.com",
)


def offline(reason: str) -> Said:
    """What is out of order must be said too: it is another person's to mend."""
    return Said(state=State.OFFLINE, reasons=(reason,))


def innocent(
    id: str,
    name: str,
    row: Row,
    *happens: Happening,
    said: tuple[Said, ...],
    platforms: tuple[str, ...] = ("x",),
    within: int = 3,
    recovers: int | None = 4,
    lasts: int = 6,
    never: tuple[State, ...] = ACCUSING,
    more: tuple[Expectation, ...] = (),
    domestic: bool = False,
    abroad: bool = False,
    lines: tuple[str, ...] = ("fibre", "dsl", "mobile"),
    source: str = DESIGN,
    note: str = "",
) -> Scenario:
    """Something without a culprit, or that is not aimed at the platform."""
    own = Expectation(said=said, within_rounds=within, never=never, recovers_within_rounds=recovers)
    return Scenario(
        id=id,
        name=name,
        rows=(row,),
        source=source,
        platforms=platforms,
        alternatives=(happens,),
        expect=(own, *more),
        lasts_rounds=lasts,
        to_the_end=True,
        domestic=domestic,
        abroad=abroad,
        lines=lines,
        note=note,
    )


def refusal(id: str, name: str, answers: Answers) -> Scenario:
    """The platform itself does not want us."""
    return innocent(
        id,
        name,
        Row.REFUSED,
        answers,
        said=(Said(state=State.UNKNOWN, reasons=("refused",)),),
        never=(*ACCUSING, State.DOWN),
        lasts=4,
    )


SCENARIOS: tuple[Scenario, ...] = (
    innocent(
        "nothing",
        "nothing happens",
        Row.NOTHING,
        said=(OK,),
        within=1,
        never=(*ACCUSING, State.DEGRADED, State.DOWN, State.OFFLINE),
        platforms=("youtube", "x"),
    ),
    innocent(
        "congested",
        "the line is full: a tenth of its rate or less, a long queue",
        Row.CONGESTED,
        LineWorsens(
            down_bits_per_second=Range(300 * KILOBIT, 900 * KILOBIT),
            loss=Range(0.001, 0.01),
        ),
        said=(OK, DEGRADED, UNKNOWN),
        platforms=("youtube",),
    ),
    innocent(
        "lossy",
        "the line loses 3-8 % of all packets",
        Row.LOSSY,
        LineWorsens(loss=Range(0.03, 0.08)),
        said=(OK, DEGRADED, UNKNOWN),
        platforms=("youtube",),
        lasts=8,
    ),
    innocent(
        "cross-traffic",
        "others in the house download without pause",
        Row.CROSS_TRAFFIC,
        CrossTraffic(downloads=3),
        said=(OK, DEGRADED, UNKNOWN),
        platforms=("youtube",),
    ),
    innocent(
        "fibre-to-4g",
        "the fixed line fails over to 4G",
        Row.LINE_CHANGE,
        LineBecomes(kind=MOBILE),
        said=(OK, DEGRADED, UNKNOWN),
        lines=("fibre", "dsl"),
    ),
    innocent(
        "to-old-mobile",
        "the line fails over to an old mobile network",
        Row.LINE_CHANGE,
        LineBecomes(kind=SLOW_MOBILE),
        said=(OK, DEGRADED, UNKNOWN),
        platforms=("youtube",),
    ),
    innocent(
        "edge-moved",
        "the platform's edge moves away: 75-150 ms more to it alone",
        Row.PATH_CHANGE,
        Restricted(
            whom=Whom(hosts=X_HOSTS), effects=(Delayed(round_trip_seconds=Range(0.075, 0.15)),)
        ),
        said=(OK, Said(state=State.UNKNOWN, reasons=("path_changed",))),
        lasts=8,
    ),
    innocent(
        "cable-cut",
        "everything abroad is slow, the domestic control is not",
        Row.CABLE_CUT,
        Restricted(
            whom=Whom(hosts=(EVERY,), but_hosts=(DOMESTIC_HOST,)),
            effects=(
                Shaped(
                    rate_bits_per_second=Range(300 * KILOBIT, 700 * KILOBIT),
                    queue_bytes=LARGE_QUEUE,
                    scope=Scope.ALL,
                ),
                Delayed(round_trip_seconds=Range(0.05, 0.15)),
                Lossy(probability=Range(0.005, 0.02)),
            ),
        ),
        said=(DEGRADED, UNKNOWN, OK),
        platforms=("youtube",),
        domestic=True,
        lasts=8,
    ),
    innocent(
        "cut-off-from-abroad",
        "nothing abroad answers any more, the domestic control does",
        Row.CUT_OFF,
        Restricted(
            whom=Whom(hosts=(EVERY,), but_hosts=(DOMESTIC_HOST,)),
            effects=(Silent(),),
        ),
        said=(offline("cut_off"),),
        never=(*ACCUSING, State.DOWN),
        domestic=True,
        source=IRAN_2019,
    ),
    innocent(
        "only-listed-sites",
        "two of the controls are on a list of sites that still pass, nothing else is",
        Row.CUT_OFF,
        Restricted(
            whom=Whom(hosts=(EVERY,), but_hosts=("deb.debian.org", "code.jquery.com")),
            effects=(Silent(),),
        ),
        said=(offline("cut_off"),),
        never=(*ACCUSING, State.DOWN),
        source=IRAN_2019,
        note="Who passed then is not published site by site; that some did is.",
    ),
    innocent(
        "reads-stop-from-abroad",
        "what anybody abroad sends stops after 15 to 20 KiB",
        Row.CUT_OFF,
        Restricted(
            whom=Whom(hosts=(EVERY,), but_hosts=(DOMESTIC_HOST,)),
            effects=(CutOff(after_bytes=Range(15 * KIB, 20 * KIB)),),
        ),
        said=(Said(state=State.DEGRADED, reasons=("reads_stop",)),),
        within=5,  # half of the operators abroad have been read by then
        never=(*ACCUSING, State.DOWN, State.IMPAIRED),
        domestic=True,
        source=BBS490,
        note="There it acted on most hosting networks abroad, not on all of them.",
    ),
    innocent(
        "one-control-restricted",
        "the network of two controls is cut off, the others are not",
        Row.CONTROL_RESTRICTED,
        Restricted(whom=Whom(hosts=("deb.debian.org", "code.jquery.com")), effects=(Silent(),)),
        said=(OK,),
        never=(*ACCUSING, State.OFFLINE, State.DOWN, State.DEGRADED),
    ),
    innocent(
        "one-control-throttled",
        "the network of two controls is throttled, the others are not",
        Row.CONTROL_RESTRICTED,
        Restricted(
            whom=Whom(hosts=("deb.debian.org", "code.jquery.com")),
            effects=(
                Shaped(
                    rate_bits_per_second=Range(100 * KILOBIT, 200 * KILOBIT),
                    queue_bytes=LARGE_QUEUE,
                ),
            ),
        ),
        said=(OK, UNKNOWN),
        never=(*ACCUSING, State.OFFLINE, State.DOWN),
    ),
    innocent(
        "captive-portal",
        "every name leads to the portal until somebody logs in",
        Row.CAPTIVE_PORTAL,
        Restricted(whom=Whom(hosts=(EVERY,)), effects=(Impersonated(shows=Impostor.OTHER_NAME),)),
        said=(offline("captive_portal"),),
        lasts=4,
    ),
    innocent(
        "offline",
        "nothing passes",
        Row.OFFLINE,
        Restricted(whom=Whom(hosts=(EVERY,)), effects=(Silent(),)),
        said=(offline("nothing_answers"),),
        within=2,
        lasts=3,
    ),
    innocent(
        "resolver-broken",
        "the host's resolver answers nothing at all",
        Row.RESOLVER_BROKEN,
        Restricted(whom=Whom(), effects=(DnsForged(lie=DnsLie.NOTHING, resolvers=Resolvers.OWN),)),
        said=(offline("resolver_broken"),),
        within=2,
        lasts=3,
    ),
    innocent(
        "platform-down",
        "the platform answers everybody with server errors, its certificate valid",
        Row.PLATFORM_DOWN,
        Answers(hosts=(*X_HOSTS, "www.cloudflare.com"), status=503),
        said=(DOWN,),
    ),
    innocent(
        "platform-gone",
        "the platform answers nobody; the reference vantage sees it too",
        Row.PLATFORM_DOWN,
        Gone(hosts=X_HOSTS),
        said=(DOWN,),
        abroad=True,
        within=4,
        more=(
            Expectation(
                vantage=ABROAD,
                said=(DOWN, UNKNOWN),
                within_rounds=4,
                never=ACCUSING,
            ),
        ),
    ),
    innocent(
        "platform-gone-unwatched",
        "the platform answers nobody, and nobody looks from outside",
        Row.PLATFORM_DOWN,
        Gone(hosts=X_HOSTS),
        said=(Said(state=State.IMPAIRED, methods=(Method.TCP,)),),
        within=4,
    ),
    innocent(
        "meta-gone",
        "both platforms of one operator answer nobody, and nobody looks from outside",
        Row.PLATFORM_DOWN,
        Gone(hosts=META_HOSTS),
        said=(Said(state=State.IMPAIRED, methods=(Method.TCP,)),),
        platforms=("facebook", "instagram"),
        within=4,
        source=META_2021,
    ),
    innocent(
        "meta-slow",
        "both platforms of one operator are slow for everybody, and nobody looks from outside",
        Row.PLATFORM_SLOW,
        Answers(hosts=META_HOSTS, bits_per_second=Range(60 * KILOBIT, 120 * KILOBIT)),
        said=(Said(state=State.IMPAIRED), OK, UNKNOWN),
        platforms=("facebook", "instagram"),
        lasts=8,
        source=META_2021,
    ),
    innocent(
        "platform-slow",
        "the platform is slow for everybody; the reference vantage sees it too",
        Row.PLATFORM_SLOW,
        Answers(
            hosts=X_HOSTS,
            latency_seconds=Range(0.2, 0.8),
            bits_per_second=Range(120 * KILOBIT, 300 * KILOBIT),
        ),
        said=(OK, DOWN, DEGRADED, UNKNOWN),
        abroad=True,
        lasts=8,
        more=(
            Expectation(
                vantage=ABROAD,
                said=(OK, DOWN, DEGRADED, UNKNOWN),
                within_rounds=3,
                never=(State.BLOCKED,),
            ),
        ),
    ),
    innocent(
        "slow-near-here",
        "the platform's servers near here are slow; the reference vantage meets others",
        Row.PLATFORM_SLOW,
        Answers(
            hosts=X_HOSTS,
            bits_per_second=Range(60 * KILOBIT, 300 * KILOBIT),
            near_here=True,
        ),
        said=(OK, UNKNOWN),
        abroad=True,
        lasts=8,
    ),
    innocent(
        "paused-near-here",
        "the platform's servers near here stop amid an object; those that a reference meets do not",
        Row.PLATFORM_SLOW,
        Pauses(hosts=X_HOSTS, after_bytes=Range(8_192, 40_960)),
        said=(Said(state=State.IMPAIRED),),
        within=6,
        abroad=True,
        lasts=8,
        more=(FINE_ABROAD,),
        note="Their kernels answer while nothing comes, which nobody does whose bytes are cut off.",
    ),
    innocent(
        "silent-near-here",
        "the platform's servers near here take requests and answer nothing; others answer",
        Row.PLATFORM_DOWN,
        Pauses(hosts=X_HOSTS),
        said=(Said(state=State.IMPAIRED),),
        within=6,
        abroad=True,
        lasts=6,
        more=(FINE_ABROAD,),
    ),
    innocent(
        "edge-slow-for-a-round",
        "one of the platform's addresses is slow for a round",
        Row.EDGE_SLOW,
        Restricted(
            whom=Whom(hosts=("google.com",), edges=1),
            effects=(
                Shaped(
                    rate_bits_per_second=Range(80 * KILOBIT, 200 * KILOBIT),
                    queue_bytes=LARGE_QUEUE,
                    scope=Scope.ADDRESS,
                ),
            ),
        ),
        said=(OK, UNKNOWN),
        platforms=("youtube",),
        lasts=1,
    ),
    innocent(
        "edge-slow",
        "one of the platform's addresses is slow for a while",
        Row.EDGE_SLOW,
        Restricted(
            whom=Whom(hosts=("google.com",), edges=1),
            effects=(
                Shaped(
                    rate_bits_per_second=Range(80 * KILOBIT, 200 * KILOBIT),
                    queue_bytes=LARGE_QUEUE,
                    scope=Scope.ADDRESS,
                ),
            ),
        ),
        said=(OK, UNKNOWN),
        platforms=("youtube",),
        lasts=10,
    ),
    refusal("refused-403", "X answers 403 (a challenge)", Answers(hosts=X_HOSTS, status=403)),
    refusal("refused-429", "X answers 429 (too many requests)", Answers(hosts=X_HOSTS, status=429)),
    innocent(
        "refused-451",
        "X answers 451 (for legal reasons) by itself",
        Row.REFUSED,
        Answers(hosts=X_HOSTS, status=451),
        said=(Said(state=State.WITHHELD),),
        never=(*ACCUSING, State.IMPAIRED, State.DOWN),
        within=1,
        lasts=4,
    ),
    refusal(
        "login-wall",
        "X leads everything to its login page",
        Answers(hosts=X_HOSTS, status=302, location="https://x.com/i/flow/login"),
    ),
    innocent(
        "clock-forward",
        "the host learns the time: the wall clock jumps forward",
        Row.CLOCK_STEPPED,
        ClockStepped(seconds=Range(3_600.0, 40_000_000.0)),
        said=(OK, Said(state=State.UNKNOWN, reasons=("clock_stepped",))),
        platforms=("youtube",),
    ),
    innocent(
        "clock-back",
        "the wall clock jumps back by an hour",
        Row.CLOCK_STEPPED,
        ClockStepped(seconds=exactly(3_600.0), back=True),
        said=(OK, Said(state=State.UNKNOWN, reasons=("clock_stepped",))),
        platforms=("youtube",),
    ),
    innocent(
        "host-busy",
        "the probe's host is busy with other things",
        Row.HOST_BUSY,
        HostBusy(share=Range(0.25, 0.5), turn_seconds=0.4),
        said=(OK, DEGRADED, UNKNOWN),
        platforms=("youtube",),
    ),
)
