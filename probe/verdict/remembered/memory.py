"""What the verdict remembers: small frozen values that are stored and restored.

One ``Memory`` belongs to one vantage. Its controls' levels serve all platforms; all else is apart.
"""

from __future__ import annotations

from math import inf, log

from msgspec import Struct

from probe.model.basis import Basis
from probe.model.burst import Burst
from probe.model.curtain import Curtain
from probe.model.identity import Family
from probe.model.object_record import ObjectRecord
from probe.model.observation import LegObservation
from probe.model.verdict import Method, Signature, SlowPhase, State, Trigger, Verdict, reaches
from probe.model.viewers_cache import ViewersCache
from probe.model.vouch import Vouch
from probe.observe.effort import Measure
from probe.verdict.basis.certificate_dates import DatesFound
from probe.verdict.basis.doubt import Doubt
from probe.verdict.basis.swap_names import NamesMet
from probe.verdict.basis.way_marks import WayMarks
from probe.verdict.burst.bets import Wealth
from probe.verdict.ladder.shown import Shown
from probe.verdict.law.law_memory import LawMemory
from probe.verdict.normal.level import Level
from probe.verdict.one_round.first_ones import FirstOnes, MetAt
from probe.verdict.remembered.apart import EncryptedWord, Farther, Led, Relief, Slower
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.kept_line import KeptLine
from probe.verdict.remembered.kept_object import Kept, Object
from probe.verdict.remembered.keys import FamilyKey, MeasureKey, SeriesKey
from probe.verdict.suspected.often import Share

# A change of meaning makes what older versions stored useless: it is then forgotten.
MEMORY_VERSION = 1
MOST_ADDRESSES = 6
MOST_NETWORKS = 64


class OpenSuspicion(Struct, frozen=True, kw_only=True):
    """A suspicion under test: one target in one measure, since ``onset_at`` (Unix seconds).

    ``last_at`` is the latest round that was suspicious; ``rounds`` counts them. ``suspects``:
    targets that were suspicious in it, each with its address. ``bursts``: since the last ordinary
    round. ``control`` and ``swap``: evidence against each. ``by_address``: against the controls,
    for each address. ``slow_logs``: slowdowns that bursts measured, against the target's own
    history if that was known (``usual``), ``whole_logs`` those of whole legs; ``failures``: how the
    target's legs failed outright (``phase/reason``), ``slow_legs`` how many did not.
    ``any_answer``: the swap took any answer of the server. ``swap_slow``/``swap_fast``: bursts in
    which the swap was slow or not; ``clean_slow``: it was slow at an address that had not seen the
    platform's name since the onset, nor perhaps before; ``clean_fast``: it was not, until that name
    came. ``clean``: the addresses that were clean at the onset. ``seen``: addresses that have.
    ``led_astray``: the host's resolver gave nothing, or a place that is not the platform's;
    ``at_home``: this resolver may stand in the home, and none beyond it said the same;
    ``own_words``: what that resolver gave when it was asked on the wire; ``elsewhere``: the target
    was well at another address, ``well_at``. ``also_handshake``: the handshakes were slow too.
    ``elsewhere_at``: when references found it failing or slow last (0: never).
    ``decoy_slow``/``decoy_fast``: rounds that renewed it in which the platform's name was slow at a
    server that is nobody's target, or not. ``shown``: ``shown.py``. ``forged_at``: addresses at
    which somebody on the way showed a certificate of theirs. ``way``: ``way_marks.py``. ``well``:
    rounds in a row, up to the latest that compared it, in which it was as usual. ``outwaited``: a
    burst that waited as long as is configured met the same silence; ``late``: in such a one
    something came (``waited.py``). ``first_ones``: ``own_rate.py``. ``failing``: its way failed in
    the latest suspicious round. ``names``: ``swap_names.py``. ``swap_refused``: since then a host's
    budget has refused a burst with its swap. ``slow_at``: where most legs of a burst did not fail.
    ``failed_how``: how most failed at each address. ``met_at``, ``beside_at``: ``each_address.py``.
    """

    target: str
    measure: Measure
    family: Family
    onset_at: float
    last_at: float
    first_address: str = ""
    suspects: tuple[tuple[str, str], ...] = ()
    rounds: int = 1
    bursts: int = 0
    control: Wealth = Wealth()
    swap: Wealth = Wealth()
    by_address: dict[str, Wealth] = {}
    slow_logs: tuple[float, ...] = ()
    usual: bool = False
    slow_legs: int = 0
    failures: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()
    any_answer: bool = False
    swap_slow: int = 0
    swap_fast: int = 0
    clean_slow: bool = False
    clean_fast: bool = False
    clean: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    elsewhere: bool = False
    led_astray: bool = False
    at_home: bool = False
    own_words: tuple[str, ...] = ()
    well_at: tuple[str, ...] = ()
    also_handshake: bool = False
    decoy_slow: int = 0
    decoy_fast: int = 0
    elsewhere_at: float = 0.0
    shown: tuple[Shown, ...] = ()
    forged_at: tuple[str, ...] = ()
    way: WayMarks = WayMarks()
    first_ones: FirstOnes = FirstOnes()
    well: int = 0
    outwaited: bool = False
    late: bool = False
    failing: bool = False
    whole_logs: tuple[float, ...] = ()
    names: NamesMet = NamesMet()
    failed_how: dict[str, tuple[str, ...]] = {}
    slow_at: tuple[str, ...] = ()
    swap_refused: bool = False
    met_at: tuple[MetAt, ...] = ()
    beside_at: dict[str, str] = {}

    @property
    def e_value(self) -> float:
        """The evidence of its bursts, against the controls or the swap: whichever is more."""
        return max(self.control.e_value, self.swap.e_value)

    @property
    def elsewhere_tried(self) -> bool:
        """It failed at another address than the first one, too."""
        return any(
            address != self.first_address and wealth.e_value > 1.0
            for address, wealth in self.by_address.items()
        )

    @property
    def one_edge(self) -> bool:
        """One address bears evidence, and another has been tried and bears none."""
        values = [wealth.e_value for wealth in self.by_address.values()]
        return len(values) >= 2 and max(values) > 1.0 and min(values) <= 1.0


