"""What a configuration will have use for, loaded before anything is measured.

Some libraries are a part of a daemon's memory (docs/performance.md, "Memory") that only few need:
they are loaded by those who use them. To load one takes up to half a second in which nothing else
goes on, so that must not happen while a leg is under way: it is done here, at the start and when a
changed configuration is taken up.
"""

from __future__ import annotations

from probe.config.probers import NAME_PROBERS, used
from probe.config.schema import Config
from probe.measure.one_leg.prober import asks, measures
from probe.model.identity import FIRST_PROBER
from probe.publish.parcels import zstandard


def make_ready(config: Config) -> None:
    """Load what ``config`` will have use for. What is loaded stays."""
    for name in (FIRST_PROBER, *(prober.name for prober in used(config.settings))):
        measures(name)
    for prober in NAME_PROBERS:
        asks(prober)
    settings = config.settings
    if settings.hub.send_rounds:
        zstandard.library()
    if settings.hub.url is not None or settings.targets.url is not None or settings.outside:
        from probe.measure.http import one_request  # noqa: F401
