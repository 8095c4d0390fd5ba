"""What the rules look at: one round, what is remembered, and what others saw. Values only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from probe.model.curtain import Curtain
from probe.model.identity import FIRST_PROBER, Family, Phase, Verify
from probe.model.object_record import NothingRead
from probe.model.observation import LegObservation
from probe.model.verdict import State, Verdict
from probe.model.viewers_cache import ViewersCache
from probe.observe.effort import (
    OF_A_CERTIFICATE,
    UNKNOWN_AUTHORITY,
    failed,
    gave,
    moved,
    of_unknown_authority,
    refused,
    server_error,
    sound,
    unproven,
    withheld,
)
from probe.verdict.basis.certificate_dates import DatesFound
from probe.verdict.ladder.shown import Told
from probe.verdict.line.cut import CutOff
from probe.verdict.line.families import NoNews
from probe.verdict.line.lossy import LossyLine
from probe.verdict.line.reads_stop import ReadsStop
from probe.verdict.normal.beside_others import PlainRatio
from probe.verdict.normal.pace import Paces
from probe.verdict.one_round.answers import Working
from probe.verdict.remembered.apart import Farther, Led, Relief, Slower
from probe.verdict.remembered.memory import OpenSuspicion, Proven, StoppedRead
from probe.verdict.suspected.often import Often

_PORTAL = OF_A_CERTIFICATE | {"http_unexpected_status_code"}


# The reason of what is slow at a vantage outside the country, and of what was not measured.
SLOW_OUTSIDE = "slow_outside"
OUT_OF_BUDGET = "out_of_budget"
# Why legs are skipped to spare somebody; the other reasons are no decision of ours.
BUDGETS = frozenset({"host_budget", "data_budget"})


class Suspicion(StrEnum):
    """What is thought of a target that was slow or failed, while nothing is proven."""

    NONE = ""
    UNDER_TEST = "suspected"
    ONE_EDGE = "one_edge_slow"
    PATH = "path_changed"


class Elsewhere(StrEnum):
    """What the reference vantages see of the platform."""

    NOBODY_LOOKED = "nobody_looked"
    FINE = "fine"
    SLOW = "slow"
    FAILING = "failing"


class Facts(Struct, frozen=True, kw_only=True):
    """What the rules look at.

    ``targets`` and ``controls`` are the legs of the last ordinary round. ``slow_line``: logarithm
    of how much slower than its history the line is, once that has lasted; ``None`` otherwise.
    ``skipped``: legs that a budget forbade.
    ``server_errors``: rounds in a row. ``outside``: the vantage is a
    reference itself. ``line_changed``: every round-trip time is another one.
    ``cut_off``: most sites fell silent with the platform. ``reads_stop``: reads of most sites stop
    as its own do. ``lossy``: packets of most sites are lost. ``opened``: what is shown in its place
    is signed by whom a control was shown a certificate of, too.
    ``nobody_to_ask``: the round's controls have been silent by themselves for long.
    ``dates``: what the targets' certificates say of dates that are wrong.
    ``ours``: targets that are slow or failing where our own files, our own look-up, or a resolver
    that is out of order, led.
    ``family``: over which the round was made, and ``no_news`` why it says nothing of the platform.
    ``several``: rounds over several families take turns; ``well_at``: see ``PlatformMemory``.
    ``raw_slower``: the platform is slower than its controls, and nobody knows yet what is normal.
    ``often``: what is slow or failing too often, though not in every round.
    ``has_references``: vantages outside are configured; ``vouched``: most of them found it fine
    since what is suspected or proven began. ``behind``: the curtain around what that is about, and
    ``curtains`` all that hang on this line.
    ``together``: the titles of platforms of other operators that the same met in the same minutes.
    ``fellows``: operators of controls that fell silent with it, ``fell_with_it``: by what may be
    one cause.
    ``inside_as_usual``: how many controls inside the country are not slow with the line.
    ``farther``, ``slower``: than over weeks. ``paces``: how fast it is, and by what anybody knows
    how fast it should be. ``relief``: it became faster than it ever was, lately.
    ``moved``: targets that are reached, and do not answer what is expected, for a while.
    ``viewers_cache``: how it was in the last ordinary round.
    ``others``: what the last ordinary round saw of targets that this burst does not look at.
    ``working``: which endpoints answer. ``times``: how many times slower than normal the slowest
    was in this round, or than is honest where no normal is known (not ``usual``); ``usual_times``:
    of those whose normal is known, leaving out what its distance explains, ``usual_path`` times;
    ``told``: what
    was measured of what is proven; ``plain``: how slow it is beside others, where no normal is
    known; ``margin``: slower than that (a factor) is slow. ``evident``: a
    suspicion's test has as much evidence as a proof. ``prober``: who made the legs, and
    ``direction`` whither the bytes went that were compared.
    ``stopped``: the last read of a target, if it stopped.
    ``read_at``: when a read was well last (0: never; Unix seconds), and ``at`` when this round
    began.
    """

    title: str
    targets: tuple[LegObservation, ...] = ()
    controls: tuple[LegObservation, ...] = ()
    skipped: int = 0
    clock_stepped: bool = False
    other_resolvers_answer: bool = False
    server_errors: int = 0
    proven: Proven | None = None
    often: Often | None = None
    episode: OpenSuspicion | None = None
    suspicion: Suspicion = Suspicion.NONE
    elsewhere: Elsewhere = Elsewhere.NOBODY_LOOKED
    has_references: bool = False
    behind: Curtain | None = None
    curtains: tuple[Curtain, ...] = ()
    vouched: bool = False
    together: tuple[str, ...] = ()
    fellows: tuple[str, ...] = ()
    fell_with_it: bool = False
    outside: bool = False
    slow_line: float | None = None
    inside_as_usual: int = 0
    line_changed: bool = False
    cut_off: CutOff | None = None
    reads_stop: ReadsStop | None = None
    lossy: LossyLine | None = None
    opened: bool = False
    dates: DatesFound | None = None
    nobody_to_ask: bool = False
    raw_slower: bool = False
    ours: dict[str, Led] = {}
    farther: Farther | None = None
    slower: Slower | None = None
    paces: Paces | None = None
    relief: Relief | None = None
    family: Family = Family.IPV4
    no_news: NoNews | None = None
    several: bool = False
    well_at: dict[Family, float] = {}
    usual: bool = False
    compared: bool = False
    tested_bytes: int = 0
    stopped: StoppedRead | None = None
    read_at: float = 0.0
    unread: tuple[NothingRead, ...] = ()
    nameless: tuple[NothingRead, ...] = ()
    moved: tuple[NothingRead, ...] = ()
    viewers_cache: ViewersCache | None = None
    at: float = 0.0
    others: tuple[LegObservation, ...] = ()
    working: Working = Working()
    times: float | None = None
    usual_times: float | None = None
    usual_path: float = 1.0
    told: Told | None = None
    plain: PlainRatio | None = None
    margin: float = 2.0
    evident: bool = False
    prober: str = FIRST_PROBER
    direction: str = "down"

    @property
    def known(self) -> tuple[LegObservation, ...]:
        """The legs to targets: this round's, and the latest to those that it does not look at."""
        return (*self.targets, *self.others)

    @property
    def healthy_controls(self) -> int:
        """Controls that gave what was asked of them."""
        return sum(leg.ok for leg in self.controls)

    @property
    def slow_controls(self) -> int:
        """Controls that were giving it when our deadline cut them: samples of a slow line."""
        return sum(gave(leg) for leg in self.controls) - self.healthy_controls

    @property
    def anything_answers(self) -> bool:
        """Some far end gave something, or showed at least a valid certificate."""
        return any(answered(leg) for leg in (*self.targets, *self.controls))

    @property
    def resolver_broken(self) -> bool:
        """Every name failed to resolve, while other resolvers answer."""
        legs = (*self.targets, *self.controls)
        return self.other_resolvers_answer and all(
            leg.failure is not None and leg.failure.phase is Phase.RESOLVE for leg in legs
        )

    def led_by_ourselves(self, how: Led) -> bool:
        """Some target is slow or failing where we led ourselves, in this way, and what else is
        proven is not about another target."""
        mine = {target for target, one in self.ours.items() if one is how}
        return bool(mine) and (self.proven is None or self.proven.target in self.ours)

    @property
    def portal(self) -> bool:
        """What answers in the controls' place has other certificates, or turns all away."""
        reasons = [leg.failure.reason for leg in self.controls if leg.failure is not None]
        return bool(reasons) and all(reason in _PORTAL for reason in reasons)

    @property
    def intercepted(self) -> bool:
        """Somebody untrusted answers in everybody's place, for each host with a certificate of its
        own: made on the spot, for the name that was asked. A portal shows the same to all. Some
        sites may be spared (``opened``)."""
        if self.opened:
            return True
        # Who takes any certificate notices nothing.
        asked = (*self.targets, *self.controls)
        legs = [leg for leg in asked if leg.leg.verify is Verify.STRICT]
        if any(of_unknown_authority(leg) for leg in legs):
            return False
        if {leg.failure and leg.failure.reason for leg in legs} != {UNKNOWN_AUTHORITY}:
            return False
        shown: dict[str, set[str]] = {}
        for leg in legs:
            if leg.tls is not None and leg.tls.certificate_sha256:
                shown.setdefault(leg.tls.certificate_sha256, set()).add(leg.leg.sni)
        return len(shown) > 1 and all(len(names) == 1 for names in shown.values())

    @property
    def refused(self) -> bool:
        """Every target that is not well was refused by the platform itself. One that is only
        reached, and whose file has been elsewhere for a while (``moved``), is well."""
        known = {one.target for one in self.moved}
        wrong = [
            leg for leg in self.known if not leg.ok and not (leg.leg.target in known and moved(leg))
        ]
        return bool(wrong) and all(refused(leg) and not unproven(leg) for leg in wrong)

    @property
    def strangers(self) -> tuple[LegObservation, ...]:
        """Targets in whose place somebody answered who has not shown to be who was asked."""
        return tuple(leg for leg in self.known if unproven(leg))

    @property
    def authority_unknown(self) -> bool:
        """All that is not well of the platform shows certificates of its own, as far as can be
        told, and for some of them the authority is not in this machine's list."""
        return self.refused and any(of_unknown_authority(leg) for leg in self.known)

    @property
    def withholding(self) -> tuple[LegObservation, ...]:
        """Targets that the platform itself does not serve here, for legal reasons."""
        return tuple(leg for leg in self.known if withheld(leg))

    @property
    def failing(self) -> tuple[LegObservation, ...]:
        """Targets whose way failed."""
        return tuple(leg for leg in self.known if failed(leg) and not gave(leg))

    @property
    def errors(self) -> bool:
        """The platform answers with errors of its own (5xx)."""
        return any(server_error(leg) for leg in self.known)