class Proven(Struct, frozen=True, kw_only=True):
    """What the test has spoken for, until the test for its end speaks: a restriction, if its
    ``basis`` rules out the platform's own trouble, else an impairment.

    ``recovery`` is the evidence against "still slowed", ``quiet`` the rounds whose bursts found the
    target as usual since one showed it, ``waited`` the rounds that read since the last burst,
    ``together`` the platforms of other operators that were slowed since the same time, ``decoy``
    whether the platform's name was slow at a server that is nobody's target too, ``usual`` whether
    ``factor`` is against the target's own history, ``at_home`` whether only a resolver that may
    stand in the home led astray, ``well_at`` where the target was well then, ``seen_at`` when its
    target was last compared, be it in a burst, ``unmeasured_seconds`` how much of the time since
    its onset no round speaks for. ``state``: whether it is slowed or fails (``throttled`` or
    ``blocked``, whatever may be said of the cause). ``basis``: what the proof rests on, and
    ``here``: what it would without platforms or references. ``swap``: evidence against the swap
    since it was proven, in ``swap_bursts`` of this round and ``swap_rounds`` in all, ``any_answer``
    whether that took any answer of the server. ``failure``: how most of the legs failed
    (``phase/reason``). ``elsewhere_at``: when references found it failing or slow last (0: never).
    ``factor`` is that of the proof, by which its end is looked for; ``shown`` is what the latest
    rounds and bursts in which it was slow measured, of which alone sentences speak. ``way_clear``:
    it was slow or silent and nothing shows that the way did it, so its own server may be.
    ``hasty``: it rests on silences that were not waited for as long as is configured; ``late``:
    what had seemed to stop came later (``waited.py``). ``alike``: rounds in a row that showed the
    very failure, ``answered``: in which the far end itself answered (``own_answer.py``). ``at``:
    the addresses that bear evidence, if it fails. ``by_reference``: ``near_here.py``.
    ``otherwise``: rounds in a row that show something else, ``borne_out``: a burst did as well;
    ``marks``, ``witness``: whether what it rests on speaks against it; ``spared``: rounds in a row
    that speak against a trigger by which some neutral names are met as well (``turned.py``).
    """

    state: State
    target: str
    measure: Measure
    family: Family
    onset_at: float
    basis: Basis
    e_value: float
    here: Basis = Basis.ADDRESSES
    method: Method | None = None
    trigger: Trigger | None = None
    signature: Signature | None = None
    phase: SlowPhase | None = None
    factor: float | None = None
    addresses: int = 0
    together: tuple[str, ...] = ()
    decoy: bool = False
    usual: bool = True
    at_home: bool = False
    well_at: tuple[str, ...] = ()
    rounds: int = 0
    recovery: Wealth = Wealth()
    recovery_bursts: int = 0
    quiet: int = 0
    waited: int = 0
    seen_at: float = 0.0
    unmeasured_seconds: float = 0.0
    swap: Wealth = Wealth()
    swap_bursts: int = 0
    swap_rounds: int = 0
    any_answer: bool = False
    failure: str = ""
    elsewhere_at: float = 0.0
    shown: tuple[Shown, ...] = ()
    way_clear: bool = False
    hasty: bool = False
    late: bool = False
    alike: int = 2
    first_ones: FirstOnes = FirstOnes()
    answered: int = 0
    names: NamesMet = NamesMet()
    at: tuple[str, ...] = ()
    met_at: tuple[MetAt, ...] = ()
    beside_at: dict[str, str] = {}
    by_reference: bool = False
    otherwise: int = 0
    borne_out: bool = False
    marks: Doubt = Doubt()
    witness: Doubt = Doubt()
    spared: int = 0

    @property
    def said(self) -> State:
        """What may be said of it: an accusation only on a basis that bears one."""
        return self.state if self.basis.accuses else State.IMPAIRED

    @property
    def log_factor(self) -> float:
        """Logarithm of how many times slower than normal it was; infinite: it gave nothing."""
        return log(self.factor) if self.factor else inf


