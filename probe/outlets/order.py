"""The table of outlets: in this order they are told, in the opposite one they are closed."""

from __future__ import annotations

from probe.outlets.outlet import Makes
from probe.outlets.to_board import ToBoard
from probe.outlets.to_data_budget import ToDataBudget
from probe.outlets.to_forward import ToForward
from probe.outlets.to_history import ToHistory
from probe.outlets.to_hub import ToHub
from probe.outlets.to_line_watch import ToLineWatch
from probe.outlets.to_log import ToLog
from probe.outlets.to_memories import ToMemories
from probe.outlets.to_notify import ToNotify

OUTLETS: tuple[Makes, ...] = (
    # What the next round rests on comes first: what was spent, and what was learnt.
    ToDataBudget,
    ToMemories,
    # Then who shows and keeps it, so that whoever is told later finds it there.
    ToLineWatch,
    ToBoard,
    ToHistory,
    # Then words for people, and what leaves this machine.
    ToLog,
    ToForward,
    ToHub,
    ToNotify,
)