def answered(leg: LegObservation) -> bool:
    """Some far end gave something, or showed at least a valid certificate."""
    if sound(leg):
        return True
    return gave(leg) or (leg.tls is not None and leg.tls.verify_error == "")


def elsewhere(references: Iterable[Verdict]) -> Elsewhere:
    """What reference vantages say together; each of ``references`` is another vantage's.

    They are weighed: strictly more that find it fine than not make ``fine``, strictly more that do
    not make ``failing`` or ``slow``, whichever more of them say (as many: ``failing``). A tie is as
    if nobody had looked. So one broken or lying reference among three neither convicts nor acquits.
    """
    told = Counter(map(_news, references))
    fine, slow, failing = (told[x] for x in (Elsewhere.FINE, Elsewhere.SLOW, Elsewhere.FAILING))
    if fine > slow + failing:
        return Elsewhere.FINE
    if fine < slow + failing:
        return Elsewhere.SLOW if slow > failing else Elsewhere.FAILING
    return Elsewhere.NOBODY_LOOKED


def _news(verdict: Verdict) -> Elsewhere:
    if verdict.state is State.OK:
        return Elsewhere.FINE
    if verdict.state is State.IMPAIRED:
        return Elsewhere.SLOW if verdict.method is None else Elsewhere.FAILING
    if verdict.state in (State.DOWN, State.BLOCKED) or verdict.reason in (
        "target_failing",
        "server_error",
        "failure_suspected",
    ):
        return Elsewhere.FAILING
    if verdict.state is State.THROTTLED or verdict.reason in (
        Suspicion.UNDER_TEST.value,
        Suspicion.ONE_EDGE.value,
        SLOW_OUTSIDE,
    ):
        return Elsewhere.SLOW
    if verdict.reason == OUT_OF_BUDGET and verdict.provisional:
        # It was slow or failed; only the test of that was put off.
        return Elsewhere.SLOW
    return Elsewhere.NOBODY_LOOKED


def failures(legs: Iterable[LegObservation]) -> str:
    """How legs failed, in words, each way once."""
    words = sorted({f"{x.failure.reason} in {x.failure.phase}" for x in legs if x.failure})
    return ", ".join(words)
