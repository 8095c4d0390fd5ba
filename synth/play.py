"""A scenario of the table in the world of numbers: before it begins, while it lasts, after it.

Everything is at the default cadence and under the default budgets; the lab plays the same table
faster and without budgets, with real packets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from probe.config.definition import Definition, Target
from probe.config.handful import Handful, filled, with_handful
from probe.config.probers import BY_NAME
from probe.config.schema import Config, ScheduleConfig
from probe.config.values import Bytes
from probe.model.identity import Access, Answer, Compares, RoundKind
from probe.model.verdict import State, TransportFinding, Verdict
from probe.verdict.ladder.ladder import RULES
from probe.verdict.ladder.rule import Rule
from scenarios.model import (
    ABROAD,
    ACCUSING,
    DOMESTIC_HOST,
    HOME,
    NEIGHBOUR,
    Answers,
    ClockStepped,
    CrossTraffic,
    Expectation,
    Gone,
    Happening,
    HostBusy,
    LineBecomes,
    LineKind,
    LineWorsens,
    Over,
    Pauses,
    Restricted,
    Said,
    Scenario,
)
from synth.contradictions import contradictions
from synth.drive import Daemon
from synth.drive import Said as Heard
from synth.edges import CALM, EdgeModel
from synth.line import LineModel
from synth.rot import Rotten
from synth.world import World

BEGIN = 1_699_920_000.0
BITS = 8
_TOLD_OF = {Over.TCP: "", Over.QUIC: " over QUIC", Over.UPLOAD: " for uploads"}
QUEUE_BYTES = 128 * 1024
STEP_SECONDS = 60.0
# Six hours, so that there is a history; the lab has no time for more than a few rounds.
CALM_ROUNDS = 24
DOMESTIC = Definition(
    name="control-domestic",
    title="Domestic mirror",
    kind="control",
    operator="a domestic university",
    scope="domestic",
    why="Fast when only the international lines are slow.",
    hosts=(DOMESTIC_HOST,),
    targets=(
        Target(
            name="object",
            url=f"https://{DOMESTIC_HOST}/debian/dists/bookworm/InRelease",
            min_bytes=Bytes(65_536),
            compares=Compares.GOODPUT,
            no_swap="A control is neutral itself.",
            no_decoy="A control is neutral itself.",
        ),
    ),
)


class Moment(Struct, frozen=True, kw_only=True):
    """What was said of a platform at a vantage after so many transfer rounds of a phase: ``calm``,
    ``during`` or ``after``."""

    phase: str
    rounds: int
    verdict: Verdict


class Outcome(Struct, frozen=True, kw_only=True):
    """``wrong``: in words, by vantage and platform; empty: all is right. ``unjust``: what of it
    was said although it must never be. ``contradictions``: what was said against what was measured.
    """

    scenario: Scenario
    line: str
    seed: int
    wrong: tuple[str, ...]
    unjust: tuple[str, ...]
    contradictions: tuple[str, ...]
    moments: dict[tuple[str, str], list[Moment]]


def line_of(kind: LineKind) -> LineModel:
    """The lab's kind of line in numbers."""
    return LineModel(
        name=kind.name,
        access=Access.MOBILE if "mobile" in kind.name else Access.FIXED,
        bytes_per_second=kind.down_bits_per_second / BITS,
        rtt_seconds=kind.round_trip_seconds,
        noise_sd=0.1,
        slow_sd=0.1,
        jitter_sd=kind.jitter_seconds / kind.round_trip_seconds + 0.03,
        loss=kind.loss,
        fades_per_hour=0.0,
        traces=(kind.down_trace,) if kind.down_trace else (),
        up_share=1.0 if kind.down_trace else kind.up_bits_per_second / kind.down_bits_per_second,
    )


