"""What a world consists of. Values only: read by the world's process, written by ``build``."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

ANY = "*"
LARGEST_BYTES = 2 * 1024 * 1024


class Object(Struct, frozen=True, kw_only=True):
    """What a path gives: ``text``, or else ``size_bytes`` of bytes that do not compress.

    ``ranges``: whether a Range header is honoured. ``latency_seconds``: how long the server thinks.
    ``bytes_per_second``: how fast it then sends (0: as fast as the line allows). ``status`` is that
    of a whole answer. ``retry_after``: for so many seconds it asks to be left alone.
    ``pauses_at``: after so many bytes nothing more is sent (0: all is), and ``mute``: nothing at
    all. ``slow_for``: only clients whose addresses begin so meet any of it (empty: all).
    """

    size_bytes: int = 0
    text: str | None = None
    status: int = 200
    content_type: str = "application/octet-stream"
    location: str | None = None
    ranges: bool = True
    latency_seconds: float = 0.0
    bytes_per_second: float = 0.0
    retry_after: int | None = None
    slow_for: str = ""
    pauses_at: int = 0
    mute: bool = False


class Certificate(Struct, frozen=True, kw_only=True):
    """The names of one certificate; ``file`` is relative to the folder of the specification.
    ``trusted``: issued by the authority that the client trusts."""

    names: tuple[str, ...]
    file: str
    trusted: bool = True


class Site(Struct, frozen=True, kw_only=True):
    """One operator's servers: every one of its addresses serves every one of its hosts.

    ``certificates``: the one that covers the SNI is shown, the first one when none does.
    ``aliases``: for an SNI, a name whose certificate is shown in its stead. ``objects``: host →
    path → object; ``*`` stands for any host, or any path of a host. ``resolves``: its
    ``/dns-query`` answers DNS over HTTPS.
    """

    name: str
    addresses: tuple[str, ...]
    certificates: tuple[Certificate, ...]
    aliases: dict[str, str] = {}
    objects: dict[str, dict[str, Object]] = {}
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    resolves: bool = False

    def object_at(self, host: str, path: str) -> Object | None:
        """What a Host and a path (without its query) give; ``None``: not found."""
        for name in (host, ANY):
            paths = self.objects.get(name, {})
            found = paths.get(path) or paths.get(ANY)
            if found is not None:
                return found
        return None


class WorldSpec(Struct, frozen=True, kw_only=True):
    """The whole world.

    ``zone``: name → addresses (a ``*.`` name answers for every name below it), ``ttl_seconds`` for
    all. ``resolvers``: the addresses at which DNS is answered over UDP and TCP, with their ports.
    ``record_bytes``: the most plain text in a TLS record. ``congestion``: TCP congestion control
    of every connection (empty: the kernel's default). ``session_tickets``: sent after each
    handshake. ``dns_latency_seconds``: how long each DNS answer takes. ``quic``: the sites speak
    HTTP/3 as well.
    """

    zone: dict[str, tuple[str, ...]]
    resolvers: tuple[tuple[str, int], ...]
    sites: tuple[Site, ...]
    ttl_seconds: int = 60
    record_bytes: int = 1_300
    congestion: str = ""
    session_tickets: int = 2
    dns_latency_seconds: float = 0.0
    quic: bool = False

    def addresses(self) -> tuple[str, ...]:
        """Every address that the world answers at, each once."""
        return tuple(dict.fromkeys(self._addresses()))

    def _addresses(self) -> Iterator[str]:
        yield from (address for address, _ in self.resolvers)
        for site in self.sites:
            yield from site.addresses
