"""Who takes part in a fleet, as the hub knows it: where, never who."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Annotated

from msgspec import Meta, Struct

from probe.config.values import Upstream
from probe.model.identity import Access, Role

# 256 bits: nobody guesses one, so a plain digest keeps it and wrong ones need no counting (NIST
# SP 800-63B, 5.1.2.2: look-up secrets of 112 bits and more need no slow hash).
_SECRET_BYTES = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
# Without letters and digits that look like others.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_RANDOM_LETTERS = 5


class FleetPlace(Struct, frozen=True, kw_only=True):
    """Where a vantage is, in the hub's words: what it sends says this and nothing else.

    ``asn`` is ``None`` where it is not known: such a vantage stands for no network.
    """

    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
    asn: Annotated[int, Meta(ge=1, le=4_294_967_295)] | None = None
    access: Access = Access.FIXED
    role: Role = Role.INSIDE
    upstream: Upstream | None = None


class Enrolled(Struct, frozen=True, kw_only=True):
    """One that takes part. Times are Unix seconds; ``revoked``: since when it does so no more."""

    name: str
    place: FleetPlace
    joined: float
    revoked: float | None = None

    def labels(self) -> dict[str, str]:
        """What its series say of it, whatever it says itself. Nothing: the label is absent."""
        place = self.place
        asn = "" if place.asn is None else str(place.asn)
        return {
            "vantage": self.name,
            "country": place.country,
            "asn": asn,
            "access": place.access.value,
            "role": place.role.value,
            "upstream": place.upstream or "",
        }


class VantageHeard(Struct, frozen=True, kw_only=True):
    """When one was last heard, in Unix seconds by the hub's clock, and of when the newest of its
    samples is, by its own. ``ahead_seconds``: how far its clock is ahead; ``None``: it did not say.
    """

    at: float
    newest_at: float
    ahead_seconds: float | None = None


class ArchivedRounds(Struct, frozen=True, kw_only=True):
    """How many bytes the rounds of a vantage take in the archive, and how many they may."""

    bytes: int
    room_bytes: int


def new_secret() -> str:
    """A secret that is shown once: 43 letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str | None:
    """What is kept of a secret; ``None``: it cannot be one."""
    if not _SECRET.fullmatch(secret):
        return None
    return hashlib.sha256(secret.encode()).hexdigest()


def new_name(place: FleetPlace) -> str:
    """A vantage's name: its network, which its labels say anyhow, and letters that mean nothing."""
    drawn = "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LETTERS))
    asn = "" if place.asn is None else f"-{place.asn}"
    return f"{place.country.lower()}{asn}-{drawn}"
