"""The process in which the servers and the relay live: ``python -m probe.demo.stage LEAF``.

It prints the relay's port when everything listens. A line on its standard input is the number of
the act that is on from then on; the end of its input ends the process, so it cannot outlive the one
that started it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from probe.demo.cast import SITES, DemoLine, platform_of
from probe.demo.far import Far
from probe.demo.relay import Relay, Shape
from probe.demo.script import Script, twentieth_of_january


class Stage:
    """Far end and relay, and which act is on."""

    def __init__(self, leaf: Path, script: Script) -> None:
        self._script = script
        self._act = script.acts[0]
        self._far = Far(leaf)
        self.relay = Relay(
            tuple(address for site in SITES for address in site.addresses),
            backend=self._far.address,
            policy=self.shape,
        )

    async def start(self) -> None:
        """Listen. Raises ``OSError``."""
        await self._far.start()
        await self.relay.start()

    def turn_to(self, number: int) -> None:
        """The act ``number`` begins now."""
        self._act = self._script.acts[number]

    async def stop(self) -> None:
        """Stop the relay and the servers."""
        await self.relay.stop()
        await self._far.stop()

    def shape(self, line: DemoLine, name: str) -> Shape:
        """What ``line`` gives to the server name ``name`` just now."""
        rate, delay = line.rate_bytes_per_second, line.delay_seconds
        if self._act.restricts(line.asn, platform_of(name)):
            rate = min(rate, self._script.rate_bytes_per_second)
            delay += self._script.delay_seconds
        return Shape(rate_bytes_per_second=rate, delay_seconds=delay)


async def play(leaf: Path) -> None:
    """Until the standard input ends."""
    stage = Stage(leaf, twentieth_of_january())
    await stage.start()
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(stage.relay.port, flush=True)
    try:
        while order := await orders.readline():
            stage.turn_to(int(order))
    finally:
        await stage.stop()


def main(leaf: str) -> None:
    """Play, undisturbed by the terminal's Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(play(Path(leaf)))


if __name__ == "__main__":
    main(*sys.argv[1:])
