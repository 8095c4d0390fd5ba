"""How a connection is read, as a table: states, events, guards, actions. The machine that goes by
it is ``reader.py``; docs/wire.md shows it.

A body's bytes gather before they are read (``gathering.py``); all else is read as it comes, and by
the event loop's own call: it makes that call for every socket that has something before any task
goes on, so a first segment does not lie in the kernel, where later ones are merged with it and take
its stamp, while other legs are worked on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ReadState(StrEnum):
    """What is going on."""

    DEAF = "deaf"
    """Nobody waits, and the event loop is not told of what comes."""
    IDLE = "idle"
    """Nobody waits; the loop goes on listening, since a slow line has some fifty waits in a leg,
    and to begin and end listening costs more than a read."""
    WAITING = "waiting"
    """Somebody waits for the next bytes."""
    GATHERING = "gathering"
    """Somebody waits, until enough bytes of a body are there or their time is over."""
    CLOSED = "closed"
    """The connection is closed."""


class ReadEvent(StrEnum):
    """What happens. The last three follow from an action."""

    ASKED = "asked"
    """The next bytes are asked for, and none are held."""
    READABLE = "readable"
    """The loop says that something is there."""
    TIME = "time"
    """The time to gather is over."""
    LEFT = "left"
    """Whoever waited was cancelled."""
    CLOSE = "close"
    TOOK = "took"
    """Bytes are held, or the end of the stream."""
    NOTHING = "nothing"
    """There was nothing to take."""
    BROKE = "broke"
    """The kernel gave an error, and nothing is held."""


class ReadGuard(StrEnum):
    """What must be so for a row to hold; each is a method of the machine."""

    ALWAYS = "always"
    MORE = "more"
    """The last read left something, or may have."""
    GATHERS = "gathers"
    """A body comes that is let gather."""
    ECHO = "echo"
    """The loop says once more what it said of bytes that were read since."""
    GONE = "gone"
    """Whoever waits was cancelled, and has not heard of it yet."""
    WORTH_ANOTHER = "worth_another"
    """So much came that more will soon."""


class Action(StrEnum):
    """What is done; each is a method of the machine. The first three give an event."""

    TAKE = "take"
    TAKE_ALL = "take_all"
    REFUSE = "refuse"

    LISTEN = "listen"
    BE_DEAF = "be_deaf"
    WAIT = "wait"
    GATHER = "gather"
    GATHER_ON = "gather_on"
    EXPECT_ANY = "expect_any"
    WAKE = "wake"
    EXPECT_ECHO = "expect_echo"
    END_WAIT = "end_wait"


class ReadRow(NamedTuple):
    """In ``state``, on ``event``, if ``guard`` holds and none of a row above did: do ``actions``,
    be in ``then``."""

    state: ReadState
    event: ReadEvent
    guard: ReadGuard
    actions: tuple[Action, ...]
    then: ReadState


_S, _E, _G, _A = ReadState, ReadEvent, ReadGuard, Action
ROWS: tuple[ReadRow, ...] = (
    # Nobody waits.
    ReadRow(_S.DEAF, _E.ASKED, _G.MORE, (_A.TAKE,), _S.DEAF),
    ReadRow(_S.DEAF, _E.ASKED, _G.GATHERS, (_A.LISTEN, _A.WAIT, _A.GATHER), _S.GATHERING),
    ReadRow(_S.DEAF, _E.ASKED, _G.ALWAYS, (_A.LISTEN, _A.WAIT), _S.WAITING),
    ReadRow(_S.DEAF, _E.NOTHING, _G.GATHERS, (_A.LISTEN, _A.WAIT, _A.GATHER), _S.GATHERING),
    ReadRow(_S.DEAF, _E.NOTHING, _G.ALWAYS, (_A.LISTEN, _A.WAIT), _S.WAITING),
    ReadRow(_S.DEAF, _E.TOOK, _G.ALWAYS, (), _S.DEAF),
    ReadRow(_S.DEAF, _E.BROKE, _G.ALWAYS, (), _S.DEAF),
    ReadRow(_S.DEAF, _E.LEFT, _G.ALWAYS, (_A.END_WAIT,), _S.DEAF),
    ReadRow(_S.DEAF, _E.CLOSE, _G.ALWAYS, (_A.END_WAIT,), _S.CLOSED),
    ReadRow(_S.IDLE, _E.ASKED, _G.MORE, (_A.TAKE,), _S.IDLE),
    ReadRow(_S.IDLE, _E.ASKED, _G.GATHERS, (_A.WAIT, _A.GATHER), _S.GATHERING),
    ReadRow(_S.IDLE, _E.ASKED, _G.ALWAYS, (_A.WAIT,), _S.WAITING),
    ReadRow(_S.IDLE, _E.NOTHING, _G.GATHERS, (_A.WAIT, _A.GATHER), _S.GATHERING),
    ReadRow(_S.IDLE, _E.NOTHING, _G.ALWAYS, (_A.WAIT,), _S.WAITING),
    ReadRow(_S.IDLE, _E.TOOK, _G.ALWAYS, (), _S.IDLE),
    ReadRow(_S.IDLE, _E.BROKE, _G.ALWAYS, (), _S.IDLE),
    ReadRow(_S.IDLE, _E.READABLE, _G.ECHO, (), _S.IDLE),
    # The loop must not turn for what nobody reads.
    ReadRow(_S.IDLE, _E.READABLE, _G.ALWAYS, (_A.BE_DEAF,), _S.DEAF),
    ReadRow(_S.IDLE, _E.LEFT, _G.ALWAYS, (_A.END_WAIT,), _S.IDLE),
    ReadRow(_S.IDLE, _E.CLOSE, _G.ALWAYS, (_A.BE_DEAF,), _S.CLOSED),
    # Somebody waits for whatever comes.
    ReadRow(_S.WAITING, _E.READABLE, _G.ECHO, (), _S.WAITING),
    ReadRow(_S.WAITING, _E.READABLE, _G.GONE, (_A.BE_DEAF,), _S.DEAF),
    ReadRow(_S.WAITING, _E.READABLE, _G.ALWAYS, (_A.TAKE,), _S.WAITING),
    ReadRow(_S.WAITING, _E.TOOK, _G.ALWAYS, (_A.WAKE, _A.EXPECT_ECHO), _S.IDLE),
    ReadRow(_S.WAITING, _E.NOTHING, _G.ALWAYS, (), _S.WAITING),
    ReadRow(_S.WAITING, _E.BROKE, _G.ALWAYS, (_A.WAKE,), _S.IDLE),
    ReadRow(_S.WAITING, _E.LEFT, _G.ALWAYS, (_A.END_WAIT,), _S.IDLE),
    ReadRow(_S.WAITING, _E.CLOSE, _G.ALWAYS, (_A.BE_DEAF, _A.WAKE), _S.CLOSED),
    # Somebody waits for a body that gathers.
    ReadRow(_S.GATHERING, _E.READABLE, _G.ECHO, (), _S.GATHERING),
    ReadRow(_S.GATHERING, _E.READABLE, _G.GONE, (_A.BE_DEAF, _A.END_WAIT), _S.DEAF),
    ReadRow(_S.GATHERING, _E.READABLE, _G.ALWAYS, (_A.TAKE_ALL,), _S.GATHERING),
    ReadRow(_S.GATHERING, _E.TIME, _G.GONE, (), _S.GATHERING),
    ReadRow(_S.GATHERING, _E.TIME, _G.ALWAYS, (_A.TAKE_ALL,), _S.GATHERING),
    ReadRow(_S.GATHERING, _E.TOOK, _G.WORTH_ANOTHER, (_A.GATHER_ON,), _S.GATHERING),
    ReadRow(_S.GATHERING, _E.TOOK, _G.ALWAYS, (_A.WAKE,), _S.IDLE),
    # Whatever comes next comes late.
    ReadRow(_S.GATHERING, _E.NOTHING, _G.ALWAYS, (_A.EXPECT_ANY,), _S.GATHERING),
    ReadRow(_S.GATHERING, _E.BROKE, _G.ALWAYS, (_A.WAKE,), _S.IDLE),
    ReadRow(_S.GATHERING, _E.LEFT, _G.ALWAYS, (_A.END_WAIT,), _S.IDLE),
    ReadRow(_S.GATHERING, _E.CLOSE, _G.ALWAYS, (_A.BE_DEAF, _A.WAKE), _S.CLOSED),
    ReadRow(_S.CLOSED, _E.ASKED, _G.ALWAYS, (_A.REFUSE,), _S.CLOSED),
    ReadRow(_S.CLOSED, _E.BROKE, _G.ALWAYS, (), _S.CLOSED),
    ReadRow(_S.CLOSED, _E.LEFT, _G.ALWAYS, (_A.END_WAIT,), _S.CLOSED),
    ReadRow(_S.CLOSED, _E.CLOSE, _G.ALWAYS, (), _S.CLOSED),
)

TABLE: dict[tuple[ReadState, ReadEvent], tuple[ReadRow, ...]] = {
    (state, event): rows
    for state in ReadState
    for event in ReadEvent
    if (rows := tuple(row for row in ROWS if (row.state, row.event) == (state, event)))
}
