"""Which hosts a fleet's probes may be measuring, and may therefore stand in rounds of theirs."""

from __future__ import annotations

from collections.abc import Iterator

from probe.config import embedded
from probe.config.bundle import BundleRefusedError, Signers, opened
from probe.config.definition import Definition
from probe.config.schema import Config
from probe.config.shipped import all_shipped, read_shipped
from probe.publish.privacy.configured_names import Named


def fleet_names(config: Config, bundle: tuple[bytes, Signers] | None) -> Named:
    """What ``config`` names, and every definition that ships, as a control is of the country where
    a probe is or drawn by it; and those of the ``bundle`` that this hub gives out."""
    return Named.of(config, (*all_shipped(embedded.folder()), *_given(bundle)))


def _given(bundle: tuple[bytes, Signers] | None) -> Iterator[Definition]:
    try:
        files = {} if bundle is None else opened(*bundle).files
    except BundleRefusedError:
        files = {}  # probes do not use it, either
    for name, text in sorted(files.items()):
        found, _ = read_shipped(text, name)
        if found is not None and found.value is not None:
            yield found.value
