"""An outlet of a test: a line for each round, in a file of its own."""

from __future__ import annotations

from probe.outlets.events import Event, RoundJudged
from probe.outlets.outlet import Outlet, Parts


class ToToy(Outlet):
    """Writes it."""

    def __init__(self, parts: Parts) -> None:
        self._file = parts.own_file("toy")

    def tell(self, event: Event) -> None:
        """Write a line."""
        if isinstance(event, RoundJudged) and self._file is not None:
            with self._file.open("a") as file:
                file.write(f"{event.verdict.platform} {event.verdict.state.value}\n")

    async def close(self) -> None:
        """Write the last one."""
        if self._file is not None:
            with self._file.open("a") as file:
                file.write("closed\n")
