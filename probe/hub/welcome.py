"""What a hub answers to one that joins: both ends know it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from probe.config.values import Name, PublicKey, Upstream
from probe.model.identity import Access, Role

WRITE_PATH = "/api/v1/write"
JOIN_PATH = "/api/v1/join"


class Welcome(Struct, frozen=True, kw_only=True):
    """Who one is in the fleet, and by which credential it shows that. A hub is believed no more
    than a stranger: what cannot be a name or a path is refused when it is read."""

    vantage: Name
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
    asn: Annotated[int, Meta(ge=1, le=4_294_967_295)] | None
    access: Access
    role: Role
    upstream: Upstream | None
    credential: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
    target_keys: Annotated[tuple[PublicKey, ...], Meta(max_length=16)] = ()
    target_threshold: Annotated[int, Meta(ge=1, le=16)] = 1
    write_path: Annotated[str, Meta(pattern=r"^/[a-z0-9/]{1,60}\Z")] = WRITE_PATH
