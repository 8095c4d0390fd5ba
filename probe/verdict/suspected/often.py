"""The share of suspicious rounds: what is slow or failing only at times, but too often.

A loss of 5 %, a throttle that meets a third of the connections, half of the addresses silent for
good: each suspicion is dropped, for the next round is well, and each comes again. So the share of
the rounds in which a target is suspicious is tested as well, in every measure by itself.

Null hypothesis: whatever happened before, a round is suspicious with a probability of at most
``bound``: the target's own share in calm times, and no less than that of the controls of the same
rounds by the same rule, each with a standard error. A bet that pays ``q / p`` for a suspicious
round and ``(1 - q) / (1 - p)`` for another (``q > p``) then has an expectation of at most one, so
what has been won is an e-process (Waudby-Smith and Ramdas, JRSS B 86, 2024, section 3; Ville's
inequality), and a CUSUM of such bets that is stopped at A runs A rounds at least on average before
it speaks falsely (Shin, Ramdas and Rinaldo, arXiv:2203.03532, theorem 2.4). Three bettors play, for
three shares; their mean is what counts.

What begins with a trouble of the line meets controls too, however calm they were before. So a
second bet is of each round by itself: if the line treats all of its legs alike, the target is one
of those that are suspicious with a probability of their number by that of all, whatever their
share is (Fisher's argument, leg by leg: a platform has more legs than a control, so nothing is
counted per round).

It says that it is so here. Slow hours of the platform's own come in turns, too, so it accuses
nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, isfinite, sqrt

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import Family, LegRole
from probe.observe.effort import Measure, refused
from probe.verdict.one_round.contrast import Contrast, no_faster
from probe.verdict.one_round.readings import LegReading, Readings
from probe.verdict.remembered.keys import MeasureKey, measure_key, measured
from probe.verdict.thresholds import Thresholds

SHARES = (0.2, 0.35, 0.6)
"""What the bettors expect."""
LEAST, MOST = 0.02, 0.5
"""Whatever was seen: no share is known to be smaller than once in fifty rounds, and what is
suspicious in every second round of its calm times cannot be tested so."""
# Before anything was seen: one of twenty, and its standard error.
PRIOR_SLOW, PRIOR = 1.0, 20.0
LEARNT = 96
"""So many calm rounds teach what is usual before anything is tested: a day of transfer rounds. An
honest platform whose addresses differ may be suspicious in every fourth, and what began before the
first round cannot be told from that."""
# What is added to both before they are compared: one of four.
PRIOR_BESIDE = 4.0
ERRORS = 3.0
ODDS = (4.0, 16.0)
"""By how much likelier than a control's the bettors of the second bet expect a target's leg to be
suspicious (as odds)."""
BESIDE_EVIDENCE = 100.0
"""What they must have won: a trouble of the line that meets all alike is taken for the platform's
in one of so many at most, and in fewer, as the errors have to be beyond as well. Ours."""
# Calm rounds are forgotten at this pace: five days of transfer rounds.
MEMORY = 512.0
# As often as that part of what it was, it goes on.
STILL = 0.75
MOST_BY_ADDRESS = 8
# An address is told from others once so many rounds went there.
TRIED = 3
BAD, GOOD = 0.8, 0.3


class TimesSlower(Struct, frozen=True):
    """One target (or ``""``: a control) in one measure in one round. ``log``: of how many times
    slower than normal; infinite: it failed."""

    target: str
    measure: Measure
    address: str
    slow: bool
    log: float


class Share(Struct, frozen=True, kw_only=True):
    """Of one target in one measure over one family.

    ``calm`` and ``calm_slow``: rounds of calm times, and those that were suspicious, older ones
    counting less. ``wealth``: of each bettor. ``rounds`` and ``slow``: since ``onset_at`` (Unix
    seconds), the last time that nothing was thought; ``failed``: of them outright. ``by_address``:
    rounds, and suspicious ones, since then; ``others`` and ``others_slow``: the same of controls,
    by the same rule, and ``beside``: what has been won by setting it against them in each round.
    ``e_value``: the evidence when it spoke (0: it has not); ``share``: the most that the share of
    suspicious rounds was for sure since then, by a standard error; ``over``: the evidence against
    its going on. ``at``: the last round.
    """

    calm: float = 0.0
    calm_slow: float = 0.0
    wealth: tuple[float, ...] = (1.0,) * len(SHARES)
    onset_at: float = 0.0
    rounds: int = 0
    slow: int = 0
    failed: int = 0
    by_address: dict[str, tuple[int, int]] = {}
    others: int = 0
    others_slow: int = 0
    beside: tuple[float, ...] = (1.0,) * len(ODDS)
    e_value: float = 0.0
    share: float = 0.0
    over: float = 1.0
    at: float = 0.0

    @property
    def bound(self) -> float:
        """The most that its calm share may be."""
        total = self.calm + PRIOR
        known = (self.calm_slow + PRIOR_SLOW) / total
        return known + sqrt(known * (1.0 - known) / total)

    @property
    def beyond_others(self) -> bool:
        """Whether it is suspicious more often than controls have been since it began: by three
        standard errors of each, and by the bet that sets them against one another. What begins
        with a trouble of the line meets them too, and their calm times before it say nothing of
        that. True if none was asked."""
        if not self.others:
            return True
        if sum(self.beside) / len(self.beside) < BESIDE_EVIDENCE:
            return False
        mine, error = _share_of(self.slow, self.rounds)
        known, doubt = _share_of(self.others_slow, self.others)
        return mine - ERRORS * error > known + ERRORS * doubt


class Often(Struct, frozen=True, kw_only=True):
    """What has spoken. ``calm`` and ``calm_slow``: the rounds of its calm times; ``others`` and
    ``others_slow``: controls' since the onset. ``bad`` of ``tried`` addresses show it, and the
    rest do not (``bad`` is 0 where that cannot be told)."""

    target: str
    measure: Measure
    family: Family
    onset_at: float
    rounds: int
    slow: int
    failed: int
    calm: int
    calm_slow: int
    others: int
    others_slow: int
    bad: int
    tried: int
    e_value: float

    @property
    def fails(self) -> bool:
        """In most of its suspicious rounds it failed outright."""
        return 2 * self.failed > self.slow


def _share_of(slow: int, rounds: int) -> tuple[float, float]:
    """A share and its standard error."""
    total = rounds + PRIOR_BESIDE
    known = (slow + 1.0) / total
    return known, sqrt(known * (1.0 - known) / total)


def bet(slow: bool, share: float, bound: float) -> float:
    """What a stake of one becomes. The expectation is at most one wherever the probability of
    ``slow`` is at most ``bound`` and ``share`` is more."""
    return share / bound if slow else (1.0 - share) / (1.0 - bound)


def beside_others(slow: bool, others: Sequence[bool], odds: float) -> float:
    """What a stake of one becomes. Where a leg of the target is suspicious as often as one of its
    controls, and which of them are is by chance, the expectation is one."""
    bad, legs = slow + sum(others), 1 + len(others)
    chance = bad / legs
    expected = odds * bad / (odds * bad + legs - bad)
    if not bad or bad == legs:
        return 1.0
    return expected / chance if slow else (1.0 - expected) / (1.0 - chance)


def shown(contrasts: Iterable[Contrast], thresholds: Thresholds) -> list[TimesSlower]:
    """What the targets of a round show, each against its own history."""
    return [
        TimesSlower(
            c.target, c.measure, c.address, c.of_measure > thresholds.log_margin, c.of_measure
        )
        for c in contrasts
        if c.usual
    ]


def controls_shown(
    read: Readings, measures: Iterable[Measure], thresholds: Thresholds
) -> list[TimesSlower]:
    """What its controls show by the same rule: a target is set against the slowest of the controls
    that are well, and so is each control against the slowest of as many legs: the other controls
    and, in its own place, the fastest target. On a line on which every leg is slow now and then a
    control is then no less often suspicious than a target; beside all targets it would be, as some
    one of them is nearly always slow."""
    found = []
    for measure in measures:
        own = _all_beyond(read.by_role(LegRole.CONTROL), measure)
        fastest = min(_all_beyond(read.by_role(LegRole.TARGET), measure).values(), default=inf)
        for order, value in own.items():
            beside = [fastest, *(v for other, v in own.items() if other != order)]
            others = [v for v in beside if isfinite(v)]
            if others:
                log = value - no_faster(max(others))
                found.append(TimesSlower("", measure, "", log > thresholds.log_margin, log))
    return found


def well_alone(read: Readings, measures: Iterable[Measure]) -> list[TimesSlower]:
    """Targets that came through where every control failed. There is nothing to compare them with,
    but each of these controls is suspicious beside them: without such rounds a line that fails for
    all alike would look worse for the platform."""
    found = []
    for measure in measures:
        controls = _all_beyond(read.by_role(LegRole.CONTROL), measure).values()
        if not controls or any(map(isfinite, controls)):
            continue
        found += [
            TimesSlower(leg.leg.target, measure, leg.seen.address or "", slow=False, log=log)
            for leg in read.by_role(LegRole.TARGET)
            if (log := _beyond(leg, measure)) is not None and isfinite(log)
        ]
    return found


def _all_beyond(legs: Iterable[LegReading], measure: Measure) -> dict[int, float]:
    """How much slower than their history legs were that are known, by their order."""
    found = ((leg.seen.order, _beyond(leg, measure)) for leg in legs)
    return {order: value for order, value in found if value is not None}


def _beyond(leg: LegReading, measure: Measure) -> float | None:
    """Logarithm of how much slower than its history a leg was; infinite: it failed."""
    expected = leg.expected(measure)
    if expected is None or refused(leg.seen):
        return None
    if leg.failed and not leg.gave:
        return inf
    value = leg.log(measure)
    return None if value is None else value - expected


def after(
    shares: dict[MeasureKey, Share],
    seen: Iterable[TimesSlower],
    family: Family,
    at: float,
    thresholds: Thresholds,
) -> dict[MeasureKey, Share]:
    """The shares after one more round, at Unix time ``at``."""
    left, told = dict(shares), tuple(seen)
    beside = {
        measure: [one.slow for one in told if not one.target and one.measure is measure]
        for measure in {one.measure for one in told}
    }
    for one in told:
        key = measure_key(family, one.target, one.measure)
        share = left.get(key, Share())
        if not one.target:
            left[key] = _learnt(share, 1, int(one.slow))
            continue
        calm = left.get(measure_key(family, "", one.measure), Share())
        bound = min(MOST, max(LEAST, share.bound, calm.bound))
        left[key] = _stepped(share, one, beside[one.measure], bound, at, thresholds)
    return left


def _learnt(share: Share, rounds: int, slow: int) -> Share:
    kept = (1.0 - 1.0 / MEMORY) ** rounds
    return replace(share, calm=share.calm * kept + rounds, calm_slow=share.calm_slow * kept + slow)


def _stepped(
    share: Share,
    one: TimesSlower,
    others: Sequence[bool],
    bound: float,
    at: float,
    thresholds: Thresholds,
) -> Share:
    rounds, slow = share.by_address.get(one.address, (0, 0))
    by_address = {**share.by_address, one.address: (rounds + 1, slow + one.slow)}
    if share.calm < LEARNT:
        return replace(_learnt(share, 1, int(one.slow)), at=at)
    share = replace(
        share,
        onset_at=share.onset_at or at,
        rounds=share.rounds + 1,
        slow=share.slow + one.slow,
        failed=share.failed + (one.log == inf),
        by_address=dict(list(by_address.items())[-MOST_BY_ADDRESS:]),
        others=share.others + len(others),
        others_slow=share.others_slow + sum(others),
        beside=tuple(
            has * beside_others(one.slow, others, odds)
            for has, odds in zip(share.beside, ODDS, strict=True)
        ),
        at=at,
    )
    if share.e_value:
        return _until_over(share, one.slow, bound, thresholds)
    wealth = tuple(
        max(1.0, has) * bet(one.slow, expected, bound) if expected > bound else 1.0
        for has, expected in zip(share.wealth, SHARES, strict=True)
    )
    e_value = sum(wealth) / len(wealth)
    if max(wealth) <= 1.0:
        # Nothing is left of it: these were calm rounds.
        learnt = _learnt(share, share.rounds, share.slow)
        return begun_anew(learnt)
    share = replace(share, wealth=wealth)
    if e_value < thresholds.often_evidence or not share.beyond_others:
        return share
    return replace(share, e_value=e_value)


def _until_over(share: Share, slow: bool, bound: float, thresholds: Thresholds) -> Share:
    """The same test turned round: the null is "not much less often than it was", by what the rounds
    before showed for sure: it is said in unlucky ones."""
    known, error = _share_of(share.slow - slow, share.rounds - 1)
    share = replace(share, share=max(share.share, known - error))
    still = max(STILL * share.share, min(2.0 * bound, (1.0 + bound) / 2.0))
    won = bound / still if slow else (1.0 - bound) / (1.0 - still)
    over = max(1.0, share.over) * won
    return begun_anew(share) if over >= thresholds.recovery_evidence else replace(share, over=over)


def begun_anew(share: Share) -> Share:
    """Without what is thought now."""
    return Share(calm=share.calm, calm_slow=share.calm_slow, at=share.at)


def set_aside(shares: dict[MeasureKey, Share]) -> dict[MeasureKey, Share]:
    """While something is proven, its rounds are neither calm nor new evidence: what has not spoken
    begins anew."""
    return {k: s if s.e_value or not s.rounds else begun_anew(s) for k, s in shares.items()}


def spoken(shares: dict[MeasureKey, Share], at: float, seconds: float) -> Often | None:
    """What has spoken, of several what is so most of all; nothing that no round has looked at for
    so many ``seconds``."""
    told = [
        (share.slow / share.rounds, key, share)
        for key, share in shares.items()
        if share.e_value and at - share.at <= seconds
    ]
    if not told:
        return None
    _, key, share = max(told, key=lambda one: (one[0], one[1]))
    family, target, measure = measured(key)
    tried = [(n, k / n) for n, k in share.by_address.values() if n >= TRIED]
    bad, good = sum(part >= BAD for _, part in tried), sum(part <= GOOD for _, part in tried)
    split = bool(bad and good and bad + good == len(tried))
    return Often(
        target=target,
        measure=measure,
        family=family,
        onset_at=share.onset_at,
        rounds=share.rounds,
        slow=share.slow,
        failed=share.failed,
        calm=round(share.calm),
        calm_slow=round(share.calm_slow),
        others=share.others,
        others_slow=share.others_slow,
        bad=bad if split else 0,
        tried=len(tried) if split else 0,
        e_value=share.e_value,
    )
