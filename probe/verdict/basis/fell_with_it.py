"""Which other sites fail since the platform does: what takes several operators down at once is no
matter of one platform's, and no reference abroad, whose way is another, tells what it is. Pure.

A line from which most sites are cut off is told by ``cut.py``. Here it is the few: a route that is
gone, an exchange that is down, a provider's filter that is broken.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from probe.model.identity import Phase
from probe.model.verdict import State
from probe.verdict.about import About
from probe.verdict.line.cut import TOGETHER_SECONDS
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import FamilyKey, family_key
from probe.verdict.remembered.memory import OpenSuspicion, PlatformMemory, Proven
from probe.verdict.suspected.open_suspicion import fails, failure

_CONNECT = f"{Phase.CONNECT}/"

FEW = 2
"""Operators of controls that fell silent with the platform, from which on it is not the platform's
own. One alone may be a site with a trouble of its own in the same hour."""
LONE_SECONDS = 12 * 3_600.0
"""One alone counts as well for so long, if it may have fallen in the same minutes, was found so
within an hour, and no connection to the platform comes about: so a way that is gone looks, to
both. Seven sites that are down six times a year each fall so by chance beside one block in two
hundred; ways are gone oftener. Longer than this a way is hardly left as it is, and a site may be
gone for good. Ours."""
ASKED = 6
"""So many controls abroad have answered since it began (all but one, where there are fewer), before
it is said that others are fine: of the default's seven, with two or more silent, fewer do."""


class Fellows(Struct, frozen=True, kw_only=True):
    """``silent``: operators of sites abroad that fell silent within an hour of the platform, and
    are. ``told``: enough others have answered since to know that there are no more of them; what
    is slow and not silent need not be told from them. ``lone``: the only one may have fallen with
    it by a way that is gone."""

    silent: tuple[str, ...] = ()
    told: bool = True
    lone: bool = False

    @property
    def shared(self) -> bool:
        """So many, or so like it, that the cause may not be the platform's own, nor aimed at it."""
        return len(self.silent) >= FEW or self.lone


def fellows(
    mine: PlatformMemory,
    controls: Mapping[FamilyKey, ControlMemory],
    holder: OpenSuspicion | Proven,
    about: About,
    at: float,
) -> Fellows:
    """Who fell silent with what ``holder`` is about. ``controls``: after the round, that began
    ``at``."""
    # What comes and goes began anew when it fell silent last.
    since = max(mine.silent_since.get(holder.family, 0.0), holder.onset_at)
    sites = [
        (control.operator, controls.get(family_key(holder.family, control.name), ControlMemory()))
        for control in about.controls
        if control.foreign
    ]
    # It fell silent at some time after it answered last, and was found so at `silent_since`. What
    # was silent with the whole line (behind a portal, say) is not known to be since that is back.
    fell = [
        (operator, one)
        for operator, one in sites
        if one.silent_alone
        and one.silent_since >= max(since - TOGETHER_SECONDS, 1.0)
        and one.answered_at <= since + TOGETHER_SECONDS
    ]
    answering = sum(not one.silent_since and one.answered_at >= holder.onset_at for _, one in sites)
    # Who was silent before is blocked or gone for a reason of its own.
    gone = sum(one.silent_alone for _, one in sites) - len(fell)
    names = {operator for operator, _ in fell}
    minutes = about.thresholds.together_seconds
    lone = len(names) == 1 and _unreachable(holder) and at - since < LONE_SECONDS
    return Fellows(
        silent=tuple(sorted(names)),
        told=not _silent(holder) or answering >= min(ASKED, len(sites) - gone - 1),
        lone=lone
        and all(
            one.answered_at <= since + minutes
            and since - minutes <= one.silent_since <= since + TOGETHER_SECONDS
            for _, one in fell
        ),
    )


def _silent(holder: OpenSuspicion | Proven) -> bool:
    return fails(holder) if isinstance(holder, OpenSuspicion) else holder.state is State.BLOCKED


def _unreachable(holder: OpenSuspicion | Proven) -> bool:
    """No connection comes about."""
    if isinstance(holder, Proven):
        return _silent(holder) and holder.failure.startswith(_CONNECT)
    return _silent(holder) and failure(holder).startswith(_CONNECT)
