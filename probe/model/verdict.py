"""What the observations of one vantage and platform mean."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from probe.model.basis import Basis
from probe.model.curtain import Curtain
from probe.model.law import Law
from probe.model.object_record import NothingRead
from probe.model.observation import HOLD_SECONDS
from probe.model.others_restricted import OthersRestricted
from probe.model.viewers_cache import ViewersCache
from probe.model.vouch import Vouch

# A target that is this many times slower than its own level is throttled severely (OONI's
# report on Turkey 2025 calls that "extreme").
SEVERE_FACTOR = 10.0


# The reason of a block that may be a filter's at home: it counts for no network.
HOME_RESOLVER = "home_resolver"
# The reason where the probe's own list of names leads elsewhere.
OWN_HOST = "own_host"
# Other sites of the network that it is in meet the same.
CURTAIN = "curtain"
# It may be impaired in this place alone: that it is fine elsewhere makes no restriction of it.
NEAR_HERE = "may_be_near_here"


# Reasons of what is not proven yet and is being tested.
SUSPECTED = frozenset({"suspected", "failure_suspected"})
# And of what is slow and could not be proven so far: one read more may tell.
UNPROVEN = SUSPECTED | {"slow_unproven", "one_edge_slow"}


class State(StrEnum):
    """The ladder's rungs. ``unknown`` always carries a reason.

    ``throttled`` and ``blocked`` accuse the way there: their basis rules out the platform's own
    trouble. ``impaired``: proven to be slow or failing on this line while other sites are fine,
    without such a basis; it may be so everywhere. ``withheld``: the platform itself says that it
    does not serve this here for legal reasons, which is its own act and no network's.
    """

    OK = "ok"
    THROTTLED = "throttled"
    BLOCKED = "blocked"
    IMPAIRED = "impaired"
    WITHHELD = "withheld"
    DEGRADED = "degraded"
    DOWN = "down"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


# What accuses the way to a platform, and what says besides that its users do not have it as usual.
RESTRICTED = frozenset({State.THROTTLED, State.BLOCKED})
AILING = RESTRICTED | {State.IMPAIRED, State.WITHHELD}
# What a sequential test stands behind.
PROVEN = RESTRICTED | {State.IMPAIRED}


class Method(StrEnum):
    """At which layer a block acts."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    QUIC = "quic"


class Trigger(StrEnum):
    """What sets it off: the platform's name, its address, its address unless one of some other
    names is said there (a range with exceptions), or it cannot be told."""

    NAME = "name"
    ADDRESS = "address"
    RANGE = "range"
    UNKNOWN = "unknown"


class Signature(StrEnum):
    """How the traffic is slowed, as far as the goodput curve and the kernel's counters tell."""

    POLICER = "policer"
    SHAPER = "shaper"
    LOSS = "loss"
    DELAY = "delay"
    CUTOFF = "cutoff"
    UNKNOWN = "unknown"


class SlowPhase(StrEnum):
    """What is slow: handshakes, transfers, or both."""

    HANDSHAKE = "handshake"
    TRANSFER = "transfer"
    BOTH = "both"


class Evidence(Struct, frozen=True, kw_only=True):
    """One number and what it was compared with.

    ``name`` is one of a closed set of words with its unit at the end (``goodput_bytes_per_second``,
    ``handshake_seconds``, ``slowdown_ratio``); ``subject`` says of what (a leg, an address is never
    named), ``reference`` is the number it was compared with and ``versus`` of what that is.
    """

    name: str
    subject: str
    value: float
    versus: str = ""
    reference: float | None = None


class LookingBack(Struct, frozen=True, kw_only=True):
    """What an end has shown of the time before it: from ``since`` (the first round) to ``until``
    (Unix seconds) reads of ``target`` were ``times`` slower than afterwards, at ``before`` in place
    of ``after`` bytes a second, while those of controls became ``others`` times faster only."""

    target: str
    since: float
    until: float
    times: float
    before: float
    after: float
    others: float

    def holds_for(self, state: State, started_at: float, ended_at: float) -> bool:
        """Whether what was said then, of the time from ``started_at`` to ``ended_at``, is judged
        otherwise now: it was called fine, or not known."""
        said = state in (State.OK, State.UNKNOWN)
        return said and started_at < self.until and ended_at > self.since


class TransportFinding(Struct, frozen=True, kw_only=True):
    """What is so over one transport beside TCP (``transport``: a prober's name), or of what is sent
    over TCP (``upload``), by its own legs and its own evidence. The fields are those of a
    ``Verdict``, over this transport alone; ``sentence`` names it. ``direction``: whither the bytes
    go that are compared (``down``, ``up``). ``law``: how the throttle over this transport works, as
    far as experiments over it have shown. Evidence of two is never added."""

    transport: str
    state: State
    rule_id: str
    sentence: str
    at: float
    since: float
    reason: str = ""
    provisional: bool = True
    basis: Basis | None = None
    method: Method | None = None
    trigger: Trigger | None = None
    signature: Signature | None = None
    phase: SlowPhase | None = None
    factor: float | None = None
    e_value: float | None = None
    target: str = ""
    measure: str = ""
    evidence: tuple[Evidence, ...] = ()
    holds_seconds: float = HOLD_SECONDS
    direction: str = "down"
    law: Law | None = None
    vouches: tuple[Vouch, ...] = ()
    learnt_while: OthersRestricted | None = None

    @property
    def proven(self) -> bool:
        """A sequential test over this transport stands behind it."""
        return self.state in PROVEN

    @property
    def holds_until(self) -> float:
        """When it has become stale (Unix seconds)."""
        return self.at + self.holds_seconds

    @property
    def of_its_own(self) -> bool:
        """Whether it says anything of this transport: where a name leads is the same for all of
        them, and told of TCP."""
        return self.method is not Method.DNS

    @property
    def votes(self) -> bool:
        """Restricted over this transport, and that stands for its network: what may be a filter's
        at home does not, nor does what is no matter of this transport."""
        return self.state in RESTRICTED and self.reason != HOME_RESOLVER and self.of_its_own

    @property
    def outline(self) -> tuple[str, State, str, Method | None, Trigger | None]:
        """What counts of it when two are compared: not its numbers."""
        return self.transport, self.state, self.reason, self.method, self.trigger

    def reaches(self, at: float) -> bool:
        """Whether it still holds when a round begins ``at``."""
        return reaches(self.at, self.holds_seconds, at)


