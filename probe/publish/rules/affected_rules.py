"""Recording rules: which vantages are affected, and how many of each network say something.

Who is not affected has no series of its own: where all is well hardly anything is left to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from probe.model.finding import FindingKind
from probe.model.verdict import State
from probe.nation.sight import (
    AFFECTED,
    BESIDE_KINDS,
    CLEAR,
    NO_VOTE,
    NOT_BY_REFERENCES,
    VERDICT_KINDS,
)
from probe.publish.rules.known_vantages import ASIDE, DARK, MEASURED, PRESENT, VOTING
from probe.publish.rules.reference_rules import PLACE, well_abroad
from probe.publish.rules.rule_parts import SAID, TCP, Recording, states_text, with_reason

NETWORK = "country, asn, platform, transport, kind, drill"
SLOT = "vantage, platform, transport, drill"
SILENT = FindingKind.SILENT.value

AFFECTED_VANTAGE = "vantage:throttlewatch_affected:max"
ONSET_VANTAGE = "vantage:throttlewatch_onset_timestamp_seconds:max"
MIXED = "vantage:throttlewatch_verdict_state:mixed"
DECIDED = "vantage:throttlewatch_mixed_affected:max"
SAYING = "asn:throttlewatch_verdict_state:count"
SIDES = "asn:throttlewatch_side:count"
VANTAGES = "country:throttlewatch_vantages:count"

_WITHOUT_VOTE = (
    f"unless on ({SLOT}) ({with_reason(NO_VOTE)})\nunless on (vantage, drill) ({ASIDE} > 1)"
)


def vantages() -> Iterator[Recording]:
    near_here = with_reason(NOT_BY_REFERENCES)
    inside = f'{SAID}{{role="inside"}}'
    # Whom two servers hear say different things is looked at by itself: hardly anybody, so all
    # that others say is read once for each question, and counted where it is counted anyway.
    yield Recording(
        record=MIXED, expr=f"{inside} and on ({PLACE}) (count without (state) ({inside}) > 1)"
    )
    for kind in VERDICT_KINDS:
        of = "" if kind in BESIDE_KINDS else f"{TCP}, "
        says, mixed = (
            _saying(SAID, AFFECTED[kind], of),
            f"{_saying(MIXED, AFFECTED[kind], of)} * Inf",
        )
        if kind is FindingKind.RESTRICTED:
            # Fine abroad, by a look at the same after it began: what is impaired here is so here.
            says += f"\nor {_impaired_here(SAID, near_here)}"
            mixed += f"\nor {_impaired_here(MIXED, near_here)} * Inf"
        denies = f"{_saying(MIXED, CLEAR[kind], of)} * -Inf"
        # Who is heard to say opposite things is not known to say either: the sum of both
        # infinities is no number, and no comparison holds for that.
        yield Recording(
            record=DECIDED,
            expr=(f"(clamp(sum by ({PLACE}) ({mixed}\nor {denies}), 0, 1) >= 0)\n{_WITHOUT_VOTE}"),
            labels={"kind": kind.value},
        )
        yield Recording(
            record=AFFECTED_VANTAGE,
            expr=(
                f"max by ({PLACE}) (({says})\nunless on ({PLACE}) {MIXED}\n{_WITHOUT_VOTE})\n"
                f'or max by ({PLACE}) ({DECIDED}{{kind="{kind.value}"}} == 1)'
            ),
            labels={"kind": kind.value},
        )
    for kind in VERDICT_KINDS:
        yield Recording(
            record=VANTAGES,
            expr=(
                f"count by (country, platform, transport, drill) (group without (state) ({inside}))"
                if kind is VERDICT_KINDS[0]
                else f'{VANTAGES}{{kind="{VERDICT_KINDS[0].value}"'
                f"{'' if kind in BESIDE_KINDS else f', {TCP}'}}}"
            ),
            labels={"kind": kind.value},
        )
    who = "country, asn, vantage, drill"
    yield Recording(
        record=AFFECTED_VANTAGE,
        expr=(
            f"max by ({who}) ({DARK} * 0 + 1)\n"
            f"or max by ({who}) ({PRESENT}{{{MEASURED}}} * 0) and on (country, drill) {DARK}"
        ),
        labels={"kind": SILENT},
    )
    yield Recording(
        record=VANTAGES,
        expr=f'count by (country, drill) ({AFFECTED_VANTAGE}{{kind="{SILENT}"}})',
        labels={"kind": SILENT},
    )


def _impaired_here(said: str, near_here: str) -> str:
    return (
        f"({_saying(said, {State.IMPAIRED})}\n{well_abroad(ONSET_VANTAGE)}\n"
        f"unless on ({SLOT}) ({near_here}))"
    )


def _saying(said: str, states: Iterable[State], of: str = "") -> str:
    return f'{said}{{{of}role="inside", state=~"{states_text(states)}"}}'


def sides() -> Iterator[Recording]:
    """How many of a network say something of a kind: the affected, those that deny it, and who
    denies it of those that two servers hear say different things."""
    network = "country, asn, platform, transport, drill"
    yield Recording(
        record=SAYING,
        expr=(
            f"count by ({network}, state) ({SAID}{{{VOTING}}}\n"
            f"unless on ({PLACE}) {MIXED}\n{_WITHOUT_VOTE})"
        ),
    )
    yield Recording(
        record=SIDES,
        expr=f"count by ({NETWORK}) ({AFFECTED_VANTAGE}{{{VOTING}}} == 1)",
        labels={"side": "affected"},
    )
    for kind in VERDICT_KINDS:
        of = "" if kind in BESIDE_KINDS else f"{TCP}, "
        yield Recording(
            record=SIDES,
            expr=f'sum by ({network}) ({SAYING}{{{of}state=~"{states_text(CLEAR[kind])}"}})',
            labels={"side": "clear", "kind": kind.value},
        )
    yield Recording(
        record=SIDES,
        expr=f"count by ({NETWORK}) ({DECIDED}{{{VOTING}}} == 0)",
        labels={"side": "mixed"},
    )
