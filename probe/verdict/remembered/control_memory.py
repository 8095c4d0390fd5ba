"""What is remembered of a control: when it answered, who answered in its place, its last reads."""

from __future__ import annotations

from msgspec import Struct


class ControlRead(Struct, frozen=True, array_like=True):
    """A read of a control: when (Unix seconds), the logarithm of its seconds for each byte, after
    how many body bytes it ``stopped``, if it did, and, if known, the logarithm of the least round
    trip and the share of segments that were ``missing`` (``gaps.py``)."""

    at: float
    byte: float
    stopped: int | None = None
    far: float | None = None
    missing: float | None = None


class ControlMemory(Struct, frozen=True, kw_only=True):
    """When a control answered last (Unix seconds; 0: never), and since when it has not answered
    whenever it was asked (0: it did the last time). ``silent_alone``: it has failed since beside
    another control that answered, so that is no matter of the line. ``pace``: bytes a second of
    its last read, ``paced_at``. ``opened_by``: who signed the untrusted certificate that it was
    shown last, ``opened_at`` (``forged_certificate.py``). ``reads``: the last ones
    (``curtains.py``)."""

    answered_at: float = 0.0
    silent_since: float = 0.0
    silent_alone: bool = False
    pace: float = 0.0
    paced_at: float = 0.0
    opened_by: str = ""
    opened_at: float = 0.0
    reads: tuple[ControlRead, ...] = ()
