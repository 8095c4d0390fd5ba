"""The bundle that is installed on this machine: where it lies, and whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from probe import __version__
from probe.config.bundle import Bundle, BundleRefusedError, Signers, opened, readable
from probe.config.folders import HISTORY, kept_in
from probe.config.readable import Unreadable, read_text
from probe.config.schema import Settings
from probe.config.values import AUTO

# Beside the history, so that `wipe` finds it.
BUNDLE = ".targets"


class InstalledBundle(Struct, frozen=True):
    """``bundle`` is ``None`` where none is installed, or it is not used; ``trouble`` says why, for
    a person."""

    bundle: Bundle | None = None
    trouble: str = ""


def installed(settings: Settings, environ: Mapping[str, str]) -> InstalledBundle:
    """The bundle that a configuration with ``settings`` uses. Sends nothing, never raises."""
    signers = signers_of_settings(settings)
    file = _found(settings.store.path, environ)
    if signers is None or file is None:
        return InstalledBundle()
    return read_bundle(file, signers)


def read_bundle(file: Path, signers: Signers) -> InstalledBundle:
    """The bundle in ``file``, if this program may use it."""
    try:
        bundle = opened(read_text(file).encode(), signers)
        readable(bundle, __version__)
    except (BundleRefusedError, Unreadable) as error:
        return InstalledBundle(trouble=str(error))
    return InstalledBundle(bundle)


def signers_of_settings(settings: Settings) -> Signers | None:
    """Whom the configuration trusts with its targets; ``None``: nobody."""
    targets = settings.targets
    return Signers(targets.keys, targets.threshold) if targets.keys else None


def beside(history: Path) -> Path:
    """Where the bundle of the history at that path lies."""
    return history.with_name(history.name + BUNDLE)


def _found(history: str | None, environ: Mapping[str, str]) -> Path | None:
    if history is None:
        return None
    places = [Path(history)] if history != AUTO else [f / HISTORY for f in kept_in(environ)]
    return next((file for file in map(beside, places) if _is_there(file)), None)


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:
        return False