def config_of(config: Config, scenario: Scenario) -> Config:
    """The default configuration with what the scenario asks for."""
    platforms = tuple(p for p in config.platforms if p.name in scenario.platforms)
    controls = (*config.controls, DOMESTIC) if scenario.domestic else config.controls
    settings = config.settings
    if scenario.long_reads:
        often = replace(settings.schedule, long=type(settings.schedule.long)(1_800.0))
        settings = replace(settings, schedule=often)
    if scenario.quic:
        secret = Random(f"{scenario.id}/controls").randbytes(16).hex()
        drawn = with_handful(config, filled(Handful(secret), config.pool, (BY_NAME["quic"],)))
        controls = drawn.controls
    if scenario.upload:
        settings = replace(settings, upload=True)
        platforms, controls = tuple(map(sent_to, platforms)), tuple(map(sent_to, controls))
    names = tuple(p.name for p in platforms)
    settings = replace(settings, platforms=names, quic=settings.quic is True or scenario.quic)
    return replace(config, settings=settings, platforms=platforms, controls=controls)


def sent_to(definition: Definition) -> Definition:
    """With targets that take bodies: those of a platform whose servers know a neutral name."""
    targets = tuple(
        replace(one, upload=True)
        if definition.kind == "control"
        or (one.swap is not None and one.swap.answer is Answer.EXPECTED)
        else one
        for one in definition.targets
    )
    return replace(definition, targets=targets)


