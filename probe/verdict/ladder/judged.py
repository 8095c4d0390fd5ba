"""What a round or burst came to, and the facts that the ladder looks at: put together in one place.

``after_round.py`` and ``after_burst.py`` make a ``Judged`` each, from what is remembered and what
was seen. From here on nobody asks which of the two it was.
"""

from __future__ import annotations

from msgspec import Struct

from probe.model.burst import Burst
from probe.model.identity import LegRole
from probe.model.object_record import Why
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.verdict.about import About
from probe.verdict.basis.certificate_dates import DatesFound
from probe.verdict.basis.forged_certificate import opened
from probe.verdict.burst import testing
from probe.verdict.ladder.facts import BUDGETS, Facts, elsewhere
from probe.verdict.ladder.outcome import Numbers
from probe.verdict.ladder.shown import Told, told
from probe.verdict.line import curtains
from probe.verdict.line.cut import CutOff, line_cut_off, nobody_to_ask
from probe.verdict.line.lossy import lossy_line
from probe.verdict.line.reads_stop import ReadsStop, reads_stop
from probe.verdict.line.slow_line import as_usual_inside, slow_line
from probe.verdict.normal import lasting, pace
from probe.verdict.normal.beside_others import plainly
from probe.verdict.one_round import answers, last_reads, object_records, where_names_lead
from probe.verdict.one_round.readings import Readings
from probe.verdict.remembered.apart import Led
from probe.verdict.remembered.memory import Memory, PlatformMemory, Proven
from probe.verdict.suspected.open_suspicion import Others

LINE_CHANGED_ROUNDS = 3
"""Rounds in a row on another line until that is said."""


class Line(Struct, frozen=True, kw_only=True):
    """How the line is in a round, and so what may be compared at all."""

    slow: float | None
    """Logarithm of how much slower than its history, once that has lasted; ``None``: it is not."""
    changed_rounds: int
    """Rounds in a row in which every round-trip time was another one."""
    cut_off: CutOff | None
    """Most sites fell silent with the platform."""
    reads_stop: ReadsStop | None
    """Reads of most sites stop as the platform's do."""
    opened: bool
    """What is shown in the platform's place is signed by whom a control was shown, too."""
    clock_stepped: bool
    """The wall clock was set during the round: its times mean nothing."""

    @property
    def bears_bursts(self) -> bool:
        """Else a burst would compare the platform with the few that answer or are spared."""
        return self.cut_off is None and self.reads_stop is None and not self.opened

    @property
    def as_ever(self) -> bool:
        """How often a target is suspicious may be counted."""
        return self.bears_bursts and self.slow is None and not self.changed_rounds

    @property
    def teaches(self) -> bool:
        """What is normal may be learnt."""
        return self.slow is None and not self.clock_stepped and not self.changed_rounds


def line_of(
    memory: Memory,
    mine: PlatformMemory,
    observed: RoundObservation,
    about: About,
    *,
    changed_rounds: int,
) -> Line:
    """The line in this round. ``memory`` and ``mine``: after who answered has been noted."""
    return Line(
        slow=slow_line(mine, about),
        changed_rounds=changed_rounds,
        cut_off=line_cut_off(mine, memory.controls, observed, about),
        reads_stop=reads_stop(mine, memory.controls, observed, about),
        opened=opened(observed.by_role(LegRole.TARGET), memory.controls, observed.started_at),
        clock_stepped=observed.clock_stepped,
    )


class Lesson(Struct, frozen=True, kw_only=True):
    """What a round or burst could teach, if the line lets it."""

    readings: Readings | None = None
    """Of an ordinary round; ``None``: a burst, which teaches its noise alone."""
    measures: tuple[Measure, ...] = ()
    """In which it is compared."""
    well: frozenset[str] = frozenset()
    """Targets whose every comparison is fine."""
    noise: float | None = None
    """How much the legs of one group of a burst differ (logarithm); ``None``: not known."""


