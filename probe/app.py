"""The one place that wires the rooms together: configuration in, metrics out, signals between."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence

from probe import start
from probe.config import ConfigErrors
from probe.config.bundle import Bundle
from probe.config.schema import Config
from probe.daemon.bundle_watch import BundleWatch
from probe.daemon.control_draw import ControlDraw
from probe.daemon.hub_watch import HubWatch
from probe.daemon.judging import Judging
from probe.daemon.made_ready import make_ready
from probe.daemon.nation_watch import NationWatch
from probe.daemon.object_cell import ObjectCell
from probe.daemon.reloads import Reloads
from probe.daemon.service_manager import ServiceManager
from probe.measure.connection.kernel_stamps import Stamping
from probe.measure.connection.lookout import Lookout
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.measure.this_host.reference_reader import ReferenceReader
from probe.measure.tls.trust import Trust, TrustError
from probe.model.identity import RoundKind
from probe.outlets.events import (
    Begun,
    ClockStepped,
    Configured,
    Reloaded,
    Resumed,
    RoundLate,
    RoundRefused,
)
from probe.outlets.order import OUTLETS
from probe.outlets.outlet import Makes, Outlets, Parts
from probe.outlets.spent import Spent
from probe.publish.forward.forwarding import Forwarding
from probe.publish.latest.board import Board
from probe.publish.latest.recent import stored_spans
from probe.publish.latest.snapshot import Snapshot
from probe.publish.parcels.courier import Courier
from probe.publish.privacy import logged_fields
from probe.publish.web.endpoints import ReloadResult, create_app
from probe.publish.web.server import Server
from probe.schedule.data_budget import DataBudget
from probe.schedule.round_grid import Slot, slots
from probe.schedule.runner import Hooks, Runner
from probe.store.cells import json_cell
from probe.store.health import WORDS
from probe.store.memories import Memories
from probe.store.shared import SharedBudget
from probe.store.sharing import Sharing
from probe.store.writer import Store
from probe.verdict.about import control_facts
from probe.verdict.line.unserving import unserving

log = logging.getLogger(__name__)

# Rounds that finish within this time after a signal are kept; the whole stop takes less than 5 s.
GRACE_SECONDS = 2.0
RELOAD_GRACE_SECONDS = 10.0
STORE_SECONDS = 2.0
# Under which the store keeps when the newest document of each reference was made.
OUTSIDE = "outside"


class Daemon:
    """Measures until it is told to stop. ``read`` gives the configuration anew at each reload,
    ``tried`` the one with a bundle's definitions (``None``: no bundle is looked for).

    Programs that watch a daemon, or let it live in a world of numbers, say who is told
    (``outlets``) and what measures in place of the rounds that a configuration asks for
    (``rounds_of``)."""

    def __init__(
        self,
        config: Config,
        read: Callable[[], Config],
        *,
        tried: Callable[[Bundle], Config] | None = None,
        outlets: Sequence[Makes] = OUTLETS,
        rounds_of: Callable[[Config, Rounds], Rounds] = lambda _, rounds: rounds,
    ) -> None:
        self._read = read
        self._rounds_of = rounds_of
        self._state = BetweenRounds()
        self._server: Server | None = None
        self._stopping = asyncio.Event()
        self._reloads = Reloads(self._take_up)
        # Where it is served once it is: the port that the system chose, when ``listen`` said 0.
        self.address = config.settings.listen
        self._lookout = Lookout()
        Trust.load(config.settings.ca_file)  # before there is a store that would have to be closed
        self._store = Store.open(
            config.settings.store,
            keep_samples_seconds=float(config.settings.forward.keep),
        )
        self._draw = ControlDraw(self._store)
        self._hub = HubWatch(
            config,
            self._store,
            changed=self._reloads.ask,
            extra=lambda vantage, platform, count: self._data.wished(vantage, platform, count),
        )
        self._config = config = self._draw.drawn(self._hub.heeded(config))
        self._objects = ObjectCell(self._store, self._state)
        rounds, self._runner = self._build(config)
        self._data = DataBudget(config)
        spent = Spent(self._data, self._store)
        self._outside = ReferenceReader(config)
        self._read_outside = json_cell(self._store, OUTSIDE, dict[str, float])
        self._outside.resume(self._read_outside.take() or {})
        self._bundle = BundleWatch(
            config,
            self._store.path,
            tried=tried,
            taken=self._reloads.ask,
        )
        forwarding = Forwarding(config.settings.forward, self._store)
        courier = Courier(config, self._store, self._data, counted=spent.keep)
        self._board = Board(
            config,
            data=self._data.view,
            store=self._store.health,
            forward=forwarding.health,
            outside=lambda: self._outside.health,
            bundle=lambda: self._bundle.health,
            wishes=lambda: self._hub.health,
            parcels=lambda: courier.health,
            drawn=lambda: self._draw.health,
        )
        memories = Memories(self._store, time.monotonic)
        self._parts = Parts(
            config=config,
            store=self._store,
            data=self._data,
            spent=spent,
            memories=memories,
            board=self._board,
            forwarding=forwarding,
            courier=courier,
        )
        self._outlets = Outlets(outlets, self._parts)
        self._judging = Judging(
            config,
            rounds,
            data=self._data,
            memories=memories,
            outside=self._outside,
            outlets=self._outlets,
            stopping=self._stopping.is_set,
            released=self._hub.released,
        )
        self._nation = NationWatch(
            config,
            self._store,
            snapshot=self._board.snapshot,
            outside=self._outside,
            outlets=self._outlets,
        )
        self._sharing = Sharing(
            SharedBudget.of_daemon(config.settings.store, self._state.budget),
            used=spent.used,
            heard=spent.heard,
        )

    def stop(self) -> None:
        """End ``run``, as a signal does."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """It was told to end."""
        return self._stopping.is_set()

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
        held = self._board.remember(spans)
        self._judging.resume(held)
        self._outlets.tell(Resumed(verdicts=held))
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
            loop.create_task(self._nation.run()),
            loop.create_task(self._sharing.run()),
            loop.create_task(self._outside.run(self._keep_outside)),
            loop.create_task(self._bundle.run()),
            loop.create_task(self._hub.run()),
            loop.create_task(self._draw.run(self._failing_controls, self._reloads.ask)),
            loop.create_task(self._reloads.run()),
        ]
        manager = ServiceManager(os.environ)
        manager.ready(lambda: self._reloads.under_way or self._runner.alive)
        self._outlets.tell(Begun(listen=server.address, slots=len(slots(self._config))))
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
            await self._outlets.close()
            await server.stop()
            self._lookout.close()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._sharing.exchange()
            if not await asyncio.to_thread(self._store.close, STORE_SECONDS):
                left = self._store.health()
                why = "the disk is too slow" if left.trouble is None else WORDS[left.trouble]
                log.error("%d records that waited to be written are lost: %s", left.queued, why)
            log.info("stopped")

    async def reload(self) -> ReloadResult:
        """Take up a changed configuration; a wrong one leaves the old one running."""
        return await self._reloads.reload()

    async def _take_up(self) -> ReloadResult:
        try:
            own = await asyncio.to_thread(self._read)
            await asyncio.to_thread(make_ready, own)
            config = self._draw.drawn(self._hub.heeded(own))
            rounds, runner = self._build(config)
        except (ConfigErrors, TrustError) as error:
            self._outlets.tell(Reloaded(at=time.time(), error=error))
            return ReloadResult(ok=False, text=logged_fields.said_of(error))
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
        self._config, self._runner = config, runner
        self._judging.use(config, rounds)
        self._outside.use(config)
        self._bundle.use(config)
        self._outlets.tell(Configured(config=config))
        self._nation.use(config, self._board.snapshot().vantages)
        self._runner.start()
        self._outlets.tell(Reloaded(at=time.time()))
        return ReloadResult(ok=True, text="configuration reloaded")

    def _failing_controls(self) -> tuple[str, ...]:
        """Foreign controls that serve from none of the vantages."""
        vantages = (vantage.name for vantage in self._config.settings.vantages)
        foreign = [control for control in control_facts(self._config) if control.foreign]
        return unserving([self._parts.memories.of(name) for name in vantages], foreign, time.time())

    def _keep_outside(self) -> None:
        """A newer document of a reference was read."""
        self._outside.resume(self._read_outside.take() or {})
        self._read_outside.put(self._outside.newest())

    def _build(self, config: Config) -> tuple[Rounds, Runner]:
        trust = Trust.load(config.settings.ca_file)
        rounds = Rounds(config, trust, self._state, lookout=self._lookout)
        rounds = self._rounds_of(config, rounds)
        hooks = Hooks(
            round=self._round,
            late=self._late,
            stepped=self._stepped,
            pace=lambda slot: self._data.pace(slot.vantage, slot.platform),
            at_once=lambda slot: self._data.at_once(slot.vantage, slot.platform),
            permit=self._permit,
        )
        return rounds, Runner(slots(config), config.settings.schedule, hooks)

    async def _round(self, slot: Slot, kind: RoundKind, interval_seconds: float) -> None:
        self._objects.resume(self._config)
        try:
            await self._judging.turn(slot, kind, interval_seconds)
        finally:
            self._objects.keep()

    def _permit(self, slot: Slot, kind: RoundKind) -> RoundKind | None:
        permitted = self._data.permit(slot.vantage, slot.platform, kind)
        if permitted is None:
            self._outlets.tell(RoundRefused(vantage=slot.vantage, platform=slot.platform))
        return permitted

    def _late(self, slot: Slot) -> None:
        self._outlets.tell(RoundLate(vantage=slot.vantage, platform=slot.platform))

    def _stepped(self, seconds: float) -> None:
        self._outlets.tell(ClockStepped(seconds=seconds))
