"""What an ordinary round says of what is held of a platform (the events of ``suspicion.py``), and
what is done then: which of what is slow is tested, and what a suspicion begins with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import Compares
from probe.model.observation import RoundObservation
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.basis import forged_answer
from probe.verdict.one_round import lookups
from probe.verdict.one_round.compared import Compared, waits_for_long
from probe.verdict.one_round.contrast import Contrast
from probe.verdict.one_round.saw_the_name import visited
from probe.verdict.remembered.memory import OpenSuspicion, PlatformMemory, Proven
from probe.verdict.suspected import own_answer, turned
from probe.verdict.suspected.open_suspicion import fails
from probe.verdict.suspected.suspicion import Deed, Occasion
from probe.verdict.thresholds import Thresholds

EPISODE_SECONDS = 6 * 3_600.0
"""A suspicion that no round has renewed for so long is dropped."""
MOST_LUCKY = 1
"""Rounds in a row, as usual by luck, that the whole evidence of a proof outlives, if no burst shows
that it is indeed over."""
FAR_WORSE = 1.5
"""Times the margin, in logarithms: 2.8 times as slow. A delay of every packet makes a read of six
round trips some twice as long as a handshake of two, whose computing it does not touch. Ours."""
LONG_WAIT = 2
"""Rounds that read between two long bursts that test an end: they cost megabytes."""


class RoundScene(Struct, frozen=True):
    """What an ordinary round says of what is held."""

    event: Occasion
    suspects: Sequence[Contrast] = ()
    """What is slower than the margin, the worst first."""
    now: Contrast | None = None
    """What it says of the suspicion itself."""
    rival: Contrast | None = None
    """What should be tested in its place."""


def scene_of(
    mine: PlatformMemory, seen: Compared, observed: RoundObservation, about: About
) -> RoundScene:
    """Which event the round is. ``mine``: after the round was noted."""
    thresholds, current = about.thresholds, mine.episode
    if observed.clock_stepped:
        return RoundScene(Occasion.CLOCK_SET)
    if mine.proven is not None:
        return _of_proven(mine.proven, seen, observed, thresholds)
    if seen.another_line:
        return RoundScene(Occasion.ANOTHER_LINE)
    if mine.before is not None and turned.as_before(mine.before, seen, observed, about):
        return RoundScene(Occasion.AS_BEFORE)
    suspects = suspects_of(seen, thresholds.log_margin)
    if current is None:
        return RoundScene(Occasion.SLOW if suspects else Occasion.CALM, suspects)
    over = RoundScene(Occasion.OVER_ANOTHER if suspects else Occasion.OVER, suspects)
    if observed.started_at - current.last_at > EPISODE_SECONDS:
        return over
    now = seen.of(current, observed.family)
    as_usual = now is not None and now.worst <= log(thresholds.contradiction)
    if as_usual or _answers_now(current, observed):
        lucky = current.e_value >= thresholds.evidence and current.well < MOST_LUCKY
        return RoundScene(Occasion.LUCKY, suspects, now) if lucky else over
    if now is None:
        if not waits_for_long(current, observed):
            return RoundScene(Occasion.NOT_LOOKED_AT, suspects)
        rival = better_known(current, suspects, thresholds)
        return RoundScene(
            Occasion.READS if rival is None else Occasion.RIVAL, suspects, None, rival
        )
    rival = rival_of(current, now, suspects, about)
    if rival is not None:
        return RoundScene(Occasion.RIVAL, suspects, now, rival)
    slow = now.worst > thresholds.log_margin
    return RoundScene(Occasion.AGAIN if slow else Occasion.HARDLY, suspects, now)


def _answers_now(current: OpenSuspicion, observed: RoundObservation) -> bool:
    """It was failing, and the far end itself answers."""
    failing = current.failing or fails(current)
    return failing and own_answer.answers(current, observed)


def _of_proven(
    found: Proven, seen: Compared, observed: RoundObservation, thresholds: Thresholds
) -> RoundScene:
    if own_answer.over(found):
        return RoundScene(Occasion.ANSWERED)
    suspects = suspects_of(seen, thresholds.log_margin)
    if turned.turned(found) and suspects:
        return RoundScene(Occasion.TURNED, suspects)
    if turned.seems(found):
        return RoundScene(Occasion.TURNING)
    if waits_for_long(found, observed) and found.waited >= LONG_WAIT:
        return RoundScene(Occasion.READS)
    now = seen.of(found, observed.family)
    if now is None:
        return RoundScene(Occasion.NOT_LOOKED_AT)
    slow = now.worst > thresholds.log_margin
    return RoundScene(Occasion.AGAIN if slow else Occasion.AS_USUAL)


def done(
    act: Deed, scene: RoundScene, mine: PlatformMemory, observed: RoundObservation, about: About
) -> OpenSuspicion | None:
    """The suspicion after ``act``; ``None``: there is none (any more)."""
    current = mine.episode
    if act in (Deed.BEGIN, Deed.TURN):
        return begun(first_of(scene.suspects, about), scene.suspects, mine, observed)
    if current is None or mine.proven is not None or act in (Deed.DROP, Deed.RESTORE):
        return None
    if act is Deed.REPLACE and scene.rival is not None:
        return instead(scene.rival, current, scene.suspects, mine, observed)
    if act is Deed.ONCE_MORE:
        return replace(current, bursts=0, well=0, swap_refused=False)
    if act is Deed.OUTLIVE:
        return replace(current, bursts=0, well=current.well + 1, swap_refused=False)
    return renewed(current, scene, mine, observed) if act is Deed.RENEW else current


def renewed(
    current: OpenSuspicion, scene: RoundScene, mine: PlatformMemory, observed: RoundObservation
) -> OpenSuspicion:
    """``current`` after one more suspicious round, or one that stands for it."""
    at = observed.started_at
    again = replace(
        current,
        rounds=current.rounds + 1,
        bursts=0,
        last_at=at,
        well=0,
        swap_refused=False,
    )
    now = scene.now
    if now is None:
        return again
    return replace(
        again,
        suspects=_places(scene.suspects, current.measure),
        led_astray=current.led_astray
        or (not current.elsewhere_tried and lookups.is_astray(mine, observed, now.target)),
        at_home=forged_answer.at_home(observed, now.target)
        and (current.at_home or not current.led_astray),
        own_words=lookups.own_words(current.own_words, observed, now.target),
        failing=now.way_failed,
    )


def suspects_of(seen: Compared, limit: float) -> list[Contrast]:
    """Contrasts that are slower than ``limit`` (logarithm), the worst first."""
    found = [c for c in seen.contrasts if c.worst > limit and (c.controls or c.versus_swap)]
    return sorted(found, key=lambda c: c.worst, reverse=True)


def first_of(suspects: Sequence[Contrast], about: About) -> Contrast:
    """Which of ``suspects`` (the worst first) is tested: one with a swap, which tells the name from
    the address, unless another is far worse (``FAR_WORSE``). Handshakes have swaps more often than
    reads have, and suffer less from losses: what they show would keep the reads from being tested.
    So would one in which a packet was lost, which waited for a timer, as the next ones hardly do. A
    handshake is rather tested where nothing is read: what it costs a host is missing for reads."""
    sure = [c for c in suspects if not c.by_timer] or suspects
    least = sure[0].worst - FAR_WORSE * about.thresholds.log_margin
    telling = [c for c in sure if c.worst >= least and _has_swap(c, about)]
    lean = (c for c in telling if about.target(c.target).swap is Compares.HANDSHAKE)
    return [*lean, *telling, sure[0]][0]


def begun(
    worst: Contrast, suspects: Iterable[Contrast], mine: PlatformMemory, observed: RoundObservation
) -> OpenSuspicion:
    return OpenSuspicion(
        clean=mine.clean,
        target=worst.target,
        measure=worst.measure,
        family=observed.family,
        onset_at=observed.started_at,
        last_at=observed.started_at,
        first_address=worst.address,
        suspects=_places(suspects, worst.measure),
        seen=visited(observed),
        led_astray=lookups.is_astray(mine, observed, worst.target),
        at_home=forged_answer.at_home(observed, worst.target),
        own_words=lookups.own_words((), observed, worst.target),
        failing=worst.way_failed,
    )


def instead(
    rival: Contrast,
    current: OpenSuspicion,
    suspects: Iterable[Contrast],
    mine: PlatformMemory,
    observed: RoundObservation,
) -> OpenSuspicion:
    """``rival`` is tested from nothing in the place of ``current``, whose onset it keeps."""
    return replace(
        begun(rival, suspects, mine, observed),
        onset_at=current.onset_at,
        clean=current.clean,
        seen=tuple(dict.fromkeys((*current.seen, *visited(observed)))),
    )


def better_known(
    current: OpenSuspicion, suspects: Iterable[Contrast], thresholds: Thresholds
) -> Contrast | None:
    """What is slow in this round too and has a history, while ``current``, a long read, has none:
    there is one a day, so what is normal for it is not known for long, and little is proven by it.
    """
    if current.usual or current.e_value >= thresholds.evidence:
        return None
    return next((c for c in suspects if c.usual and c.slowdown is not None), None)


def rival_of(
    current: OpenSuspicion, now: Contrast, suspects: Iterable[Contrast], about: About
) -> Contrast | None:
    """Another target or measure that is slower still by the margin, while the bursts of
    ``current`` do not suffice; or do for an impairment only, as its own swap has not shown that it
    is the name, and the other's swap can; or as handshakes show nothing of a way that references
    would have to find clear, and reads may.

    A handshake that takes twice as long would else keep a transfer that takes ten times as long
    from ever being tested; and one that waited for a timer would keep a read from it of which
    segments are missing, which hardly one of the next will not. What was gathered is given up, so
    no bound is touched.
    """
    thresholds = about.thresholds
    if current.swap.e_value >= thresholds.evidence:
        return None
    enough = current.e_value >= thresholds.evidence
    others = [
        c
        for c in suspects
        if (c.target, c.measure) != (current.target, current.measure)
        and not c.by_timer
        and (not enough or _has_swap(c, about) or _shows_more(c, current, about))
    ]
    if enough:
        slow = median(current.slow_logs) if current.slow_logs else now.worst
        return next((c for c in others if c.worst > slow + thresholds.log_margin), None)
    least = now.worst + thresholds.log_margin
    return next((c for c in others if c.worst > least or (now.by_timer and c.whole)), None)


def _shows_more(other: Contrast, current: OpenSuspicion, about: About) -> bool:
    """Whether its reads may show what the way does (``way_marks.py``), where handshakes do not."""
    if not about.references or fails(current) or not current.way.clear:
        return False
    return current.measure is Measure.HANDSHAKE and other.measure is not Measure.HANDSHAKE


def with_seen(
    episode: OpenSuspicion | None,
    seen: Compared,
    observed: RoundObservation,
    thresholds: Thresholds,
) -> OpenSuspicion | None:
    """The episode, knowing which addresses this round said the platform's name to, and what its
    decoy showed in a round that renewed it."""
    if episode is None:
        return None
    episode = replace(episode, seen=tuple(dict.fromkeys((*episode.seen, *visited(observed)))))
    shown = [c.slowdown for c in seen.decoys if c.measure is episode.measure]
    known = [value for value in shown if value is not None]
    if episode.last_at != observed.started_at or not known:
        return episode
    slow = max(known) > thresholds.log_margin
    return replace(
        episode,
        decoy_slow=episode.decoy_slow + slow,
        decoy_fast=episode.decoy_fast + (not slow),
    )


def _has_swap(suspect: Contrast, about: About) -> bool:
    """Whether the target's swap can be compared in the measure in which it is suspicious."""
    swap = about.target(suspect.target).swap
    return swap is Compares.GOODPUT or (swap is not None and suspect.measure is Measure.HANDSHAKE)


def _places(suspects: Iterable[Contrast], measure: Measure) -> tuple[tuple[str, str], ...]:
    return tuple((c.target, c.address) for c in suspects if c.measure is measure)
