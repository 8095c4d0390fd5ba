"""Rungs of what is not called normal although nothing is suspected: it was better, or should be, or
it is not known who answers.

They stand together in the ladder (``ladder.py``), below whatever is suspected or known of the line.
"""

from __future__ import annotations

from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.basis.claims import moment
from probe.verdict.ladder.facts import Facts
from probe.verdict.ladder.rule import Rule
from probe.verdict.normal.pace import SLOWEST
from probe.verdict.words.words import strangers
from probe.verdict.words.words_beside import NOT_KNOWN, advice, slow_unproven
from probe.verdict.words.words_numbers import rate, times

SLOWER_THAN_ANYWHERE = "slower_than_anywhere"
SLOWER_THAN_OUTSIDE = "slower_than_outside"
SLOWER_THAN_LINES = "slower_than_other_lines"
BESIDE_FOREIGN = frozenset({SLOWER_THAN_OUTSIDE, SLOWER_THAN_LINES})
"""Reasons whose sentences compare with the fastest site abroad."""


def farther(facts: Facts) -> str:
    """The sentence for a way that became longer, and nothing shows that the far end moved."""
    found = facts.farther
    assert found is not None
    names = "it"
    if found.of > 1:
        some = "each" if found.names == found.of else f"{found.names}"
        names = f"{some} of its {found.of} names"
    alike = ", by the same time to each" if found.alike else ""
    others = "site does" if found.controls == 1 else "sites do"
    return (
        f"{facts.title}: every packet to {names} takes {1e3 * found.seconds:.0f} ms longer than "
        f"over the last weeks{alike}; {found.controls} other {others} not. Its addresses are those "
        "that were nearer before, so whether it has moved or is held up on the way cannot be told."
    )


def slower_than_anywhere(facts: Facts) -> str:
    """The sentence for a rate that no honest line has."""
    found = facts.paces
    assert found is not None
    longer = f"({times(found.control / found.platform)} as long for the same)"
    beside = f"while another site gives {rate(found.control)} {longer}"
    if found.foreign < SLOWEST <= found.control:
        beside = (
            f"and no site abroad gives more than {rate(found.foreign)}, while one inside the "
            f"country gives {rate(found.control)} {longer}"
        )
    return (
        f"{facts.title}: reachable, but it gives {rate(found.platform)} {beside}; {NOT_KNOWN}, but "
        f"no line is known on which so little is honest. {advice(facts)}"
    )


def slower_than_outside(facts: Facts) -> str:
    """The sentence for a rate that is less beside other sites than it is from outside."""
    found = facts.paces
    assert found is not None
    assert found.outside is not None
    return (
        f"{facts.title}: reachable, but it gives {rate(found.platform)} where other sites abroad "
        f"give up to {rate(found.foreign)} ({times(found.foreign / found.platform)} as long for "
        f"the same), and from outside the country {rate(found.outside.platform)} beside "
        f"{rate(found.outside.control)}. That is more than its distance explains; its servers near "
        f"here may be the cause, and {NOT_KNOWN}."
    )


def slower_than_other_lines(facts: Facts) -> str:
    """The sentence for a rate that hardly a line has on which the platform is well."""
    found = facts.paces
    assert found is not None
    assert found.lines is not None
    share = f"{max(0.01, found.lines.share):.0%}"
    return (
        f"{facts.title}: reachable, but it gives {rate(found.platform)} where other sites abroad "
        f"give up to {rate(found.foreign)} ({times(found.foreign / found.platform)} as long for "
        f"the same); on nineteen of twenty of {found.lines.lines} lines on which it is well it "
        f"gives {share} of that or more; {NOT_KNOWN}. {advice(facts)}"
    )


def slower_than_before(facts: Facts) -> str:
    """The sentence for what has become slower than over weeks."""
    found = facts.slower
    assert found is not None
    what = "handshakes" if found.measure is Measure.HANDSHAKE else "reads"
    return (
        f"{facts.title}: its {what} take {times(found.times)} as long as over the last weeks, and "
        "other sites are as they were; it became so without anything that could be proven."
    )


def last_read_stopped(facts: Facts) -> str:
    """The sentence for a platform that answers, whose last read was cut."""
    found = facts.stopped
    assert found is not None
    return (
        f"{facts.title}: reachable; its last read stopped at {moment(found.at)} ({found.how}), and "
        "nothing is concluded on how it reads."
    )


BEFORE: tuple[Rule, ...] = (
    Rule(
        id="unknown.stranger",
        state=State.UNKNOWN,
        reason="stranger",
        why="Who answers has not shown to be who was asked: neither well nor ill follows from it.",
        holds=lambda f: bool(f.strangers),
        says=strangers,
    ),
    Rule(
        id="unknown.last-read-stopped",
        state=State.UNKNOWN,
        reason="last_read_stopped",
        why="It answers, and its last read was cut: neither well nor ill follows.",
        holds=lambda f: f.compared and f.stopped is not None,
        says=last_read_stopped,
    ),
    Rule(
        id="unknown.slow-unproven",
        state=State.UNKNOWN,
        reason="slow_unproven",
        why="A round was slow and its bursts did not bear that out: nothing wrong, nor as normal.",
        holds=lambda f: f.compared and f.times is not None and f.times > f.margin,
        says=slow_unproven,
    ),
    Rule(
        id="unknown.farther",
        state=State.UNKNOWN,
        reason="farther_than_before",
        why="Every packet takes longer than over weeks, and nothing shows that the edge moved.",
        holds=lambda f: f.farther is not None,
        says=farther,
    ),
    Rule(
        id="unknown.slower-than-anywhere",
        state=State.UNKNOWN,
        reason=SLOWER_THAN_ANYWHERE,
        why="So slow a read has no honest reason on a line that reads ten times that elsewhere.",
        holds=lambda f: f.paces is not None and f.paces.slowest,
        says=slower_than_anywhere,
    ),
    Rule(
        id="unknown.slower-than-outside",
        state=State.UNKNOWN,
        reason=SLOWER_THAN_OUTSIDE,
        why="It is much slower beside other sites than references find it, and may always be so.",
        holds=lambda f: f.paces is not None and f.paces.beyond_outside,
        says=slower_than_outside,
    ),
    Rule(
        id="unknown.slower-than-other-lines",
        state=State.UNKNOWN,
        reason=SLOWER_THAN_LINES,
        why="It is slower beside other sites than on nearly every line on which it is well.",
        holds=lambda f: f.paces is not None and f.paces.beyond_lines,
        says=slower_than_other_lines,
    ),
    Rule(
        id="unknown.slower-than-before",
        state=State.UNKNOWN,
        reason="slower_than_before",
        why="What is normal now is slower than what was over weeks, and controls are as they were.",
        holds=lambda f: f.slower is not None,
        says=slower_than_before,
    ),
)
