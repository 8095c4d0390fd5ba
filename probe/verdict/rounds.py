"""One ordinary round, compared: what it says of each target, of the line, and of a suspicion.

Pure steps from what is remembered to what is remembered next; ``decide.py`` puts them in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import Compares, LegRole, RoundKind
from probe.model.observation import RoundObservation
from probe.observe.effort import Measure, server_error
from probe.verdict import astray, line, lookups, names
from probe.verdict.about import About
from probe.verdict.apart import Led
from probe.verdict.astray import OWN
from probe.verdict.clock import dates_found
from probe.verdict.contrast import Contrast, contrast
from probe.verdict.keys import FamilyKey, family_key, family_of
from probe.verdict.memory import (
    Episode,
    PlatformMemory,
    Proven,
)
from probe.verdict.readings import Reading, Readings
from probe.verdict.thresholds import Thresholds

# A suspicion, or a slow line, that no round has renewed for so long is dropped; so is a restriction
# whose target could not be compared at all for a day (its object is gone, say).
EPISODE_SECONDS = 6 * 3_600.0
PROVEN_SECONDS = 24 * 3_600.0
MOST_CLEAN = 32


class Compared(Struct, frozen=True, kw_only=True):
    """One ordinary round, compared: targets, and decoys (the platform's name at a server that is
    nobody's target), each with the controls."""

    measures: tuple[Measure, ...]
    contrasts: tuple[Contrast, ...]
    decoys: tuple[Contrast, ...]
    another_line: bool


def reads(kind: RoundKind) -> Measure | None:
    """The measure of what a round of ``kind`` reads; ``None``: it reads nothing."""
    return next((m for m in _measures(kind) if m is not Measure.HANDSHAKE), None)


def _measures(kind: RoundKind) -> tuple[Measure, ...]:
    if kind is RoundKind.TRANSFER:
        return (Measure.HANDSHAKE, Measure.TRANSFER)
    if kind is RoundKind.LONG:
        return (Measure.HANDSHAKE, Measure.LONG)
    return (Measure.HANDSHAKE,)


def compare(read: Readings, thresholds: Thresholds) -> Compared:
    """What the round says of each target, decoy, and of the line."""
    measures = _measures(read.observed.kind)
    controls = read.by_role(LegRole.CONTROL)

    def contrasts(role: LegRole, swaps: Sequence[Reading]) -> tuple[Contrast, ...]:
        found = (
            contrast(leg, controls, swaps, measure, thresholds)
            for leg in read.by_role(role)
            for measure in measures
        )
        return tuple(one for one in found if one is not None)

    return Compared(
        measures=measures,
        contrasts=contrasts(LegRole.TARGET, read.by_role(LegRole.SWAP)),
        decoys=contrasts(LegRole.DECOY, ()),
        another_line=line.is_another(read, thresholds),
    )


def noted(mine: PlatformMemory, seen: Compared, observed: RoundObservation) -> PlatformMemory:
    """What a round adds before anything is judged: addresses, server errors, what is still kept."""
    targets = observed.by_role(LegRole.TARGET)
    errors = mine.server_errors
    if targets:
        errors = errors + 1 if any(server_error(leg) for leg in targets) else 0
    return replace(
        mine,
        addresses=names.addresses(mine.addresses, observed),
        encrypted=names.encrypted(mine.encrypted, observed),
        reached=names.reached(mine.reached, observed),
        server_errors=errors,
        dates=dates_found(observed),
        proven=_kept(_with_gap(mine, observed), seen, observed),
    )


def _with_gap(mine: PlatformMemory, observed: RoundObservation) -> Proven | None:
    """The restriction, with the time before this round for which no other speaks."""
    at = observed.started_at
    if mine.proven is None or not mine.at or mine.reaches(at):
        return mine.proven
    unmeasured = mine.proven.unmeasured_seconds + max(0.0, at - mine.at)
    return replace(mine.proven, unmeasured_seconds=unmeasured)


def _kept(found: Proven | None, seen: Compared, observed: RoundObservation) -> Proven | None:
    """The restriction, unless its target could not be compared for a day."""
    if found is None:
        return None
    at = observed.started_at
    if comparison_of(found, seen, observed) is not None:
        return replace(found, seen_at=at, waited=found.waited + 1)
    if _reads(found, observed):
        found = replace(found, waited=found.waited + 1)
    return found if at - found.seen_at < PROVEN_SECONDS else None


def comparison_of(
    holder: Proven | Episode, seen: Compared, observed: RoundObservation
) -> Contrast | None:
    """What the round says of what ``holder`` is about; the other family is another matter."""
    if holder.family is not observed.family:
        return None
    for c in seen.contrasts:
        if c.target == holder.target and c.measure is holder.measure and c.slowdown is not None:
            return c
    return None


def with_slow_line(
    mine: PlatformMemory, read: Readings, seen: Compared, about: About
) -> PlatformMemory:
    """Counts the rounds in a row in which everything was slow. What no round has looked at lately
    counts no more: long reads are rare, and what two of them met may be over for days."""
    at, log_slow = read.at, mine.line_log
    seen_at = {m: t for m, t in mine.slow_line_at.items() if 0.0 <= at - t <= EPISODE_SECONDS}
    counts = {m: n for m, n in mine.slow_line.items() if m in seen_at}
    for measure in seen.measures:
        found = line.slowness(
            read,
            measure,
            thresholds=about.thresholds,
            domestic=about.domestic,
        )
        if found is not None:
            counts[measure] = counts.get(measure, 0) + 1 if found else 0
            seen_at[measure] = at
            log_slow = found or log_slow
    return replace(mine, slow_line=counts, slow_line_at=seen_at, line_log=log_slow)


def slow_line(mine: PlatformMemory, about: About) -> float | None:
    """Logarithm of how much slower the line is, once that has lasted."""
    lasted = max(mine.slow_line.values(), default=0) >= about.thresholds.degraded_rounds
    return mine.line_log if lasted else None


def _suspects(seen: Compared, limit: float) -> list[Contrast]:
    """Contrasts that are slower than ``limit`` (logarithm), the worst first."""
    found = [c for c in seen.contrasts if c.worst > limit and (c.controls or c.versus_swap)]
    return sorted(found, key=lambda c: c.worst, reverse=True)


def episode_after(
    mine: PlatformMemory, seen: Compared, observed: RoundObservation, about: About
) -> Episode | None:
    """The suspicion after an ordinary round: renewed, ended, begun, or left as it was."""
    thresholds, at = about.thresholds, observed.started_at
    if mine.proven is not None or seen.another_line or observed.clock_stepped:
        return None
    suspects = _suspects(seen, thresholds.log_margin)
    current = mine.episode
    if current is not None and at - current.last_at > EPISODE_SECONDS:
        current = None
    if current is not None and current.family is observed.family:
        now = comparison_of(current, seen, observed)
        if now is not None and now.worst <= log(thresholds.contradiction):
            current = None
        elif now is not None and (rival := _rival(current, now, suspects, thresholds)) is not None:
            return _instead(rival, current, suspects, mine, observed)
        elif now is not None and now.worst > thresholds.log_margin:
            return replace(
                current,
                rounds=current.rounds + 1,
                bursts=0,
                last_at=at,
                suspects=_places(suspects, current.measure),
                led_astray=current.led_astray
                or (not current.elsewhere_tried and lookups.is_astray(mine, observed, now.target)),
                at_home=astray.at_home(observed, now.target)
                and (current.at_home or not current.led_astray),
                own_words=lookups.own_words(current.own_words, observed, now.target),
            )
        elif now is not None:
            return replace(current, bursts=0)
        elif current is not None and waits_for_long(current, observed):
            if (rival := _better_known(current, suspects, thresholds)) is not None:
                return _instead(rival, current, suspects, mine, observed)
            # A day until the next long read is too long: every round that reads tests it again.
            return replace(current, rounds=current.rounds + 1, bursts=0, last_at=at)
    if current is not None:
        return current
    if not suspects:
        return None
    return _begun(_first(suspects, about), suspects, mine, observed)


def _first(suspects: Sequence[Contrast], about: About) -> Contrast:
    """Which of ``suspects`` (the worst first) is tested: one with a swap, which tells the name from
    the address, unless another is worse by the margin. Handshakes have swaps more often than reads
    have, and suffer less from losses: what they show would keep the reads from being tested."""
    least = suspects[0].worst - about.thresholds.log_margin
    return next((c for c in suspects if c.worst >= least and _has_swap(c, about)), suspects[0])


def _begun(
    worst: Contrast, suspects: Iterable[Contrast], mine: PlatformMemory, observed: RoundObservation
) -> Episode:
    return Episode(
        clean=mine.clean,
        target=worst.target,
        measure=worst.measure,
        family=observed.family,
        onset_at=observed.started_at,
        last_at=observed.started_at,
        first_address=worst.address,
        suspects=_places(suspects, worst.measure),
        seen=_seen(observed),
        led_astray=lookups.is_astray(mine, observed, worst.target),
        at_home=astray.at_home(observed, worst.target),
        own_words=lookups.own_words((), observed, worst.target),
    )


def _instead(
    rival: Contrast,
    current: Episode,
    suspects: Iterable[Contrast],
    mine: PlatformMemory,
    observed: RoundObservation,
) -> Episode:
    """``rival`` is tested from nothing in the place of ``current``, whose onset it keeps."""
    return replace(
        _begun(rival, suspects, mine, observed),
        onset_at=current.onset_at,
        clean=current.clean,
        seen=tuple(dict.fromkeys((*current.seen, *_seen(observed)))),
    )


def _better_known(
    current: Episode, suspects: Iterable[Contrast], thresholds: Thresholds
) -> Contrast | None:
    """What is slow in this round too and has a history, while ``current``, a long read, has none:
    there is one a day, so what is normal for it is not known for long, and little is proven by it.
    """
    if current.usual or _evidence(current) >= thresholds.evidence:
        return None
    return next((c for c in suspects if c.usual and c.slowdown is not None), None)


def _evidence(current: Episode) -> float:
    return max(current.control.e_value, current.swap.e_value)


def without_our_own(
    seen: Compared, led: Mapping[str, Led], thresholds: Thresholds
) -> tuple[Compared, dict[str, Led]]:
    """``seen`` without the targets that are slow or failing where our own files, our own look-up or
    a resolver that is out of order led; and which these are."""
    limit = log(thresholds.contradiction)
    bad = {c.target for c in seen.contrasts if c.worst > limit or c.way_failed}
    ours = {target: one for target, one in led.items() if one in OWN and target in bad}
    kept = tuple(c for c in seen.contrasts if c.target not in ours)
    return replace(seen, contrasts=kept), ours


def _rival(
    current: Episode, now: Contrast, suspects: Iterable[Contrast], thresholds: Thresholds
) -> Contrast | None:
    """Another target or measure that is slower still by the margin, while the bursts of
    ``current`` do not suffice.

    A handshake that takes twice as long would else keep a transfer that takes ten times as long
    from ever being tested. What was gathered is given up, so no bound is touched.
    """
    if _evidence(current) >= thresholds.evidence:
        return None
    others = (c for c in suspects if (c.target, c.measure) != (current.target, current.measure))
    return next((c for c in others if c.worst > now.worst + thresholds.log_margin), None)


def with_seen(
    episode: Episode | None, seen: Compared, observed: RoundObservation, thresholds: Thresholds
) -> Episode | None:
    """The episode, knowing which addresses this round said the platform's name to, and what its
    decoy showed in a round that renewed it."""
    if episode is None:
        return None
    episode = replace(episode, seen=tuple(dict.fromkeys((*episode.seen, *_seen(observed)))))
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


def clean_after(
    mine: PlatformMemory, seen: Compared | None, observed: RoundObservation, about: About
) -> tuple[str, ...]:
    """Addresses that were well when the platform's name was last said to them.

    A handshake is too short to tell: some throttling begins with it and shows only in what is read
    (``seen``: ``None`` in a burst, which follows a suspicion)."""
    visited = _seen(observed)
    clean = [address for address in mine.clean if address not in visited]
    if seen is not None and not _suspects(seen, about.thresholds.log_margin):
        clean += [
            leg.address
            for leg in observed.by_role(LegRole.TARGET)
            if leg.ok and leg.address and leg.leg.compares is Compares.GOODPUT
        ]
    return tuple(dict.fromkeys(clean))[-MOST_CLEAN:]


def _has_swap(suspect: Contrast, about: About) -> bool:
    """Whether the target's swap can be compared in the measure in which it is suspicious."""
    swap = about.target(suspect.target).swap
    return swap is Compares.GOODPUT or (swap is not None and suspect.measure is Measure.HANDSHAKE)


def waits_for_long(current: Episode | Proven, observed: RoundObservation) -> bool:
    """Long reads are rare; what they have shown is followed up in rounds that read at all."""
    return current.measure is Measure.LONG and _reads(current, observed)


def _reads(holder: Proven | Episode, observed: RoundObservation) -> bool:
    """Whether the round reads over the family that ``holder`` is about."""
    return observed.kind is RoundKind.TRANSFER and holder.family is observed.family


def _places(suspects: Iterable[Contrast], measure: Measure) -> tuple[tuple[str, str], ...]:
    return tuple((c.target, c.address) for c in suspects if c.measure is measure)


def _seen(observed: RoundObservation) -> tuple[str, ...]:
    return tuple(leg.address for leg in observed.by_role(LegRole.TARGET) if leg.address)


def moved_paths(
    seen: Compared, mine: PlatformMemory, observed: RoundObservation, about: About
) -> dict[FamilyKey, int]:
    """Targets that are slower in the measure in which they are farther away, with their rounds."""
    margin = about.thresholds.log_margin
    others = {k: n for k, n in mine.path_rounds.items() if family_of(k) is not observed.family}
    moved = {
        c.target
        for c in seen.contrasts
        if c.usual and c.slowdown is not None and c.slowdown <= margin < c.slowdown + c.path
    }
    keys = [family_key(observed.family, target) for target in moved]
    return others | {key: mine.path_rounds.get(key, 0) + 1 for key in keys}


def well(
    seen: Compared, margin: float, moved: Iterable[FamilyKey], observed: RoundObservation
) -> frozenset[str]:
    """Targets whose every comparison is fine, less the ``moved`` (keys with their family)."""
    wrong = {c.target for c in seen.contrasts if c.worst > margin}
    good = {c.target for c in seen.contrasts if c.slowdown is not None} - wrong
    return frozenset(t for t in good if family_key(observed.family, t) not in moved)


def raw_slower(seen: Compared, thresholds: Thresholds) -> bool:
    """Some target without a history is slower than its controls by more than the margin."""
    taken_off = log(thresholds.no_baseline)
    return any(
        not c.usual and c.slowdown is not None and c.slowdown + taken_off > thresholds.log_margin
        for c in seen.contrasts
    )
