"""The work of ``false_alarms``: a calm time, or incidents, on one line."""

from __future__ import annotations

from msgspec import Struct

from benchmarks.false_alarms_report import Delay, Impaired, Report
from benchmarks.false_alarms_worlds import BEGIN, DAY, HOUR, Made, Which, made
from probe.model.identity import RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import RESTRICTED, State, Verdict
from probe.nation.sight import NO_VOTE
from synth.effects import Effect, How, restriction
from synth.line import LineModel
from synth.outside import Watched

WARM_DAYS = 2.0
CALM_HOURS = 5.0
# An incident ends when it has been found everywhere, or after so long.
LONGEST_HOURS = 5.0
RECOVERY_HOURS = 4.0
FACTORS = (2.0, 3.0, 5.0, 10.0, 30.0)
EFFECTS = (
    *(Effect(factor=f, how=How.POLICER) for f in FACTORS),
    *(Effect(factor=f, how=How.SHAPER) for f in (3.0, 5.0, 10.0)),
    *(Effect(factor=f, how=How.POLICER, by_name=False) for f in (3.0, 5.0, 10.0, 30.0)),
    *(Effect(factor=f, how=How.HANDSHAKE) for f in (3.0, 5.0, 10.0, 30.0)),
)


class Job(Struct, frozen=True, kw_only=True):
    """``days`` without any restriction in the world ``which``, or so many ``incidents`` of every
    effect. Platforms may be ``far`` away beside controls next door; so many ``references`` look
    from outside; what is rare goes wrong ``dense`` times as often. ``quic``: it is judged,
    too, and so is what is sent with ``upload``."""

    line: LineModel
    seed: int
    days: float
    incidents: int
    which: Which = Which.SITES
    references: int = 0
    far: bool = False
    dense: float = 1.0
    quic: bool = False
    upload: bool = False


def run(job: Job) -> Report:
    """Do it."""
    return _incidents(job) if job.incidents else _calm(job)


def _calm(job: Job) -> Report:
    world = made(
        job.which,
        job.line,
        seed=job.seed,
        days=job.days,
        references=job.references,
        far=job.far,
        dense=job.dense,
        quic=job.quic,
        upload=job.upload,
    )
    report = Report(line=job.line.name, days=job.days, which=job.which, dense=job.dense)
    before: dict[str, Verdict] = {}
    open_since: dict[str, float] = {}
    accused_over: dict[tuple[str, str], bool] = {}
    for said in world.play(BEGIN + job.days * DAY):
        observed, verdict = said.observed, said.verdict
        _count(report, observed)
        state, platform = verdict.state, observed.platform
        last = before.get(platform)
        begun = last is None or last.state is not state
        before[platform] = verdict
        if begun and last is not None and platform in open_since:
            since = open_since.pop(platform)
            report.impaired.append(_impaired(job, world, last, since, observed.started_at))
        if begun and state is State.IMPAIRED:
            open_since[platform] = observed.started_at
        # What a filter of the home may be says so itself, and has no vote: it is no accusation.
        accuses = verdict.restricted and verdict.votes
        if accuses and begun:
            meanwhile = world.meanwhile(observed.started_at)
            report.alarms.append(
                f"{job.which}, {job.line.name}, seed {job.seed}, "
                f"day {(observed.started_at - BEGIN) / DAY:.2f}: {verdict.rule_id} "
                f"{verdict.target}, basis {verdict.basis}; meanwhile {meanwhile}"
            )
            if state is State.THROTTLED:
                report.throttled += 1
            else:
                report.blocked += 1
        for one in verdict.over:
            key = (platform, one.transport)
            accused_before = accused_over.get(key)
            accused_over[key] = one.state in RESTRICTED and one.reason not in NO_VOTE
            if accused_over[key] and not accused_before:
                report.alarms.append(
                    f"{job.which}, {job.line.name}, seed {job.seed}, "
                    f"day {(observed.started_at - BEGIN) / DAY:.2f}: over {one.transport}, "
                    f"{one.rule_id} {one.target}, basis {one.basis}; "
                    f"meanwhile {world.meanwhile(observed.started_at)}"
                )
                report.blocked += one.state is State.BLOCKED
                report.throttled += one.state is State.THROTTLED
        report.accused_rounds += accuses
        if observed.kind is not RoundKind.BURST:
            words = [f"{state} {verdict.reason}".strip()]
            words += [f"{x.transport}: {x.state} {x.reason}".strip() for x in verdict.over]
            for word in words:
                report.said[word] = report.said.get(word, 0) + 1
    for platform, since in open_since.items():
        end = BEGIN + job.days * DAY
        report.impaired.append(_impaired(job, world, before[platform], since, end))
    return report


