"""The verdict as it is published: the rule that spoke, its numbers, and what they bear."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, isfinite

from msgspec import Struct
from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.burst import Burst
from probe.model.observation import RoundObservation
from probe.model.verdict import (
    HOME_RESOLVER,
    NEAR_HERE,
    RESTRICTED,
    Evidence,
    LookingBack,
    Signature,
    SlowPhase,
    State,
    Verdict,
)
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.basis import claims
from probe.verdict.burst.own_rate import root_of
from probe.verdict.burst.score import Score
from probe.verdict.ladder.facts import OUT_OF_BUDGET, Facts, Suspicion
from probe.verdict.ladder.ladder import VERSION
from probe.verdict.ladder.rule import Rule
from probe.verdict.line.reads_stop import READS_STOP
from probe.verdict.normal.before import BESIDE_FOREIGN, SLOWER_THAN_ANYWHERE
from probe.verdict.normal.beside_others import Pair, pair_of, pair_of_paces
from probe.verdict.one_round.contrast import Contrast
from probe.verdict.remembered.apart import Relief
from probe.verdict.remembered.memory import OpenSuspicion, PlatformMemory, Proven
from probe.verdict.suspected.often import Often
from probe.verdict.words import words_often


class Numbers(Struct, frozen=True):
    """What was compared: the contrasts of an ordinary round, or the score of a burst."""

    contrasts: tuple[Contrast, ...] = ()
    decoys: tuple[Contrast, ...] = ()
    score: Score | None = None

    @property
    def times(self) -> float | None:
        """How many times slower than normal the slowest target was, as far as it is finite."""
        if self.score is not None:
            return _most([self.score.slowdown])
        return _most(c.slowdown for c in self.contrasts)

    @property
    def usual_times(self) -> float | None:
        """The same of those of which it is known what is normal."""
        if self.score is not None:
            return self.times if self.score.usual else None
        return _most(c.slowdown for c in self.contrasts if c.usual)

    @property
    def usual_path(self) -> float:
        """How many times as long the slowest of them took by its distance, left out of that."""
        if self.score is not None:
            return exp(self.score.path)
        able = [(c.slowdown, c.path) for c in self.contrasts if c.usual and c.slowdown is not None]
        return exp(max((one for one in able if isfinite(one[0])), default=(0.0, 0.0))[1])

    @property
    def usual(self) -> bool:
        """What is normal is known of all that was compared."""
        if self.score is not None:
            return self.score.usual
        return bool(self.contrasts) and all(c.usual for c in self.contrasts)

    @property
    def compared(self) -> bool:
        """Something could be compared."""
        if self.score is not None:
            return self.score.complete
        return any(c.slowdown is not None for c in self.contrasts)


def _most(logs: Iterable[float | None]) -> float | None:
    """The largest factor of which ``logs`` are the logarithms, as far as they are finite."""
    finite = [value for value in logs if value is not None and isfinite(value)]
    return exp(max(finite)) if finite else None


def publish(
    rule: Rule,
    facts: Facts,
    before: PlatformMemory,
    observed: RoundObservation,
    about: About,
    numbers: Numbers,
) -> Verdict:
    """The verdict that ``rule`` gives. ``before`` has the last one's state, reason and since."""
    restriction = before.proven if rule.state in (*RESTRICTED, State.IMPAIRED) else None
    pair = None if restriction is not None else _beside(rule, facts)
    verdict = Verdict(
        vantage=observed.vantage,
        platform=observed.platform,
        state=rule.state,
        rule_id=rule.id,
        rules_version=VERSION,
        sentence=rule.says(facts),
        at=observed.ended_at,
        since=_since(rule, before, restriction, observed),
        reason=rule.reason,
        provisional=rule.state is State.UNKNOWN and before.suspected is not None,
        factor=_factor(rule, facts, pair),
        e_value=_e_value(restriction, before.suspected),
        target=before.suspected.target if before.suspected is not None else "",
        tested_bytes=facts.tested_bytes or None,
        tls_stack=about.tls_stack,
        evidence=(*_evidence(numbers, observed.burst), *_measured(pair)),
        holds_seconds=observed.holds_seconds,
        back=_looking_back(facts.relief),
        read_at=facts.read_at or None,
        curtains=facts.curtains,
        unread=(*facts.unread, *facts.nameless, *facts.moved),
        viewers_cache=facts.viewers_cache,
        vouches=tuple(before.vouches.values()),
    )
    verdict = replace(
        verdict,
        may_claim=claims.may_claim(facts, rule.state),
        may_not_claim=claims.may_not_claim(facts, rule.state),
    )
    if restriction is None:
        often = rule.state is State.IMPAIRED
        return _of_often(verdict, facts.often, about.direction) if often else verdict
    return replace(
        verdict,
        reason=_reason(rule, restriction),
        basis=restriction.basis,
        method=None if restriction.method is None else root_of(restriction),
        # An impairment has no trigger: nobody may have set anything off.
        trigger=restriction.trigger if restriction.basis.accuses else None,
        signature=_signature(restriction, facts),
        phase=_phase(restriction, facts),
        direction=about.direction if restriction.phase is not None else "",
        factor=None if facts.told is None else facts.told.times,
        target=restriction.target,
        measure=restriction.measure.value,
        evidence=(
            *verdict.evidence,
            *_measured(pair_of(facts.told, restriction.target, restriction.measure)),
        ),
    )


def _reason(rule: Rule, restriction: Proven) -> str:
    """Why what is proven counts for less than it seems, if it does."""
    if restriction.at_home:
        return HOME_RESOLVER
    if rule.state is State.IMPAIRED and not rule.reason and not restriction.by_reference:
        return NEAR_HERE
    return rule.reason


