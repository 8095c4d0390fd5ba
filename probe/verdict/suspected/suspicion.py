"""A suspicion as a machine: what is held of a platform, what can happen to it, and what follows.

There are three states: nothing is held against the way to a platform, a suspicion is under test, or
something is proven. A round or burst is one event (``suspects.py`` and ``testing.py`` say which).
The table has a row for each event in each state in which it can happen: what is done, what is held
then, and which burst is asked for.

Three things end what is held beside the table. Before an ordinary round is an event, a restriction
whose target could not be compared for a day is forgotten (``rounds.py``), and what rests on a
resolver's lie ends if that resolver gives a good address on the wire (``lookups.py``). After it, a
suspicion ends that was never proven in a day of slow rounds (``lasting.py``).
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from probe.verdict.remembered.memory import PlatformMemory


class Standing(StrEnum):
    """What is held of a platform: nothing, a suspicion under test, or something proven."""

    NOTHING = "nothing"
    SUSPECTED = "suspected"
    PROVEN = "proven"


class Occasion(StrEnum):
    """What a round or a burst says of what is held, in words."""

    # An ordinary round.
    CLOCK_SET = "the clock was set"
    ANOTHER_LINE = "it is another line"
    CALM = "nothing is slow"
    SLOW = "something is slow"
    OVER = "it is as usual, or nothing renewed it for six hours"
    OVER_ANOTHER = "so it is, but something is slow"
    LUCKY = "it is as usual for once, and bears the whole evidence"
    RIVAL = "another is slower still, or better known"
    AGAIN = "it is slow again"
    HARDLY = "it is slower than usual, by less than the margin"
    AS_USUAL = "it is no slower than the margin"
    ANSWERED = "the far end itself has answered in two rounds in a row, or refused three reads"
    TURNING = "it seems otherwise than it was proven, in two rounds in a row"
    AS_BEFORE = "it shows itself again as it was proven before"
    TURNED = "it has shown itself otherwise than it was proven, in rounds in a row or in bursts"
    READS = "it is of long reads, and the round reads"
    NOT_LOOKED_AT = "the round does not compare it"
    # A burst.
    UNASKED = "nobody remembers what the burst was for"
    INCOMPLETE = "legs of the burst are missing"
    REFUSED = "a host's budget does not suffice for it with its swap"
    OWN_LOOKUP = "the host's own resolver knows better"
    AS_LUCKY = "its round was as usual, and so is the burst"
    NO_EVIDENCE = "no evidence is left"
    ONE_EDGE = "none is left but at one address"
    PROOF = "the evidence suffices, on some basis"
    MORE = "more bursts may prove it"
    ENOUGH = "more bursts of this round would add nothing"
    SWAP_WELL = "its swap is well: the evidence suffices"
    SWAP_MORE = "more bursts with its swap may tell"
    SWAP_SILENT = "its swap tells nothing in this round"
    ENDED = "the evidence for its end suffices"
    END_MORE = "more bursts may show its end"
    GOES_ON = "its end is not shown in this round"


class Deed(StrEnum):
    """What is done."""

    KEEP = "stays as it is"
    BEGIN = "begins, with the first to be tested"
    DROP = "is dropped"
    RENEW = "is renewed"
    OUTLIVE = "is kept, while what is said is that it is as usual"
    ONCE_MORE = "is tested once more"
    REPLACE = "is replaced by the other, from nothing, its onset kept"
    RESTORE = "is what was proven before, again"
    TURN = "is over, and what it has turned into begins"
    GATHER = "takes what the burst says"
    PROVE = "is proven"
    ACCUSE = "is the name, which accuses"
    END = "is over"


class Ask(StrEnum):
    """The burst that is asked for."""

    NOTHING = ""
    TEST = "a burst that tests it"
    SWAP = "a burst with its swap, if that can tell more"
    END = "a burst that tests its end"


class Row(Struct, frozen=True):
    """One row of the table."""

    held: Standing
    event: Occasion
    act: Deed
    then: Standing
    ask: Ask = Ask.NOTHING


_NOTHING, _SUSPECTED, _PROVEN = Standing

TABLE: tuple[Row, ...] = (
    # Ordinary rounds.
    Row(_NOTHING, Occasion.CLOCK_SET, Deed.KEEP, _NOTHING),
    Row(_NOTHING, Occasion.ANOTHER_LINE, Deed.KEEP, _NOTHING),
    Row(_NOTHING, Occasion.CALM, Deed.KEEP, _NOTHING),
    Row(_NOTHING, Occasion.SLOW, Deed.BEGIN, _SUSPECTED, Ask.TEST),
    Row(_SUSPECTED, Occasion.CLOCK_SET, Deed.DROP, _NOTHING),
    Row(_SUSPECTED, Occasion.ANOTHER_LINE, Deed.DROP, _NOTHING),
    Row(_SUSPECTED, Occasion.OVER, Deed.DROP, _NOTHING),
    Row(_SUSPECTED, Occasion.OVER_ANOTHER, Deed.BEGIN, _SUSPECTED, Ask.TEST),
    # Losses are random: one read in some has luck.
    Row(_SUSPECTED, Occasion.LUCKY, Deed.OUTLIVE, _SUSPECTED, Ask.TEST),
    Row(_SUSPECTED, Occasion.RIVAL, Deed.REPLACE, _SUSPECTED, Ask.TEST),
    Row(_SUSPECTED, Occasion.AGAIN, Deed.RENEW, _SUSPECTED, Ask.TEST),
    Row(_SUSPECTED, Occasion.HARDLY, Deed.ONCE_MORE, _SUSPECTED, Ask.TEST),
    # A day until the next long read is too long: every round that reads tests it again.
    Row(_SUSPECTED, Occasion.READS, Deed.RENEW, _SUSPECTED, Ask.TEST),
    Row(_SUSPECTED, Occasion.NOT_LOOKED_AT, Deed.KEEP, _SUSPECTED),
    Row(_PROVEN, Occasion.CLOCK_SET, Deed.KEEP, _PROVEN),
    Row(_PROVEN, Occasion.AGAIN, Deed.KEEP, _PROVEN, Ask.SWAP),
    Row(_PROVEN, Occasion.AS_USUAL, Deed.KEEP, _PROVEN, Ask.END),
    # It came through, so it does not fail: what fails later is proven anew.
    Row(_PROVEN, Occasion.ANSWERED, Deed.END, _NOTHING),
    Row(_NOTHING, Occasion.AS_BEFORE, Deed.RESTORE, _PROVEN),
    Row(_SUSPECTED, Occasion.AS_BEFORE, Deed.RESTORE, _PROVEN),
    Row(_PROVEN, Occasion.TURNING, Deed.KEEP, _PROVEN, Ask.END),
    Row(_PROVEN, Occasion.TURNED, Deed.TURN, _SUSPECTED, Ask.TEST),
    Row(_PROVEN, Occasion.READS, Deed.KEEP, _PROVEN, Ask.END),
    Row(_PROVEN, Occasion.NOT_LOOKED_AT, Deed.KEEP, _PROVEN),
    # Bursts.
    Row(_NOTHING, Occasion.UNASKED, Deed.KEEP, _NOTHING),
    Row(_SUSPECTED, Occasion.INCOMPLETE, Deed.KEEP, _SUSPECTED),
    # Without its swap it costs the host half as much.
    Row(_SUSPECTED, Occasion.REFUSED, Deed.GATHER, _SUSPECTED, Ask.TEST),
    Row(_SUSPECTED, Occasion.OWN_LOOKUP, Deed.DROP, _NOTHING),
    Row(_SUSPECTED, Occasion.AS_LUCKY, Deed.DROP, _NOTHING),
    Row(_SUSPECTED, Occasion.NO_EVIDENCE, Deed.DROP, _NOTHING),
    Row(_SUSPECTED, Occasion.ONE_EDGE, Deed.GATHER, _SUSPECTED),
    Row(_SUSPECTED, Occasion.PROOF, Deed.PROVE, _PROVEN),
    Row(_SUSPECTED, Occasion.MORE, Deed.GATHER, _SUSPECTED, Ask.TEST),
    Row(_SUSPECTED, Occasion.ENOUGH, Deed.GATHER, _SUSPECTED),
    Row(_PROVEN, Occasion.INCOMPLETE, Deed.GATHER, _PROVEN),
    Row(_PROVEN, Occasion.SWAP_WELL, Deed.ACCUSE, _PROVEN),
    Row(_PROVEN, Occasion.SWAP_MORE, Deed.GATHER, _PROVEN, Ask.SWAP),
    Row(_PROVEN, Occasion.SWAP_SILENT, Deed.GATHER, _PROVEN),
    Row(_PROVEN, Occasion.ENDED, Deed.END, _NOTHING),
    Row(_PROVEN, Occasion.END_MORE, Deed.GATHER, _PROVEN, Ask.END),
    Row(_PROVEN, Occasion.GOES_ON, Deed.GATHER, _PROVEN),
)

_OF_NOTHING = frozenset({Occasion.CALM, Occasion.SLOW, Occasion.UNASKED})
_OF_A_SUSPICION = frozenset(
    {
        Occasion.OVER,
        Occasion.OVER_ANOTHER,
        Occasion.LUCKY,
        Occasion.RIVAL,
        Occasion.HARDLY,
        Occasion.REFUSED,
        Occasion.OWN_LOOKUP,
        Occasion.AS_LUCKY,
        Occasion.NO_EVIDENCE,
        Occasion.ONE_EDGE,
        Occasion.PROOF,
        Occasion.MORE,
        Occasion.ENOUGH,
    }
)
_OF_A_PROOF = frozenset(
    {
        Occasion.AS_USUAL,
        Occasion.ANSWERED,
        Occasion.TURNING,
        Occasion.TURNED,
        Occasion.SWAP_WELL,
        Occasion.SWAP_MORE,
        Occasion.SWAP_SILENT,
        Occasion.ENDED,
        Occasion.END_MORE,
        Occasion.GOES_ON,
    }
)
_OF_ANYTHING_HELD = frozenset(
    {Occasion.AGAIN, Occasion.READS, Occasion.NOT_LOOKED_AT, Occasion.INCOMPLETE}
)

IMPOSSIBLE: dict[tuple[Standing, Occasion], str] = {
    **{(_NOTHING, e): "there is no suspicion" for e in (*_OF_A_SUSPICION, *_OF_ANYTHING_HELD)},
    **{(_NOTHING, e): "nothing is proven" for e in _OF_A_PROOF},
    **{(_SUSPECTED, e): "something is suspected" for e in _OF_NOTHING},
    **{(_SUSPECTED, e): "nothing is proven" for e in _OF_A_PROOF},
    **{(_PROVEN, e): "something is proven" for e in (*_OF_NOTHING, *_OF_A_SUSPICION)},
    (_PROVEN, Occasion.AS_BEFORE): "something is proven",
    (_PROVEN, Occasion.ANOTHER_LINE): "what is proven is compared on any line",
}
"""Why there is no row for an event in a state."""

_ROWS = {(row.held, row.event): row for row in TABLE}


def held_of(mine: PlatformMemory) -> Standing:
    """What is held of a platform."""
    if mine.proven is not None:
        return Standing.PROVEN
    return Standing.NOTHING if mine.episode is None else Standing.SUSPECTED


def row_of(mine: PlatformMemory, event: Occasion) -> Row:
    """What follows from ``event``. Raises ``KeyError`` for one that cannot happen."""
    return _ROWS[held_of(mine), event]


def picture() -> str:
    """The table as a state diagram of Mermaid, and as rows of Markdown."""
    arrows: dict[tuple[Standing, Standing], list[str]] = {}
    for row in TABLE:
        arrows.setdefault((row.held, row.then), []).append(row.event.name.lower())
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_NOTHING}"]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    lines += ["```", ""]
    lines += [
        "| held | event | what is held | then | asks for |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in TABLE:
        event = f"`{row.event.name.lower()}`: {row.event}"
        lines.append(f"| {row.held} | {event} | {row.act} | {row.then} | {row.ask} |")
    lines += ["", "| held | cannot happen | since |", "| --- | --- | --- |"]
    for standing in Standing:
        why: dict[str, list[str]] = {}
        for (held, event), reason in IMPOSSIBLE.items():
            if held is standing:
                why.setdefault(reason, []).append(f"`{event.name.lower()}`")
        lines += [f"| {standing} | {', '.join(sorted(e))} | {r} |" for r, e in why.items()]
    return "\n".join(lines) + "\n"
