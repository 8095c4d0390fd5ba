"""The work of ``false_alarms``: a calm time, or incidents, on one line."""

from __future__ import annotations

from msgspec import Struct

from benchmarks.false_alarms_report import Delay, Report
from probe.config import load
from probe.model.identity import RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import State
from tests.synth.drive import Daemon
from tests.synth.edges import FAR, EdgeModel
from tests.synth.effects import Effect, How, restriction
from tests.synth.line import LineModel
from tests.synth.lines import LOSSY, MOBILE
from tests.synth.world import World

DAY = 86_400.0
HOUR = 3_600.0
BEGIN = 1_699_920_000.0  # midnight, so that evenings are evenings
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
    """``days`` without any restriction, or so many ``incidents`` of every effect, in a world in
    which each name has at least so many ``addresses``, and in which platforms may be ``far`` away
    beside controls next door."""

    line: LineModel
    seed: int
    days: float
    incidents: int
    addresses: int = 1
    far: bool = False


def run(job: Job) -> Report:
    """Do it."""
    return _incidents(job) if job.incidents else _calm(job)


def _world(job: Job, days: float) -> World:
    config = load(None, {})
    other = LOSSY if job.line.name == MOBILE.name else MOBILE
    world = World(
        config,
        job.line,
        seed=job.seed,
        edges=FAR if job.far else EdgeModel(),
        other_line=other,
        begin=BEGIN,
        least_addresses=job.addresses,
    )
    if days:
        world.trouble(world.draw_troubles(begin=BEGIN, seconds=days * DAY))
    return world


def _calm(job: Job) -> Report:
    world = _world(job, job.days)
    report = Report(line=job.line.name, days=job.days)
    before: dict[str, State] = {}
    for said in Daemon(load(None, {}), world, begin=BEGIN).run(BEGIN + job.days * DAY):
        observed, verdict = said.observed, said.verdict
        _count(report, observed)
        state = verdict.state
        if verdict.restricted and before.get(observed.platform) is not state:
            report.alarms.append(
                f"{job.line.name}, seed {job.seed}, day {(observed.started_at - BEGIN) / DAY:.2f}:"
                f" {verdict.rule_id} {verdict.target} {verdict.sentence}"
            )
            if state is State.THROTTLED:
                report.throttled += 1
            else:
                report.blocked += 1
        if verdict.restricted:
            report.accused_rounds += 1
        if observed.kind is not RoundKind.BURST:
            key = f"{state} {verdict.reason}".strip()
            report.said[key] = report.said.get(key, 0) + 1
        before[observed.platform] = state
    return report


def _count(report: Report, observed: RoundObservation) -> None:
    received = sum((leg.wire_bytes_received or 0) for leg in observed.legs)
    sent = sum((leg.wire_bytes_sent or 0) for leg in observed.legs)
    if observed.kind is RoundKind.BURST:
        if observed.legs:
            report.bursts += 1
            report.burst_bytes += received + sent
        else:
            report.bursts_refused += 1
    else:
        report.rounds += 1
        report.round_bytes += received + sent


def _incidents(job: Job) -> Report:
    """Incidents one after the other in one world, which goes on having effects of its own."""
    config = load(None, {})
    world = _world(job, 0.0)
    daemon = Daemon(config, world, begin=BEGIN)
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
            found = _await(daemon, hit, LONGEST_HOURS, restricted=True)
            world.restrict(())
            guilty = [p for p in hit if found[p] is not None]
            over = _await(daemon, guilty, RECOVERY_HOURS, restricted=False)
            for platform in hit:
                report.delays.append(
                    Delay(
                        platform=platform,
                        effect=effect,
                        found=found[platform],
                        over=over.get(platform),
                    )
                )
    return report


def _await(
    daemon: Daemon, platforms: list[str], hours: float, *, restricted: bool
) -> dict[str, float | None]:
    """Transfer rounds of each platform until its verdict is (no longer) an accusation; ``None``:
    not in that time."""
    rounds = dict.fromkeys(platforms, 0)
    found: dict[str, float | None] = dict.fromkeys(platforms)
    if not platforms:
        return found
    for said in daemon.run(daemon.now + hours * HOUR):
        platform = said.observed.platform
        if platform not in found or found[platform] is not None:
            continue
        if said.observed.kind in (RoundKind.TRANSFER, RoundKind.LONG):
            rounds[platform] += 1
        if said.verdict.restricted is restricted:
            # Light rounds may find it before the first transfer round does.
            found[platform] = float(rounds[platform])
        if all(value is not None for value in found.values()):
            break
    return found