def _looking_back(found: Relief | None) -> LookingBack | None:
    """What an end that was seen says of the time before; nothing where rates were not kept."""
    if found is None or not found.before:
        return None
    return LookingBack(
        target=found.target,
        since=found.began_at,
        until=found.at,
        times=found.times,
        before=found.before,
        after=found.after,
        others=found.others,
    )


def _of_often(verdict: Verdict, found: Often | None, direction: str) -> Verdict:
    """With what the share of suspicious rounds says. No factor: one round's is not the others'."""
    if found is None:
        return verdict
    handshake = found.measure is Measure.HANDSHAKE
    phase = SlowPhase.HANDSHAKE if handshake else SlowPhase.TRANSFER
    return replace(
        verdict,
        basis=Basis.SHARE,
        phase=None if found.fails else phase,
        direction="" if found.fails else direction,
        factor=None,
        target=found.target,
        measure=found.measure.value,
        since=found.onset_at,
        provisional=False,
        e_value=found.e_value,
        may_claim=words_often.may_claim(found),
    )


def _since(
    rule: Rule, before: PlatformMemory, restriction: Proven | None, observed: RoundObservation
) -> float:
    if restriction is not None:
        return restriction.onset_at
    same = before.state is rule.state and before.reason == rule.reason
    # Nobody knows what was while nothing was measured: the state begins anew.
    if same and before.reaches(observed.started_at):
        return before.since
    return observed.started_at


def _e_value(restriction: Proven | None, episode: OpenSuspicion | None) -> float | None:
    if restriction is not None:
        return restriction.e_value
    return None if episode is None else episode.e_value


def _signature(restriction: Proven, facts: Facts) -> Signature | None:
    """How it is slowed. Whether reads stop is of the rounds that the sentence speaks of."""
    if facts.told is not None and facts.told.stopped:
        return Signature.CUTOFF
    return Signature.UNKNOWN if restriction.signature is Signature.CUTOFF else restriction.signature


# Reasons of verdicts on what is slow beside others, of which no normal is known.
_BESIDE = frozenset(
    {Suspicion.UNDER_TEST.value, OUT_OF_BUDGET, "slow_unproven", "slower_than_controls"}
)


def _phase(restriction: Proven, facts: Facts) -> SlowPhase | None:
    """What is slow, as the sentence tells."""
    if restriction.phase is not None and facts.told is not None and facts.told.before_reads:
        return SlowPhase.HANDSHAKE
    return restriction.phase


def _factor(rule: Rule, facts: Facts, pair: Pair | None) -> float | None:
    """How many times as long it takes, as the sentence tells: than normal, or than others where no
    normal is known. Of reads that stop there is none."""
    if pair is not None:
        return pair.times
    if rule.reason == READS_STOP:
        return None
    stops = facts.plain is not None and facts.plain.told.stopped
    return None if stops and rule.reason in _BESIDE else facts.usual_times


def _beside(rule: Rule, facts: Facts) -> Pair | None:
    """The two values that the rule's sentence compares, where no normal is known."""
    if facts.paces is not None and rule.reason in (SLOWER_THAN_ANYWHERE, *BESIDE_FOREIGN):
        return pair_of_paces(facts.paces, foreign=rule.reason in BESIDE_FOREIGN)
    if facts.plain is None or rule.reason not in _BESIDE:
        return None
    return pair_of(facts.plain.told, facts.plain.target, facts.plain.measure)


def _measured(pair: Pair | None) -> tuple[Evidence, ...]:
    """The two numbers whose ratio the factor is."""
    if pair is None:
        return ()
    handshake = pair.measure is Measure.HANDSHAKE
    return (
        Evidence(
            name="handshake_seconds" if handshake else "goodput_bytes_per_second",
            subject=pair.target,
            value=pair.own if handshake else 1.0 / pair.own,
            versus=pair.versus,
            reference=pair.other if handshake else 1.0 / pair.other,
        ),
    )


def _evidence(numbers: Numbers, burst: Burst | None) -> tuple[Evidence, ...]:
    entries = []
    found = numbers.score
    for c in numbers.contrasts:
        usual = "normal" if c.usual else "the most that is honest"
        for value, versus in ((c.slowdown, "controls"), (c.versus_swap, "swap")):
            if value is not None and isfinite(value):
                entries.append(
                    Evidence(
                        name=f"{c.measure}_slowdown_ratio",
                        subject=c.target,
                        value=exp(value),
                        versus=f"{versus}, {usual}",
                    )
                )
    for c in numbers.decoys:
        if c.slowdown is not None and isfinite(c.slowdown):
            entries.append(
                Evidence(
                    name=f"decoy_{c.measure}_slowdown_ratio",
                    subject=c.target,
                    value=exp(c.slowdown),
                    versus=f"controls, {'normal' if c.usual else 'the most that is honest'}",
                )
            )
    if found is not None and burst is not None:
        if found.slowdown is not None and isfinite(found.slowdown):
            entries.append(
                Evidence(
                    name="burst_slowdown_ratio",
                    subject=burst.target,
                    value=exp(found.slowdown),
                    versus=f"controls, {'normal' if found.usual else 'the most that is honest'}",
                )
            )
        entries.append(
            Evidence(
                name="burst_pairs_lost",
                subject=burst.target,
                value=float(found.wins),
                versus="controls, of 9",
            )
        )
        if found.swap_wins is not None:
            entries.append(
                Evidence(
                    name="burst_pairs_lost",
                    subject=burst.target,
                    value=float(found.swap_wins),
                    versus="swap, of 9",
                )
            )
    return tuple(entries)