def _impaired(job: Job, world: Made, last: Verdict, begin: float, end: float) -> Impaired:
    """``last``: what was said at the end of it."""
    after = max(0.0, end - max((begin, *(over for over, _ in world.on(begin)))))
    words = (
        f"{job.which}, {job.line.name}, seed {job.seed}, day {(begin - BEGIN) / DAY:.2f}: "
        f"{last.platform}, {last.rule_id} {last.target}, basis {last.basis}, "
        f"{(end - begin) / HOUR:.1f} h, {after / HOUR:.1f} of them after; "
        f"meanwhile {world.meanwhile(begin)}"
    )
    return Impaired(words=words, rule=last.rule_id, seconds=end - begin, after=after)


def _count(report: Report, observed: RoundObservation) -> None:
    received = sum((leg.wire_bytes_received or 0) for leg in observed.every_leg)
    sent = sum((leg.wire_bytes_sent or 0) for leg in observed.every_leg)
    if observed.kind is RoundKind.BURST:
        if observed.every_leg:
            report.bursts += 1
            report.burst_bytes += received + sent
        else:
            report.bursts_refused += 1
    else:
        report.rounds += 1
        report.round_bytes += received + sent


def _incidents(job: Job) -> Report:
    """Incidents one after the other in one world, which goes on having effects of its own."""
    one_effect = CALM_HOURS + 1.0 + LONGEST_HOURS + RECOVERY_HOURS
    days = WARM_DAYS + job.incidents * len(EFFECTS) * one_effect * HOUR / DAY
    daemon = made(
        Which.SITES, job.line, seed=job.seed, days=days, far=job.far, outages=False
    ).watched
    (world,), config = daemon.worlds, daemon.inside.config
    report = Report(line=job.line.name)
    for _ in daemon.run(BEGIN + WARM_DAYS * DAY):
        pass
    platforms = [platform.name for platform in config.platforms]
    for turn in range(job.incidents):
        for number, effect in enumerate(EFFECTS):
            one = platforms[(turn + number) % len(platforms)]
            hit = platforms if turn % 2 else [one]
            for _ in daemon.run(daemon.now + (CALM_HOURS + world.random.random()) * HOUR):
                pass
            distances = {p: world.distance(p) for p in hit}
            world.restrict([restriction(config, p, effect, job.line, distances[p]) for p in hit])
            found, accused = _await(daemon, hit, LONGEST_HOURS, proven=True)
            world.restrict(())
            guilty = [p for p in hit if found[p] is not None]
            over, _ = _await(daemon, guilty, RECOVERY_HOURS, proven=False)
            for platform in hit:
                report.delays.append(
                    Delay(
                        platform=platform,
                        effect=effect,
                        found=found[platform],
                        over=over.get(platform),
                        accused=platform in accused,
                    )
                )
    return report


def _await(
    daemon: Watched, platforms: list[str], hours: float, *, proven: bool
) -> tuple[dict[str, float | None], set[str]]:
    """Transfer rounds of each platform until its verdict is (no longer) an accusation or
    ``impaired``; ``None``: not in that time. Also the platforms that it accuses by."""
    rounds = dict.fromkeys(platforms, 0)
    found: dict[str, float | None] = dict.fromkeys(platforms)
    accused: set[str] = set()
    if not platforms:
        return found, accused
    for said in daemon.run(daemon.now + hours * HOUR):
        platform = said.observed.platform
        if platform not in found or found[platform] is not None:
            continue
        if said.observed.kind in (RoundKind.TRANSFER, RoundKind.LONG):
            rounds[platform] += 1
        verdict = said.verdict
        if (verdict.restricted or verdict.state is State.IMPAIRED) is proven:
            # Light rounds may find it before the first transfer round does.
            found[platform] = float(rounds[platform])
            if verdict.restricted:
                accused.add(platform)
        if all(value is not None for value in found.values()):
            break
    return found, accused
