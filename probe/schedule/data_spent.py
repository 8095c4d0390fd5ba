"""What a vantage has spent: bytes in a window that slides. Pure: time is an argument.

Invariant: any stretch of ``PERIOD_SECONDS`` has at most as many bytes as the window shows at its
end, so whoever keeps the window below a cap keeps every month below it. Bytes leave the window only
when all that were counted with them are older than the period.

The account has a clock of its own, which only ever goes on: it is moved by monotonic seconds while
the daemon runs, and over a restart by what the wall clock says has passed, unless that clock cannot
be believed. A wall clock that is set, forwards or back, therefore gives nothing away.
"""

from __future__ import annotations

from msgspec import Struct

# A month of a bill has at most 31 days.
PERIOD_SECONDS = 31 * 86_400.0
SLICE_SECONDS = 6 * 3_600.0
# 2025-01-01: a host without a clock of its own starts before, and has not learnt the time yet.
BELIEVABLE_SINCE = 1_735_689_600.0


class DataSpent(Struct, frozen=True, kw_only=True):
    """``clock`` is the account's own time in seconds. ``spent`` are the bytes of each slice of
    ``SLICE_SECONDS`` that is still in the window, as (number of the slice, bytes), oldest first.
    ``wall`` is what the wall clock said when ``clock`` was set (Unix seconds)."""

    clock: float = 0.0
    spent: tuple[tuple[int, int], ...] = ()
    wall: float = 0.0

    @property
    def used(self) -> int:
        """Bytes that were used in the window that ends now."""
        return sum([size for _, size in self.spent])


def passed(account: DataSpent, seconds: float, *, wall: float) -> DataSpent:
    """``seconds`` (never less than none) have gone by and the wall clock says ``wall``."""
    clock = account.clock + max(0.0, seconds)
    # Oldest first: what is within the window ends the search, mostly at once.
    within = (
        place
        for place, (number, _) in enumerate(account.spent)
        if (number + 1) * SLICE_SECONDS > clock - PERIOD_SECONDS
    )
    first = next(within, len(account.spent))
    return DataSpent(clock=clock, spent=account.spent[first:], wall=wall)


def spent(account: DataSpent, size: int) -> DataSpent:
    """``size`` bytes more were on the wire just now."""
    number = int(account.clock // SLICE_SECONDS)
    before, last = account.spent, 0
    if before and before[-1][0] == number:
        last = before[-1][1]
        before = before[:-1]
    return DataSpent(
        clock=account.clock, spent=(*before, (number, last + max(0, size))), wall=account.wall
    )


def fullest(account: DataSpent, bytes_per_second: float) -> float:
    """The most bytes that the window will show at any time within a period, if from now on so many
    a second are used. What is used sooner is not there for them: it leaves the window late."""
    left, most, clock = account.used, bytes_per_second * PERIOD_SECONDS, account.clock
    # Asked before each round, of more than a hundred slices: no call for one of them.
    for number, size in account.spent:
        stays = number * SLICE_SECONDS + PERIOD_SECONDS - clock
        then = left + bytes_per_second * stays if stays > 0.0 else float(left)
        if then > most:
            most = then
        left -= size
    return most


def resumed(account: DataSpent, *, wall: float) -> DataSpent:
    """The account that was kept, taken up again when the wall clock says ``wall``.

    What passed in between counts only as far as it can be believed.
    """
    return passed(account, seconds_between(account.wall, wall), wall=wall)


def seconds_between(before: float, now: float) -> float:
    """What has passed between two readings of the wall clock (Unix seconds), if both can be
    believed; none where it was set back."""
    return max(0.0, now - before) if min(before, now) >= BELIEVABLE_SINCE else 0.0
