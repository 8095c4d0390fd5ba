"""What a scenario is. Values only, in the words of the wire and the verdict; nothing here knows a
packet, so the lab (real packets) and the synthetic world (observations) read the same table.

Times are seconds, sizes bytes, rates bits per second. Rounds are transfer rounds of one platform.
"""

from __future__ import annotations

import math
from enum import StrEnum
from random import Random
from typing import Any, TypeVar

from msgspec import Struct, structs

from probe.model.verdict import Method, Signature, SlowPhase, State, Trigger
from scenarios.rows import Row

T = TypeVar("T")
EVERY = "*"
HOME = "home"
ABROAD = "abroad"
NEIGHBOUR = "neighbour"
DOMESTIC_HOST = "mirror.domestic.example"
ACCUSING = (State.THROTTLED, State.BLOCKED)
PROVEN = (*ACCUSING, State.IMPAIRED)


class Range(Struct, frozen=True):
    """Values that a parameter may have; ``least == most`` is one value."""

    least: float
    most: float

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"not a range: {self.least!r} to {self.most!r}")

    @property
    def value(self) -> float:
        """The middle: geometric, since rates and sizes span orders of magnitude."""
        if not self.least:
            return self.most / 2
        # The least and most themselves must come back unrounded.
        return self.least if self.least == self.most else math.sqrt(self.least * self.most)

    def draw(self, random: Random) -> float:
        """One of them: each factor as likely as any other."""
        if self.least == self.most:
            return self.least
        if not self.least:
            return random.uniform(0.0, self.most)
        return math.exp(random.uniform(math.log(self.least), math.log(self.most)))


def exactly(value: float) -> Range:
    """A range of one."""
    return Range(value, value)


class Scope(StrEnum):
    """What shares one bucket or queue: a flow, the flows between one client and one address, or all
    that is met."""

    FLOW = "flow"
    ADDRESS = "address"
    ALL = "all"


class Stack(StrEnum):
    """Whose TLS fingerprint is met: any, the probe's own, or another program's."""

    ANY = "any"
    PROBE = "probe"
    OTHER = "other"


class Over(StrEnum):
    """Over which transport an exchange is met. ``upload``: what is sent over TCP, and not what
    comes down."""

    BOTH = "both"
    TCP = "tcp"
    QUIC = "quic"
    UPLOAD = "upload"


class Whom(Struct, frozen=True, kw_only=True):
    """Which exchanges are met: everything that is given must hold.

    ``names``: in the ClientHello (``x.com`` itself, ``.x.com`` and all below it; empty: any); such
    a flow is met from its hello on. ``but_names``: all but these, likewise: a list of exceptions.
    ``hosts``: at the addresses of these hosts (``*``: all).
    ``but_hosts``: not at these hosts' addresses. ``edges``: only the first so many addresses of
    each host (``None``: all). ``lasting``: once a name has been seen, every later flow of the
    client to that address is met, whatever its name. ``stack``: by fingerprint. ``over``: by
    transport.
    """

    names: tuple[str, ...] = ()
    but_names: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    but_hosts: tuple[str, ...] = ()
    edges: int | None = None
    lasting: bool = False
    stack: Stack = Stack.ANY
    over: Over = Over.BOTH


class Policed(Struct, frozen=True, kw_only=True, tag="policed"):
    """What a token bucket does not cover is dropped, each way."""

    rate_bits_per_second: Range
    burst_bytes: Range
    scope: Scope = Scope.FLOW


class Shaped(Struct, frozen=True, kw_only=True, tag="shaped"):
    """A queue in front of a slower link, each way."""

    rate_bits_per_second: Range
    queue_bytes: Range
    scope: Scope = Scope.FLOW


class Lossy(Struct, frozen=True, kw_only=True, tag="lossy"):
    """Each packet is dropped with a probability: those that come down, and, with ``up``, those that
    we send as well."""

    probability: Range
    up: bool = True


class Delayed(Struct, frozen=True, kw_only=True, tag="delayed"):
    """So much is added to each round trip."""

    round_trip_seconds: Range


class CutOff(Struct, frozen=True, kw_only=True, tag="cut_off"):
    """Silence on a flow once so many bytes have come down it, so many packets have passed in either
    direction, or so long after it was met (``None``: that is not counted). ``resets``: a RST in
    the name of the far end in its stead."""

    after_bytes: Range | None = None
    after_packets: Range | None = None
    after_seconds: Range | None = None
    resets: bool = False


class Silent(Struct, frozen=True, kw_only=True, tag="silent"):
    """Nothing passes (with names: from the hello on)."""


class SynDropped(Struct, frozen=True, kw_only=True, tag="syn_dropped"):
    """No connection comes to be."""


class HelloDropped(Struct, frozen=True, kw_only=True, tag="hello_dropped"):
    """The ClientHello never arrives."""


class Reset(Struct, frozen=True, kw_only=True, tag="reset"):
    """The flow is reset in both directions as soon as it is met: at the SYN, or at the hello."""


