"""Forwarding as the daemon starts and stops it: what records, and what sends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from probe.config.schema import ForwardConfig
from probe.publish.forward.forward_health import ForwardHealth
from probe.store.writer import Store

if TYPE_CHECKING:
    from probe.publish.forward.forwarder import Forwarder

log = logging.getLogger(__name__)


class Forwarding:
    """Nothing at all where no receiver is configured."""

    def __init__(self, config: ForwardConfig, store: Store) -> None:
        self._config = config
        self._store = store
        self._forwarder: Forwarder | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def health(self) -> ForwardHealth | None:
        """How it is doing; ``None``: there is no receiver."""
        return None if self._forwarder is None else self._forwarder.health()

    def start(self, collector: Callable[[], Collector]) -> None:
        """Record what ``collector`` gives, and send it. Needs a running loop."""
        if self._config.url is None or self._store.path is None:
            return
        # Protocol Buffers and compression are 7 MB that a daemon without a receiver does not need.
        from probe.publish.forward.forwarder import Forwarder
        from probe.publish.forward.remote_write import Receiver
        from probe.publish.forward.sampler import Sampler

        try:
            receiver = Receiver(self._config)
        except OSError as error:
            log.error("nothing is forwarded: forward.ca_file: %s", error)
            return
        self._forwarder = Forwarder(self._config, self._store, receiver)
        sampler = Sampler(self._store, collector)
        self._tasks = [
            asyncio.create_task(sampler.run()),
            asyncio.create_task(self._forwarder.run()),
        ]

    async def stop(self) -> None:
        """Stop at once: what was not sent waits in the history."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
