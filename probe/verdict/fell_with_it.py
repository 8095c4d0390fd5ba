"""Which other sites fail since the platform does: what takes several operators down at once is no
matter of one platform's, and no reference abroad, whose way is another, tells what it is. Pure.

A line from which most sites are cut off is told by ``cut.py``. Here it is the few: a route that is
gone, an exchange that is down, a provider's filter that is broken.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from probe.model.verdict import State
from probe.verdict.about import About
from probe.verdict.cut import TOGETHER_SECONDS
from probe.verdict.keys import FamilyKey, family_key
from probe.verdict.memory import ControlMemory, OpenSuspicion, PlatformMemory, Proven
from probe.verdict.open_suspicion import fails

FEW = 2
"""Operators of controls that fell silent with the platform, from which on it is not the platform's
own. One alone may be a site with a trouble of its own in the same hour."""
ASKED = 6
"""So many controls abroad have answered since it began (all but one, where there are fewer), before
it is said that others are fine: of the default's seven, with two or more silent, fewer do."""


class Fellows(Struct, frozen=True, kw_only=True):
    """``silent``: operators of sites abroad that fell silent within an hour of the platform, and
    are. ``told``: enough others have answered since to know that there are no more of them; what
    is slow and not silent need not be told from them."""

    silent: tuple[str, ...] = ()
    told: bool = True

    @property
    def several(self) -> bool:
        """So many that the cause is not the platform's own."""
        return len(self.silent) >= FEW


def fellows(
    mine: PlatformMemory,
    controls: Mapping[FamilyKey, ControlMemory],
    holder: OpenSuspicion | Proven,
    about: About,
) -> Fellows:
    """Who fell silent with what ``holder`` is about. ``controls``: after the round."""
    # What comes and goes began anew when it fell silent last.
    since = max(mine.silent_since.get(holder.family, 0.0), holder.onset_at)
    sites = [
        (control.operator, controls.get(family_key(holder.family, control.name), ControlMemory()))
        for control in about.controls
        if control.foreign
    ]
    # It fell silent at some time after it answered last, and was found so at `silent_since`.
    fell = [
        operator
        for operator, one in sites
        if one.silent_since >= max(since - TOGETHER_SECONDS, 1.0)
        and one.answered_at <= since + TOGETHER_SECONDS
    ]
    answering = sum(not one.silent_since and one.answered_at >= holder.onset_at for _, one in sites)
    # Who was silent before is blocked or gone for a reason of its own.
    gone = sum(one.silent_since > 0.0 for _, one in sites) - len(fell)
    return Fellows(
        silent=tuple(sorted(set(fell))),
        told=not _silent(holder) or answering >= min(ASKED, len(sites) - gone - 1),
    )


def _silent(holder: OpenSuspicion | Proven) -> bool:
    return fails(holder) if isinstance(holder, OpenSuspicion) else holder.state is State.BLOCKED
