"""The process in which the servers and the relay live: ``python -m probe.demo.stage LEAF SPEED``.

It prints the relay's port when everything listens. A line on its standard input begins the script;
the end of its input ends the process, so it cannot outlive the one that started it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from probe.demo.cast import SITES, Line, platform_of
from probe.demo.far import Far
from probe.demo.relay import Relay, Shape
from probe.demo.script import Script, twentieth_of_january

READ_CHUNK = 256


class Stage:
    """Far end and relay, and since when the script runs."""

    def __init__(self, leaf: Path, script: Script) -> None:
        self._script = script
        self._begun_at: float | None = None
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

    def begin(self) -> None:
        """The first act begins now."""
        self._begun_at = asyncio.get_running_loop().time()

    async def stop(self) -> None:
        """Cut everything."""
        await self.relay.stop()
        await self._far.stop()

    def shape(self, line: Line, name: str) -> Shape:
        """What ``line`` gives to the server name ``name`` just now."""
        script, rate, delay = self._script, line.rate_bytes_per_second, line.delay_seconds
        passed = 0.0
        if self._begun_at is not None:
            passed = asyncio.get_running_loop().time() - self._begun_at
        if script.act_at(passed).restricts(line.asn, platform_of(name)):
            rate = min(rate, script.rate_bytes_per_second)
            delay += script.delay_seconds
        return Shape(rate_bytes_per_second=rate, delay_seconds=delay)


async def play(leaf: Path, speed: float) -> None:
    """Until the standard input ends."""
    stage = Stage(leaf, twentieth_of_january(speed=speed))
    await stage.start()
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(stage.relay.port, flush=True)
    try:
        if await orders.readline():
            stage.begin()
        while await orders.read(READ_CHUNK):
            pass
    finally:
        await stage.stop()


def main(leaf: str, speed: str) -> None:
    """Play, undisturbed by the terminal's Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(play(Path(leaf), float(speed)))


if __name__ == "__main__":
    main(*sys.argv[1:])
