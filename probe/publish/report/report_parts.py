"""What a report is made of: frozen values between gathering and drawing."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from probe.model.curtain import Curtain
from probe.model.finding import Incident
from probe.model.identity import LegRole, Vantage, VantagePlatform
from probe.model.law import Law
from probe.model.observation import RoundObservation
from probe.model.others_restricted import OthersRestricted
from probe.model.round_summary import PlottedSeries
from probe.model.verdict import LookingBack, State
from probe.publish.report.quantile_sketch import Sketch

# Rounds that cannot tell (unknown, offline), or that were not made, do not end an episode within
# this time.
PATIENCE_SECONDS = 3_600.0
_MINUTE = 60.0


class Window(Struct, frozen=True, kw_only=True):
    """The time that a report is about, in Unix seconds, and the width of its bins in seconds."""

    start: float
    end: float
    bin_seconds: float

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return max(1, -int(-(self.end - self.start) // self.bin_seconds))

    @property
    def bin_words(self) -> str:
        """How wide a bin is, in words."""
        if self.bin_seconds < _MINUTE:
            return f"{self.bin_seconds:.0f} seconds"
        return f"{self.bin_seconds / _MINUTE:.0f} minutes"


class StateSpan(Struct, frozen=True, kw_only=True):
    """A time in which one state was said, in Unix seconds."""

    state: State
    start: float
    end: float


class BeforeAndDuring(Struct, frozen=True, kw_only=True):
    """A median before and during an episode; ``None`` where nothing was measured."""

    usual: float | None
    during: float | None

    @property
    def ratio(self) -> float | None:
        """The median during the episode over the one before; ``None`` where one is not known."""
        return None if not self.usual or self.during is None else self.during / self.usual


class Episode(Struct, frozen=True, kw_only=True):
    """A time in which one platform was throttled or blocked at one vantage.

    ``since`` is the onset; ``until`` is ``None`` while it goes on at the end of the window.
    ``end_known``: a round that was judged ended it, and not that nothing was known any more.
    ``law``: how the throttle works, as it was known last.
    ``swaps``: exchanges under another name in its rounds, whatever came of them.
    ``rounds`` counts the rounds that said so, ``factor`` is the median of what they said.
    ``numbers`` are medians by what was measured. ``onset`` is the first round since the onset
    that read bodies, where the history has it, else the one nearest to the onset.
    """

    vantage: str
    platform: str
    state: State
    since: float
    until: float | None
    last_seen: float
    rounds: int
    provisional: bool
    target: str
    factor: float | None
    trigger: str
    signature: str
    method: str
    phase: str
    e_value: float | None
    numbers: Mapping[PlottedSeries, BeforeAndDuring]
    onset: RoundObservation | None
    may_claim: tuple[str, ...]
    may_not_claim: tuple[str, ...]
    end_known: bool = True
    swaps: int = 0
    law: Law | None = None

    def ends(self, over: Window) -> float:
        """Until when it is known to have lasted."""
        if self.until is not None:
            return self.until
        return self.last_seen if self.is_lost(over) else over.end

    def is_lost(self, over: Window) -> bool:
        """Whether it has not ended, and nothing was seen of it for long before the end."""
        return self.until is None and over.end - self.last_seen > PATIENCE_SECONDS

    def of(self, role: LegRole, measure: str = "goodput") -> BeforeAndDuring:
        """The medians of this episode's target, of its swap, or of the controls."""
        target = "" if role is LegRole.CONTROL else self.target
        key = PlottedSeries(role=role, target=target, measure=measure)
        return self.numbers.get(key) or BeforeAndDuring(usual=None, during=None)


class SlotGathered(Struct, frozen=True, kw_only=True):
    """What one vantage saw of one platform, over TCP. ``backs``: what an end has shown of the time
    before. ``over``: spans of what was so over other transports, each by itself. ``learnt_while``:
    what is said of its normal, as it was known last, and ``normal_unsure``: whether that was said
    in any round."""

    spans: tuple[StateSpan, ...]
    series: Mapping[PlottedSeries, Mapping[int, Sketch]]
    episodes: tuple[Episode, ...]
    rounds: int
    first_at: float
    last_at: float
    backs: tuple[LookingBack, ...] = ()
    over: Mapping[str, tuple[StateSpan, ...]] = {}
    learnt_while: OthersRestricted | None = None
    normal_unsure: bool = False


class HungCurtain(Struct, frozen=True):
    """A curtain at a ``vantage``, as it was seen last, and when that was (Unix seconds)."""

    vantage: str
    curtain: Curtain
    last_at: float


class Gathered(Struct, frozen=True, kw_only=True):
    """Everything that a report keeps of the rounds of a window; ``controls`` were compared with."""

    window: Window
    slots: Mapping[VantagePlatform, SlotGathered]
    rounds: int
    legs: int
    wire_bytes: int
    tested_bytes: int
    tls_stacks: tuple[str, ...]
    rules: tuple[int, ...] = ()
    controls: tuple[str, ...] = ()
    curtains: tuple[HungCurtain, ...] = ()

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """Of all vantages and platforms, in the order of their onset."""
        found = [episode for slot in self.slots.values() for episode in slot.episodes]
        return tuple(sorted(found, key=lambda e: (e.since, e.platform, e.vantage)))


class Setting(Struct, frozen=True, kw_only=True):
    """What the configuration says: the watched country, vantages in order, titles of platforms;
    ``controls`` are who is compared with, as ``operator (scope)``."""

    country: str
    vantages: Mapping[str, Vantage]
    titles: Mapping[str, str]
    controls: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()
    note: str = ""

    def title(self, platform: str) -> str:
        """A platform's name for people."""
        return self.titles.get(platform, platform)

    def vantage(self, name: str) -> Vantage:
        """A vantage, also one that is no longer configured."""
        return self.vantages.get(name) or Vantage(name=name, country=self.country)
