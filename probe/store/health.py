"""How the history is doing, for metrics and people."""

from __future__ import annotations

from msgspec import Struct

from probe.store.database import Trouble

# In words that fit after "the history cannot be written: ".
WORDS: dict[str, str] = {
    "corrupt": "the file is damaged",
    "newer": "the file was written by a newer version",
    "foreign": "the file is another program's database, or no file",
    "full": "the disk is full",
    "read_only": "it is read-only, or not this user's",
    "busy": "another program holds it",
    "no_locks": "its file system has no locks; it needs a disk of this machine",
    "gone": "the file was removed, moved or replaced",
    "io": "the disk does not answer as it should",
}


class StoreHealth(Struct, frozen=True, kw_only=True):
    """``on`` is false when the configuration turns the history off; the rest is then empty.

    ``trouble`` is why nothing can be written just now (``None``: nothing is wrong).
    ``committed_rounds`` were acknowledged since the start: they are on the disk, and a cut of the
    power does not lose them. ``queued`` records wait for the next commit; ``dropped`` ones were
    given up because too many waited. ``set_aside`` counts files that had to be replaced, ``lost``
    those that somebody removed, moved or replaced while they were written to.
    """

    on: bool
    trouble: Trouble | None = None
    bytes: int = 0
    last_commit_at: float | None = None
    committed_rounds: int = 0
    queued: int = 0
    dropped: int = 0
    set_aside: int = 0
    lost: int = 0
