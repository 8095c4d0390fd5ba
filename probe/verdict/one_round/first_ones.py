"""What the first connections after a pause met, of those that are suspected or proven to fail."""

from __future__ import annotations

from msgspec import Struct

from probe.model.verdict import Method


class FirstOnes(Struct, frozen=True, array_like=True):
    """Of the rounds that came after a pause: in how many of them the target ``failed``, or was
    ``well``, before any other leg to its network, or with its name, had come through; and the same
    of its name alone (``named_failed``, ``named_well``). ``at``:
    the layer at which they failed. ``foremost``: those of ``failed`` before which none had been
    asked either, ``foremost_well``: such of ``well``. ``behind``: in how many it failed behind one
    that had come through. ``farther``: in how many, whoever came first, it failed at a later
    layer (``farther_at``) than most of its legs in bursts, or behind another target that did."""

    failed: int = 0
    well: int = 0
    named_failed: int = 0
    named_well: int = 0
    at: Method | None = None
    foremost: int = 0
    behind: int = 0
    foremost_well: int = 0
    farther: int = 0
    farther_at: Method | None = None


class MetAt(Struct, frozen=True, array_like=True):
    """What the ``target`` met at an ``address`` in ordinary rounds: in how many of those that came
    after a pause, and in which nobody else had asked there before, it ``failed``, or came through
    (``foremost_well``); and in how many of all it came through (``well``), did so ``before`` it had
    begun, perhaps, or failed (``failed_ever``)."""

    target: str
    address: str
    failed: int = 0
    well: int = 0
    before: int = 0
    foremost_well: int = 0
    failed_ever: int = 0
