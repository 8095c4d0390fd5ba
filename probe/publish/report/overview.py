"""Many vantages as one picture: how many of them saw what of a platform, moment by moment.

One strip for each would be pages of strips. Where there are many, each by itself is folded away
below this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec import Struct

from probe.model.identity import Role
from probe.model.verdict import State
from probe.publish.report.report_parts import Gathered, Setting, StateSpan

FOLD_ABOVE = 6
"""So many vantages of a platform are shown each by itself."""
MOMENTS = 240
HEIGHT = 96
# From the top: what is wrong with the platform, then with the line, then the rest.
_ORDER = (
    State.BLOCKED,
    State.THROTTLED,
    State.WITHHELD,
    State.IMPAIRED,
    State.DOWN,
    State.DEGRADED,
    State.OFFLINE,
    State.UNKNOWN,
    State.OK,
)


class Block(Struct, frozen=True):
    """A part of a column: in percent of the width, and in the picture's own height from the top."""

    state: str
    left: float
    width: float
    top: float
    height: float


class Overview(Struct, frozen=True):
    """The picture of one platform, and what it says in words."""

    blocks: tuple[Block, ...]
    text: str
    folded: str


def overview(gathered: Gathered, setting: Setting, platform: str) -> Overview | None:
    """Of the vantages inside; ``None`` where few enough saw the platform to show each of them."""
    every = [slot for slot in gathered.slots if slot[1] == platform]
    inside = [slot for slot in every if setting.vantage(slot[0]).role is Role.INSIDE]
    if len(every) <= FOLD_ABOVE or not inside:
        return None
    over = gathered.window
    moments = [
        _states(gathered.slots[slot].spans, over.start, over.end, MOMENTS) for slot in inside
    ]
    counted = [Counter(states) for states in zip(*moments, strict=True)]
    most = max(count[State.THROTTLED] + count[State.BLOCKED] for count in counted)
    return Overview(
        blocks=tuple(_blocks(counted, len(inside))),
        text=f"How many of {len(inside)} vantages inside saw what, moment by moment: throttled or "
        f"blocked at {most} of them at the same time at most.",
        folded=f"Each of the {len(every)} vantages by itself",
    )


def _states(
    spans: Sequence[StateSpan], start: float, end: float, moments: int
) -> list[State | None]:
    """What was said in the middle of each of so many equal parts of the time; ``None``: nothing."""
    found: list[State | None] = [None] * moments
    step = (end - start) / moments
    for span in spans:
        first = max(0, -int(-((span.start - start) / step - 0.5) // 1))
        last = min(moments, -int(-((span.end - start) / step - 0.5) // 1))
        for place in range(first, last):
            found[place] = span.state
    return found


def _blocks(counted: Sequence[Counter[State | None]], whole: int) -> Iterable[Block]:
    """Equal columns that follow each other are one."""
    unit, width, place = HEIGHT / whole, 100.0 / len(counted), 0
    for count, same in groupby(counted):
        columns = sum(1 for _ in same)
        top = 0.0
        for state in _ORDER:
            if count[state]:
                yield Block(
                    state=state.value,
                    left=round(place * width, 3),
                    width=round(columns * width, 3),
                    top=round(top, 2),
                    height=round(count[state] * unit, 2),
                )
                top += count[state] * unit
        place += columns
