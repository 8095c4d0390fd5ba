"""Which hosts a fleet's probes may be measuring, and may therefore stand in rounds of theirs: at a
hub's gate, and when its archive is read."""

from __future__ import annotations

from probe.config import embedded
from probe.config.bundle import BundleRefusedError, Signers, opened
from probe.config.schema import Config
from probe.config.shipped import all_shipped, read_shipped
from probe.publish.privacy.configured_names import NOTHING, Named


def fleet_names(config: Config, given: Named) -> Named:
    """What ``config`` names, and every definition that ships, as a control is of the country where
    a probe is or drawn by it; and what the hub has ``given`` out."""
    return Named.of(config, all_shipped(embedded.folder())) | given


def names_of(bundle: tuple[bytes, Signers] | None) -> Named:
    """What the definitions of a bundle name, if it is one that probes use."""
    try:
        files = {} if bundle is None else opened(*bundle).files
    except BundleRefusedError:
        return NOTHING
    found = (read_shipped(text, name)[0] for name, text in sorted(files.items()))
    return Named.of_definitions(one.value for one in found if one and one.value is not None)
