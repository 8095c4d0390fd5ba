"""What a censor does, as values: whom it meets (``Match``) and what happens then (an action)."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from ipaddress import ip_address, ip_network

from msgspec import Struct


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, not {value!r}")


class Way(StrEnum):
    """Where a packet is going: ``up`` from the client, ``down`` towards it."""

    DOWN = "down"
    UP = "up"


class Reach(StrEnum):
    """Which packets of what it has met a rule acts on."""

    DOWN = "down"
    UP = "up"
    BOTH = "both"


class Protocol(StrEnum):
    """``udp`` is any datagram; ``quic`` a flow on UDP that begins with a QUIC long header;
    ``dns`` is UDP to port 53."""

    TCP = "tcp"
    UDP = "udp"
    QUIC = "quic"
    DNS = "dns"


class Scope(StrEnum):
    """What shares one bucket, one queue, one count: a flow, all flows between one client and one
    address, or everything that the rule has met."""

    FLOW = "flow"
    ADDRESS = "address"
    ALL = "all"


class Memory(StrEnum):
    """What a name, once seen, condemns: its own flow, or from then on every flow of that client to
    that address, whatever its name; or to that port of it, over the same protocol."""

    FLOW = "flow"
    ADDRESS = "address"
    PORT = "port"


class Match(Struct, frozen=True, kw_only=True, dict=True):
    """Whom a rule meets: everything that is given must hold; what is empty holds for all.

    ``names``: of the ClientHello (TLS, QUIC), or of the question where ``protocols`` has ``dns``:
    ``x.com`` is that name, ``*.x.com`` any name below it, ``.x.com`` both, ``*`` any. A flow
    is met from the packet that completes its hello; a DNS packet by itself. ``addresses``: the far
    side's, as addresses or prefixes. ``but_names``: any name but these, likewise. ``ports``: the
    far side's. ``fingerprints``: JA3 of the hello. Without names and fingerprints a flow is met
    from its first packet.
    """

    names: tuple[str, ...] = ()
    but_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    protocols: tuple[Protocol, ...] = ()
    fingerprints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for address in self.addresses:
            ip_network(address)

    @cached_property
    def _networks(self) -> tuple[tuple[int, int, int], ...]:
        """(bytes of the address, its number shifted, shift)"""
        found = []
        for text in self.addresses:
            network = ip_network(text)
            shift = network.max_prefixlen - network.prefixlen
            found.append((network.max_prefixlen // 8, int(network.network_address) >> shift, shift))
        return tuple(found)

    @property
    def reads_hello(self) -> bool:
        """Whether it takes a hello (or a question) to know."""
        return bool(self.names or self.but_names or self.fingerprints)

    def has_address(self, address: bytes) -> bool:
        if not self.addresses:
            return True
        number = int.from_bytes(address, "big")
        return any(
            len(address) == width and number >> shift == prefix
            for width, prefix, shift in self._networks
        )

    def has_name(self, name: str) -> bool:
        if any(_names(pattern, name) for pattern in self.but_names):
            return False
        return not self.names or any(_names(pattern, name) for pattern in self.names)

    def has_fingerprint(self, fingerprint: str) -> bool:
        return not self.fingerprints or fingerprint in self.fingerprints


def _names(pattern: str, name: str) -> bool:
    pattern = pattern.lower()
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    if pattern.startswith("."):
        return name.endswith(pattern) or name == pattern[1:]
    return name == pattern


class Police(Struct, frozen=True, kw_only=True, tag="police"):
    """Drop what a token bucket does not cover; each direction has its own bucket, full at first."""

    rate_bits_per_second: float
    burst_bytes: int

    def __post_init__(self) -> None:
        _positive("rate_bits_per_second", self.rate_bits_per_second)
        _positive("burst_bytes", self.burst_bytes)


class Shape(Struct, frozen=True, kw_only=True, tag="shape"):
    """Queue in front of a slower link; each direction has its own queue (drop-tail)."""

    rate_bits_per_second: float
    queue_bytes: int

    def __post_init__(self) -> None:
        _positive("rate_bits_per_second", self.rate_bits_per_second)


class Lose(Struct, frozen=True, kw_only=True, tag="lose"):
    """Drop each packet with a probability."""

    probability: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie between 0 and 1, not {self.probability!r}")


class Delay(Struct, frozen=True, kw_only=True, tag="delay"):
    """Hold each packet for a time (with ``reach`` both: twice that per round trip). With a match by
    address this is also how one part of the world is farther away than another. ``jitter_seconds``:
    the standard deviation of that (never less than nothing); no packet of a flow overtakes another.
    """

    seconds: float
    jitter_seconds: float = 0.0


class CutOff(Struct, frozen=True, kw_only=True, tag="cut_off"):
    """Silence once so many bytes of TCP or UDP payload, or so many packets, have passed within
    ``reach``, or so many seconds after the rule met the first of them. What is 0 is not counted.
    ``resets``: in place of what is dropped on its way down, the client is sent a RST."""

    after_bytes: int = 0
    after_packets: int = 0
    after_seconds: float = 0.0
    resets: bool = False


class Silence(Struct, frozen=True, kw_only=True, tag="silence"):
    """Drop everything."""


class DropSyn(Struct, frozen=True, kw_only=True, tag="drop_syn"):
    """Drop the client's SYN."""


