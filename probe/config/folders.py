"""Folders in which throttlewatch keeps what outlives it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Where a package's service keeps its state, so that a person's `throttlewatch history` finds it.
SYSTEM = Path("/var/lib/throttlewatch")
HISTORY = "history.sqlite3"


def kept_in(environ: Mapping[str, str]) -> list[Path]:
    """Where state may be, the best first: the service's own folder, a package's, the user's."""
    found = []
    if environ.get("STATE_DIRECTORY"):
        # systemd separates several with colons; the first is the service's own.
        found.append(Path(environ["STATE_DIRECTORY"].split(":")[0]))
    found.append(SYSTEM)
    if environ.get("XDG_STATE_HOME"):
        found.append(Path(environ["XDG_STATE_HOME"]) / "throttlewatch")
    elif environ.get("HOME"):
        found.append(Path(environ["HOME"]) / ".local" / "state" / "throttlewatch")
    return found
