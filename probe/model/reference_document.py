"""What a reference publishes of what it sees: one small signed document.

It says nothing of where the reference is: no address, no host, no name, no country.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from probe.model.verdict import State

VERSION = 1
PACE_OUTSIDE = "outside_goodput_bytes_per_second"
"""The name of the evidence that a reference's rates are, in the verdict that is made of them."""
_WORD = Meta(pattern=r"^[a-z0-9_.-]{0,60}\Z")


class SeenTarget(Struct, frozen=True, kw_only=True):
    """What is seen of one of its targets: as a ``Vouch`` has it (0: never)."""

    target: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
    at: float = 0.0
    read_at: float = 0.0
    long_at: float = 0.0


class SeenOutside(Struct, frozen=True, kw_only=True):
    """What is seen of one platform. ``state`` and ``reason`` are a verdict's, made at ``at``, which
    holds until ``holds_until`` (Unix seconds). ``bytes`` is the largest body that its last rounds
    read, ``bytes_per_second`` its goodput, ``control_bytes_per_second`` that of the fastest control
    there (``None``: nothing was read). ``read_at``: when a whole object was read last
    and all was well, as the verdict has it (Unix seconds). ``targets``: what it vouches for, target
    by target (empty: it does not tell)."""

    platform: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
    state: Annotated[str, _WORD]
    at: float
    holds_until: float
    reason: Annotated[str, _WORD] = ""
    bytes: int | None = None
    bytes_per_second: float | None = None
    control_bytes_per_second: float | None = None
    read_at: float | None = None
    targets: Annotated[tuple[SeenTarget, ...], Meta(max_length=50)] = ()

    @property
    def known_state(self) -> State | None:
        """The state; ``None`` where a later version has one that this one does not know."""
        return State(self.state) if self.state in set(State) else None


class Document(Struct, frozen=True, kw_only=True):
    """All that a reference sees. ``made_at`` (Unix seconds) only grows, so an old document cannot
    take the place of a newer one."""

    version: int
    made_at: float
    platforms: Annotated[tuple[SeenOutside, ...], Meta(max_length=100)] = ()


class Signed(Struct, frozen=True, kw_only=True):
    """What ``/api/v1/outside`` answers: the document as the very text that was signed, and its
    Ed25519 signature (RFC 8032) in Base64."""

    document: str
    signature: str


class OutsideHealth(Struct, frozen=True, kw_only=True):
    """How reading one reference is doing. ``number`` is its place in the configuration, from 1;
    ``results`` how often it ended how; ``made_at`` when the newest document was made."""

    number: int
    results: tuple[tuple[str, int], ...] = ()
    made_at: float | None = None
