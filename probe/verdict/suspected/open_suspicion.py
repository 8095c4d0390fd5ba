"""A suspicion under test: how it begins, what bursts add to it, and when it is proven.

A proof needs evidence that the shuffle bounds (``bets.py``) and, because the shuffle does not bound
what the platform's own servers do, a basis (``probe/model/basis.py``), which says how much of that
it rules out: enough to accuse, or only that it is so here.
"""

from __future__ import annotations

from collections import Counter
from math import exp, isfinite, log
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import LegRole, Phase
from probe.model.observation import RoundObservation
from probe.model.verdict import Method, Signature, SlowPhase, State, Trigger
from probe.observe.effort import ONLY_SMALL, UNKNOWN_AUTHORITY, Measure
from probe.verdict.basis.forged_certificate import forged_at
from probe.verdict.burst.bets import Wealth
from probe.verdict.burst.own_rate import by_our_rate
from probe.verdict.burst.score import Score
from probe.verdict.ladder.shown import Shown, added, shown
from probe.verdict.one_round.saw_the_name import visited
from probe.verdict.one_round.where_names_lead import network_of
from probe.verdict.remembered.memory import OpenSuspicion, Proven
from probe.verdict.suspected import each_address
from probe.verdict.suspected.each_address import bearing
from probe.verdict.suspected.own_answer import layer_of
from probe.verdict.thresholds import Thresholds

MOST_SAMPLES = 12
DECOY_ROUNDS = 2
# How legs fail that are shown a certificate whose authority is not trusted.
FORGED = f"{Phase.TLS}/{UNKNOWN_AUTHORITY}"


class Others(Struct, frozen=True, kw_only=True):
    """What speaks for a cause on the way: ``together``, platforms of other operators that are hit
    since the same time in the same way; ``fine``, references find the platform so, and
    ``vouched``, that counts; ``counts``: it does if they do;
    ``certificates_by``, who makes certificates for platforms of other operators
    (``forged_certificate.py``). ``shared``: other sites are hit with it (``curtains.py``), so the
    first two say nothing; ``fellows``: operators of those that fell silent, ``fell_with_it``:
    by what may be one cause (``fell_with_it.py``).
    """

    together: tuple[str, ...] = ()
    fine: bool = False
    vouched: bool = False
    certificates_by: frozenset[str] = frozenset()
    shared: bool = False
    counts: bool = False
    fellows: tuple[str, ...] = ()
    fell_with_it: bool = False


def after_burst(
    episode: OpenSuspicion, observed: RoundObservation, found: Score, margin: float, others: Others
) -> OpenSuspicion:
    """The episode after one more burst. ``margin``: slower than that (a factor) is slow."""
    address = _address(observed)
    burst = observed.burst
    if burst is not None and burst.address and episode.led_astray:
        # The address of another resolver: it tells where the host's own resolver led.
        if not found.failures:
            return replace(
                episode,
                bursts=episode.bursts + 1,
                elsewhere=found.complete,
                well_at=(*episode.well_at, burst.address) if found.complete else episode.well_at,
            )
        episode = replace(episode, led_astray=False)
    if burst is not None:
        beside = {one: name for one, name in episode.beside_at.items() if one != address}
        of_another = {address: burst.target} if burst.target not in ("", episode.target) else {}
        episode = replace(episode, beside_at=beside | of_another)
    by_address = dict(episode.by_address)
    by_address[address] = by_address.get(address, Wealth()).after(found.wins, found.gap_wins)
    if len(found.failures) > found.slow_legs:
        how = each_address.failed_so(episode.failed_how, address, found.failures)
        episode = replace(episode, failed_how=how)
    else:
        episode = replace(episode, slow_at=_with(episode.slow_at, address))
    clean = _clean(observed, episode)
    swap = episode.swap
    if found.swap_wins is not None and episode.names.bets(found.fame):
        swap = swap.after(found.swap_wins, found.swap_gap_wins)
    logs = episode.slow_logs if episode.usual or not found.usual else ()
    comparable = found.usual or not episode.usual
    if comparable and found.slowdown is not None and isfinite(found.slowdown):
        logs = (*logs[-(MOST_SAMPLES - 1) :], found.slowdown)
    return replace(
        episode,
        bursts=episode.bursts + 1,
        control=episode.control.after(found.wins, found.gap_wins),
        swap=swap,
        any_answer=episode.any_answer or found.any_answer,
        by_address=by_address,
        slow_logs=logs,
        whole_logs=episode.whole_logs
        if found.whole is None
        else (*episode.whole_logs, found.whole)[-MOST_SAMPLES:],
        usual=episode.usual or found.usual,
        slow_legs=episode.slow_legs + found.slow_legs,
        failures=(*episode.failures, *found.failures)[-MOST_SAMPLES:],
        signatures=(*episode.signatures, found.signature)[-MOST_SAMPLES:],
        way=episode.way.after(found.marks),
        swap_slow=episode.swap_slow + (found.swap_slow is True),
        swap_fast=episode.swap_fast + (found.swap_slow is False),
        names=episode.names.after(found.fame, slow=found.swap_slow),
        clean_slow=episode.clean_slow or (clean and found.first_swap_slow is True),
        clean_fast=episode.clean_fast or (clean and found.first_swap_slow is False),
        seen=tuple(dict.fromkeys((*episode.seen, *visited(observed)))),
        also_handshake=episode.also_handshake
        or (found.handshake is not None and found.handshake > log(margin)),
        shown=added(episode.shown, shown_by(observed, episode, found), margin),
        forged_at=tuple(
            dict.fromkeys((*episode.forged_at, *forged_at(observed, others.certificates_by)))
        ),
    )


