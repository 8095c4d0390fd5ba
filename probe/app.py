"""The one place that wires the rooms together: configuration in, metrics out, signals between."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable

from msgspec.structs import replace

from probe import __version__, start
from probe.config import ConfigErrors
from probe.config.schema import Config
from probe.daemon.line_watch import LineWatch
from probe.daemon.reloads import Reloads
from probe.daemon.service_manager import ServiceManager
from probe.measure.clock import Stamping
from probe.measure.lookout import Lookout
from probe.measure.outside import Outside
from probe.measure.round import Rounds
from probe.measure.state import State
from probe.measure.trust import Trust, TrustError, ssl_version
from probe.model.burst import Burst
from probe.model.identity import RoundKind
from probe.model.observation import HOLD_INTERVALS, RoundObservation
from probe.model.verdict import OWN_HOST, Verdict
from probe.nation.local import Local, sight_of
from probe.nation.sight import GRID_SECONDS
from probe.publish.forward.forwarding import Forwarding
from probe.publish.latest.board import Board
from probe.publish.latest.recent import stored_spans
from probe.publish.latest.snapshot import Snapshot
from probe.publish.metrics.exposition import Registry
from probe.publish.privacy import told
from probe.publish.web.endpoints import ReloadResult, create_app
from probe.publish.web.server import Server
from probe.schedule.account import BELIEVABLE_SINCE
from probe.schedule.data_budget import DataBudget
from probe.schedule.plan import Slot, slots
from probe.schedule.runner import Hooks, Runner
from probe.schedule.turns import Turns
from probe.store import heap
from probe.store.memories import Memories
from probe.store.shared import Shared, SharedBudget
from probe.store.sharing import Sharing
from probe.store.writer import Store
from probe.verdict.about import (
    about,
    has_references,
    is_outside,
    operators_of,
    references_of,
)
from probe.verdict.decide import decide
from probe.verdict.families import works

log = logging.getLogger(__name__)

# Rounds that finish within this time after a signal are kept; the whole stop takes less than 5 s.
GRACE_SECONDS = 2.0
RELOAD_GRACE_SECONDS = 10.0
STORE_SECONDS = 2.0
# Under which the store keeps the incidents that are open.
INCIDENTS = "open-incidents"
# When the newest document of each reference was made.
OUTSIDE = "outside"


# The key under which the store keeps what was used of the data budget.
DATA_BUDGET = "data_budget"


class Daemon:
    """Measures until it is told to stop. ``read`` gives the configuration anew at each reload."""

    def __init__(self, config: Config, read: Callable[[], Config]) -> None:
        heap.one_arena()  # before the first thread
        self._config = config
        self._read = read
        self._state = State()
        self._data = DataBudget(config)
        self._nation = Local(config.settings.nation, _titles(config), operators_of(config))
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._turns = Turns()
        self._server: Server | None = None
        self._stopping = asyncio.Event()
        self._reloads = Reloads(self._take_up)
        # Where it is served once it is: the port that the system chose, when ``listen`` said 0.
        self.address = config.settings.listen
        self._lookout = Lookout()
        self._rounds, self._runner = self._build(config)
        self._store = Store.open(
            config.settings.store,
            keep_samples_seconds=float(config.settings.forward.keep),
        )
        kept = self._store.load(DATA_BUDGET)
        self._counted = self._data.load(kept)
        if not self._counted:
            log.warning("what was used of the data budget cannot be read in the history")
        if kept is None:
            # A new history, perhaps in place of a broken one; or the file cannot be read just yet.
            self._counted = self._store.health().trouble is not None
        self._outside = Outside(config)
        self._outside.load(self._store.load(OUTSIDE))
        self._forwarding = Forwarding(config.settings.forward, self._store)
        self._board = Board(
            config,
            data=self._data.view,
            store=self._store.health,
            forward=self._forwarding.health,
            outside=lambda: self._outside.health,
        )
        self._lines = LineWatch(self._board)
        self._memories = Memories(self._store, time.monotonic)
        self._sharing = Sharing(
            SharedBudget.of_daemon(config.settings.store, self._state.budget),
            used=lambda: self._data.state() if self._counted else None,
            heard=self._heard,
        )
        self._nation.resume(self._store.load(INCIDENTS) or b"[]", time.time())

    def stop(self) -> None:
        """End ``run``, as a signal does."""
        self._stopping.set()

    def snapshot(self) -> Snapshot:
        """What is published just now."""
        return self._board.snapshot()

    async def run(self) -> None:
        """Serve and measure until ``stop``, SIGTERM or SIGINT. Raises ``ListenError``."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reloads.ask)
        start.release()
        spans = await asyncio.to_thread(stored_spans, self._config.settings.store)
        for verdict in self._board.remember(spans):
            self._verdicts[verdict.vantage, verdict.platform] = verdict
            self._data.judged(verdict)
        app = create_app(self._board, self.reload)
        server = self._server = Server(
            app,
            self._config.settings.listen,
            self._config.web,
            self._config.settings.allowed_hosts,
        )
        await server.start()
        self.address = server.address
        # Without it the kernel would turn its stamps on and off for each leg, late and at a price.
        stamping = Stamping()
        self._lookout.open()
        await self._sharing.exchange()
        self._runner.start()
        tasks = [
            loop.create_task(self._watch_nation()),
            loop.create_task(self._sharing.run()),
            loop.create_task(self._outside.run(lambda b: self._store.save(OUTSIDE, b))),
            loop.create_task(self._reloads.run()),
        ]
        registry = Registry(__version__)
        self._forwarding.start(lambda: registry.collector(self._board.snapshot()))
        manager = ServiceManager(os.environ)
        manager.ready(lambda: self._reloads.under_way or self._runner.alive)
        log.info("measuring", extra={"listen": server.address, "slots": len(slots(self._config))})
        try:
            await self._stopping.wait()
        finally:
            manager.stopping()
            stamping.close()
            log.info("stopping")
            for task in tasks:
                task.cancel()
            self._reloads.stop()
            await self._runner.stop(grace_seconds=GRACE_SECONDS)
            await self._forwarding.stop()
            await server.stop()
            self._lookout.close()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._sharing.exchange()
            self._memories.flush()
            if not await asyncio.to_thread(self._store.close, STORE_SECONDS):
                log.error("the disk was too slow: what waited to be written is lost")
            log.info("stopped")

    async def reload(self) -> ReloadResult:
        """Take up a changed configuration; a wrong one leaves the old one running."""
        return await self._reloads.reload()

    async def _take_up(self) -> ReloadResult:
        try:
            config = await asyncio.to_thread(self._read)
            rounds, runner = self._build(config)
        except (ConfigErrors, TrustError) as error:
            self._board.reload_finished(ok=False, at=time.time())
            log.error("configuration not reloaded", extra={"error": error})
            return ReloadResult(ok=False, text=told.said_of(error))
        if config.settings.listen != self._config.settings.listen:
            log.warning("a changed listen address is used after a restart")
        for key in ("store", "forward"):
            if getattr(config.settings, key) != getattr(self._config.settings, key):
                log.warning("a changed %s is used after a restart", key)
        refused = ""
        if self._server is not None:
            refused = self._server.use(config.web, config.settings.allowed_hosts)
        if refused:
            log.warning("web_config not taken up", extra={"reason": refused})
        await self._runner.stop(grace_seconds=RELOAD_GRACE_SECONDS)
        self._config, self._rounds, self._runner = config, rounds, runner
        self._outside.use(config)
        self._data.config_loaded(config)
        self._board.config_loaded(config)
        self._nation.configured(
            config.settings.nation,
            _titles(config),
            operators_of(config),
            self._board.snapshot().vantages,
        )
        self._board.reload_finished(ok=True, at=time.time())
        self._runner.start()
        log.info("configuration reloaded")
        return ReloadResult(ok=True, text="configuration reloaded")

    def _heard(self, shared: Shared) -> None:
        """What other processes have used, and an earlier one if the history does not say."""
        if not self._counted:
            self._counted = True
            self._data.restore(shared.used)
        if shared.spent:
            self._data.spent_by_others(shared.spent)
            self._store.save(DATA_BUDGET, self._data.dump())

    async def _watch_nation(self) -> None:
        """Findings at every step of the grid; more often where rounds are (a demonstration)."""
        last, said, offset = 0.0, "", time.time() - time.monotonic()
        while True:
            if (trouble := start.clock_trouble(BELIEVABLE_SINCE)) != said:
                log.warning("the clock", extra={"reason": trouble or "can be believed again"})
            said = trouble
            step = min(GRID_SECONDS, float(self._config.settings.schedule.light))
            await asyncio.sleep(step - time.time() % step)
            before, offset = offset, time.time() - time.monotonic()
            self._nation.stepped(offset - before)
            snapshot = self._board.snapshot()
            at = round(snapshot.taken_at / step) * step
            if at == last:
                continue  # the sleep ended a little before its time
            last = at
            try:
                self._find(at, snapshot)
            except Exception:
                log.exception("no findings this minute")

    def _find(self, at: float, snapshot: Snapshot) -> None:
        """The findings at one step, published; incidents that begin or end are told."""
        merged = self._nation.resume(self._store.found(INCIDENTS) or b"[]", at)
        outside = self._outside.verdicts()
        sight = sight_of(
            at, snapshot.vantages, snapshot.verdicts, snapshot.compared, outside=outside
        )
        findings, changed = self._nation.step(sight)
        self._board.nation_found(findings, self._nation.open_incidents)
        for finding in self._nation.news(findings):
            self._store.finding(finding)
        self._store.save(INCIDENTS, self._nation.dump())
        for incident in (*merged, *changed):
            self._store.incident(incident)
            if incident.closed_at is not None or incident.opened_at == at:
                how = incident.ending or "opened"
                log.warning(incident.sentence, extra={"incident": incident.id, "change": how})

    def _build(self, config: Config) -> tuple[Rounds, Runner]:
        trust = Trust.load(config.settings.ca_file)
        rounds = Rounds(config, trust, self._state, lookout=self._lookout)
        hooks = Hooks(
            round=self._round,
            late=self._late,
            stepped=self._stepped,
            pace=lambda slot: self._data.pace(slot.vantage, slot.platform),
            permit=self._permit,
        )
        return rounds, Runner(slots(config), config.settings.schedule, hooks)

    async def _round(self, slot: Slot, kind: RoundKind, interval_seconds: float) -> None:
        self._look_at_line(slot.vantage)
        self._board.round_started(slot.vantage, slot.platform, kind)
        try:
            observed = await self._rounds.measure(
                platform=slot.platform,
                vantage=slot.vantage,
                kind=kind,
                family=self._turns.next(self._config.settings.families, slot, kind),
            )
        except BaseException:
            self._board.round_abandoned(slot.vantage, slot.platform)
            raise
        holds = HOLD_INTERVALS * interval_seconds
        plan = self._judge(observed, holds)
        while plan is not None and not self._stopping.is_set():
            refusal = self._data.refuse_burst(slot.vantage, slot.platform, plan)
            if refusal is not None:
                log.warning(
                    "burst refused",
                    extra={
                        "vantage": slot.vantage,
                        "platform": slot.platform,
                        "reason": refusal.value,
                    },
                )
                # What is suspected stays untested: the verdict says so.
                unmade = self._rounds.unmade(plan, platform=slot.platform, vantage=slot.vantage)
                self._judge(unmade, holds)
                return
            observed = await self._rounds.burst(plan, platform=slot.platform, vantage=slot.vantage)
            plan = self._judge(observed, holds)

    def _judge(self, observed: RoundObservation, holds_seconds: float) -> Burst | None:
        """What ``observed``, which holds for so long, means, and the burst to make now."""
        observed = replace(observed, holds_seconds=holds_seconds)
        key = (observed.vantage, observed.platform)
        platform = next((p for p in self._config.platforms if p.name == observed.platform), None)
        if platform is None:
            return None  # the configuration changed while it was being made
        vantage, seen = observed.vantage, self._seen_outside(observed.platform)
        decision = decide(
            self._memories.of(observed.vantage),
            observed,
            about(
                self._config,
                platform,
                references=references_of(self._config, vantage, seen, time.time()),
                has_references=has_references(self._config, vantage),
                outside=is_outside(self._config, vantage),
                tls_stack=ssl_version(),
            ),
        )
        self._data.spent(observed)
        if (earlier := self._store.found(DATA_BUDGET)) is not None:
            # The disk was in trouble at the start; what was used before counts as well.
            self._data.load(earlier)
        self._store.save(DATA_BUDGET, self._data.dump())
        previous, verdict = self._verdicts.get(key), decision.verdict
        self._memories.put(observed.vantage, decision.memory)
        self._lines.heard(vantage, works(decision.memory, self._config.settings.families))
        self._verdicts[key] = verdict
        self._data.judged(verdict)
        self._board.round_finished(observed, verdict)
        self._store.round_finished(observed, verdict)
        changed = previous is None or (previous.state, previous.reason) != (
            verdict.state,
            verdict.reason,
        )
        log.log(
            _level(verdict) if changed else logging.DEBUG,
            verdict.sentence,
            extra={
                "vantage": observed.vantage,
                "platform": observed.platform,
                "state": verdict.state,
            },
        )
        return decision.plan

    def _seen_outside(self, platform: str) -> list[Verdict]:
        """The last verdicts on a platform of vantages outside the country, ours and others'."""
        outside = [v for (name, _), v in self._verdicts.items() if is_outside(self._config, name)]
        every = (*outside, *self._outside.verdicts())
        return [verdict for verdict in every if verdict.platform == platform]

    def _look_at_line(self, name: str) -> None:
        vantage = next((v for v in self._config.settings.vantages if v.name == name), None)
        self._lines.look(name, vantage, self._config.settings.families)

    def _permit(self, slot: Slot, kind: RoundKind) -> RoundKind | None:
        permitted = self._data.permit(slot.vantage, slot.platform, kind)
        if permitted is None:
            log.debug("round refused", extra={"vantage": slot.vantage, "platform": slot.platform})
        return permitted

    def _late(self, slot: Slot) -> None:
        self._board.round_late(slot.vantage, slot.platform)
        log.warning("late round", extra={"vantage": slot.vantage, "platform": slot.platform})

    def _stepped(self, seconds: float) -> None:
        self._board.clock_stepped(seconds)
        log.warning("the clock was set", extra={"seconds": round(seconds, 3)})


def _titles(config: Config) -> dict[str, str]:
    return {platform.name: platform.title for platform in config.platforms}


def _level(verdict: Verdict) -> int:
    """What the probe's own host does is for its operator to mend."""
    return logging.WARNING if verdict.reason == OWN_HOST else logging.INFO
