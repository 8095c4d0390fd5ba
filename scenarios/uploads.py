"""What is done to what is sent, and what only looks so: each direction is judged by itself.

A table of its own, since only a daemon that sends can say any of it. The targets and controls that
take bodies are those of the laboratory: no shipped one is sent any.
"""

from __future__ import annotations

from probe.model.verdict import State, Trigger
from scenarios.model import (
    ACCUSING,
    EVERY,
    CrossTraffic,
    CutOff,
    Expectation,
    Happening,
    Over,
    Policed,
    Range,
    Restricted,
    Said,
    Scenario,
    Shaped,
    Whom,
)
from scenarios.over_quic import FINE, YOUTUBE
from scenarios.rows import Row
from scenarios.throttling import DESIGN, IMC21, KIB, KILOBIT

IRAN = "net4people/bbs#171, #182, #253 (Iran since 2022: uploads abroad below 1 Mbit/s)"
CALM_UP = Expectation(
    over=Over.UPLOAD,
    said=(
        Said(state=State.OK),
        Said(state=State.DEGRADED),
    ),
    within_rounds=16,
    never=(*ACCUSING, State.IMPAIRED),
    recovers_within_rounds=None,
)
"""Whatever is sent is slow, to everybody: that is the line's, and no matter of the platform."""


def slowed_up(within_rounds: int) -> Expectation:
    """What goes up under the name is throttled, and by the name."""
    return Expectation(
        over=Over.UPLOAD,
        said=(Said(state=State.THROTTLED, triggers=(Trigger.NAME,)),),
        within_rounds=within_rounds,
        never=(State.BLOCKED,),
        recovers_within_rounds=24,
    )


def upload_scenario(
    id: str,
    name: str,
    row: Row,
    source: str,
    happens: Happening,
    *expect: Expectation,
    lines: tuple[str, ...] = ("fibre", "dsl", "mobile"),
    note: str = "",
) -> Scenario:
    """One of one platform whose servers take bodies under a neutral name as well. A round in three
    sends."""
    return Scenario(
        id=id,
        name=name,
        rows=(row,),
        source=source,
        platforms=("youtube",),
        alternatives=((happens,),),
        expect=expect,
        calm_rounds=24,
        lasts_rounds=24,
        upload=True,
        lines=lines,
        note=note,
    )


def up_by_name(effect: Shaped | Policed | CutOff) -> Restricted:
    """What goes up under YouTube's names."""
    return Restricted(whom=Whom(names=YOUTUBE, over=Over.UPLOAD), effects=(effect,))


def shaped(least: float, most: float) -> Shaped:
    """To so many bit/s, with a queue in front of it."""
    return Shaped(rate_bits_per_second=Range(least, most), queue_bytes=Range(32 * KIB, 256 * KIB))


SCENARIOS: tuple[Scenario, ...] = (
    upload_scenario(
        "upload-shaped-1mbit",
        "what is sent under the name at 1 Mbit/s, what comes down as ever",
        Row.UPLOAD_ALONE,
        DESIGN,
        up_by_name(shaped(900 * KILOBIT, 1_100 * KILOBIT)),
        slowed_up(24),
        FINE,
        lines=("fibre",),
        note="A DSL line that sends 1 Mbit/s by itself, and a mobile one at 3, hide it.",
    ),
    upload_scenario(
        "upload-shaped-100kbit",
        "the same at 100 kbit/s",
        Row.UPLOAD_ALONE,
        DESIGN,
        up_by_name(shaped(90 * KILOBIT, 110 * KILOBIT)),
        slowed_up(12),
        FINE,
    ),
    upload_scenario(
        "upload-policed",
        "what is sent under the name is policed",
        Row.UPLOAD_ALONE,
        DESIGN,
        up_by_name(
            Policed(
                rate_bits_per_second=Range(90 * KILOBIT, 150 * KILOBIT),
                burst_bytes=Range(6_000, 12_000),
            )
        ),
        slowed_up(12),
        FINE,
    ),
    upload_scenario(
        "upload-stops",
        "silence once some KiB have gone up under the name",
        Row.UPLOAD_ALONE,
        DESIGN,
        up_by_name(CutOff(after_bytes=Range(16 * KIB, 40 * KIB))),
        slowed_up(12),
        FINE,
    ),
    upload_scenario(
        "upload-all-shaped",
        "a network shapes whatever is sent, to whomever",
        Row.UPLOADS_OF_ALL,
        f"{IMC21} (one network at 130 kbit/s); {IRAN}",
        Restricted(
            whom=Whom(hosts=(EVERY,), over=Over.UPLOAD),
            effects=(shaped(110 * KILOBIT, 150 * KILOBIT),),
        ),
        CALM_UP,
        FINE,
    ),
    upload_scenario(
        "upload-photographs",
        "others in the house send photographs without pause",
        Row.UPLOADS_OF_ALL,
        "every home; no censorship of any site",
        CrossTraffic(uploads=3),
        CALM_UP,
        Expectation(
            said=(Said(state=State.OK), Said(state=State.DEGRADED)),
            within_rounds=16,
            never=(*ACCUSING, State.IMPAIRED),
            recovers_within_rounds=None,
        ),
    ),
)