def shown_by(
    observed: RoundObservation, holder: OpenSuspicion | Proven, found: Score
) -> Shown | None:
    """What a burst shows of what ``holder`` is about."""
    return shown(
        observed,
        holder.target,
        holder.measure,
        normal=found.slowdown if found.usual else None,
        handshake=None if holder.measure is Measure.HANDSHAKE else found.handshake,
        whole=found.whole,
        path=found.path,
    )


def _with(addresses: tuple[str, ...], one: str) -> tuple[str, ...]:
    return addresses if one in addresses else (*addresses, one)


def _address(observed: RoundObservation) -> str:
    for leg in observed.by_role(LegRole.TARGET):
        if leg.address is not None:
            return leg.address
    return ""


def _clean(observed: RoundObservation, episode: OpenSuspicion) -> bool:
    """The burst's first swap leg met an address that nothing has condemned: it has not seen the
    platform's name since the onset, and never before, or else was well when it last did. (What
    began before it was noticed may have condemned the others.)"""
    names = {observed.platform, *(() if observed.burst is None else observed.burst.joint)}
    first = min(observed.legs, key=lambda leg: leg.order, default=None)
    if first is None or first.leg.role is LegRole.TARGET:
        return False
    for leg in sorted(observed.legs, key=lambda one: one.order):
        if leg.leg.role is LegRole.TARGET:
            return False
        if leg.leg.role is LegRole.SWAP:
            fresh = names.isdisjoint(leg.seen_names) or leg.address in episode.clean
            return leg.address not in episode.seen and fresh
    return False


def basis(
    episode: OpenSuspicion, at: float, known_addresses: int, thresholds: Thresholds, others: Others
) -> Basis | None:
    """What a proof may rest on, the best that there is; ``None`` while there is none."""
    if (
        speaks(episode, episode.swap, thresholds)
        and (
            # What serves this one name may have a bad moment: another's answer says little of it.
            not episode.any_answer or episode.rounds >= thresholds.rounds
        )
        and not _by_our_rate(episode, Basis.SWAP)
    ):
        return Basis.SWAP
    if not speaks(episode, episode.control, thresholds) or episode.rounds < thresholds.rounds:
        return None
    if episode.led_astray:
        return Basis.DNS if episode.elsewhere and not own_resolver_knows(episode) else None
    if _decoy(episode):
        return Basis.DECOY
    strong = len(bearing(episode, thresholds))
    if not strong or (strong < 2 and known_addresses > 1):
        return None
    if _forged(episode, thresholds):
        return Basis.FORGED
    lasted = at - episode.onset_at
    found = here(episode, strong, lasted, thresholds)
    if fails(episode) and failure(episode) == ONLY_SMALL:
        return found
    if _by_our_rate(episode, Basis.REFERENCE):
        return found
    alike = bearing(episode, thresholds, _alike_at(episode))
    if fails(episode):
        alike = each_address.shut_at(episode, alike)
    own = may_be_its_servers(episode)
    return better(len(alike), lasted, thresholds, others, way_clear=own) or found


