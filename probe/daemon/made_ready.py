"""What a configuration will have use for, loaded before anything is measured.

Some libraries are a part of a daemon's memory (docs/performance.md, "Memory") that only few need:
they are loaded by those who use them. To load one takes up to half a second in which nothing else
goes on, so that must not happen in a leg: it is done here, at the start, and beside the event loop
when a changed configuration is taken up.
"""

from __future__ import annotations

from probe.config.schema import Config
from probe.measure.one_leg.prober import load
from probe.publish.parcels import zstandard


def make_ready(config: Config) -> None:
    """Load what ``config`` will have use for. What is loaded stays."""
    settings = config.settings
    load(settings)
    if settings.hub.send_rounds:
        zstandard.library()
    if settings.hub.url is not None or settings.targets.url is not None or settings.outside:
        from probe.measure.http import one_request  # noqa: F401
