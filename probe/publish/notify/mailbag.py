"""What waits to be delivered to one receiver: bounded, and sent together. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from probe.publish.notify.notices import Notice

MOST_WAITING = 40
"""Of what waits longer than that the oldest goes, and the next letter says how many."""


class Letter(Struct, frozen=True, kw_only=True):
    """One message."""

    title: str
    body: str


class Mailbag(Struct, frozen=True, kw_only=True):
    """``waiting``, the oldest first; ``left_out``: how many older ones nobody will read."""

    waiting: tuple[Notice, ...] = ()
    left_out: int = 0

    def with_more(self, notices: tuple[Notice, ...]) -> Mailbag:
        """These too."""
        every = (*self.waiting, *notices)
        over = max(0, len(every) - MOST_WAITING)
        return Mailbag(waiting=every[over:], left_out=self.left_out + over)

    def joined(self, later: Mailbag) -> Mailbag:
        """What waited before ``later`` did."""
        both = self.with_more(later.waiting)
        return Mailbag(waiting=both.waiting, left_out=both.left_out + later.left_out)

    def without(self, sent: Mailbag) -> Mailbag:
        """What is left after ``sent``, which was this at some time before, was delivered."""
        gone = set(sent.waiting)
        left = tuple(notice for notice in self.waiting if notice not in gone)
        return Mailbag(waiting=left, left_out=max(0, self.left_out - sent.left_out))

    def letter(self) -> Letter | None:
        """All that waits, in one message; ``None``: nothing does."""
        if not self.waiting:
            return None
        lines = [f"{self.left_out} earlier ones were left out."] if self.left_out else []
        if len(self.waiting) == 1:
            (only,) = self.waiting
            return Letter(
                title=only.title, body="\n\n".join([*lines, only.text, f"({_when(only.at)})"])
            )
        lines += [f"{_when(one.at)}: {one.title}\n{one.text}" for one in self.waiting]
        more = len(self.waiting) - 1
        return Letter(title=f"{self.waiting[-1].title}, and {more} more", body="\n\n".join(lines))


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