def _by_our_rate(episode: OpenSuspicion, rests_on: Basis) -> bool:
    return fails(episode) and by_our_rate(episode, rests_on)


def speaks(episode: OpenSuspicion, evidence: Wealth, thresholds: Thresholds) -> bool:
    """Whether the test has spoken: there is the ``evidence``, and what it is evidence of is that
    the target is slowed by more than the margin or fails. What it owes to missing segments says
    that somebody drops them, and not what that costs: then most bursts must have been so slow, in
    what is tested or as whole legs."""
    if evidence.e_value < thresholds.evidence:
        return False
    if evidence.of_time >= thresholds.evidence or fails(episode):
        return True
    return any(
        logs and median(logs) > thresholds.log_margin
        for logs in (episode.slow_logs, episode.whole_logs)
    )


def own_resolver_knows(episode: OpenSuspicion) -> bool:
    """Whether the host's own resolver gave, when it was asked on the wire, a place where the target
    was well: then the host was led there by nobody's lie."""
    return not {*map(network_of, episode.own_words)}.isdisjoint(map(network_of, episode.well_at))


def _alike_at(episode: OpenSuspicion) -> tuple[str, ...]:
    """Where it fails, or is slow, as most of its legs: one dead address and a slow one are two."""
    return each_address.alike(episode) if fails(episode) else episode.slow_at


def _forged(episode: OpenSuspicion, thresholds: Thresholds) -> bool:
    """Whether at two of the addresses that bear evidence somebody on the way made a certificate."""
    if failure(episode) != FORGED or not fails(episode):
        return False
    return (
        sum(
            wealth.e_value >= thresholds.address_evidence
            for address, wealth in episode.by_address.items()
            if address in episode.forged_at
        )
        >= 2
    )


def better(
    addresses: int, lasted: float, thresholds: Thresholds, others: Others, *, way_clear: bool
) -> Basis | None:
    """The accusing basis that ``others`` give to what has ``lasted`` so many seconds at so many
    addresses. A reference has met other addresses, so one that has its bad hours is not ruled out
    by it; nor are servers near here that are all slow, where the way was clear."""
    if others.together:
        return Basis.PLATFORMS
    if others.vouched and not way_clear and each_address.enough(addresses, lasted, thresholds):
        return Basis.REFERENCE
    return None


def here(
    episode: OpenSuspicion, addresses: int, lasted: float, thresholds: Thresholds
) -> Basis | None:
    """The basis for saying that it is so on this line, whatever the cause."""
    if addresses >= 2:
        return Basis.ADDRESSES
    plain = _plain(episode, thresholds)
    enough = thresholds.plain_seconds if plain else thresholds.impaired_seconds
    return Basis.DURATION if lasted >= enough else None


def _plain(episode: OpenSuspicion, thresholds: Thresholds) -> bool:
    """Whether it is so plain that an hour of it is no better known than ten minutes: it is far
    slower than its own history and in no burst near that. What fails may fail elsewhere, too. Where
    an hour may show more, marks of the way or other addresses, it is worth its while: what is
    proven is not looked at anew."""
    places = {address for _, address in episode.suspects}
    if episode.rounds < thresholds.plain_rounds or len(places) > 1:
        return False
    if fails(episode) or not episode.usual or not episode.slow_logs or episode.way.clear:
        return False
    usual = median(episode.slow_logs)
    return usual >= log(thresholds.plainly) and min(episode.slow_logs) >= thresholds.log_margin