class DnsLie(StrEnum):
    """What is said in the resolver's stead."""

    ADDRESS = "address"
    NXDOMAIN = "nxdomain"
    NOTHING = "nothing"
    BESIDE = "beside"


class Resolvers(StrEnum):
    """Which of them on UDP are met: every one, the host's own alone, or all but that."""

    EVERY = "every"
    OWN = "own"
    OTHERS = "others"

    def meets(self, *, own: bool) -> bool:
        """Whether one is met: the host's ``own``, or another."""
        return self is Resolvers.EVERY or own is (self is Resolvers.OWN)


class DnsForged(Struct, frozen=True, kw_only=True, tag="dns_forged"):
    """Questions for the names (of ``Whom``; empty: for every name) over UDP are answered with the
    address of a server that is not the platform's, with NXDOMAIN or not at all; ``beside``: with
    such an address, and the true answer comes too, later. DNS over HTTPS stays true."""

    lie: DnsLie
    resolvers: Resolvers = Resolvers.EVERY


class Impostor(StrEnum):
    """What the server that stands in for the platform shows: a certificate for another name, one
    of an authority that nobody trusts, or one for the right name of a trusted authority."""

    OTHER_NAME = "other_name"
    UNTRUSTED = "untrusted"
    TRUSTED = "trusted"


class Impersonated(Struct, frozen=True, kw_only=True, tag="impersonated"):
    """Flows end at another server, which answers everything with a page of its own."""

    shows: Impostor


class Leaky(Struct, frozen=True, kw_only=True, tag="leaky"):
    """Of the flows that are met, this ``share`` has no hello that arrives; the others nothing
    happens to. ``reacts_seconds``: the hello arrives, and what we send is dropped from so long
    after it on (one of these for each flow). ``residual``: for so many seconds after, so is all
    that we send to that port of that address over the same transport."""

    share: Range
    reacts_seconds: tuple[float, ...] = ()
    residual: Range = Range(0.0, 0.0)


class QuicDropped(Struct, frozen=True, kw_only=True, tag="quic_dropped"):
    """QUIC does not pass; TCP does."""


Effect = (
    Policed
    | Shaped
    | Lossy
    | Delayed
    | CutOff
    | Silent
    | SynDropped
    | HelloDropped
    | Reset
    | DnsForged
    | Impersonated
    | Leaky
    | QuicDropped
)


class Restricted(Struct, frozen=True, kw_only=True, tag="restricted"):
    """On the way to the world, every exchange of ``whom`` meets all ``effects``, in order."""

    whom: Whom
    effects: tuple[Effect, ...]


class LineKind(Struct, frozen=True, kw_only=True):
    """A kind of line. ``round_trip_seconds`` is to every server. ``jitter_seconds``: standard
    deviation of the one-way delay, a deviation lasting ``jitter_memory_seconds``.
    ``down_trace``: (seconds, Mbit/s) in place of the rate down, again from the start at its end.
    """

    name: str
    title: str
    round_trip_seconds: float
    down_bits_per_second: float
    up_bits_per_second: float
    jitter_seconds: float = 0.0
    jitter_memory_seconds: float = 0.0
    loss: float = 0.0
    queue_bytes: int = 256 * 1024
    down_trace: tuple[tuple[float, float], ...] = ()


class LineBecomes(Struct, frozen=True, kw_only=True, tag="line_becomes"):
    """Another line carries everything."""

    kind: LineKind


class LineWorsens(Struct, frozen=True, kw_only=True, tag="line_worsens"):
    """The line itself gets worse for everything: a rate down (``None``: as before), random loss
    each way, a longer round trip."""

    down_bits_per_second: Range | None = None
    loss: Range = Range(0.0, 0.0)
    more_round_trip_seconds: Range = Range(0.0, 0.0)


class CrossTraffic(Struct, frozen=True, kw_only=True, tag="cross_traffic"):
    """Others in the house download from a neutral server over the same line, without pause; or
    send to one (``uploads``)."""

    downloads: int = 0
    uploads: int = 0


class Answers(Struct, frozen=True, kw_only=True, tag="answers"):
    """The platform's own servers answer otherwise, to everybody: every object of ``hosts`` with a
    status (``None``: as before), more slowly to begin (``latency_seconds``) and to send (``None``:
    as fast as before). ``location``: of a redirection (login wall). ``near_here``: those who look
    from outside find them as fast as ever."""

    hosts: tuple[str, ...]
    status: int | None = None
    location: str | None = None
    latency_seconds: Range = Range(0.0, 0.0)
    bits_per_second: Range | None = None
    near_here: bool = False


class Pauses(Struct, frozen=True, kw_only=True, tag="pauses"):
    """The platform's servers near here send of every object of ``hosts`` so many bytes and then
    nothing more, for longer than anybody waits (``None``: they take the request, and answer
    nothing); their kernels are well. A reference vantage is answered by others, which do not."""

    hosts: tuple[str, ...]
    after_bytes: Range | None = None


class Gone(Struct, frozen=True, kw_only=True, tag="gone"):
    """The platform's own servers answer nobody, nowhere."""

    hosts: tuple[str, ...]


