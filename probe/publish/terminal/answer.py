"""The answer to "is it happening now?": a sentence, what it rests on, and what to do next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from probe.model.basis import GROUNDS
from probe.model.stored import StoredRound
from probe.model.verdict import Verdict
from probe.publish.curtain_notes import curtains_of, said_of_lines
from probe.publish.plain_words import evidence_words
from probe.publish.report.times import listed
from probe.publish.state_words import HowItStands, clause, grouped

_YES = (HowItStands.BLOCKED, HowItStands.THROTTLED)
_NEXT = {
    HowItStands.BLOCKED: (
        "ask somebody in another network to run `throttlewatch now {platform}` too, and keep "
        "`throttlewatch run` running: it keeps the evidence, and `throttlewatch report` writes it "
        "up. Read docs/runbook.md before you publish."
    ),
    HowItStands.IMPAIRED: (
        "ask somebody abroad whether it is so there; a reference (docs/fleet.md) asks for you. "
        "Keep `throttlewatch run` running: it keeps the evidence."
    ),
    HowItStands.WITHHELD: "no network did this; ask the platform.",
    HowItStands.UNDER_TEST: (
        "run `throttlewatch now {platform}` again, or keep `throttlewatch run` running: it goes on "
        "testing, and learns what is normal here."
    ),
    HowItStands.DOWN: "wait, and try again; people in other networks should see the same.",
    HowItStands.DEGRADED: "look at your router and your provider first, then run it again.",
    HowItStands.OFFLINE: "look at your router and your provider first, then run it again.",
    HowItStands.UNKNOWN: (
        "`throttlewatch explain --now -p {platform}` shows the numbers and the rule."
    ),
    HowItStands.UNMEASURED: "run `throttlewatch now {platform}`, which has the time for it.",
    HowItStands.OK: (
        "if it feels slow all the same, keep `throttlewatch run` running: it sees what comes and "
        "goes, and what begins only after more bytes than were read now."
    ),
}
_NEXT[HowItStands.THROTTLED] = _NEXT[HowItStands.BLOCKED]


class AnswerNow(Struct, frozen=True, kw_only=True):
    """``sentence`` says it, ``rests_on`` are the reasons to believe it, ``following`` is what to do
    next."""

    sentence: str
    rests_on: tuple[str, ...]
    following: str


def answer(
    tested: Mapping[str, Sequence[StoredRound]],
    titles: Mapping[str, str],
    *,
    normal_of: Collection[str] | None,
) -> AnswerNow:
    """The answer for the platforms of ``titles`` (by name). ``tested``: their rounds and bursts;
    ``normal_of``: of which of them the history says what is normal on this line; ``None``: there is
    no history of it."""
    said = {name: rounds[-1].verdict if (rounds := tested.get(name)) else None for name in titles}
    found = grouped(said)
    gravest = next(iter(found), HowItStands.UNMEASURED)
    return AnswerNow(
        sentence=_sentence(found, titles),
        rests_on=(
            *(_proof(rounds[-1].verdict, titles[name]) for name, rounds in tested.items()
              if rounds and rounds[-1].verdict.proven),
            *_curtains(tested),
            *_amount(tested),
            _normal(normal_of, titles),
        ),
        following=_NEXT[gravest].format(platform=found.get(gravest, ["x"])[0]),
    )  # fmt: skip


def _sentence(found: Mapping[HowItStands, Sequence[str]], titles: Mapping[str, str]) -> str:
    parts = [clause(one, [titles[name] for name in names]) for one, names in found.items()]
    if any(one in found for one in _YES):
        lead = "Yes"
    elif set(found) == {HowItStands.OK}:
        lead = "No"
    else:
        lead = "That is not known"
    return f"{lead}: {'; '.join(parts)}."


def _normal(known_of: Collection[str] | None, titles: Mapping[str, str]) -> str:
    """Whether it is known what is normal here, which a history of outages alone does not say."""
    if known_of is None:
        return (
            "There is no history of this line, so nothing is known of what is normal here: "
            "what has been slow for long may look fine."
        )
    if missing := [title for name, title in titles.items() if name not in known_of]:
        return (
            f"The history of this line does not say yet what is normal here of {listed(missing)}: "
            "what has been slow for long may look fine."
        )
    return "What is normal on this line is known from the history."


def _proof(verdict: Verdict, title: str) -> str:
    """Why what is said of a platform is believed."""
    said = f"{title}: a test whose order is drawn at random"
    if verdict.e_value is not None:
        said += f" (evidence {_evidence(verdict.e_value)}; 1 is none)"
    if verdict.basis is not None:
        said += f". Ruled out by that: {GROUNDS[verdict.basis].rules_out}"
    return f"{said}."


def _curtains(tested: Mapping[str, Sequence[StoredRound]]) -> list[str]:
    """What was seen of the operators of controls, which platforms are compared with."""
    last = [rounds[-1].verdict for rounds in tested.values() if rounds]
    return said_of_lines(curtains_of(last))


def _evidence(value: float) -> str:
    """To three digits; more than a million tells a person nothing more."""
    if value > 1e6:
        return "1,000,000 or more"
    return evidence_words(value)


def _amount(tested: Mapping[str, Sequence[StoredRound]]) -> tuple[str, ...]:
    every = [stored.observed for rounds in tested.values() for stored in rounds]
    if not every:
        return ()
    bursts = sum(observed.burst is not None for observed in every)
    legs = [leg for observed in every for leg in (*observed.counted_legs, *observed.beside)]
    size = sum((leg.wire_bytes_sent or 0) + (leg.wire_bytes_received or 0) for leg in legs)
    most = max((v for rounds in tested.values() for s in rounds if (v := s.verdict.tested_bytes)),
               default=0)  # fmt: skip
    read = f"; reads of up to {most // 1024} KiB" if most else ""
    return (
        f"{len(every) - bursts} round{_s(len(every) - bursts)} just now, {bursts} "
        f"burst{_s(bursts)}, {len(legs)} exchanges, {size / 1e6:.1f} MB{read}.",
    )


def _s(count: int) -> str:
    return "" if count == 1 else "s"