class Play:
    """One run of a drawn scenario on a line. ``struck``: objects in trouble everywhere from
    when it begins on.
    """

    def __init__(
        self,
        config: Config,
        scenario: Scenario,
        kind: LineKind,
        *,
        seed: int,
        edges: EdgeModel = CALM,
        rules: tuple[Rule, ...] = RULES,
        calm_rounds: int = CALM_ROUNDS,
        struck: Rotten | None = None,
    ) -> None:
        self._struck = struck or {}
        self._calm_rounds = max(calm_rounds, scenario.calm_rounds)
        random = Random(f"{seed}/{scenario.id}/{kind.name}")
        self.scenario = scenario = scenario.drawn(random)
        self.kind, self.seed = kind, seed
        config = config_of(config, scenario)
        self.schedule: ScheduleConfig = config.settings.schedule
        self.line = line_of(kind)
        vantages = [HOME]
        vantages += [ABROAD] if scenario.abroad else []
        vantages += [NEIGHBOUR] if scenario.neighbour else []
        self.worlds = {
            vantage: World(
                config,
                self.line,
                seed=random.getrandbits(32),
                edges=edges,
                begin=BEGIN,
                least_addresses=2,
            )
            for vantage in vantages
        }
        self.daemons = {
            vantage: Daemon(
                config, world, begin=BEGIN, vantage=vantage, rules=rules, outside=vantage == ABROAD
            )
            for vantage, world in self.worlds.items()
        }
        self.moments: dict[tuple[str, str], list[Moment]] = {
            (vantage, platform): [] for vantage in vantages for platform in scenario.platforms
        }
        self.latest: dict[tuple[str, str], Verdict] = {}
        self._heard: list[Heard] = []
        self.now = BEGIN

    def run(self) -> Outcome:
        """Play it and judge."""
        scenario = self.scenario
        self._listen("calm", self._calm_rounds, stop=False)
        self._begin()
        self._listen("during", scenario.lasts_rounds, stop=scenario.ends_when_said)
        self._end()
        most = max((e.recovers_within_rounds or 0 for e in scenario.expect), default=0)
        if most:
            self._listen("after", most + 1, stop=False)
        wrong: list[str] = []
        unjust: list[str] = []
        for (vantage, platform), over, moments in self._each():
            expectation = scenario.expected(platform, vantage, over)
            if expectation is not None:
                platform = f"{platform}{_TOLD_OF[over]}"
                never = [f"{vantage}/{platform}: {w}" for w in forbidden(expectation, moments)]
                late = [f"{vantage}/{platform}: {w}" for w in missing(expectation, moments)]
                unjust += never
                wrong += [*never, *late]
        return Outcome(
            scenario=scenario,
            line=self.kind.name,
            seed=self.seed,
            wrong=tuple(wrong),
            unjust=tuple(unjust),
            contradictions=tuple(contradictions(self._heard)),
            moments=self.moments,
        )

    def history(self) -> list[Heard]:
        """Play it; every round and burst of every vantage, with what was said."""
        self.run()
        return self._heard

    def born(self, rounds: int) -> list[Heard]:
        """Play so many rounds of it with nothing before; what was said at every step."""
        self._begin()
        self._listen("during", rounds, stop=False)
        return self._heard

    def _listen(self, phase: str, rounds: int, *, stop: bool) -> None:
        """Until every platform has had so many whole transfer rounds, or all is said."""
        began, reads = self.now, dict.fromkeys(self.moments, 0)
        counts = dict(reads)
        while any(count < rounds for count in counts.values()):
            self.now += STEP_SECONDS
            for vantage, daemon in self.daemons.items():
                if vantage == HOME and ABROAD in self.daemons:
                    daemon.references = self._references()
                for said in daemon.run(self.now):
                    key = (vantage, said.observed.platform)
                    if said.observed.kind in (RoundKind.TRANSFER, RoundKind.LONG):
                        reads[key] += 1
                    # What is suspected reads oftener than usual: no more rounds than have had time.
                    passed = (said.observed.started_at - began) // float(self.schedule.transfer)
                    counts[key] = min(reads[key], int(passed) + 1)
                    self.latest[key] = said.verdict
                    self.worlds[vantage].stepping = False
                    self._heard.append(said)
                    self.moments[key].append(
                        Moment(phase=phase, rounds=counts[key], verdict=said.verdict)
                    )
            if stop and all(count >= 1 for count in counts.values()) and self._all_said():
                return

    def _references(self) -> dict[str, tuple[Verdict, ...]]:
        return {
            platform: (verdict,)
            for (vantage, platform), verdict in self.latest.items()
            if vantage == ABROAD
        }

    def _each(self) -> Iterator[tuple[tuple[str, str], Over, list[Moment]]]:
        """What was heard of each platform at each vantage, over each transport."""
        for slot, moments in self.moments.items():
            yield slot, Over.TCP, moments
            if self.scenario.quic:
                yield slot, Over.QUIC, moments
            if self.scenario.upload:
                yield slot, Over.UPLOAD, moments

    def _all_said(self) -> bool:
        for (vantage, platform), over, moments in self._each():
            expectation = self.scenario.expected(platform, vantage, over)
            if expectation is not None and detected(expectation, moments) is None:
                return False
        return True

    def _begin(self) -> None:
        happens = self.scenario.happens
        for vantage, world in self.worlds.items():
            for each in happens:
                everywhere = isinstance(each, Answers | Gone) and not _near_here(each)
                if vantage == HOME or everywhere:
                    self._change(world, each)
            world.rotten = {**world.rotten, **self._struck}
        own = [each for each in happens if isinstance(each, Restricted)]
        self.worlds[HOME].restrict(own)

    def _change(self, world: World, each: Happening) -> None:
        match each:
            case Answers():
                world.answers = (*world.answers, each)
            case Pauses():
                world.pauses = (*world.pauses, each)
            case Gone(hosts=hosts):
                world.gone = frozenset(hosts)
            case LineBecomes(kind=kind):
                world.becomes(line_of(kind), self.now)
            case LineWorsens():
                world.becomes(_worse(self.line, each), self.now)
            case CrossTraffic(downloads=downloads, uploads=uploads):
                world.share, world.up_free = 1.0 / (1.0 + downloads), 1.0 / (1.0 + uploads)
                world.queue_seconds = QUEUE_BYTES / self.line.bytes_per_second
            case ClockStepped(seconds=seconds, back=back):
                world.wall_offset_seconds += -seconds.value if back else seconds.value
                world.stepping = True
            case HostBusy(share=share, turn_seconds=turn):
                world.busy_seconds = turn * (1.0 - share.value)
            case Restricted():
                pass

    def _end(self) -> None:
        for world in self.worlds.values():
            world.restrict(())
            world.answers, world.pauses, world.gone = (), (), frozenset()
            world.share, world.queue_seconds, world.busy_seconds = 1.0, 0.0, 0.0
            world.up_free = 1.0
        changed = [e for e in self.scenario.happens if isinstance(e, LineBecomes | LineWorsens)]
        if changed:
            self.worlds[HOME].becomes(self.line, self.now)