class Verdict(Struct, frozen=True, kw_only=True):
    """A state with the rule that gave it, its evidence, and one sentence for a person.

    ``provisional`` says that no sequential test stands behind it: it is what one round showed.
    ``since`` is when this state began (Unix seconds), for ``throttled``, ``blocked`` and
    ``impaired`` the round in which the effect was first seen (the onset), which is earlier than the
    round that proved it. ``basis`` is what that proof rests on. ``method`` is the layer at which it
    fails; ``trigger``, ``signature``, ``phase`` and ``direction`` (``down`` or ``up``) are those of
    what is slowed. ``factor``: times slower than its own level. ``e_value``:
    the evidence of the sequential test against "not slowed by more than the margin" (a bet's
    winnings: 1 is none). ``target`` is the endpoint that showed it, ``measure`` what of it is
    proven to be slow or to fail: its ``handshake``, its ``transfer`` (a bounded read) or a ``long``
    one (empty: nothing is proven). ``tested_bytes``: the most body
    bytes that were read in one exchange, so ``ok`` says nothing about what begins later.
    ``may_claim`` and ``may_not_claim`` are sentences that the evidence bears or forbids. It holds
    for ``holds_seconds`` unless another one comes: from then on nobody knows. ``back``: what it
    says of the time before. ``curtains``: operators of controls whose sites alone are slow, frozen
    or silent. ``read_at``: when a round last read a whole object of it and all was
    well (Unix seconds; ``None``: not known). ``unread``: targets whose objects could not be read,
    so nothing is known of how fast they are. ``viewers_cache``: how the cache that viewers here are
    sent to was in the last ordinary round, if it measured it. ``law``: how the throttle works, as
    far as experiments have found that; it accuses of nothing. ``vouches``: of a vantage outside the
    country, what it can say of each target by itself. ``learnt_while``: what is normal here, which
    it was compared with, was learnt while others were restricted. The state and all of the above
    are TCP's; ``over`` has what is so over each other transport that is judged.
    """

    vantage: str
    platform: str
    state: State
    rule_id: str
    sentence: str
    at: float
    since: float
    reason: str = ""
    provisional: bool = True
    rules_version: int = 0
    basis: Basis | None = None
    method: Method | None = None
    trigger: Trigger | None = None
    signature: Signature | None = None
    phase: SlowPhase | None = None
    direction: str = ""
    factor: float | None = None
    e_value: float | None = None
    target: str = ""
    measure: str = ""
    tested_bytes: int | None = None
    tls_stack: str = ""
    may_claim: tuple[str, ...] = ()
    may_not_claim: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    holds_seconds: float = HOLD_SECONDS
    back: LookingBack | None = None
    read_at: float | None = None
    over: tuple[TransportFinding, ...] = ()
    curtains: tuple[Curtain, ...] = ()
    unread: tuple[NothingRead, ...] = ()
    viewers_cache: ViewersCache | None = None
    law: Law | None = None
    vouches: tuple[Vouch, ...] = ()
    learnt_while: OthersRestricted | None = None

    @property
    def suspected(self) -> bool:
        """Whether something is wrong that is not proven yet."""
        return self.state is State.UNKNOWN and self.reason in SUSPECTED

    @property
    def holds_until(self) -> float:
        """When it has become stale (Unix seconds)."""
        return self.at + self.holds_seconds

    def reaches(self, at: float) -> bool:
        """Whether it still holds when a round begins ``at`` (see ``reaches``)."""
        return reaches(self.at, self.holds_seconds, at)

    @property
    def severe(self) -> bool:
        """At least ten times slower than its own level, or throttled beyond measure: so slow
        that nothing of it ended."""
        if self.factor is None:
            return self.state is State.THROTTLED
        return self.factor >= SEVERE_FACTOR

    @property
    def restricted(self) -> bool:
        """Throttled or blocked: what counts towards a finding of interference."""
        return self.state in RESTRICTED

    @property
    def ailing_beside(self) -> bool:
        """Whether it says that something is wrong which is not TCP's here and now: what is so over
        another transport, of an operator's sites, or of the time before."""
        over = any(one.state in AILING for one in self.over)
        return over or bool(self.curtains) or self.back is not None

    @property
    def votes(self) -> bool:
        """Restricted, and that stands for its network: what may be a filter's at home does not."""
        return self.restricted and self.reason != HOME_RESOLVER

    @property
    def proven(self) -> bool:
        """A sequential test stands behind it: a restriction, or an impairment of which nobody
        knows whether it is here alone."""
        return self.state in PROVEN


def reaches(ended_at: float, holds_seconds: float, at: float) -> bool:
    """Whether a round that ended at ``ended_at`` still holds when one begins ``at``, so that no
    time between the two was unmeasured. A clock that was set back is a gap, too."""
    return -1.0 <= at - ended_at <= holds_seconds
