"""One scenario on one line, with the real daemon: calm, something happens, calm again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from msgspec import Struct

from lab.box.control import BoxControl
from lab.box.rules import Rule
from lab.box.spec import Stats
from lab.lab import REPOSITORY
from lab.scenario import curl
from lab.scenario.heard import Heard, Key, heard, scrape
from lab.scenario.host import Clock, happening
from lab.scenario.judge import Judgement, Moment, Phase, detected, judge, recovered
from lab.scenario.setting import (
    LISTEN_PORT,
    PACE,
    Pace,
    Setting,
    changed,
    setting,
)
from lab.scenario.wire import rules_for
from scenarios.model import ClockStepped, Expectation, LineKind, Scenario

# A page of metrics costs as much as the legs of a light round; no transfer round takes so short.
POLL_SECONDS = 1.0
CALM_MOST_SECONDS = 90.0
CALM_ROUND_SECONDS = 8.0
# A vantage measures one platform at a time: what slows four of them makes each wait for the others'
# bursts, so a round of two platforms may take this long, and of four twice as long.
ROUND_MOST_SECONDS = 30.0
STOP_SECONDS = 10.0
# A box that is later than that, for more than this share of its frames, measured itself.
LATE_SECONDS = 0.025
LATE_SHARE = 0.02


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of it. ``judgements``: by vantage, platform and transport. ``before``,
    ``during``: what curl saw. ``asked``: of the box, in words. ``late``: why the box's numbers are
    not to be trusted."""

    scenario: Scenario
    line: LineKind
    asked: str
    before: curl.Seen
    during: curl.Seen
    moments: dict[Key, tuple[Moment, ...]]
    judgements: dict[Key, Judgement]
    stats: Stats
    seconds: float
    late: str = ""
    log: str = ""

    @property
    def right(self) -> bool:
        """Whether everything that was said is right, on a punctual box."""
        return not self.late and not any(j.wrong for j in self.judgements.values())


class Daemon:
    """The real daemon in the client's namespace."""

    def __init__(self, made: Setting, *, clock: Clock | None, broken: str | None) -> None:
        self._lab = made.lab
        program = ["-m", "probe"] if broken is None else ["-m", "lab.scenario.broken", broken]
        self._log = (made.lab.folder / "daemon.log").open("w+")
        self.process = made.lab.topology.client.spawn(
            [sys.executable, *program, "run", "-c", str(made.main_file)],
            stdout=subprocess.DEVNULL,
            stderr=self._log.fileno(),
            cwd=REPOSITORY,
            env={**os.environ, **(clock.environment() if clock else {})},
            own_session=True,
        )

    def said(self) -> dict[Key, Heard]:
        """What it says now; nothing, before it listens."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the daemon ended: {self.log()[-2_000:]}")
        text = scrape(self._lab.topology.client, LISTEN_PORT)
        return {} if text is None else heard(text)

    def log(self) -> str:
        """What it has written so far."""
        self._log.seek(0)
        return self._log.read()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


class Listener:
    """Collects what is said, phase by phase."""

    def __init__(self, daemon: Daemon, keys: tuple[Key, ...]) -> None:
        self._daemon = daemon
        self._keys = keys
        self._from: dict[Key, int] = {}
        self._phase = Phase.CALM
        # A verdict goes away while long bursts of another platform hold the line.
        self._last: dict[Key, Heard] = {}
        self.moments: dict[Key, list[Moment]] = {key: [] for key in keys}

    def begin(self, phase: Phase) -> None:
        """From here on: a round that is being made just now belongs to neither phase."""
        self._last |= self._daemon.said()
        self._phase = phase
        self._from = {
            key: last.rounds + last.running
            for key in self._keys
            if (last := self._last.get(key)) is not None
        }

    def rounds(self, key: Key) -> int:
        """Whole rounds of this phase so far."""
        own = self.moments[key]
        return own[-1].rounds if own and own[-1].phase is self._phase else 0

    def listen(self) -> None:
        """Take down what is new."""
        now = self._daemon.said()
        self._last |= now
        for key, said in now.items():
            if key not in self.moments:
                continue
            rounds = said.rounds - self._from.get(key, 0)
            moment = Moment(phase=self._phase, rounds=max(rounds, 0), heard=said)
            own = self.moments[key]
            # A verdict may follow its round by a moment, or change without one (a burst).
            new = not own or own[-1].phase is not self._phase or own[-1].rounds != moment.rounds
            if rounds >= 0 and (new or not own[-1].heard.same(said)):
                own.append(moment)

    def until(self, done: Callable[[], bool], most_seconds: float) -> None:
        """Listen until it is done, or for so long."""
        end = time.monotonic() + most_seconds
        while time.monotonic() < end:
            self.listen()
            if done():
                return
            time.sleep(POLL_SECONDS)


def keys_of(scenario: Scenario) -> tuple[Key, ...]:
    """Of what something is expected."""
    ways = dict.fromkeys((e.vantage, e.over) for e in scenario.expect)
    return tuple(
        Key(vantage, platform, over)
        for vantage, over in ways
        for platform in scenario.platforms
        if scenario.expected(platform, vantage, over) is not None
    )


def expected_of(scenario: Scenario, key: Key) -> Expectation | None:
    """What must be said of it."""
    return scenario.expected(key.platform, key.vantage, key.over)


def play(
    scenario: Scenario,
    kind: LineKind,
    *,
    seed: int,
    pace: Pace = PACE,
    broken: str | None = None,
    keep: Path | None = None,
) -> Outcome:
    """Run it. ``scenario`` is drawn here, with ``seed``. In ``keep`` there is then a folder with
    the daemon's main file, its history and what it wrote."""
    random = Random(f"{seed}/{scenario.id}/{kind.name}")
    scenario = scenario.drawn(random)
    began = time.monotonic()
    with setting(scenario, kind, random=random, pace=pace) as made, made.lab.control() as box:
        steps = any(isinstance(each, ClockStepped) for each in scenario.happens)
        clock = Clock(made.lab.folder) if steps else None
        target = curl.reads(made.config, scenario.platforms[0])
        before = curl.look(made.lab, target)
        box.forget()
        daemon = Daemon(made, clock=clock, broken=broken)
        try:
            listener = Listener(daemon, keys_of(scenario))
            during = _listen(scenario, made, box, daemon, listener, clock, random)
            log = daemon.log()
        finally:
            daemon.stop()
            if keep is not None:
                _keep(made, keep / f"{scenario.id}-{kind.name}")
        stats = box.stats()
        asked = "; ".join(_words(rule) for rule in rules_for(scenario.happens, made.places))
    moments = {key: tuple(own) for key, own in listener.moments.items()}
    expected = {key: expected_of(scenario, key) for key in moments}
    return Outcome(
        scenario=scenario,
        line=kind,
        asked=asked or ", ".join(type(each).__name__ for each in scenario.happens) or "nothing",
        before=before,
        during=during,
        moments=moments,
        judgements={
            key: judge(expectation, moments[key])
            for key, expectation in expected.items()
            if expectation is not None
        },
        stats=stats,
        seconds=time.monotonic() - began,
        late=_late(stats),
        log=log,
    )