def _near_here(each: Answers | Gone) -> bool:
    return isinstance(each, Answers) and each.near_here


def _worse(line: LineModel, each: LineWorsens) -> LineModel:
    rate = each.down_bits_per_second
    passed = (1.0 - line.loss) * (1.0 - each.loss.value)
    return replace(
        line,
        bytes_per_second=line.bytes_per_second if rate is None else rate.value / BITS,
        traces=line.traces if rate is None else (),
        loss=1.0 - passed,
        rtt_seconds=line.rtt_seconds + each.more_round_trip_seconds.value,
    )


# ---- judging


def told(expectation: Expectation, moment: Moment) -> Verdict | TransportFinding | None:
    """What was said of that which is expected; ``None``: nothing was, over QUIC."""
    if expectation.over is Over.TCP:
        return moment.verdict
    over = (one for one in moment.verdict.over if one.transport == expectation.over.value)
    return next(over, None)


def fits(said: Said, verdict: Verdict | TransportFinding | None) -> bool:
    """Whether a verdict is one that is right."""
    if verdict is None:
        return False
    pairs: tuple[tuple[tuple[object, ...], object], ...] = (
        (said.methods, verdict.method),
        (said.triggers or said.by, verdict.trigger),
        (said.signatures, verdict.signature),
        (said.phases, verdict.phase),
        (said.reasons, verdict.reason),
    )
    severe = said.severe is None or said.severe == getattr(verdict, "severe", None)
    return (
        said.state is verdict.state
        and severe
        and all(not allowed or value in allowed for allowed, value in pairs)
    )


def detected(expectation: Expectation, moments: list[Moment]) -> int | None:
    """Transfer rounds until something right was said while it lasted."""
    for moment in moments:
        if moment.phase == "during" and any(
            fits(s, told(expectation, moment)) for s in expectation.said
        ):
            return moment.rounds
    return None


def _words(verdict: Verdict | TransportFinding) -> str:
    details = (verdict.reason, verdict.method, verdict.trigger, verdict.signature, verdict.phase)
    return " ".join(str(word) for word in (verdict.state, *details) if word)


_Told = tuple[int, Verdict | TransportFinding]


def _heard(expectation: Expectation, moments: list[Moment], phase: str) -> list[_Told]:
    """What was said of that which is expected, in a phase, and after how many rounds."""
    of_it = [(m.rounds, told(expectation, m)) for m in moments if m.phase == phase]
    return [(rounds, verdict) for rounds, verdict in of_it if verdict is not None]


def forbidden(expectation: Expectation, moments: list[Moment]) -> list[str]:
    """What was said that must not be, in words: the first of it in each phase."""
    right = {said.state for said in expectation.said}
    never = {*expectation.never, *(state for state in ACCUSING if state not in right)}
    return [
        f"{_words(verdict)} in round {rounds} of the {phase}"
        for phase, bad in (("calm", set(ACCUSING)), ("during", never))
        for rounds, verdict in [
            one for one in _heard(expectation, moments, phase) if one[1].state in bad
        ][:1]
    ]


def missing(expectation: Expectation, moments: list[Moment]) -> list[str]:
    """What was not said, or not in time."""
    wrong = []
    found = detected(expectation, moments)
    if found is None:
        during = _heard(expectation, moments, "during")
        last = _words(during[-1][1]) if during else "nothing"
        wrong.append(f"{last} at the end, never what is right")
    elif found > expectation.within_rounds:
        wrong.append(f"said in round {found}, not within {expectation.within_rounds}")
    within = expectation.recovers_within_rounds
    if within is not None:
        after = _heard(expectation, moments, "after")
        over = next((rounds for rounds, one in after if one.state is State.OK), math.inf)
        if over > within:
            last = _words(after[-1][1]) if after else "nothing"
            wrong.append(f"{last} after the end, ok not within {within}")
    return wrong
