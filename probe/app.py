"""The one place that wires the rooms together: configuration in, metrics out, signals between."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import Counter
from collections.abc import Callable

from probe.config import ConfigErrors
from probe.config.schema import Config
from probe.measure.round import Rounds
from probe.measure.state import State
from probe.measure.trust import Trust, TrustError
from probe.model.identity import Family, RoundKind
from probe.model.verdict import Verdict
from probe.publish.board import Board
from probe.publish.server import Server
from probe.publish.web import ReloadResult, create_app
from probe.schedule.plan import Slot, slots
from probe.schedule.runner import Hooks, Runner
from probe.verdict.provisional import judge

log = logging.getLogger(__name__)

# Rounds that finish within this time after a signal are kept; the whole stop takes less than 5 s.
GRACE_SECONDS = 2.0
RELOAD_GRACE_SECONDS = 10.0


class Daemon:
    """Measures until it is told to stop. ``read`` gives the configuration anew at each reload."""

    def __init__(self, config: Config, read: Callable[[], Config]) -> None:
        self._config = config
        self._read = read
        self._state = State()
        self._board = Board(config)
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._turns: Counter[tuple[str, str]] = Counter()
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._rounds, self._runner = self._build(config)

    async def run(self) -> None:
        """Serve and measure until SIGTERM or SIGINT. Raises ``ListenError``."""
        server = Server(create_app(self._board, self.reload), self._config.settings.listen)
        await server.start()
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[ReloadResult]] = set()

        def reload_soon() -> None:
            task = loop.create_task(self.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, reload_soon)
        self._runner.start()
        log.info("measuring", extra={"listen": server.address, "slots": len(slots(self._config))})
        try:
            await self._stopping.wait()
        finally:
            log.info("stopping")
            await self._runner.stop(grace_seconds=GRACE_SECONDS)
            await server.stop()
            log.info("stopped")

    async def reload(self) -> ReloadResult:
        """Take up a changed configuration; a wrong one leaves the old one running."""
        async with self._reloading:
            try:
                config = await asyncio.to_thread(self._read)
                rounds, runner = self._build(config)
            except (ConfigErrors, TrustError) as error:
                self._board.reload_finished(ok=False, at=time.time())
                log.error("configuration not reloaded", extra={"error": str(error)})
                return ReloadResult(ok=False, text=str(error))
            if config.settings.listen != self._config.settings.listen:
                log.warning("a changed listen address is used after a restart")
            await self._runner.stop(grace_seconds=RELOAD_GRACE_SECONDS)
            self._config, self._rounds, self._runner = config, rounds, runner
            self._board.config_loaded(config)
            self._board.reload_finished(ok=True, at=time.time())
            self._runner.start()
            log.info("configuration reloaded")
            return ReloadResult(ok=True, text="configuration reloaded")

    def _build(self, config: Config) -> tuple[Rounds, Runner]:
        rounds = Rounds(config, Trust.load(config.settings.ca_file), self._state)
        hooks = Hooks(round=self._round, late=self._late, stepped=self._stepped)
        return rounds, Runner(slots(config), config.settings.schedule, hooks)

    async def _round(self, slot: Slot, kind: RoundKind) -> None:
        key = (slot.vantage, slot.platform)
        self._board.round_started(slot.vantage, slot.platform, kind)
        try:
            observed = await self._rounds.measure(
                platform=slot.platform, vantage=slot.vantage, kind=kind, family=self._family(key)
            )
        except BaseException:
            self._board.round_abandoned(slot.vantage, slot.platform)
            raise
        title = next(p.title for p in self._config.platforms if p.name == slot.platform)
        previous = self._verdicts.get(key)
        verdict = judge(observed, title=title, previous=previous)
        self._verdicts[key] = verdict
        self._board.round_finished(observed, verdict)
        changed = previous is None or (previous.state, previous.reason) != (
            verdict.state,
            verdict.reason,
        )
        log.log(
            logging.INFO if changed else logging.DEBUG,
            verdict.sentence,
            extra={"vantage": slot.vantage, "platform": slot.platform, "state": verdict.state},
        )

    def _family(self, key: tuple[str, str]) -> Family:
        """Families take turns, round by round."""
        families = self._config.settings.families
        turn = self._turns[key]
        self._turns[key] += 1
        return families[turn % len(families)]

    def _late(self, slot: Slot) -> None:
        self._board.round_late(slot.vantage, slot.platform)
        log.warning("late round", extra={"vantage": slot.vantage, "platform": slot.platform})

    def _stepped(self, seconds: float) -> None:
        self._board.clock_stepped(seconds)
        log.warning("the clock was set", extra={"seconds": round(seconds, 3)})
