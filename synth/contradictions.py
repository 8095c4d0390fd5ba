"""What a verdict says against what was measured: its sentence, state and numbers, and the legs of
the rounds that they speak of. Nothing here asks the verdict's own memory."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from probe.model.basis import Basis
from probe.model.identity import FIRST_PROBER, Family, LegRole, RoundKind
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import Signature, SlowPhase, State, Verdict
from probe.observe.effort import Measure, effort, gave, refused, withheld
from probe.observe.goodput import handshake_seconds
from probe.verdict.basis.claims import moment
from probe.verdict.line.families import TITLES
from probe.verdict.thresholds import DEFAULT
from probe.verdict.words.words_numbers import rate, times
from synth.drive import Said

DAY = 86_400.0
LATELY = 6 * 3_600.0
NEAR = 1.001
# Reasons of what is slow: how slow is told.
TELLING = ("suspected", "slow_unproven", "slower_than_anywhere", "slower_than_outside")
ONE_AS_MANY = re.compile(
    r"(?<![\d.,])(?<!of )1 (?:other |foreign |neutral )?"
    r"(?:addresses|bursts|controls|countries|days|hours|minutes|names|networks|operators|reads|"
    r"resolvers|rounds|seconds|servers|sites|times)\b"
)
# Legs of one cut-off end within so much of each other.
SAME_PLACE = 1.7


def contradictions(history: Sequence[Said]) -> list[str]:
    """All that is said against what was measured, in words; each sort once for each platform."""
    apart: defaultdict[tuple[str, str], list[Said]] = defaultdict(list)
    for said in history:
        apart[said.observed.vantage, said.observed.platform].append(said)
    found: dict[str, str] = {}
    for mine in apart.values():
        for index, said in enumerate(mine):
            for wrong in _wrong(mine[: index + 1], said.verdict):
                sort = f"{said.verdict.vantage} {said.verdict.rule_id}: {wrong}"
                found.setdefault(sort, f"{sort}: {said.verdict.sentence}")
    return list(found.values())


def _wrong(until: Sequence[Said], verdict: Verdict) -> Iterator[str]:
    observed = until[-1].observed
    # What is said of what comes down over TCP, of which all else here is; another transport, or
    # what is sent, has numbers of its own.
    own = verdict.sentence
    for one in verdict.over:
        own = own.partition(f" {one.sentence}")[0]
    yield from _of_one(verdict)
    verdict = replace(verdict, sentence=own)
    yield from _of_ok(verdict)
    yield from _of_reads(until, verdict)
    yield from _of_evidence(verdict)
    yield from _of_controls(observed, verdict)
    yield from _of_reach(until, verdict)
    yield from _of_others(until, verdict)
    if verdict.proven and verdict.basis is not Basis.SHARE:
        yield from _of_factor(until, verdict)
    elif not verdict.proven:
        yield from _of_unproven(until, verdict)


def _of_one(verdict: Verdict) -> Iterator[str]:
    """What is counted and is one is not told as many."""
    for text in (verdict.sentence, *verdict.may_claim, *verdict.may_not_claim):
        if many := ONE_AS_MANY.search(text):
            yield f"one of a kind told as many ({many[0]})"


def _of_unproven(until: Sequence[Said], verdict: Verdict) -> Iterator[str]:
    """Where no normal is known, two measured values and their ratio, and nothing else."""
    said, factor = verdict.sentence, verdict.factor
    stated = re.search(r"([\d.]+ times) as long", said)
    pairs = [e for e in verdict.evidence if e.reference is not None]
    if stated and (factor is None or stated[1] != times(factor)):
        yield "another factor in the sentence"
    if verdict.reason in TELLING and factor is not None and factor > DEFAULT.margin and not stated:
        yield "a factor that the sentence does not tell"
    if "as long as normal" in said:
        lately = [s for s in until if until[-1].observed.started_at - _began(s) <= LATELY]
        if not any(e.versus == "controls, normal" for s in lately for e in s.verdict.evidence):
            yield "normal, and nobody knows what that is"
    unknown = "whether it always was" in said.lower()
    if unknown and "stop after" not in said and len(pairs) != 1:
        yield "no two values beside what is not known"
    if not pairs:
        return
    if not unknown:
        yield "beside others, and nothing is said of what is not known"
    legs = [leg for leg in _targets(until, DAY) if leg.leg.target == pairs[0].subject]
    # A pace is the median of several reads.
    yield from _of_rates(said, verdict, legs)


def _began(said: Said) -> float:
    return said.observed.started_at


def _of_ok(verdict: Verdict) -> Iterator[str]:
    said, factor = verdict.sentence, verdict.factor
    if verdict.state is not State.OK:
        return
    ratios = [
        e.value
        for e in verdict.evidence
        if e.name.endswith("_slowdown_ratio")
        and not e.name.startswith("decoy")
        and e.versus.startswith("controls")
    ]
    if max([factor or 0.0, *ratios]) > DEFAULT.margin * NEAR:
        yield "ok beside a ratio beyond the margin"
    usual = [e.value for e in verdict.evidence if e.versus == "controls, normal"]
    if ("as fast as" in said or "not much slower" in said) and max(usual, default=0.0) > 1.5 * NEAR:
        yield "as fast as it should be, beside a ratio beyond 1.5"
    stated = re.search(r"took ([\d.]+ times) as long as usual", said)
    if stated and stated[1] not in map(times, [factor or 0.0, *usual]):
        yield "another factor in the sentence"


def _targets(until: Sequence[Said], seconds: float) -> Iterator[LegObservation]:
    """Legs to targets of so long, the latest first."""
    now = until[-1].observed.started_at
    for said in reversed(until):
        if now - said.observed.started_at > seconds:
            return
        yield from said.observed.by_role(LegRole.TARGET)


def _of_reads(until: Sequence[Said], verdict: Verdict) -> Iterator[str]:
    tested = verdict.tested_bytes
    read = (leg.body_bytes for leg in _targets(until, DAY) if leg.ok)
    if tested is not None and tested not in read:
        yield "bytes tested that were not read in the last day"
    stated = re.search(r"reads of up to (\d+) KiB", verdict.sentence)
    if stated and (tested is None or int(stated[1]) != tested // 1024):
        yield "other bytes in the sentence"
    if verdict.state is State.OK and not stated and tested is not None:
        yield "bytes that the sentence does not tell"


def _of_evidence(verdict: Verdict) -> Iterator[str]:
    enough = verdict.e_value is not None and verdict.e_value >= DEFAULT.evidence
    if enough and "not proven to be more than chance" in verdict.sentence:
        yield "evidence of a proof beside chance"
    if verdict.proven and verdict.basis is not Basis.SHARE and not enough:
        yield "proven without evidence"
    if re.search(r"\d{6,}|e\+\d", verdict.sentence):
        yield "a number that nobody can use"


def _of_controls(observed: RoundObservation, verdict: Verdict) -> Iterator[str]:
    if observed.burst is not None and observed.burst.prober != FIRST_PROBER:
        return  # the numbers are those of the round before
    legs = observed.by_role(LegRole.CONTROL)
    # What hangs behind a curtain, which the verdict tells of, is no control of an ordinary round.
    behind = {one.operator for one in verdict.curtains if one.family is observed.family}
    if observed.kind is not RoundKind.BURST:
        legs = tuple(leg for leg in legs if leg.leg.operator not in behind) or legs
    stated = re.search(r"(\d+) of (\d+) controls (?:is|are) fine", verdict.sentence)
    fine = sum(leg.ok for leg in legs)
    if stated and (int(stated[1]), int(stated[2])) != (fine, len(legs)):
        yield "other numbers of controls"


def _latest(until: Sequence[Said]) -> dict[tuple[Family, str], LegObservation]:
    """The latest leg to each endpoint, as far as it still holds."""
    now = until[-1].observed
    found: dict[tuple[Family, str], LegObservation] = {}
    for said in reversed(until):
        if now.started_at - said.observed.started_at > now.holds_seconds:
            break
        if said.observed.burst is not None and said.observed.burst.address:
            continue  # at an address to which nobody led the host
        for leg in said.observed.by_role(LegRole.TARGET):
            found.setdefault((said.observed.family, leg.leg.target), leg)
    return found


def _of_reach(until: Sequence[Said], verdict: Verdict) -> Iterator[str]:
    said, latest = verdict.sentence, _latest(until)
    named = [family for family in Family if f" over {TITLES[family]}" in said] or list(Family)
    well = sum(gave(leg) for (family, _), leg in latest.items() if family in named)
    whole = f"{_title(said)}: it "
    gone = said.startswith((f"{whole}cannot be reached", f"{whole}has been failing"))
    if well and gone and "at this moment it answers" not in said:
        yield "unreachable beside an endpoint that has just answered"
    if said.startswith(f"{_title(said)}: reachable") and not well:
        yield "reachable, and nothing answered"
    edges = re.search(r"(\d+) of (\d+) of its addresses", said)
    if edges and "its own affair, as" in said and 2 * int(edges[1]) >= int(edges[2]):
        yield "its own affair of half of its addresses"


def _title(sentence: str) -> str:
    return sentence.partition(":")[0]


def _of_others(until: Sequence[Said], verdict: Verdict) -> Iterator[str]:
    """A burst looks at one target: what the last round said of the others stands."""
    observed = until[-1].observed
    if verdict.state is State.WITHHELD:
        refusing = [leg for leg in _latest(until).values() if withheld(leg)]
        if not refusing and not any(map(withheld, observed.by_role(LegRole.TARGET))):
            yield "withheld, and no endpoint said so"
    if observed.kind is not RoundKind.BURST or verdict.state is not State.OK:
        return
    ordinary = next((s for s in reversed(until) if s.observed.kind is not RoundKind.BURST), None)
    looked = {leg.leg.target for leg in observed.by_role(LegRole.TARGET)}
    looked |= {one.target for one in verdict.unread}  # the sentence says how it stands with them
    if ordinary is None or ordinary.observed.family is not observed.family:
        return
    for leg in ordinary.observed.by_role(LegRole.TARGET):
        if leg.leg.target not in looked and (refused(leg) or not gave(leg)):
            yield "ok in a burst, while another target was refused or failing"


def _of_factor(until: Sequence[Said], verdict: Verdict) -> Iterator[str]:
    said, factor = verdict.sentence, verdict.factor
    if verdict.method is not None:
        if factor is not None:
            yield "a factor of what fails"
        return
    seen = re.search(r"last seen so at ([\d: -]+ UTC)", said)
    at = next((s.observed.started_at for s in reversed(until) if seen and _at(s) == seen[1]), None)
    if at is None:
        yield "seen last when nothing was measured"
        return
    spoken = [s for s in until if 0.0 <= at - s.observed.started_at <= LATELY]
    legs = [leg for leg in _targets(spoken, LATELY) if leg.leg.target == verdict.target]
    yield from _of_stop(said, verdict, legs)
    yield from _of_phase(said, verdict, legs, until)
    if factor is None:
        if "stop after" not in said and "cannot be told" not in said:
            yield "a sentence without a number"
        return
    if factor <= DEFAULT.margin:
        yield "slowed by less than the margin"
    if f"{times(factor)} as long" not in said:
        yield "another factor in the sentence"
    if ("at least" in said) and not any(leg.failure for leg in legs):
        yield "at least, and no leg was cut"
    if " beside " in said:
        yield from _of_rates(said, verdict, legs)
    elif not _shown_by(spoken, verdict.target, factor):
        yield "a factor that no round of the last hours shows"


def _at(said: Said) -> str:
    return moment(said.observed.started_at)


def _of_stop(said: str, verdict: Verdict, legs: Sequence[LegObservation]) -> Iterator[str]:
    stop = re.search(r"stop after about (\d+) KiB", said)
    if (stop is not None) is not (verdict.signature is Signature.CUTOFF):
        yield "a cut-off without its bytes, or bytes without a cut-off"
    if stop is None:
        return
    if verdict.factor is not None or "times as long" in said:
        yield "a factor of a cut-off"
    place = 1024 * int(stop[1])
    ends = [leg.body_bytes or 0 for leg in legs if leg.failure is not None]
    if not any(place <= SAME_PLACE * end and end <= SAME_PLACE * place for end in ends):
        yield "stops where no leg did"


def _of_phase(
    said: str, verdict: Verdict, legs: Sequence[LegObservation], until: Sequence[Said]
) -> Iterator[str]:
    if "its handshakes take" in said and verdict.phase is not SlowPhase.HANDSHAKE:
        yield "handshakes, which were not judged"
    also = re.search(r"and its handshakes ([\d.]+) times as long", said)
    if also is None:
        return
    every = [leg for s in until for leg in s.observed.by_role(LegRole.TARGET)]
    mine = [leg for leg in every if leg.leg.target == verdict.target]
    known = [t for leg in mine if (t := handshake_seconds(leg))]
    lately = [t for leg in legs if (t := handshake_seconds(leg))]
    if not lately or float(also[1]) * min(known) > max(lately) * 1.1:
        yield "handshakes that took so long were not seen"


def _of_rates(said: str, verdict: Verdict, legs: Sequence[LegObservation]) -> Iterator[str]:
    pairs = [e for e in verdict.evidence if e.reference is not None]
    if len(pairs) != 1 or verdict.factor is None or not pairs[0].reference:
        yield "two rates that are not in the evidence"
        return
    own, other = pairs[0].value, pairs[0].reference
    handshake = pairs[0].name == "handshake_seconds"
    ratio = own / other if handshake else other / own
    if not ratio / NEAR <= verdict.factor <= ratio * NEAR:
        yield "a factor that is not the ratio of its rates"
    if not handshake and not (rate(own) in said and rate(other) in said):
        yield "other rates in the sentence"
    measure = Measure.HANDSHAKE if handshake else Measure.TRANSFER
    seen = [e if handshake else 1.0 / e for x in legs if (e := effort(x, measure))]
    if not (seen and min(seen) / NEAR <= own <= max(seen) * NEAR):
        yield "a rate that no leg had"


def _shown_by(spoken: Sequence[Said], target: str, factor: float) -> bool:
    shown = [
        e.value
        for s in spoken
        for e in s.verdict.evidence
        if e.subject == target
        and e.name.endswith("_slowdown_ratio")
        and not e.name.startswith("decoy")
        and e.versus.startswith("controls")
    ]
    return bool(shown) and min(shown) / NEAR <= factor <= max(shown) * NEAR
