"""How long the bytes of a body may lie in the kernel, so that a leg costs little CPU.

Pure numbers. Nothing here bears evidence: the kernel stamps bytes as they come, whenever they are
read (``arrivals.py``).
"""

from __future__ import annotations

GATHER_SECONDS = 0.040
"""How long the next bytes of a body may lie in the kernel before they are read, so that a flight of
segments costs one turn of the event loop and not one each. The kernel stamps them as they come. A
line slow enough to be called so (290 kbit/s) still has a point for each segment, and no gap is made
that looks like a stall (``STALL_SECONDS``).

The kernel is told how many it should wait for (``SO_RCVLOWAT``). Without that it acknowledges late
what nobody reads, and a sender that is still speeding up was slower by a quarter (64 KiB, 30 ms)
to a half (512 KiB): ``python -m benchmarks.undisturbed``."""
GATHER_SHARE = 5 / 8
GATHER_SHARE_LONG = 1 / 8
"""How many those are at most, as a share of the window: of a body that fits it, and of a longer
one, whose sender would meet the end of a window that does not move. The window of a new connection
is 64 KiB on Linux, or less where the driver of the network card spends memory freely."""
_LEAST_WINDOW_BYTES = 32_768
"""Taken for the window where it is not known."""
_OVERHEAD = 40
"""One byte in so many is not body but TLS and HTTP/2: 31 in records of 1,300 bytes."""
HOLD_BYTES = 65_536
HOLD_LEAST_BYTES = 4_096
HOLD_LOOKS = 4
"""What a gathering wire takes from the kernel before it hands it up, how much each look must have
brought for another, and after how many it hands up in any case. Decrypting and parsing a body once,
and not after each wait with cold caches, is up to a tenth of a leg's CPU. Pieces keep their
arrivals. Never held is what may be the whole body, and what comes at less than 0.8 Mbit/s; a leg
that is cut off by its deadline meanwhile counts its body without what is held (160 ms at most)."""


class Gathering:
    """Of one connection: whether a body gathers, and how much of it to wait for."""

    def __init__(self) -> None:
        self.on = False
        """Whether a reader that has read everything lets the next bytes gather before it looks."""
        self.missing = 0
        """Bytes of the body, in the clear, that the leg does not have yet."""
        self._undecrypted = 0
        self._whole_at: int | None = None
        """The body is not whole before this many bytes were received."""
        self._portion = 1
        self._from = 0
        self._brought = 0
        self._looks = 0

    def begin(self, missing: int, undecrypted: int) -> None:
        """From here on a body comes of which ``missing`` bytes are still wanted; ``undecrypted``
        bytes were handed up, but are not yet a whole record."""
        self.on = True
        self.missing = missing
        self._undecrypted = undecrypted

    @property
    def knows_window(self) -> bool:
        """Whether the sender's window is known, since ``settle`` was called."""
        return self._whole_at is not None

    def settle(self, received: int, window_bytes: int | None) -> None:
        """Before the first wait: what HTTP had read of the body together with the head has been
        handed up by now."""
        self._whole_at = received - self._undecrypted + self.missing
        window = window_bytes or _LEAST_WINDOW_BYTES
        share = GATHER_SHARE if self.missing <= window else GATHER_SHARE_LONG
        self._portion = round(window * share)

    def wait(self, received: int) -> None:
        """A reader begins to wait, with ``received`` bytes."""
        self._from = received
        self._looks = 0

    def looked(self, brought: int) -> None:
        """A look brought so many bytes."""
        self._looks += 1
        self._brought = brought

    def expected(self, received: int) -> int:
        """How many bytes shall lie in the kernel before it says so."""
        # Too much is better than too little: then the time ends the wait, and no last segment is
        # left that costs a turn of its own.
        return min(max(1, self._coming(received) + self.missing // _OVERHEAD), self._portion)

    def worth_another(self, received: int) -> bool:
        """After a look that took all there was: whether to look once more before what was taken is
        handed up."""
        return (
            self._brought >= HOLD_LEAST_BYTES
            and self._looks < HOLD_LOOKS
            and self._coming(received) > 0
            and received - self._from < HOLD_BYTES
        )

    def _coming(self, received: int) -> int:
        return (self._whole_at or 0) - received
