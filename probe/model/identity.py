"""Who measures what: vantages, legs, phases, in the field's own words (docs/architecture.md)."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

# The prober whose legs a round consists of; it was the only one once.
FIRST_PROBER = "tcp"

VantagePlatform = tuple[str, str]
"""Of whom a verdict is: the names of a vantage and of a platform."""


class Access(StrEnum):
    """How a vantage is connected. Throttling often spares hosting networks."""

    FIXED = "fixed"
    MOBILE = "mobile"
    HOSTING = "hosting"


class Role(StrEnum):
    """Whether a vantage stands inside the watched country or outside, as a reference."""

    INSIDE = "inside"
    REFERENCE = "reference"


class Family(StrEnum):
    """Address family of a round: all legs of one round use the same."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


class LegRole(StrEnum):
    """Corner of the square name x address that a leg measures.

    ``target``: the platform's name at the platform's address. ``swap``: a neutral name at the
    platform's address. ``control``: a neutral name at a neutral address. ``decoy``: the
    platform's name at a neutral address.
    """

    TARGET = "target"
    SWAP = "swap"
    CONTROL = "control"
    DECOY = "decoy"


class Phase(StrEnum):
    """Phases of a leg, in order, in blackbox_exporter's words.

    ``redirect`` is there only if the far end led on to another path of the same host: from the
    first request to the second, which the phases after it belong to.
    """

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    REDIRECT = "redirect"
    PROCESSING = "processing"
    TRANSFER = "transfer"


EVERY_LEG: tuple[Phase, ...] = tuple(phase for phase in Phase if phase is not Phase.REDIRECT)
"""The phases that a leg goes through when nothing fails."""


class RoundKind(StrEnum):
    """``light``: handshake and first byte. ``transfer``: a bounded read. ``long``: a longer one.
    ``burst``: many legs of one target and its controls, because a round was suspicious.
    ``experiment``: reads of one target that find how a throttle works which is proven."""

    LIGHT = "light"
    TRANSFER = "transfer"
    LONG = "long"
    BURST = "burst"
    EXPERIMENT = "experiment"


# The kinds that have an interval of their own; bursts follow from what a round showed.
SCHEDULED = (RoundKind.LIGHT, RoundKind.TRANSFER, RoundKind.LONG)


class Compares(StrEnum):
    """What a leg may be compared by: its goodput, or only the time of its handshake."""

    GOODPUT = "goodput"
    HANDSHAKE = "handshake"


class Answer(StrEnum):
    """What counts as an answer to a leg. ``expected``: the one that the configuration names.
    ``any``: whatever the server says to the ClientHello, a certificate of any name or an alert; the
    leg ends there, with no request."""

    EXPECTED = "expected"
    ANY = "any"


class Fame(StrEnum):
    """Whether a list of names that are spared may have the neutral name that a swap says:
    ``famous``, so that it is likely, or ``obscure``, so that it is not; nothing: it is not known.
    """

    UNKNOWN = ""
    FAMOUS = "famous"
    OBSCURE = "obscure"


class Verify(StrEnum):
    """``strict``: chain and name must hold. ``record``: a wrong name is recorded, not a failure."""

    STRICT = "strict"
    RECORD = "record"


class Dates(StrEnum):
    """How the dates of a chain of certificates are wrong, by the machine's own clock, where nothing
    else is: no forgery, but a clock that is off or a certificate that was not renewed."""

    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"


class Vantage(Struct, frozen=True, kw_only=True):
    """A point where packets leave from.

    ``country`` is ISO 3166-1 alpha-2 (``ZZ``: not said), ``asn`` the autonomous system's number
    (``None``: not said). ``upstream`` is whom its network gets its way abroad from, a name or an
    autonomous system's number (empty: not said).
    """

    name: str
    country: str = "ZZ"
    asn: int | None = None
    access: Access = Access.FIXED
    role: Role = Role.INSIDE
    upstream: str = ""
