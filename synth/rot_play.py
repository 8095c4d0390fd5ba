"""Targets that rot, of all platforms at once: first the first object of each, then everything that
they name, for a day; what is read and said meanwhile, and after each of the two has ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from probe.config import load
from probe.config.candidates import candidates_of, mark_of
from probe.config.schema import Config
from probe.model.identity import Compares, LegRole, RoundKind
from probe.model.object_record import NothingRead
from probe.model.verdict import Verdict
from synth.drive import Said
from synth.edges import CALM
from synth.line import LineModel
from synth.lines import FIBRE
from synth.outside import Watched
from synth.rot import Rot, struck
from synth.world import World

BEGIN = 1_699_920_000.0
HOUR = 3_600.0
DAY = 24 * HOUR
READ = frozenset({RoundKind.TRANSFER, RoundKind.LONG})
_READ_ROLES = (LegRole.TARGET, LegRole.CONTROL)


def every_platform() -> Config:
    """The shipped platforms, with that which is not measured by default, read in every round, twice
    an hour."""
    names = [platform.name for platform in load(None, {}).platforms]
    return load(
        None,
        {
            "THROTTLEWATCH_PLATFORMS": ",".join([*names, "whatsapp"]),
            "THROTTLEWATCH_SCHEDULE__LIGHT": "30m",
            "THROTTLEWATCH_SCHEDULE__TRANSFER": "30m",
        },
    )


class Asked(Struct, frozen=True):
    """A round in which a target, also a control's, was to be read ``at`` (Unix seconds): which of
    its candidates was asked (0: the first), and whether it gave what is expected."""

    at: float
    candidate: int
    gave: bool


class RotPlayed(Struct, kw_only=True):
    """By the times (Unix seconds) at which each began and ended: ``first``, when the first objects
    were struck, ``every``, when all were. ``asked`` by (platform, target)."""

    first: tuple[float, float] = (0.0, 0.0)
    every: tuple[float, float] = (0.0, 0.0)
    asked: dict[tuple[str, str], list[Asked]] = {}
    verdicts: dict[str, list[Verdict]] = {}

    def asked_from(self, key: tuple[str, str], at: float) -> list[Asked]:
        """The rounds from ``at`` on that were to read a target."""
        return [one for one in self.asked[key] if one.at >= at]

    def unread(self, key: tuple[str, str], begin: float, end: float) -> list[NothingRead]:
        """What was said of a target of which nothing could be read, in a time."""
        platform, target = key
        return [
            one
            for verdict in self.verdicts[platform]
            if begin <= verdict.at < end
            for one in verdict.unread
            if one.target == target
        ]


class RotPlay:
    """One trouble. ``abroad``: a reference looks from outside and meets the same. ``only``: the
    platforms that are struck (none given: all). ``controls``: these are, and no platform."""

    def __init__(
        self,
        config: Config,
        rot: Rot,
        *,
        seed: int,
        line: LineModel = FIBRE,
        abroad: bool = False,
        only: Sequence[str] = (),
        controls: bool = False,
    ) -> None:
        named = [p for p in config.platforms if not only or p.name in only]
        self._struck = config.controls if controls else named
        self._rot = rot
        self._marks = {
            (definition.name, target.name): [mark_of(one) for one in candidates_of(target)]
            for definition in (*config.platforms, *config.controls)
            for target in definition.targets
            if target.compares is Compares.GOODPUT
        }
        worlds = [
            World(config, line, seed=seed + n, edges=CALM, begin=BEGIN) for n in range(1 + abroad)
        ]
        self._watched = Watched(config, worlds[0], begin=BEGIN, abroad=worlds[1:])
        self.played = RotPlayed(
            asked={key: [] for key in self._marks},
            verdicts={platform.name: [] for platform in config.platforms},
        )

    def run(
        self, *, calm: float = 4 * HOUR, first: float = 2 * HOUR, after: float = 2 * HOUR
    ) -> RotPlayed:
        """Play it: some hours of calm, the first objects struck for ``first`` seconds, ``after``
        seconds in which all is well, everything struck for a day, and four hours after it."""
        self.run_first(calm=calm, first=first, after=after)
        self.played.every = self._strike(DAY, first=False)
        self._pass(4 * HOUR)
        return self.played

    def run_first(self, *, calm: float, first: float, after: float) -> RotPlayed:
        """Play the beginning of it alone."""
        self._pass(calm)
        self.played.first = self._strike(first, first=True)
        self._pass(after)
        return self.played

    def _strike(self, seconds: float, *, first: bool) -> tuple[float, float]:
        begin = self._watched.now
        for world in self._watched.worlds:
            world.rotten = struck(self._struck, self._rot, first=first)
        self._pass(seconds)
        for world in self._watched.worlds:
            world.rotten = {}
        return begin, self._watched.now

    def _pass(self, seconds: float) -> None:
        for said in self._watched.run(self._watched.now + seconds):
            self.played.verdicts[said.verdict.platform].append(said.verdict)
            for key, asked in self._reads(said):
                self.played.asked[key].append(asked)

    def _reads(self, said: Said) -> Iterator[tuple[tuple[str, str], Asked]]:
        observed = said.observed
        if observed.kind not in READ:
            return
        for leg in observed.legs:
            key = (leg.leg.owner, leg.leg.target)
            read = leg.leg.role in _READ_ROLES and leg.leg.compares is Compares.GOODPUT
            if read and key in self._marks:
                place = self._marks[key].index(leg.leg.candidate)
                yield key, Asked(observed.started_at, place, leg.ok)
