"""What was measured where a platform was slow: the only numbers that a sentence on it may say.

Each round or burst that found the target slow leaves one ``Shown``; ``told`` makes of those of the
last hours what is said, shown as a metric and written as evidence, so the three cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import exp, inf, isfinite
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import LegRole, Phase
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import Signature
from probe.observe.effort import Measure, died_of_slowness, effort
from probe.observe.goodput import ended, goodput, was_cut
from probe.observe.signature import signature

SHOWN_SECONDS = 6 * 3_600.0
"""What is said is of so long before the latest of it: what was slow longer ago may have been slow
otherwise. A suspicion that nothing renews for as long is dropped, too."""
MOST_SHOWN = 12


_HANDSHAKE = (Phase.CONNECT, Phase.TLS)


class Beside(StrEnum):
    """What the target was compared with: its own history, a neutral name at the same server, or
    other sites."""

    NORMAL = "normal"
    SWAP = "swap"
    CONTROLS = "controls"


class Shown(Struct, frozen=True, kw_only=True):
    """One round or burst (at Unix time ``at``) in which the target was slow.

    ``own``, ``swap``, ``control``: median seconds of a handshake, or of a byte, of each (the
    controls': of the slowest; ``None``: there is none). ``normal``: logarithm of how many times
    slower than normal the target was, beyond what line and path explain (``None``: what is normal
    is not known). ``cut``: most of its legs were ended before they were whole, so it is at least
    that slow. ``stopped``: the bytes after which reads ended that had come fast (0: they did not).
    ``handshake``: as ``normal``, of the handshakes, where what is read was judged.
    ``before_reads``: the handshakes took so long that nothing was read, so all is of them.
    ``whole``: as ``normal``, of whole legs, from the first packet to the last byte. ``path``:
    logarithm of how many times as long the path explains, which these leave out.
    """

    at: float
    own: float
    normal: float | None = None
    swap: float | None = None
    control: float | None = None
    cut: bool = False
    stopped: int = 0
    handshake: float | None = None
    before_reads: bool = False
    whole: float | None = None
    path: float = 0.0

    def against(self, beside: Beside) -> float | None:
        """How many times slower than that."""
        if beside is Beside.NORMAL:
            return None if self.normal is None else exp(self.normal)
        other = self.swap if beside is Beside.SWAP else self.control
        return None if other is None else self.own / other


class Told(Struct, frozen=True, kw_only=True):
    """What is said of them together.

    ``times``: how many times slower than ``beside`` (``None``: by how much is not known, or reads
    stop after ``stopped`` bytes, which no factor tells), ``at_least`` that. ``own`` and ``other``:
    the seconds of which ``times`` is the ratio, where what is normal is not known. ``handshake``:
    times slower than normal. ``at``: when it was seen last. ``before_reads``: all is of handshakes,
    which took so long that nothing was read. ``usual``: what is normal is known. ``whole``: no part
    of a leg is slow for sure, so ``times`` is of all of it, from its first packet to its last byte.
    ``path``: so many times as long by its distance, which ``times`` and ``handshake`` leave out.
    """

    at: float
    times: float | None = None
    beside: Beside = Beside.NORMAL
    at_least: bool = False
    own: float | None = None
    other: float | None = None
    stopped: int = 0
    handshake: float | None = None
    before_reads: bool = False
    usual: bool = False
    whole: bool = False
    path: float = 1.0


def shown(
    observed: RoundObservation,
    target: str,
    measure: Measure,
    *,
    normal: float | None,
    handshake: float | None = None,
    whole: float | None = None,
    path: float = 0.0,
) -> Shown | None:
    """What ``observed`` shows of ``target``; ``None`` if no number came of it (it failed)."""
    found = _shown(observed, target, measure, normal=normal, handshake=handshake)
    if found is not None or measure is Measure.HANDSHAKE:
        return found if found is None else replace(found, whole=_finite(whole), path=path)
    if not _died_in_handshakes(observed, target):
        return None
    # No read began: that the handshakes took so long is what there is to tell.
    found = _shown(observed, target, Measure.HANDSHAKE, normal=handshake, handshake=None)
    return None if found is None else replace(found, before_reads=True, path=path)


def _died_in_handshakes(observed: RoundObservation, target: str) -> bool:
    """Of most of its legs the handshake took the larger part of the time, so that nothing was read
    for that. Silence after a handshake that was quick has another reason."""
    legs = [leg for leg in observed.by_role(LegRole.TARGET) if leg.leg.target == target]
    ended = [
        (leg.failure is not None and leg.failure.phase in _HANDSHAKE)
        or 2.0 * sum(leg.phases.get(one, 0.0) for one in _HANDSHAKE) > leg.duration_seconds
        for leg in legs
    ]
    return 2 * sum(ended) > len(ended)


def _shown(
    observed: RoundObservation,
    target: str,
    measure: Measure,
    *,
    normal: float | None,
    handshake: float | None,
) -> Shown | None:
    targets = [leg for leg in observed.by_role(LegRole.TARGET) if leg.leg.target == target]
    own = _seconds(targets, measure) or _until_it_ended(targets, measure)
    if own is None:
        return None
    swaps = [leg for leg in observed.by_role(LegRole.SWAP) if leg.leg.target == target]
    controls: dict[tuple[str, str], list[LegObservation]] = {}
    for leg in observed.by_role(LegRole.CONTROL):
        controls.setdefault((leg.leg.owner, leg.leg.target), []).append(leg)
    theirs = [value for legs in controls.values() if (value := _seconds(legs, measure))]
    cut = [was_cut(leg) or died_of_slowness(leg) for leg in targets]
    return Shown(
        at=observed.started_at,
        own=own,
        normal=_finite(normal),
        swap=_seconds(swaps, measure),
        control=max(theirs, default=None),
        cut=2 * sum(cut) > len(cut),
        stopped=_place(targets) if signature(targets, measure) is Signature.CUTOFF else 0,
        handshake=_finite(handshake),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _seconds(legs: Sequence[LegObservation], measure: Measure) -> float | None:
    found = [one for leg in legs if (one := effort(leg, measure)) is not None]
    middle = median(found) if found else inf
    return middle if isfinite(middle) and middle > 0.0 else None


def _until_it_ended(legs: Sequence[LegObservation], measure: Measure) -> float | None:
    """The seconds for a byte of what came before most of ``legs`` were reset. No factor is told of
    them, but where they stopped is."""
    if measure is Measure.HANDSHAKE or 2 * sum(map(ended, legs)) <= len(legs):
        return None
    rates = [rate for leg in legs if (rate := goodput(leg)) is not None]
    return 1.0 / median(rates) if rates else None


def _place(legs: Iterable[LegObservation]) -> int:
    read = [leg.body_bytes for leg in legs if leg.body_bytes]
    return int(median(read)) if read else 0


def added(before: tuple[Shown, ...], one: Shown | None, margin: float) -> tuple[Shown, ...]:
    """``before`` with ``one``, if that was slower than ``margin`` (a factor) by any comparison."""
    if one is None:
        return before
    slow = one.stopped or any(_beyond(one, beside, margin) for beside in Beside)
    if not slow and (one.whole is None or exp(one.whole) <= margin):
        return before
    return (*before, one)[-MOST_SHOWN:]


def _beyond(one: Shown, beside: Beside, margin: float) -> bool:
    times = one.against(beside)
    return times is not None and times > margin


def told(found: Sequence[Shown], margin: float) -> Told | None:
    """What is said of what was shown in the last hours of it; ``None``: nothing was.

    The target's own history is the best comparison; where it is not known, or shows less than
    ``margin`` (a factor; it may have been slow from the first day), its swap is, then controls."""
    if not found:
        return None
    at = found[-1].at
    lately = [one for one in found if 0.0 <= at - one.at <= SHOWN_SECONDS]
    before_reads = 2 * sum(one.before_reads for one in lately) > len(lately)
    lately = [one for one in lately if one.before_reads is before_reads]
    made = _of(lately, at, margin)
    usual = any(one.normal is not None for one in lately)
    return replace(made, before_reads=before_reads, usual=usual)


def _of(lately: Sequence[Shown], at: float, margin: float) -> Told:
    places = [one.stopped for one in lately if one.stopped]
    if 2 * len(places) > len(lately):
        return Told(at=at, stopped=int(median(places)))
    handshakes = [one.handshake for one in lately if one.handshake is not None]
    handshake = exp(median(handshakes)) if handshakes else None
    whole = [exp(one.whole) for one in lately if one.whole is not None]
    for beside in Beside:
        if beside is not Beside.NORMAL and 2 * len(whole) > len(lately) and median(whole) > margin:
            return Told(
                at=at, times=median(whole), whole=True, handshake=handshake, path=_path(lately)
            )
        able = [one for one in lately if one.against(beside) is not None]
        # As many as most of them, else one odd burst would speak for all.
        if 2 * len(able) <= len(lately):
            continue
        made = _told(able, beside, at, handshake)
        if made.times is not None and made.times > margin:
            return made
    return Told(at=at, handshake=handshake)


def _told(able: Sequence[Shown], beside: Beside, at: float, handshake: float | None) -> Told:
    at_least = 2 * sum(one.cut for one in able) > len(able)
    ratios = [times for one in able if (times := one.against(beside)) is not None]
    if beside is Beside.NORMAL:
        return Told(
            at=at,
            times=median(ratios),
            at_least=at_least,
            handshake=handshake,
            path=_path(able),
        )
    own = median(one.own for one in able)
    others = [one.swap if beside is Beside.SWAP else one.control for one in able]
    other = median(value for value in others if value is not None)
    return Told(
        at=at,
        times=own / other,
        beside=beside,
        at_least=at_least,
        own=own,
        other=other,
        handshake=handshake,
    )


def _path(able: Sequence[Shown]) -> float:
    return exp(median(one.path for one in able))
