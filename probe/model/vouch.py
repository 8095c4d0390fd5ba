"""What a vantage outside the country saw of one target: what it can vouch for, and what not."""

from __future__ import annotations

from msgspec import Struct


class Vouch(Struct, frozen=True, kw_only=True):
    """Of one target, in Unix seconds: ``at``, when a round reached it last and nothing of all that
    was compared was slow or failed; ``read_at``, when such a round read a whole object of it (0:
    not since it was last found otherwise), and ``long_at``, a long one. A page that its own server
    turns us away from is reached, and nothing of it is read."""

    target: str
    at: float = 0.0
    read_at: float = 0.0
    long_at: float = 0.0

    @property
    def looks(self) -> dict[str, float]:
        """By each measure (as a verdict has it) that was well: when (Unix seconds)."""
        every = {"handshake": self.at, "transfer": self.read_at, "long": self.long_at}
        return {measure: at for measure, at in every.items() if at}

    def looked(self, measure: str) -> float:
        """When ``measure`` was well (0: not known)."""
        return self.looks.get(measure, 0.0)
