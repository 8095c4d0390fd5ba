"""What legs and rounds saw, without an opinion.

Three values everywhere: a field that was not measured is ``None``; a leg that was measured and
fine has ``failure is None``; a leg that failed carries its ``Failure`` and keeps whatever was
measured until then (a cut transfer keeps its bytes and seconds). A leg that was never attempted
is a ``SkippedLeg`` with its reason, never an observation.

Durations are seconds on one clock within a leg (``clock``); points in time are Unix seconds.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import (
    FIRST_PROBER,
    Answer,
    Compares,
    Dates,
    Fame,
    Family,
    LegRole,
    Phase,
    RoundKind,
    Verify,
)
from probe.model.others_restricted import OthersRestricted


class Clock(StrEnum):
    """``kernel``: arrivals stamped by the kernel. ``loop``: by the event loop, late when busy."""

    KERNEL = "kernel"
    LOOP = "loop"


class Leg(Struct, frozen=True, kw_only=True):
    """One exchange, declared in full before it is made.

    ``owner`` is the platform's or control's name and ``target`` the endpoint's; together they name
    what is measured. ``operator`` is who runs the far end (for controls). ``connect_to`` is the
    name that was resolved, or the literal address. ``url`` is what is fetched: its host is the
    ``Host`` header. ``sni`` is the name in the ClientHello, ``certificate_name`` the one the
    certificate must carry. ``max_bytes`` caps the body, ``min_bytes`` is what a whole object has
    (0: any). ``range_bytes`` asks the server for that many bytes (0: no Range header).
    ``prober`` is who makes it (probe/config/probers.py), stored as ``transport``: ``tcp``, or
    ``quic``, which is over HTTP/3, or ``upload``, which sends a body of ``send_bytes``.
    ``answer`` is what counts as one: ``any`` ends the leg with the server's answer to the
    ClientHello, and ``certificate_name`` is empty. A certificate for a name of ``also_certified``
    is right as well. ``not_a_page``: an answer of type ``text/html`` is not the object.
    ``pin``: what the hash of the far end's key must be, in the place of a certificate that holds.
    ``candidate`` is the mark of which of the target's objects it is about (``mark_of`` in
    probe/config/candidates.py; empty: not known). ``segment_bytes``: what the far end may send in a
    segment at most (0: as usual); ``wait_seconds``: between the handshake and the request.
    ``fame`` is that of a swap's neutral name. ``updates``: so often a far end is told over HTTP/2,
    while its body comes, that there is room for more (WINDOW_UPDATE, RFC 9113, 6.9): when it
    acknowledges that tells of a queue. ``keep_alive``: while nothing comes, its kernel is asked
    each second whether it is there (RFC 9293, 3.8.4).
    """

    role: LegRole
    owner: str
    target: str
    connect_to: str
    port: int
    url: str
    sni: str
    certificate_name: str
    verify: Verify = Verify.STRICT
    compares: Compares = Compares.GOODPUT
    operator: str = ""
    http_versions: tuple[str, ...] = ("h2", "http/1.1")
    expect_status: tuple[int, ...] = (200, 206)
    min_bytes: int = 0
    max_bytes: int = 65_536
    range_bytes: int = 0
    prober: str = field(default=FIRST_PROBER, name="transport")
    answer: Answer = Answer.EXPECTED
    also_certified: tuple[str, ...] = ()
    not_a_page: bool = False
    candidate: str = ""
    pin: str = ""
    send_bytes: int = 0
    segment_bytes: int = 0
    wait_seconds: float = 0.0
    fame: Fame = Fame.UNKNOWN
    updates: int = 0
    keep_alive: bool = False


class Sample(Struct, frozen=True, array_like=True):
    """A point of the goodput curve: by ``seconds`` after the request, ``bytes`` had arrived."""

    seconds: float
    bytes: int


class TcpInfo(Struct, frozen=True, kw_only=True):
    """The kernel's view of the connection at the end of a leg (Linux ``tcp_info``).

    ``rtt_seconds`` is smoothed, ``receive_rtt_seconds`` the receiver's own estimate (it grows in a
    queue), ``out_of_order`` counts segments that arrived out of order (loss upstream).
    Of a leg that goes on to send while a body comes (``Leg.updates``) ``rtt_seconds`` and
    ``retransmits`` are as it began, up to the answer, and ``updates_rtt_seconds`` is the smoothed
    round trip at the end. ``answered_seconds``: of a failed leg that asks (``Leg.keep_alive``), for
    how long after the last bytes that came the far end's kernel still answered.
    Fields an older kernel does not have are ``None``.
    """

    rtt_seconds: float | None = None
    min_rtt_seconds: float | None = None
    receive_rtt_seconds: float | None = None
    retransmits: int | None = None
    out_of_order: int | None = None
    segments_in: int | None = None
    segments_out: int | None = None
    bytes_received: int | None = None
    bytes_sent: int | None = None
    updates_rtt_seconds: float | None = None
    answered_seconds: float | None = None


class QuicInfo(Struct, frozen=True, kw_only=True):
    """The QUIC stack's view of the connection at the end of a leg.

    ``bytes_received``: of UDP payload, since our first Initial packet left. ``datagrams_in``: how
    many came by then; ``datagrams_out``: how many had left when the last of these came, and the two
    after it. The packet without a name is none of them.
    """

    bytes_received: int | None = None
    datagrams_in: int | None = None
    datagrams_out: int | None = None


class UploadInfo(Struct, frozen=True, kw_only=True):
    """What the kernel saw arrive of what a leg sent; bytes are TCP payload, so TLS records.

    ``whole_bytes`` is the request with its body, ``acked_bytes`` what the far end acknowledged of
    it in ``seconds`` after it was handed over (``None``: nothing; 0.0: sooner than the kernel's
    clock of some milliseconds tells, as on this machine itself). ``delivery_bytes_per_second`` is
    the kernel's latest sample, ``retransmitted_bytes`` of the whole connection,
    ``window_limited_seconds`` for how long the far end's window was all that held it up. ``curve``:
    by when how much was acknowledged.
    """

    whole_bytes: int
    acked_bytes: int
    seconds: float | None = None
    delivery_bytes_per_second: int | None = None
    retransmitted_bytes: int | None = None
    window_limited_seconds: float | None = None
    curve: tuple[Sample, ...] = ()


class TlsFacts(Struct, frozen=True, kw_only=True):
    """What the handshake showed. ``verify_error`` is OpenSSL's text, empty when verified.

    ``alert``: the alert by which the far end refused the handshake, by its name in IANA's registry
    (``unrecognized_name``), empty if none came. ``dates``: how the dates of the chain are wrong, if
    nothing else is, by the clock of this machine; ``dates_at``: when it begins to be valid, or
    ended (Unix seconds). ``for_name``: whether the certificate is for the name in the ClientHello,
    whoever signed it. ``issuer``: who did, as four hexadecimal digits of a hash of the name: enough
    to tell two apart, too few to name one. ``logged``: of a certificate whose authority is not
    trusted, whether it bears timestamps of public logs (RFC 6962), without which browsers take none
    of a public authority. ``None``: not known.
    """

    version: str | None = None
    alpn: str | None = None
    cipher: str | None = None
    certificate_sha256: str | None = None
    certificate_not_after: float | None = None
    verify_error: str | None = None
    alert: str = ""
    dates: Dates | None = None
    dates_at: float | None = None
    for_name: bool | None = None
    issuer: str | None = None
    logged: bool | None = None


class HttpFacts(Struct, frozen=True, kw_only=True):
    """Head of the answer.

    ``date`` is what the far end's clock said (Unix seconds; of a cache's answer with its ``Age``).
    ``retry_after_seconds`` is honoured by the schedule. ``redirect_status``: of an answer before
    this one that led to another path of the same host, on the same connection; ``None`` if there
    was none.
    ``blocked_by``: it names who had it blocked for legal reasons
    (``Link: rel="blocked-by"``, RFC 7725). ``is_page``: its type is ``text/html``.
    ``whole_bytes``: the size of the whole object, of which a part may have been asked for; ``None``
    if it is not told.
    """

    version: str
    status: int
    content_length: int | None = None
    retry_after_seconds: float | None = None
    redirect_status: int | None = None
    date: float | None = None
    blocked_by: bool = False
    is_page: bool = False
    whole_bytes: int | None = None


class LegObservation(Struct, frozen=True, kw_only=True):
    """What one leg saw.

    ``order`` is the leg's place in its round (0 first). ``address`` is the far end. ``phases`` has
    an entry for each phase that ended, and for the one in which a failure happened (its duration
    until then). ``body_bytes`` counts decoded body bytes, ``None`` when no body was begun;
    ``transfer_seconds`` of a cut body is the time until the cut. ``curve`` counts bytes on the
    connection after the request, so a stalled TLS record shows. ``wire_bytes_*`` include TCP and IP
    headers, handshake and TLS, as counted by the kernel. ``connect_rtt_seconds`` is ``None`` if the
    SYN was sent more than once, as through a proxy. Over QUIC it is the round trip of a packet that
    says no name, sent to the same address from a port of its own before the handshake (``None``: it
    was not answered at once). ``seen_names`` are the platforms whose
    names this address had already seen from this vantage before the leg.
    """

    leg: Leg
    order: int
    started_at: float
    duration_seconds: float
    clock: Clock
    address: str | None = None
    family: Family | None = None
    phases: dict[Phase, float] = field(default_factory=dict)
    failure: Failure | None = None
    tcp: TcpInfo | None = None
    connect_rtt_seconds: float | None = None
    tls: TlsFacts | None = None
    http: HttpFacts | None = None
    body_bytes: int | None = None
    curve: tuple[Sample, ...] = ()
    wire_bytes_sent: int | None = None
    wire_bytes_received: int | None = None
    seen_names: tuple[str, ...] = ()
    quic: QuicInfo | None = None
    upload: UploadInfo | None = None

    @property
    def ok(self) -> bool:
        """Measured, and fine."""
        return self.failure is None


class SkippedLeg(Struct, frozen=True, kw_only=True):
    """A leg that was not attempted: ``reason`` is ``host_budget``, ``data_budget`` (of a burst, or
    of a round into which somebody pours bytes), ``no_resources`` (this machine had no descriptor or
    memory), ``no_object`` or ``no_address`` (the last two only where the cause is recorded
    elsewhere in the round)."""

    leg: Leg
    reason: str


class Place(StrEnum):
    """Whose word an answer is: the ``file`` of names on the probe's own host, a resolver on that
    ``host``, one that may be in the ``home``, or one ``beyond`` it."""

    FILE = "file"
    HOST = "host"
    HOME = "home"
    BEYOND = "beyond"


class DnsAnswer(Struct, frozen=True, kw_only=True):
    """One answer to a query. Several to one query mean that somebody else answered too.

    ``seconds`` runs from the query to this answer. ``ttl_seconds`` is the least of its records.
    """

    seconds: float
    rcode: str
    addresses: tuple[str, ...] = ()
    ttl_seconds: int | None = None
    truncated: bool = False


class DnsObservation(Struct, frozen=True, kw_only=True):
    """One DNS measurement: one query, one transport, every answer before the deadline.

    ``resolver`` is the configured name (``system`` for the host's own). ``transport`` is
    ``host`` (what the host itself would get), ``udp``, ``tcp`` or ``https``. ``seconds`` is the
    time to the first answer or to the failure. ``place``: where the answer comes from (``None``:
    not known). ``edns``: whether the query that was answered carried EDNS; ``None``: none was
    answered, or it is not known.
    """

    name: str
    family: Family
    resolver: str
    transport: str
    started_at: float
    seconds: float
    clock: Clock
    answers: tuple[DnsAnswer, ...] = ()
    failure: Failure | None = None
    wire_bytes_sent: int | None = None
    wire_bytes_received: int | None = None
    place: Place | None = None
    edns: bool | None = None

    @property
    def conflicting(self) -> bool:
        """More than one answer came, and they do not agree: one of them was injected."""
        return len({(a.rcode, frozenset(a.addresses)) for a in self.answers if not a.truncated}) > 1


# For so many intervals what a round saw holds: a next one that is late is not missed yet.
HOLD_INTERVALS = 2.5
# As long, where it is not known when the next round was to come.
HOLD_SECONDS = 1_500.0


class RoundObservation(Struct, frozen=True, kw_only=True):
    """All that one round of one platform from one vantage saw.

    ``legs`` stand in the order in which they were made (which was drawn at random). ``beside`` are
    those of other probers than TCP, drawn into the same order: they cannot be compared with it, so
    they stand apart, in the history and in exports under ``quic``, as the first of them.
    ``clock_stepped``: the wall clock jumped during the round. ``burst`` is the plan of a burst.
    In a burst that was made for several platforms at once ``order`` is a leg's place among the legs
    of all of them, and the control legs stand in the observation of each; their bytes and look-ups
    only in that of the first (``shares_controls``).
    ``page_wire_bytes``: what was sent and received to look for objects' links on pages, which are
    no legs, counted as ``wire_bytes_*`` of legs are. ``holds_seconds``: for how long after its end
    what it saw holds, by the pace of rounds at its time (``HOLD_INTERVALS`` of them).
    ``resolver_works``: whether the host's resolver still gave a word on a name that it could not
    remember, when look-ups failed as they do where it has lost its way out; ``None``: not asked.
    ``others_restricted``: what was known then of other vantages; ``None``: nothing.
    """

    id: str
    vantage: str
    platform: str
    kind: RoundKind
    family: Family
    started_at: float
    duration_seconds: float
    legs: tuple[LegObservation, ...]
    skipped: tuple[SkippedLeg, ...] = ()
    dns: tuple[DnsObservation, ...] = ()
    beside: tuple[LegObservation, ...] = field(default=(), name="quic")
    clock_stepped: bool = False
    burst: Burst | None = None
    page_wire_bytes: int = 0
    holds_seconds: float = HOLD_SECONDS
    resolver_works: bool | None = None
    others_restricted: OthersRestricted | None = None

    @property
    def ended_at(self) -> float:
        """When its last leg had ended (Unix seconds)."""
        return self.started_at + self.duration_seconds

    @property
    def over_tcp(self) -> bool:
        """It compares what goes over TCP, be it of one target: no experiment, which compares
        nothing, and no burst over another transport, whose controls say nothing of TCP."""
        if self.kind is RoundKind.EXPERIMENT:
            return False
        return self.burst is None or not self.burst.over

    @property
    def every_leg(self) -> tuple[LegObservation, ...]:
        """The legs of all probers: what was asked and sent, whoever did."""
        return (*self.legs, *self.beside)

    @property
    def shares_controls(self) -> bool:
        """Its control legs are another platform's as well, whose observation counts them."""
        joint = () if self.burst is None else self.burst.joint
        return bool(joint) and joint[0] != self.platform

    @property
    def counted_legs(self) -> tuple[LegObservation, ...]:
        """The legs that whoever counts what was done counts here: each leg stands in the counted
        legs of one round."""
        if not self.shares_controls:
            return self.legs
        return tuple(leg for leg in self.legs if leg.leg.role is not LegRole.CONTROL)

    @property
    def counted_skipped(self) -> tuple[SkippedLeg, ...]:
        """The same of legs that were not attempted."""
        if not self.shares_controls:
            return self.skipped
        return tuple(one for one in self.skipped if one.leg.role is not LegRole.CONTROL)

    def by_role(self, role: LegRole) -> tuple[LegObservation, ...]:
        """The legs of one corner of the square, in the order they were made."""
        return tuple([o for o in self.legs if o.leg.role is role])