class ClockStepped(Struct, frozen=True, kw_only=True, tag="clock_stepped"):
    """The host's wall clock jumps forward (``back``: backward), once."""

    seconds: Range
    back: bool = False


class HostBusy(Struct, frozen=True, kw_only=True, tag="host_busy"):
    """The probe gets the processor only for ``share`` of the time, in turns of ``turn_seconds``."""

    share: Range
    turn_seconds: float


Happening = (
    Restricted
    | LineBecomes
    | LineWorsens
    | CrossTraffic
    | Answers
    | Pauses
    | Gone
    | ClockStepped
    | HostBusy
)


class Said(Struct, frozen=True, kw_only=True):
    """A verdict that is right. What is empty may be anything; several values: any of them, because
    the wire does not tell them apart. ``by``: the triggers of a block.
    ``severe`` is asserted only where it is not ``None``."""

    state: State
    methods: tuple[Method, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    signatures: tuple[Signature, ...] = ()
    phases: tuple[SlowPhase, ...] = ()
    reasons: tuple[str, ...] = ()
    by: tuple[Trigger, ...] = ()
    severe: bool | None = None


class Expectation(Struct, frozen=True, kw_only=True):
    """What must be said of ``platforms`` (empty: all of the scenario) at ``vantage``, over TCP,
    ``over`` QUIC or of what is sent.

    Within ``within_rounds`` transfer rounds after the beginning, one of ``said`` is said. ``never``
    are states that must not be said at any time; every scenario also forbids to accuse
    (``ACCUSING``) before the beginning. After the end ``ok`` is said within
    ``recovers_within_rounds`` (``None``: not awaited).
    """

    said: tuple[Said, ...]
    within_rounds: int
    never: tuple[State, ...] = ()
    platforms: tuple[str, ...] = ()
    vantage: str = HOME
    over: Over = Over.TCP
    recovers_within_rounds: int | None = 4


class Scenario(Struct, frozen=True, kw_only=True):
    """One thing that has happened, or could be mistaken for it.

    ``rows``: of the history that it stands for. ``source``: where that is written. ``platforms``:
    measured, with their shipped definitions. ``alternatives``: mechanisms of which one is drawn
    (where nobody published which it was), each a tuple of happenings; usually one. ``calm_rounds``
    pass before it begins, and it lasts ``lasts_rounds``; if something is to be proven, until all
    that must be said is said, and ``to_the_end`` for what must not be accused later either.
    ``domestic``: a domestic control (``DOMESTIC_HOST``) is configured. ``abroad``: a reference
    vantage outside, past every restriction. ``neighbour``: a second inside vantage on another
    network, which is not restricted. ``long_reads``: longer reads are made often. ``quic``: it is
    measured over QUIC as well. ``upload``: the targets and controls take bodies, and are sent some.
    ``note``: what the reader should know, such as what of the original
    cannot be reproduced.
    """

    id: str
    name: str
    rows: tuple[Row, ...]
    source: str
    platforms: tuple[str, ...]
    alternatives: tuple[tuple[Happening, ...], ...]
    expect: tuple[Expectation, ...]
    calm_rounds: int = 4
    lasts_rounds: int = 8
    to_the_end: bool = False
    domestic: bool = False
    abroad: bool = False
    neighbour: bool = False
    long_reads: bool = False
    quic: bool = False
    upload: bool = False
    lines: tuple[str, ...] = ("fibre", "dsl", "mobile")
    note: str = ""

    @property
    def happens(self) -> tuple[Happening, ...]:
        """What happens; the first alternative of several."""
        return self.alternatives[0]

    @property
    def accuses(self) -> bool:
        """Whether interference is to be said, not an innocent cause."""
        return any(said.state in ACCUSING for e in self.expect for said in e.said)

    @property
    def finds(self) -> bool:
        """Whether something is to be proven: interference, or that it is so here."""
        return any(said.state in PROVEN for e in self.expect for said in e.said)

    @property
    def ends_when_said(self) -> bool:
        """Once all is said that must be, nothing more is awaited of it."""
        return self.finds and not self.to_the_end

    def drawn(self, random: Random) -> Scenario:
        """The scenario with one alternative and one value in each range."""
        chosen = random.choice(self.alternatives)
        return structs.replace(self, alternatives=(_draw(chosen, random),))

    def expected(
        self, platform: str, vantage: str = HOME, over: Over = Over.TCP
    ) -> Expectation | None:
        """What must be said of a platform at a vantage, over a transport."""
        for expectation in self.expect:
            if (expectation.vantage, expectation.over) == (vantage, over) and platform in (
                expectation.platforms or self.platforms
            ):
                return expectation
        return None


def _draw(value: T, random: Random) -> T:
    """The same value with each range in it narrowed to one drawn value."""
    made: Any = value
    if isinstance(value, Range):
        made = exactly(value.draw(random))
    elif isinstance(value, Struct):
        fields = {name: _draw(getattr(value, name), random) for name in value.__struct_fields__}
        made = structs.replace(value, **fields)
    elif isinstance(value, tuple):
        made = tuple(_draw(item, random) for item in value)
    return made  # type: ignore[no-any-return]
