"""Who plays: networks with a vantage each, platforms and controls with their addresses. Pure.

AS numbers are those set aside for documentation (RFC 5398). Vantages leave from loopback addresses
of their own, by which the relay knows on whose line a connection is; servers have loopback
addresses of their own too, so no packet can leave the machine.
"""

from __future__ import annotations

from msgspec import Struct

from probe.model.identity import Access, Role

COUNTRY = "PK"
NEUTRAL_NAME = "neutral.example"
"""The name that swaps carry: certified by every server here, and of no interest to anybody."""


class DemoLine(Struct, frozen=True, kw_only=True):
    """A vantage's line: who runs it, and what it can do.

    ``delay_seconds`` is added in each direction, ``rate_bytes_per_second`` bounds each direction of
    each connection.
    """

    name: str
    source: str
    asn: int
    access: Access
    rate_bytes_per_second: float
    delay_seconds: float
    country: str = COUNTRY
    role: Role = Role.INSIDE


class Site(Struct, frozen=True, kw_only=True):
    """A platform or control: its name in configurations, its host, where that host is."""

    name: str
    title: str
    host: str
    addresses: tuple[str, ...]
    operator: str
    is_control: bool = False
    scope: str = "foreign"


LINES = (
    DemoLine(
        name="fixed-a",
        source="127.64.1.1",
        asn=64496,
        access=Access.FIXED,
        rate_bytes_per_second=6_000_000,
        delay_seconds=0.012,
    ),
    DemoLine(
        name="fixed-b",
        source="127.64.2.1",
        asn=64497,
        access=Access.FIXED,
        rate_bytes_per_second=5_000_000,
        delay_seconds=0.012,
    ),
    DemoLine(
        name="mobile-c",
        source="127.64.3.1",
        asn=64498,
        access=Access.MOBILE,
        rate_bytes_per_second=4_000_000,
        delay_seconds=0.014,
    ),
    DemoLine(
        name="mobile-d",
        source="127.64.4.1",
        asn=64499,
        access=Access.MOBILE,
        rate_bytes_per_second=3_000_000,
        delay_seconds=0.016,
    ),
    DemoLine(
        name="server-e",
        source="127.64.5.1",
        asn=64500,
        access=Access.HOSTING,
        rate_bytes_per_second=9_000_000,
        delay_seconds=0.012,
    ),
    DemoLine(
        name="abroad",
        source="127.64.6.1",
        asn=64501,
        access=Access.HOSTING,
        rate_bytes_per_second=9_000_000,
        delay_seconds=0.022,
        country="DE",
        role=Role.REFERENCE,
    ),
)

PLATFORMS = (
    Site(
        name="x",
        title="X (Twitter)",
        host="x.com",
        addresses=("127.80.1.1", "127.80.1.2"),
        operator="X Corp.",
    ),
    Site(
        name="facebook",
        title="Facebook",
        host="www.facebook.com",
        addresses=("127.80.2.1", "127.80.2.2"),
        operator="Meta",
    ),
    Site(
        name="instagram",
        title="Instagram",
        host="www.instagram.com",
        addresses=("127.80.3.1", "127.80.3.2"),
        operator="Meta",
    ),
    Site(
        name="youtube",
        title="YouTube",
        host="www.youtube.com",
        addresses=("127.80.4.1", "127.80.4.2"),
        operator="Google",
    ),
)

CONTROLS = (
    Site(
        name="control-debian",
        title="Debian",
        host="deb.debian.org",
        addresses=("127.80.5.1",),
        operator="Fastly",
        is_control=True,
    ),
    Site(
        name="control-ubuntu",
        title="Ubuntu",
        host="releases.ubuntu.com",
        addresses=("127.80.6.1",),
        operator="Canonical",
        is_control=True,
    ),
    Site(
        name="control-domestic",
        title="A university's mirror",
        host="mirror.example",
        addresses=("127.80.7.1",),
        operator="a university",
        is_control=True,
        scope="domestic",
    ),
)

SITES = (*PLATFORMS, *CONTROLS)


def line_from(source: str) -> DemoLine | None:
    """The line that leaves from the address ``source``."""
    return next((line for line in LINES if line.source == source), None)


def platform_of(server_name: str) -> str:
    """The platform that ``server_name`` belongs to, or nothing."""
    return next((site.name for site in PLATFORMS if site.host == server_name), "")