class FamilyMemory(Struct, frozen=True, kw_only=True):
    """When anybody answered last over an address family (Unix seconds; 0: never), and since when
    nobody has (0: somebody did the last time)."""

    answered_at: float = 0.0
    silent_since: float = 0.0


class StoppedRead(Struct, frozen=True, array_like=True):
    """A read of a target that stopped: when (Unix seconds), and how (``connection_reset in
    transfer``)."""

    at: float
    how: str


class PlatformMemory(Struct, frozen=True, kw_only=True):
    """What is remembered of one platform.

    ``state``, ``reason``, ``since``, ``at`` and ``holds_seconds`` are those of the last verdict.
    ``addresses``: family and host name → the latest addresses, newest first; ``encrypted``: those
    of them that came over DNS over HTTPS. ``reached``: the networks (/24, /48) in which it was
    well. ``before``: what was proven and has turned into what is suspected (``turned.py``).
    ``clean``: addresses at which the platform's name was last said for a whole read, in a
    round in which nothing was slow. ``reads``: when and how many body bytes were read at once while
    all was well (``answers.reads_after``). ``stopped``: targets whose last read stopped.
    ``heard``: the latest leg of an ordinary round to each endpoint of each family; ``ours`` and
    ``raw_slower``: what the last ordinary round found (see ``Facts``). ``server_errors``: rounds in
    a row with a 5xx. ``path_rounds``: rounds in a row in which the way to a target (its key, with
    the family) was another one. ``slow_line``: rounds in a
    row in which controls and targets alike were slow, by measure, ``slow_line_at`` when that was
    last looked at, and ``line_log`` by how much (logarithm). ``untaught``: rounds in a row that
    taught nothing in a measure, since all that had a history was slow. ``silent_since``: since when
    none of its targets answers. ``dates``: what the last ordinary round found of wrong dates in
    certificates. ``paces``: bytes a second of each target's latest reads, ``paced_at`` when the
    last was; ``began_at``: its first round; ``swap_well_at``: when a target was last as fast as its
    swap in what is read. ``places``: the networks at which each target was as near as ever;
    ``farther`` and ``slower``: that it is not, in the last ordinary round. ``limbo``: since when a
    target has been slow in a measure in every round, and nothing is proven. ``faster``: since when,
    and in how many rounds in a row, a target has been faster than ever; ``relief``: the last time
    that this was for good. ``vanished``: names of which the look-up says that there are none, and
    what encrypted resolvers say of them. ``unsteady_at``: when the host's resolver failed last and
    was well in the same round. ``said``: the last verdict over each family, where there are
    several, and ``well_at`` the last round over it, if the platform was fine in that. ``shares``:
    how often each target is suspicious. ``viewers_cache``: how it was in the last ordinary round.
    ``asked_at``: when it was asked last. ``vouches``: by target, if outside (``vouching.py``).
    """

    state: State = State.UNKNOWN
    reason: str = ""
    since: float = 0.0
    at: float = 0.0
    holds_seconds: float = 0.0
    episode: OpenSuspicion | None = None
    proven: Proven | None = None
    before: Proven | None = None
    addresses: dict[FamilyKey, tuple[str, ...]] = {}
    encrypted: dict[FamilyKey, tuple[str, ...]] = {}
    vanished: dict[FamilyKey, EncryptedWord] = {}
    reached: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()
    reads: tuple[tuple[float, int], ...] = ()
    stopped: dict[FamilyKey, StoppedRead] = {}
    heard: dict[FamilyKey, LegObservation] = {}
    ours: dict[str, Led] = {}
    raw_slower: bool = False
    server_errors: int = 0
    path_rounds: dict[FamilyKey, int] = {}
    slow_line: dict[Measure, int] = {}
    slow_line_at: dict[Measure, float] = {}
    line_log: float = 0.0
    untaught: dict[Measure, int] = {}
    silent_since: dict[Family, float] = {}
    dates: DatesFound | None = None
    paces: dict[FamilyKey, tuple[float, ...]] = {}
    paced_at: dict[FamilyKey, float] = {}
    began_at: float = 0.0
    swap_well_at: float = 0.0
    places: dict[FamilyKey, tuple[str, ...]] = {}
    farther: Farther | None = None
    slower: Slower | None = None
    limbo: dict[MeasureKey, float] = {}
    faster: dict[FamilyKey, tuple[float, float]] = {}
    relief: Relief | None = None
    unsteady_at: float = 0.0
    said: dict[Family, Verdict] = {}
    well_at: dict[Family, float] = {}
    shares: dict[MeasureKey, Share] = {}
    viewers_cache: ViewersCache | None = None
    vouches: dict[str, Vouch] = {}
    asked_at: float = 0.0

    @property
    def holder(self) -> Proven | OpenSuspicion | None:
        """What is held of it: what is proven, else what is suspected."""
        return self.proven or self.episode

    @property
    def suspected(self) -> OpenSuspicion | None:
        """What is suspected now: not what the latest round that compared it found as usual."""
        return None if self.episode is None or self.episode.well else self.episode

    def last_reason(self, family: Family) -> str:
        """That of the last verdict over ``family``; of the last one, where there is but one."""
        before = self.said.get(family)
        return self.reason if before is None else before.reason

    def reaches(self, at: float) -> bool:
        """Whether the last verdict still holds when a round begins ``at``."""
        return reaches(self.at, self.holds_seconds, at)


