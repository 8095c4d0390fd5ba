"""Which burst to ask for next. Pure: the measuring room carries it out."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isfinite

from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import Compares, Fame, Family, LegRole
from probe.observe.effort import Measure
from probe.schedule.leg_patience import Taken, mostly, patience
from probe.verdict.about import About, ControlFacts
from probe.verdict.burst.frugal import needs_swap
from probe.verdict.normal.level import Levels
from probe.verdict.one_round.waited import as_patient, longest
from probe.verdict.one_round.where_names_lead import network_of
from probe.verdict.remembered.keys import RTT, FamilyKey, Series
from probe.verdict.remembered.memory import OpenSuspicion, PlatformMemory, Proven
from probe.verdict.suspected import turned
from probe.verdict.suspected.open_suspicion import fails

# Spreads that what is normal is given as doubt before a burst's deadline follows from it.
ERRORS = 2.0
# Controls to draw from: more than a burst needs, so that one whose network is restricted, or whose
# server is slow, does not spoil every burst.
CONTROLS = 4
# So many controls with a history are better than more without one: they take turns.
LEAST_KNOWN = 2


def episode_burst(
    platform: str,
    episode: OpenSuspicion,
    memory: PlatformMemory,
    levels: Levels,
    about: About,
    keys: dict[str, FamilyKey],
) -> Burst:
    """The next burst of ``episode``: at the address that was suspicious, then at others.

    Beside what fails any control will do that answers: whether they all do is to be known soon."""
    target, address = _place(episode, memory, keys)
    made = burst(platform, target, episode.measure, episode.family, levels, about, address=address)
    if fails(episode) or episode.failing:
        made = replace(made, controls=_answering(episode.family, about, made.read_bytes))
    if not needs_swap(episode):
        made = replace(made, with_swap=False)
    if made.with_swap:
        made = replace(made, fame=episode.names.next_fame)
    return as_patient(made, episode, about)


def recovery_burst(platform: str, found: Proven, levels: Levels, about: About) -> Burst:
    """A burst to test whether a proven restriction has ended.

    It compares with the controls alone: a swap would cost its host's budget twice as much, and what
    it tells, the trigger, is known by now; unless that is what is in doubt.
    """
    made = burst(platform, found.target, found.measure, found.family, levels, about)
    if made.with_swap and turned.asks_name(found):
        return replace(made, fame=Fame.FAMOUS)
    return replace(made, with_swap=False)


def burst(
    platform: str,
    target: str,
    measure: Measure,
    family: Family,
    levels: Levels,
    about: About,
    *,
    address: str = "",
) -> Burst:
    """A burst of ``target`` in ``measure``, with the controls that are best known."""
    reads = measure is not Measure.HANDSHAKE
    size = 0
    if reads:
        size = about.long_bytes if measure is Measure.LONG else about.transfer_bytes
    swap = about.target(target).swap
    controls = _controls(platform, target, measure, family, levels, about, size)
    return Burst(
        target=target,
        compares=Compares.GOODPUT if reads else Compares.HANDSHAKE,
        read_bytes=size,
        family=family,
        controls=controls,
        address=address,
        with_swap=swap is not None and (not reads or swap is Compares.GOODPUT),
        deadline_seconds=_deadline(
            platform, target, measure, family, levels, about, size, controls
        ),
    )


def _place(
    episode: OpenSuspicion, memory: PlatformMemory, keys: dict[str, FamilyKey]
) -> tuple[str, str]:
    """The target and address to try next."""
    key = keys.get(episode.target)
    own = () if key is None else memory.addresses.get(key, ())
    if episode.led_astray:
        # First those that nobody on the way can have forged, then those in whose network the
        # platform was well: among the others may be more lies.
        sure = () if key is None else memory.encrypted.get(key, ())
        seen = [a for a in own if network_of(a) in memory.reached]
        other = [a for a in (*sure, *seen, *own) if a != episode.first_address]
        due = episode.bursts == 1 or (episode.bursts > 1 and not episode.elsewhere)
        return episode.target, other[0] if other and due and not episode.elsewhere else ""
    places = [(episode.target, episode.first_address)]
    places += [(episode.target, a) for a in own if a != episode.first_address]
    if len(places) == 1:
        places += [p for p in episode.suspects if p[1] != episode.first_address]
    if episode.one_edge and (again := _slow_place(episode, places)) is not None:
        return again
    # The one with the least evidence next, the first one first.
    return min(
        places,
        key=lambda place: (_evidence_at(episode, place), places.index(place)),
    )


def _slow_place(episode: OpenSuspicion, places: list[tuple[str, str]]) -> tuple[str, str] | None:
    """The one that bears the evidence while others bear none, if it is what the latest suspicious
    round met: whether it is still slow is all that is open. Else it would be slow for ever, since
    nobody would look again. If another one was suspicious, that is looked at."""
    worst = max(places, key=lambda place: _evidence_at(episode, place))
    met = {address for target, address in episode.suspects if target == worst[0]}
    return worst if not met or worst[1] in met else None


def _evidence_at(episode: OpenSuspicion, place: tuple[str, str]) -> float:
    known = episode.by_address.get(place[1])
    return 0.0 if known is None else known.e_value


def _controls(
    platform: str,
    target: str,
    measure: Measure,
    family: Family,
    levels: Levels,
    about: About,
    size: int,
) -> tuple[str, ...]:
    """Controls in the order of preference: those with a history, at the target's distance."""
    mine = levels.get(Series(family, LegRole.TARGET, platform, target, RTT).key)

    def preference(control: ControlFacts) -> tuple[bool, bool, float]:
        owner, _, endpoint = control.name.partition("/")
        its = Series(family, LegRole.CONTROL, owner, endpoint, measure)
        level, rtt = levels.get(its.key), levels.get(replace(its, measure=RTT).key)
        known = level is not None and level.known
        if mine is None or rtt is None:
            return not known, not control.foreign, 0.0
        return not known, not control.foreign, abs(rtt.centre - mine.centre)

    ordered = sorted(_able(family, about, size), key=preference)
    known = [control for control in ordered if not preference(control)[0]]
    if len(known) >= LEAST_KNOWN:
        ordered = known
    return tuple(control.name for control in ordered[: max(CONTROLS, len(ordered) // 2)])


def _answering(family: Family, about: About, size: int) -> tuple[str, ...]:
    able = _able(family, about, size)
    abroad = [control for control in able if control.foreign]
    return tuple(c.name for c in (abroad if len(abroad) >= LEAST_KNOWN else able))


def _able(family: Family, about: About, size: int) -> list[ControlFacts]:
    """Controls that answer, and have ``size`` bytes."""
    silent = about.silent.get(family, frozenset())
    answering = [control for control in about.controls if control.name not in silent]
    if len({control.operator for control in answering if control.foreign}) < LEAST_KNOWN:
        answering = list(about.controls)  # too few are left to be told from the platform
    return [control for control in answering if control.min_bytes >= size] or answering


def _deadline(
    platform: str,
    target: str,
    measure: Measure,
    family: Family,
    levels: Levels,
    about: About,
    size: int,
    controls: Sequence[str],
) -> float:
    """By what is normal for the target, and by what the controls take: a target of which nothing is
    known may be slower than they are."""
    most = longest(measure, about)

    def usual(role: LegRole, owner: str, name: str, of: Measure) -> float | None:
        level = levels.get(Series(family, role, owner, name, of).key)
        if level is None or not isfinite(level.centre):
            return None
        return exp(level.centre + ERRORS * level.spread)

    def normal(of: Measure) -> float | None:
        parts = [name.partition("/") for name in controls]
        theirs = [
            seconds
            for owner, _, name in parts
            if (seconds := usual(LegRole.CONTROL, owner, name, of)) is not None
        ]
        own = usual(LegRole.TARGET, platform, target, of)
        found = [*([mostly(theirs)] if theirs else []), *([] if own is None else [own])]
        return max(found, default=None)

    byte = None if measure is Measure.HANDSHAKE else normal(measure)
    # Of what is sent no handshake is compared.
    up = about.direction == "up" and byte is not None
    taken = Taken(handshake=0.0 if up else normal(Measure.HANDSHAKE), byte=byte)
    found = patience(most, read_bytes=size, normal=taken)
    return found.body if size else found.handshake