class DropHello(Struct, frozen=True, kw_only=True, tag="drop_hello"):
    """Drop the packet that completes the ClientHello, and every repetition of the hello."""


class Reset(Struct, frozen=True, kw_only=True, tag="reset"):
    """Answer what the client sends with RST, to the client, the server, or both. ``swallow``: the
    flow's packets themselves go no further."""

    to_client: bool = True
    to_server: bool = True
    swallow: bool = True


class ForgeDns(Struct, frozen=True, kw_only=True, tag="forge_dns"):
    """Answer the client's questions in the resolver's stead: with ``addresses`` (those of the
    family asked for; none: an empty answer), or ``nxdomain``. ``beside``: the true answer comes as
    well, later."""

    addresses: tuple[str, ...] = ()
    nxdomain: bool = False
    beside: bool = False
    ttl_seconds: int = 60

    def __post_init__(self) -> None:
        for address in self.addresses:
            ip_address(address)


class Redirect(Struct, frozen=True, kw_only=True, tag="redirect"):
    """Send new flows to another address of the world, and its answers back as the old one's: how a
    false certificate or a block page is shown. Flows of the other address family are left alone.
    """

    address: str

    def __post_init__(self) -> None:
        ip_address(self.address)


Action = (
    Police
    | Shape
    | Lose
    | Delay
    | CutOff
    | Silence
    | DropSyn
    | DropHello
    | Reset
    | ForgeDns
    | Redirect
)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule. Rules act in their order on every packet that they meet, until one drops it.

    ``name`` is what counters and the run-time switch know it by. A rule that is off counts
    nothing and forgets nothing. Where a hello is read: of the flows that fit, only a ``share`` is
    condemned, drawn for each; ``reacts_seconds``: how long after its hello a flow is met, one of
    these, drawn for each (empty: at once); ``remembers_seconds``: for how long after that
    ``memory`` condemns others (0: for ever).
    """

    name: str
    action: Action
    match: Match = Match()
    reach: Reach = Reach.BOTH
    scope: Scope = Scope.FLOW
    memory: Memory = Memory.FLOW
    share: float = 1.0
    reacts_seconds: tuple[float, ...] = ()
    remembers_seconds: float = 0.0
    enabled: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"{self.name}: share must lie between 0 and 1, not {self.share!r}")
        if not self.match.reads_hello and (self.share < 1.0 or self.reacts_seconds):
            raise ValueError(f"{self.name}: a share is of the hellos that fit, and so is a delay")
        if isinstance(self.action, Redirect) and self.match.reads_hello:
            raise ValueError(
                f"{self.name}: a flow is redirected from its first packet, before it has a name; "
                "match it by address, or lie about the name in the DNS"
            )
        if isinstance(self.action, DropHello) and not self.match.reads_hello:
            raise ValueError(f"{self.name}: drop_hello needs names or fingerprints (names: ['*'])")

    @property
    def protocols(self) -> frozenset[Protocol]:
        """The protocols of which one must be the flow's; empty: any."""
        if isinstance(self.action, ForgeDns):
            return frozenset((Protocol.DNS,))
        if self.match.reads_hello and not self.match.protocols:
            # A name in a question condemns nobody who did not ask for that.
            return frozenset((Protocol.TCP, Protocol.QUIC))
        return frozenset(self.match.protocols)

    def acts_on(self, way: Way) -> bool:
        return self.reach == Reach.BOTH or self.reach.value == way.value