def proven(
    episode: OpenSuspicion, rests_on: Basis, at: float, thresholds: Thresholds, others: Others
) -> Proven:
    """What ``episode`` has proven, at Unix time ``at``."""
    blocked = rests_on is Basis.DNS or fails(episode)
    # By a resolver's lie no address of the platform is hit, but those that it gave.
    among = None if rests_on is Basis.DNS else _alike_at(episode)
    strong = bearing(episode, thresholds, among)
    lasted = at - episode.onset_at
    common = Proven(
        state=State.BLOCKED if blocked else State.THROTTLED,
        target=episode.target,
        measure=episode.measure,
        family=episode.family,
        onset_at=episode.onset_at,
        basis=rests_on,
        here=here(episode, len(bearing(episode, thresholds)), lasted, thresholds) or Basis.DURATION,
        e_value=episode.e_value,
        trigger=trigger(episode, rests_on),
        addresses=len(strong),
        together=others.together if rests_on is Basis.PLATFORMS else (),
        decoy=_decoy(episode),
        usual=episode.usual,
        at_home=rests_on is Basis.DNS and episode.at_home,
        well_at=episode.well_at,
        rounds=episode.rounds,
        seen_at=at,
        swap=episode.swap,
        any_answer=episode.any_answer,
        names=episode.names,
        failure=failure(episode),
        elsewhere_at=episode.elsewhere_at,
        shown=episode.shown,
        first_ones=episode.first_ones,
        at=strong if blocked and rests_on is not Basis.DNS else (),
        met_at=episode.met_at,
        beside_at=episode.beside_at,
        way_clear=rests_on is not Basis.DNS and may_be_its_servers(episode),
    )
    if blocked:
        return replace(common, method=method(episode, rests_on))
    return replace(
        common,
        signature=_common_signature(episode),
        phase=_phase(episode),
        factor=exp(median(episode.slow_logs)) if episode.slow_logs else None,
    )


def may_be_its_servers(episode: OpenSuspicion) -> bool:
    """Nothing shows that the way did it (``WayMarks.may_be_own``)."""
    return episode.way.may_be_own(failure(episode) if fails(episode) else "")


def fails(episode: OpenSuspicion) -> bool:
    """Most of the target's legs failed outright, rather than being slow (of the latest)."""
    return len(episode.failures) > min(episode.slow_legs, MOST_SAMPLES)


def failure(episode: OpenSuspicion) -> str:
    """How most of the legs that failed did (``phase/reason``); empty if none has."""
    common = Counter(episode.failures).most_common(1)
    return common[0][0] if common else ""


def method(episode: OpenSuspicion, rests_on: Basis | None = None) -> Method:
    """The layer at which the target's legs failed."""
    if rests_on is Basis.DNS:
        return Method.DNS
    return layer_of(episode.failures)


def trigger(episode: OpenSuspicion, rests_on: Basis) -> Trigger:
    """What sets it off: the name, if a neutral one at the same address is not slow; the address, if
    a neutral one is slow at an address that has not seen the name; the name as well, if it alone is
    slow at a server that is nobody's target.

    An obscure name that is hit as well rules out the name; where famous ones are spared, it is a
    range with exceptions. A neutral name that is slow after the platform's has been there may
    suffer for that, so nothing is said then.
    """
    if rests_on is Basis.DNS:
        return Trigger.NAME
    if episode.names.spares_names:
        return Trigger.RANGE
    only_there = episode.clean_slow and not episode.clean_fast
    if episode.names.obscure_hit:
        return Trigger.ADDRESS if only_there and episode.names.famous_hit else Trigger.UNKNOWN
    if rests_on in (Basis.SWAP, Basis.DECOY):
        return Trigger.NAME
    if episode.swap_fast > episode.swap_slow:
        return Trigger.NAME
    if only_there:
        return Trigger.ADDRESS
    return Trigger.NAME if _decoy(episode) else Trigger.UNKNOWN


def _decoy(episode: OpenSuspicion) -> bool:
    """The name alone suffices: it was slow at a server that is nobody's target, in two rounds and
    in more than in which it was not."""
    return episode.decoy_slow >= DECOY_ROUNDS and episode.decoy_slow > episode.decoy_fast


def _common_signature(episode: OpenSuspicion) -> Signature:
    known = [s for s in episode.signatures if s is not Signature.UNKNOWN]
    return Counter(known).most_common(1)[0][0] if known else Signature.UNKNOWN


def _phase(episode: OpenSuspicion) -> SlowPhase:
    if episode.measure is Measure.HANDSHAKE:
        return SlowPhase.HANDSHAKE
    return SlowPhase.BOTH if episode.also_handshake else SlowPhase.TRANSFER