class Memory(Struct, frozen=True, kw_only=True):
    """What is remembered of one vantage: levels by series, platforms by name, controls by family
    and ``owner/target``.

    ``line_rounds``: rounds in a row in which every round-trip time was another one. ``families``:
    who answers over each. ``objects``: series → the object that it is of, ``shelf``: the levels of
    others that it was of before (``shelf.py``). ``lines``: what was normal on lines that this one
    was before (``lines_before.py``). ``curtains``: those that hang, by operator.
    ``records``: how it stands with the objects of targets and controls, by ``owner/target``
    (``object_records.py``).
    All of that is of legs over TCP. ``lanes``: the same of each other transport, by its prober
    (``lanes.py``); where there are any, ``said`` has the last verdict on each platform, and
    ``waiting`` the bursts over them that are to be made when none over TCP is left. ``laws``: by
    platform (``laws.py``).
    """

    version: int = MEMORY_VERSION
    levels: dict[SeriesKey, Level] = {}
    platforms: dict[str, PlatformMemory] = {}
    controls: dict[FamilyKey, ControlMemory] = {}
    line_rounds: int = 0
    families: dict[Family, FamilyMemory] = {}
    objects: dict[SeriesKey, Object] = {}
    shelf: dict[SeriesKey, tuple[Kept, ...]] = {}
    lines: tuple[KeptLine, ...] = ()
    curtains: dict[FamilyKey, Curtain] = {}
    lanes: dict[str, Memory] = {}
    said: dict[str, Verdict] = {}
    waiting: dict[str, Burst] = {}
    records: dict[str, ObjectRecord] = {}
    laws: dict[str, LawMemory] = {}

    def platform(self, name: str) -> PlatformMemory:
        """What is remembered of ``name``; nothing at first."""
        return self.platforms.get(name, PlatformMemory())
