"""A drill: a made-up national event, so that people see their alert arrive before it is real.

Its vantages are called ``drill-1`` to ``drill-5`` and stand in networks set aside for documentation
(RFC 5398), its reference is ``drill-abroad``; every series of it says that it is a drill.
It begins at once, everywhere, and ends by itself. Pure: the caller says what time it is.
"""

from __future__ import annotations

from msgspec import Struct

from probe.model.identity import Access, Role, Vantage
from probe.model.verdict import SlowPhase, State, Trigger, Verdict

NETWORKS = (64_496, 64_497, 64_498, 64_499)
ABROAD_ASN = 64_511
FACTOR = 20.0
RULE = "drill"
# The controls that the made-up verdicts were "compared" with: systematic needs disjoint ones.
CONTROL = "drill-control"


class Drill(Struct, frozen=True, kw_only=True):
    """From ``since`` until ``until`` (Unix seconds) ``country`` is struck, on paper."""

    country: str
    since: float
    until: float

    def on(self, now: float) -> bool:
        """Whether it goes on at ``now``. A clock that was set to before it ends it."""
        return self.since <= now < self.until


def vantages(drill: Drill) -> tuple[Vantage, ...]:
    """Who takes part: one vantage in each of four networks, a second one in the first, and one
    abroad."""
    inside = tuple(
        Vantage(
            name=f"drill-{number}",
            country=drill.country,
            asn=asn,
            access=Access.MOBILE if number % 2 == 0 else Access.FIXED,
        )
        for number, asn in enumerate((*NETWORKS, NETWORKS[0]), 1)
    )
    abroad = Vantage(
        name="drill-abroad",
        country="ZZ",
        asn=ABROAD_ASN,
        access=Access.HOSTING,
        role=Role.REFERENCE,
    )
    return (*inside, abroad)


def verdict(vantage: Vantage, platform: str, drill: Drill, now: float) -> Verdict:
    """What ``vantage`` is made to say of ``platform``."""
    struck = vantage.role is Role.INSIDE
    return Verdict(
        vantage=vantage.name,
        platform=platform,
        state=State.THROTTLED if struck else State.OK,
        rule_id=RULE,
        sentence=f"DRILL, an exercise: {platform} is {'throttled' if struck else 'fine'} on paper.",
        at=now,
        since=drill.since,
        provisional=False,
        trigger=Trigger.UNKNOWN if struck else None,
        phase=SlowPhase.BOTH if struck else None,
        factor=FACTOR if struck else None,
    )
