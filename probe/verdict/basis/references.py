"""What references outside the country say for or against an accusation here."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from probe.model.verdict import State, Verdict
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.ladder.facts import Elsewhere, elsewhere
from probe.verdict.remembered.memory import OpenSuspicion, Proven

Held = TypeVar("Held", OpenSuspicion, Proven)

# A transfer round comes once in an interval, give or take jitter: after so many of them a vantage
# has surely read.
READS_AGAIN = 1.25
# Where rounds come faster than by default, what waits for them is shorter, in transfer intervals:
# the thresholds' seconds are these at the default one.
SETTLED = 1.0 / 3.0
RECANTED = 4.0


def vouched(holder: OpenSuspicion | Proven, at: float, about: About) -> bool:
    """Whether, at Unix time ``at``, most references say that the platform is fine, having looked at
    what ``holder`` is about since it began.

    An outage does not reach, or leave, all places in the same minute. So a reference that looked
    in the first minutes says nothing yet, and none vouches within an hour of having said otherwise.
    Those that have not looked yet are waited for: else one that lies would only have to be first.
    """
    recanted = min(about.thresholds.recanted_seconds, RECANTED * about.transfer_seconds)
    if holder.elsewhere_at and at - holder.elsewhere_at < recanted:
        return False
    fine = sum(_vouches(one, holder, about) for one in about.references)
    return 2 * fine > len(about.references)


def _vouches(verdict: Verdict, holder: OpenSuspicion | Proven, about: About) -> bool:
    """Whether one reference finds what ``holder`` is about fine. One that tells each target by
    itself says it of those alone that it has reached, and read, and may have been turned away from
    others; else it counts what was said of the whole platform."""
    if elsewhere((verdict,)) in (Elsewhere.FAILING, Elsewhere.SLOW):
        return False
    told = next((one for one in verdict.vouches if one.target == holder.target), None)
    if verdict.vouches and (told is None or not told.at):
        return False
    if told is None:
        return verdict.state is State.OK and _looked(verdict, holder, about)
    looked = told.looked(holder.measure)
    settled = min(about.thresholds.settle_seconds, SETTLED * about.transfer_seconds)
    return holder.onset_at + settled <= looked <= verdict.at


def _looked(verdict: Verdict, holder: OpenSuspicion | Proven, about: About) -> bool:
    since = verdict.at - holder.onset_at
    settled = min(about.thresholds.settle_seconds, SETTLED * about.transfer_seconds)
    if since < settled:
        return False
    if holder.measure is Measure.HANDSHAKE:
        return True
    # Two rounds of three read nothing: what the one before them read counts still.
    read = (verdict.read_at or 0.0) - holder.onset_at
    if holder.measure is Measure.TRANSFER and settled <= read <= since:
        return True
    if any(entry.name == f"{holder.measure}_slowdown_ratio" for entry in verdict.evidence):
        return True
    return holder.measure is Measure.TRANSFER and since >= READS_AGAIN * about.transfer_seconds


def heard(holder: Held, at: float, about: About) -> Held:
    """``holder``, knowing whether references find it failing or slow at ``at``."""
    if elsewhere(about.references) in (Elsewhere.FAILING, Elsewhere.SLOW):
        return replace(holder, elsewhere_at=at)
    return holder