class Judged(Struct, frozen=True, kw_only=True):
    """What a round or burst came to, before the ladder speaks."""

    mine: PlatformMemory
    """What is remembered of the platform after it, but for what it teaches."""
    line: Line
    others: Others
    """What other platforms and references say of what is suspected or proven."""
    numbers: Numbers
    plan: Burst | None
    """The burst to make now."""
    lesson: Lesson
    reads: answers.Reads
    """When and how many bytes were read at once."""
    ours: dict[str, Led]
    """Targets that are slow or failing where our own files or look-ups led."""
    dates: DatesFound | None
    """What the targets' certificates say of dates that are wrong."""
    beside: tuple[LegObservation, ...] = ()
    """What the last ordinary round saw of targets that a burst does not look at."""


def facts_of(judged: Judged, memory: Memory, observed: RoundObservation, about: About) -> Facts:
    """What the rules look at. ``memory``: after who answered has been noted."""
    mine, line, at = judged.mine, judged.line, observed.started_at
    lost = object_records.unread(memory.records, observed.platform, about)
    unread = tuple(one for one in lost if one.reads)
    objects = sum(target.reads for target in about.targets)
    nothing_read = bool(unread) and len(unread) == objects
    return Facts(
        title=about.title,
        margin=about.thresholds.margin,
        at=at,
        targets=observed.by_role(LegRole.TARGET),
        controls=observed.by_role(LegRole.CONTROL),
        others=judged.beside,
        skipped=sum(one.reason in BUDGETS for one in observed.skipped),
        clock_stepped=line.clock_stepped,
        slow_line=line.slow,
        inside_as_usual=as_usual_inside(memory, mine, observed.family, about, at),
        line_changed=line.changed_rounds >= LINE_CHANGED_ROUNDS,
        cut_off=line.cut_off,
        reads_stop=line.reads_stop,
        lossy=lossy_line(mine, memory.controls, observed, about),
        opened=line.opened,
        nobody_to_ask=nobody_to_ask(memory.controls, observed),
        family=observed.family,
        several=len(about.families) > 1,
        well_at=mine.well_at,
        dates=judged.dates,
        ours=judged.ours,
        # Resolvers are compared in ordinary rounds.
        other_resolvers_answer=observed.burst is None and where_names_lead.others_answer(observed),
        server_errors=mine.server_errors,
        proven=mine.proven,
        often=lasting.too_often(mine, observed),
        episode=mine.suspected,
        suspicion=testing.suspicion(mine, tested=judged.plan is None),
        evident=testing.evident(mine, about.thresholds),
        elsewhere=elsewhere(about.references),
        has_references=about.has_references,
        vouched=judged.others.fine,
        together=_titles(mine.proven, about),
        fellows=judged.others.fellows,
        fell_with_it=judged.others.fell_with_it,
        curtains=curtains.hanging(memory),
        behind=curtains.around(memory, mine.holder, observed, about),
        outside=about.outside,
        usual=judged.numbers.usual,
        compared=judged.numbers.compared,
        raw_slower=mine.raw_slower,
        times=judged.numbers.times,
        usual_times=judged.numbers.usual_times,
        usual_path=judged.numbers.usual_path,
        told=_told(mine, about),
        plain=plainly(mine, judged.numbers.contrasts, judged.numbers.score, observed, about),
        farther=mine.farther,
        slower=mine.slower,
        paces=pace.paces(mine, memory.controls, memory.levels, observed, about),
        relief=mine.relief,
        tested_bytes=0 if nothing_read else answers.most_read(judged.reads, at),
        stopped=last_reads.last_stopped(mine.stopped, observed, about),
        read_at=judged.reads[-1][0] if judged.reads else 0.0,
        unread=unread,
        nameless=tuple(one for one in lost if not one.reads and one.why is Why.NO_NAME),
        moved=tuple(one for one in lost if not one.reads and one.why is Why.GONE),
        viewers_cache=mine.viewers_cache,
        working=answers.working(mine, observed),
        prober=about.prober,
        direction=about.direction,
    )


def _told(mine: PlatformMemory, about: About) -> Told | None:
    """What was measured of what is proven."""
    if mine.proven is None or mine.proven.state is State.BLOCKED:
        return None
    found, margin = mine.proven, about.thresholds.margin
    if not found.shown and found.factor is not None and found.factor > margin:
        return Told(at=found.seen_at, times=found.factor)  # stored before each round was kept
    return told(found.shown, margin)


def _titles(found: Proven | None, about: About) -> tuple[str, ...]:
    """How people call the platforms that it met together with this one."""
    return () if found is None else tuple(about.titles.get(name, name) for name in found.together)