def _keep(made: Setting, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("history.sqlite", "history.sqlite-wal", "daemon.log", made.main_file.name):
        found = made.lab.folder / name
        if found.exists():
            shutil.copy(found, folder / name)


def _listen(
    scenario: Scenario,
    made: Setting,
    box: BoxControl,
    daemon: Daemon,
    listener: Listener,
    clock: Clock | None,
    random: Random,
) -> curl.Seen:
    keys = keys_of(scenario)
    target = curl.reads(made.config, scenario.platforms[0])

    def calm() -> bool:
        return all(listener.rounds(key) >= scenario.calm_rounds for key in keys)

    def said() -> bool:
        rounds = {key: listener.rounds(key) for key in keys}
        if all(count >= scenario.lasts_rounds for count in rounds.values()):
            return True
        # Whoever must not be accused has all the time to be accused.
        return scenario.ends_when_said and all(
            detected(e, listener.moments[key]) is not None and rounds[key] >= 1
            for key in keys
            if (e := expected_of(scenario, key)) is not None
        )

    def well() -> bool:
        return all(recovered(listener.moments[key]) is not None for key in keys)

    round_most = ROUND_MOST_SECONDS * max(1.0, len(scenario.platforms) / 2.0)
    listener.until(calm, max(CALM_MOST_SECONDS, scenario.calm_rounds * CALM_ROUND_SECONDS))
    with (
        changed(scenario, made, box, random),
        happening(scenario.happens, made.lab, daemon.process, clock),
    ):
        listener.begin(Phase.DURING)
        listener.until(said, scenario.lasts_rounds * round_most)
        during = curl.look(made.lab, target)
    listener.begin(Phase.AFTER)
    within = max((e.recovers_within_rounds or 0 for e in scenario.expect), default=0)
    if within:
        listener.until(
            lambda: well() or all(listener.rounds(key) > within for key in keys),
            (within + 1) * round_most,
        )
    return during


def _late(stats: Stats) -> str:
    """Why the box was not true to its model, or nothing."""
    punctual, frames = stats.punctuality, stats.down.sent + stats.up.sent
    if punctual.overrun or punctual.unsent:
        return f"{punctual.overrun} frames overran the box, {punctual.unsent} were not sent"
    if punctual.latest_seconds > LATE_SECONDS and punctual.late > LATE_SHARE * max(frames, 1):
        return f"{punctual.late} of {frames} frames late, by up to {punctual.latest_seconds:.3f} s"
    return ""


def _words(rule: Rule) -> str:
    """A rule in a few words."""
    action = rule.action
    parts = [f"{n}={_number(getattr(action, n))}" for n in action.__struct_fields__]
    whom = ",".join(rule.match.names) or f"{len(rule.match.addresses) or 'all'} addresses"
    return f"{type(action).__name__}({', '.join(parts)}) {rule.scope.value} at {whom}"


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
