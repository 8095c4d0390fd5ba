"""Is the platform one of many sites that fell silent together? Then the line was cut off.

A country can be cut off from the rest of the Internet while its own sites go on (Iran, 16 to 23
November 2019), or keep a list of sites that still pass. Then a round may draw a control that
answers, and the platform beside it looks blocked. So what each control did when it was asked last
is remembered, and the majority decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import Family, LegRole
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.effort import OF_A_CERTIFICATE, hard
from probe.verdict.about import About
from probe.verdict.basis import forged_certificate
from probe.verdict.line import control_reads
from probe.verdict.normal import pace
from probe.verdict.one_round.readings import Readings
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import FamilyKey, family_key, name_of, of_family
from probe.verdict.remembered.memory import Memory, PlatformMemory

TOGETHER_SECONDS = 3_600.0
"""A control that fell silent up to so long before the platform did, or after it, fell with it. Who
was silent before that is blocked or gone for a reason of its own."""
LEAST = 2
"""Operators that fell silent, at least."""


class CutOff(Struct, frozen=True, kw_only=True):
    """Operators of controls abroad that fell ``silent`` with the platform or ``answer`` since, and
    of controls inside the country that answer (``domestic``)."""

    silent: int
    answering: int
    domestic: int


def heard(memory: Memory, observed: RoundObservation, about: About) -> Memory:
    """``memory`` with who answered in one more round or burst, and who did not."""
    mine = memory.platform(observed.platform)
    mine = replace(mine, silent_since=_silent_after(mine, observed))
    return replace(
        memory,
        controls=_controls_after(memory.controls, observed, about),
        platforms={**memory.platforms, observed.platform: mine},
    )


def _controls_after(
    known: Mapping[FamilyKey, ControlMemory], observed: RoundObservation, about: About
) -> dict[FamilyKey, ControlMemory]:
    """Who is not configured any more is forgotten."""
    configured = {control.name for control in about.controls}
    after = {key: one for key, one in known.items() if name_of(key) in configured}
    at = observed.started_at
    asked: dict[FamilyKey, bool] = {}
    for leg in observed.by_role(LegRole.CONTROL):
        key = _key(leg, observed)
        if not _opened(leg):
            asked[key] = asked.get(key, False) or hard(leg) is None
        known_of_it = pace.controls_noted(after.get(key, ControlMemory()), leg, at)
        known_of_it = control_reads.read_noted(known_of_it, leg, at, about.transfer_bytes)
        after[key] = forged_certificate.control_heard(known_of_it, leg, at)
    line_answers = any(asked.values())
    for key, answers in asked.items():
        before = after.get(key, ControlMemory())
        if answers:
            after[key] = replace(before, answered_at=at, silent_since=0.0, silent_alone=False)
        else:
            alone = before.silent_alone or line_answers
            after[key] = replace(before, silent_since=before.silent_since or at, silent_alone=alone)
    return after


def _opened(leg: LegObservation) -> bool:
    """Somebody else answered in its place (a portal, an inspection): it is not known to be silent,
    and less so once that is over."""
    failure = hard(leg)
    return failure is not None and failure.reason in OF_A_CERTIFICATE


def _silent_after(mine: PlatformMemory, observed: RoundObservation) -> dict[Family, float]:
    """Since when every target of the platform is silent, for each family in which that is so."""
    targets = observed.by_role(LegRole.TARGET)
    family, since = observed.family, dict(mine.silent_since)
    if not targets:
        return since
    if not _silent(targets):
        since.pop(family, None)
    elif observed.burst is None:  # a burst is of one target alone
        since.setdefault(family, observed.started_at)
    return since


def line_cut_off(
    mine: PlatformMemory,
    controls: Mapping[FamilyKey, ControlMemory],
    observed: RoundObservation,
    about: About,
) -> CutOff | None:
    """Whether most sites fell silent with the platform (or were as silent from the start), although
    somebody still answers; ``None``: no, or nobody does. ``mine`` and ``controls``: after
    ``observed``."""
    since = mine.silent_since.get(observed.family)
    if since is None or not _silent(observed.by_role(LegRole.TARGET)):
        return None
    # A clock that was set back leaves no beginning in the future.
    since = min(since, observed.started_at) - TOGETHER_SECONDS
    known = [
        (control, controls[key])
        for control in about.controls
        if (key := family_key(observed.family, control.name)) in controls
    ]
    fell = [(control, one) for control, one in known if one.silent_since >= since]
    began = min((one.silent_since for _, one in fell), default=0.0)
    up = [control for control, one in known if not one.silent_since and one.answered_at >= began]
    answering = {control.operator for control in up if control.foreign}
    domestic = {control.operator for control in up if not control.foreign}
    silent = {control.operator for control, _ in fell if control.foreign} - answering
    if len(silent) < LEAST or len(silent) <= len(answering) or not (answering or domestic):
        return None
    return CutOff(silent=len(silent), answering=len(answering), domestic=len(domestic))


def nobody_to_ask(controls: Mapping[FamilyKey, ControlMemory], observed: RoundObservation) -> bool:
    """Whether every control of the round has been silent since long before another one answered:
    they are blocked or gone themselves, and their silence says nothing of the line. ``controls``:
    after ``observed``."""
    asked = {_key(leg, observed) for leg in observed.by_role(LegRole.CONTROL)}
    return bool(asked) and asked <= _long_silent(controls, observed)


def without_long_silent(read: Readings, controls: Mapping[FamilyKey, ControlMemory]) -> Readings:
    """``read`` without the controls that have been silent since long before another one answered:
    what they are now says nothing of chance. ``controls``: after the round."""
    gone = _long_silent(controls, read.observed)
    alive = (
        leg
        for leg in read.legs
        if leg.leg.role is not LegRole.CONTROL or _key(leg.seen, read.observed) not in gone
    )
    return replace(read, legs=tuple(alive))


def _long_silent(
    controls: Mapping[FamilyKey, ControlMemory], observed: RoundObservation
) -> frozenset[FamilyKey]:
    known = dict(of_family(controls, observed.family))
    latest = max((one.answered_at for one in known.values()), default=0.0)
    return frozenset(
        family_key(observed.family, name)
        for name, one in known.items()
        if 0.0 < one.silent_since < latest - TOGETHER_SECONDS
    )


def _key(leg: LegObservation, observed: RoundObservation) -> FamilyKey:
    return family_key(observed.family, f"{leg.leg.owner}/{leg.leg.target}")


def _silent(targets: Iterable[LegObservation]) -> bool:
    legs = tuple(targets)
    return bool(legs) and all(hard(leg) is not None for leg in legs)
